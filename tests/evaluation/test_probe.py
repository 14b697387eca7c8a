"""The table of all probes and the references, recomputed from files with scikit-learn and by hand."""

import dataclasses

import numpy as np
import pandas as pd
import probes
import pytest
from labelled_sets import FOLDED, OASIS, PAPER
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge

from aesthetic_pretraining.data.split import subset
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.probes import probe, references
from aesthetic_pretraining.evaluation.runs import pretrainings_of
from aesthetic_pretraining.settings.labels import Labels

CONFIGS = (dataclasses.replace(probes.CONFIG, shares=[100]), probes.INTERVALS)
NOISE = {"imagenet": 1.0, "ranking": 0.1, "my net": 50.0}


def run(folder, config=probes.CONFIG, scenes=6, change=lambda tables: None, pretrainings=(1,)):
    """(table, references, ImageNet's predictions, {set: (ledger, split)}, {(initialisation, pretraining): files})."""
    ledger, split, quality = probes.ava()
    tid_ledger, tid_split, tid_quality = probes.tid2013(scenes)
    tables, files = {"ava": (ledger, split), "tid2013": (tid_ledger, tid_split)}, {}
    change(tables)
    for k, (init, noise) in enumerate(NOISE.items()):
        for pretraining in pretrainings_of(init, pretrainings):
            files[init, pretraining] = {name: folder / f"{init}{pretraining}_{name}.npy" for name in tables}
            for path, known in zip(files[init, pretraining].values(), (quality, tid_quality), strict=True):
                np.save(path, probes.features(known, noise, k + 10 * pretraining))
    return *probe.probe(files, tables, config, probes.INTERVALS, PAPER), tables, files


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    return run(tmp_path_factory.mktemp("probe"))


def row(table, init, metric, share=100, trained_on="ava", dataset="ava"):
    names = ["init", "metric", "share", "trained_on", "dataset"]
    (found,) = table[table[names].eq([init, metric, share, trained_on, dataset]).all(axis=1)].itertuples()
    return found


def by_sklearn(files, tables, network, share, seed):
    """Predictions on AVA's test split and on TID2013 with the strength chosen anew."""
    ledger, split = tables["ava"]
    ledger = ledger[ledger["state"] == "usable"].reset_index(drop=True)
    role = ledger["id"].map(split.set_index("id")["split"])
    ids = subset(list(ledger["id"][role == "train"]), share, seed)
    train, val, test = ledger["id"].isin(ids), role == "val", role == "test"
    x, tid = (np.load(path).astype(float) for path in files[network].values())
    centre, scale = x[train].mean(axis=0), x[train].std(axis=0)
    z, tid = (x - centre) / scale, (tid - centre) / scale
    models = [Ridge(alpha=s * train.sum()).fit(z[train], ledger["score"][train]) for s in probes.CONFIG.strengths]
    best = min(models, key=lambda m: ((m.predict(z[val]) - ledger["score"][val]) ** 2).mean())
    return ledger["score"][test], best.predict(z[test]), best.predict(tid), best.alpha / train.sum()


def test_the_table_is_what_scikit_learn_says(ran):
    table, _, _, tables, files = ran
    for network in files:
        target, predicted, tid, strength = by_sklearn(files, tables, network, 100, 1)
        init = network[0]
        found = row(table, init, "srcc")
        assert found.value == pytest.approx(spearmanr(target, predicted).statistic, abs=1e-9)
        assert found.low <= found.value <= found.high and found.pictures == 30 and found.seeds == 1
        assert float(found.regularisation) == pytest.approx(strength, rel=1e-3)
        assert row(table, init, "mae").value == pytest.approx(np.abs(target - predicted).mean(), rel=1e-9)
        transfer = row(table, init, "srcc", dataset="tid2013").value
        assert transfer == pytest.approx(spearmanr(tables["tid2013"][0]["score"], tid).statistic, abs=1e-9)


def test_a_share_has_fine_tunings_subsets_and_their_mean(ran):
    table, _, _, tables, files = ran
    target, first, _, _ = by_sklearn(files, tables, ("ranking", 1), 50, 1)
    _, second, _, _ = by_sklearn(files, tables, ("ranking", 1), 50, 2)
    wanted = np.mean([spearmanr(target, predicted).statistic for predicted in (first, second)])
    assert row(table, "ranking", "srcc", share=50).value == pytest.approx(wanted, abs=1e-9)
    assert row(table, "ranking", "srcc", share=50).seeds == 2


def test_several_pretrainings_are_averaged_and_all_their_strengths_named(tmp_path):
    table, _, _, tables, files = run(tmp_path, dataclasses.replace(probes.CONFIG, shares=[50, 100]), pretrainings=(1, 4))
    assert list(files) == [("imagenet", 0), ("ranking", 1), ("ranking", 4), ("my net", 1), ("my net", 4)]
    for share, seeds in ((100, (1,)), (50, (1, 2))):
        fits = [by_sklearn(files, tables, ("ranking", p), share, seed) for p in (1, 4) for seed in seeds]
        found = row(table, "ranking", "srcc", share=share)
        wanted = [spearmanr(target, predicted).statistic for target, predicted, _, _ in fits]
        assert len(set(wanted)) == len(wanted) and found.value == pytest.approx(np.mean(wanted), abs=1e-9)
        assert [float(text) for text in found.regularisation.split()] == pytest.approx(
            sorted({fit[3] for fit in fits}), rel=1e-3
        )
        assert found.difference == pytest.approx(found.value - row(table, "imagenet", "srcc", share=share).value)
    for init in NOISE:
        assert not table[table["init"] == init].duplicated(["share", "trained_on", "dataset", "metric"]).any()


def test_subsets_are_nested_and_of_training_pictures(ran):
    from aesthetic_pretraining.evaluation.probes import frozen

    *_, tables, files = ran
    (data,) = frozen.labelled(files["imagenet", 0]["ava"], *tables["ava"])
    sets = [set(data.training(share, 2)) for share in (20, 60, 100)]
    assert sets[0] < sets[1] < sets[2] == set(data.rows("train"))
    assert [len(s) for s in sets] == [12, 36, 60]


def test_differences_are_to_imagenets_probe_of_the_same_share(ran):
    table, *_ = ran
    for share in (50, 100):
        base, found = (row(table, init, "srcc", share=share) for init in ("imagenet", "ranking"))
        assert (
            found.difference == pytest.approx(found.value - base.value)
            and found.diff_low <= found.difference <= found.diff_high
        )
        assert np.isnan(base.difference)


def test_the_better_the_features_the_better_the_probe(ran):
    table, *_ = ran
    rescaled = table[(table["metric"] == "mae_rescaled") & table["value"].notna()]
    assert set(rescaled["trained_on"]) == {"ava"} and set(rescaled["dataset"]) == {
        "tid2013"
    }  # its own probes are on its own scale
    for trained_on, dataset in (("ava", "ava"), ("tid2013", "tid2013")):
        values = [row(table, init, "srcc", 100, trained_on, dataset).value for init in ("ranking", "imagenet", "my net")]
        assert values == sorted(values, reverse=True)
    found = row(table, "ranking", "srcc", 100, "tid2013", "tid2013")
    assert found.value > 0.9 and found.pictures == 72 and found.problem == "" and found.regularisation


def test_the_constants_by_hand(ran):
    _, found, _, tables, _ = ran
    ledger = tables["ava"][0].query("state == 'usable'").set_index("id")
    role = tables["ava"][1].set_index("id")["split"]
    shares = ledger[probes.VOTES].div(ledger[probes.VOTES].sum(axis=1), axis=0)
    train, test = (role.index[role == name] for name in ("train", "test"))
    gaps = (shares.loc[test] - shares.loc[train].mean()).cumsum(axis=1)
    wanted = np.sqrt((gaps**2).mean(axis=1)).mean()
    assert references.value(found, "constant", "test", "emd2") == pytest.approx(wanted)
    assert references.value(found, "constant", "test", "loss") == pytest.approx(wanted)
    assert references.value(found, "constant", "test", "emd1") == pytest.approx(gaps.abs().mean(axis=1).mean())
    mae = (ledger["score"][test] - ledger["score"][train].mean()).abs().mean()
    assert references.value(found, "constant", "test", "mae") == pytest.approx(mae)
    assert references.value(found, "constant", "val", "loss") > 0 and np.isnan(
        references.value(found, "constant", "test", "srcc")
    )


def test_imagenets_ridge_is_its_row_of_the_table(ran):
    table, found, *_ = ran
    rows = found[(found["reference"] == "imagenet_ridge") & (found["split"] == "test")].set_index("metric")
    assert set(rows.index) == {"loss", "lcc", "srcc", "acc", "mae", "emd1", "emd2"}
    for metric in ("lcc", "srcc", "acc", "mae", "emd1", "emd2"):
        known = row(table, "imagenet", metric)
        assert tuple(rows.loc[metric, ["value", "low", "high"]]) == (known.value, known.low, known.high)
    assert rows.loc["loss", "value"] == pytest.approx(rows.loc["emd2", "value"])
    assert not found.duplicated(["reference", "split", "metric"]).any()
    for split in ("val", "test"):  # the features say something of the votes
        assert references.value(found, "imagenet_ridge", split, "loss") < references.value(found, "constant", split, "loss")


def test_the_loss_follows_fine_tunings_parameters(tmp_path):
    _, found, *_ = run(tmp_path, dataclasses.replace(probes.CONFIG, emd="per_batch", emd_r=1, shares=[100]))
    for reference in ("constant", "imagenet_ridge"):  # with r = 1 the root does nothing, so that both variants are one
        loss, emd1 = (references.value(found, reference, "test", name) for name in ("loss", "emd1"))
        assert loss == pytest.approx(emd1)


def test_the_same_twice(ran, tmp_path):
    again, more, *_ = run(tmp_path)
    pd.testing.assert_frame_equal(again, ran[0], check_exact=True)
    pd.testing.assert_frame_equal(more, ran[1], check_exact=True)


def test_too_few_scenes_are_said_and_all_else_is_there(tmp_path):
    table, *_ = run(tmp_path, dataclasses.replace(probes.CONFIG, shares=[100]), scenes=2)
    for init in NOISE:
        missing = row(table, init, "srcc", 100, "tid2013", "tid2013")
        assert np.isnan(missing.value) and "needs 3 reference scenes" in missing.problem
        assert np.isfinite(row(table, init, "srcc").value) and np.isfinite(row(table, init, "srcc", dataset="tid2013").value)


def test_equal_labels_are_undefined_and_said(tmp_path):
    def equal(tables):
        ledger, split = tables["ava"]
        ledger = ledger.copy()
        ledger[probes.VOTES], ledger["score"] = [0, 0, 0, 1, 3, 1, 0, 0, 0, 0], 5.0
        tables["ava"] = ledger, split

    table, found, *_ = run(tmp_path, dataclasses.replace(probes.CONFIG, shares=[100]), change=equal)
    srcc = row(table, "ranking", "srcc")
    assert np.isnan(srcc.value) and "all scores are equal" in srcc.problem
    assert row(table, "ranking", "mae").value == pytest.approx(0, abs=1e-12)
    over = pd.DataFrame([("imagenet", "srcc", np.nan)], columns=["init", "metric", "difference"])
    assert any("in SRCC, which is undefined" in line for line in references.sentences(found, over, PAPER))


def test_a_damaged_file_is_one_sentence(tmp_path):
    *_, tables, files = run(tmp_path, dataclasses.replace(probes.CONFIG, shares=[100]))
    path = files["ranking", 1]["tid2013"]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"ranking1_tid2013\.npy: is not a complete file of features"):
        probe.probe(files, tables, probes.CONFIG, probes.INTERVALS, PAPER)


@pytest.fixture(scope="module")
def folded(tmp_path_factory):
    """(table, references, ImageNet's predictions, ledger, split, features) of OASIS alone, with three folds."""
    folder = tmp_path_factory.mktemp("folded")
    ledger, split, quality = probes.oasis()
    features = probes.features(quality, 1.0, 0)
    np.save(folder / "oasis.npy", features)
    alone = Labels(OASIS, (OASIS,), simulated=False)
    found = probe.probe({("imagenet", 0): {"oasis": folder / "oasis.npy"}}, {"oasis": (ledger, split)}, *CONFIGS, alone)
    return *found, ledger.set_index("id"), split.set_index("id"), pd.DataFrame(features.astype(float), index=ledger["id"])


def test_with_folds_each_image_is_tested_by_its_folds_probe_and_all_are_pooled(folded):
    table, _, ridge, ledger, split, x = folded
    val, predicted = split.index[split["split"] == "val"], []
    for fold in (1, 2, 3):
        test = split.index[split["fold"] == fold]
        train = split.index[(split["split"] == "fold") & (split["fold"] != fold)]
        centre, scale = x.loc[train].mean(), x.loc[train].std(ddof=0)
        z = (x - centre) / scale
        models = [Ridge(alpha=s * len(train)).fit(z.loc[train], ledger["score"][train]) for s in probes.CONFIG.strengths]
        best = min(models, key=lambda m: ((m.predict(z.loc[val]) - ledger["score"][val]) ** 2).mean())
        predicted.append(pd.Series(best.predict(z.loc[test]), index=test))
    predicted = pd.concat(predicted)
    found_row = row(table, "imagenet", "srcc", trained_on="oasis", dataset="oasis")
    assert found_row.value == pytest.approx(spearmanr(ledger["score"][predicted.index], predicted).statistic, abs=1e-9)
    assert ridge.set_index("id")["predicted"][predicted.index].to_numpy() == pytest.approx(predicted.to_numpy())
    assert found_row.pictures == 48 and found_row.seeds == 1
    assert set(table["dataset"]) == {"oasis"}  # no other set, no column of one, no error


def test_with_folds_each_constant_is_of_its_own_training_images(folded):
    _, found, _, ledger, split, _ = folded
    folds = {k: split.index[split["fold"] == k] for k in (1, 2, 3)}
    means = {k: ledger["score"][split.index[(split["split"] == "fold") & (split["fold"] != k)]].mean() for k in folds}
    mae = np.concatenate([(ledger["score"][test] - means[k]).abs() for k, test in folds.items()]).mean()
    assert references.value(found, "constant", "test", "mae") == pytest.approx(mae)
    val = ledger["score"][split["split"] == "val"]
    mae = np.mean([(val - mean).abs().mean() for mean in means.values()])
    assert references.value(found, "constant", "val", "mae") == pytest.approx(mae)
    assert found.set_index(["reference", "split", "metric"]).loc[("constant", "val", "mae"), "pictures"] == 12


def test_rows_worse_than_ridge_are_named_with_the_sets_title(folded):
    base = references.value(folded[1], "imagenet_ridge", "test", "srcc")
    over = pd.DataFrame([("ranking", "srcc", -0.1, -0.3, 0.1)], columns=["init", "metric", "difference", "low", "high"])
    lines = references.sentences(folded[1], over, FOLDED)
    assert lines[0].startswith("Baseline on OASIS: ImageNet + ridge") and f"SRCC {base:.4f}" in lines[0]
    assert any(line.startswith("Worse than ImageNet + ridge in SRCC on OASIS: ranking (-0.1000).") for line in lines)


def test_another_set_is_judged_by_the_mean_of_the_folds_probes(tmp_path):
    from aesthetic_pretraining.evaluation.probes import frozen

    ledger, split, quality = probes.oasis()
    np.save(tmp_path / "oasis.npy", probes.features(quality, 1.0, 0))
    other_ledger, other_split, other_quality = probes.tid2013()
    np.save(tmp_path / "koniq.npy", probes.features(other_quality, 1.0, 9))
    folds = frozen.labelled(tmp_path / "oasis.npy", ledger, split, probes.VOTES[:7])
    (other,) = frozen.labelled(tmp_path / "koniq.npy", other_ledger, other_split)
    models = [frozen.fit_chosen(data, data.rows("train"), data.rows("val"), probes.CONFIG) for data in folds]
    each = [model.frame(other, other.rows("test"), votes=False)["predicted"] for model in models]
    frame = probe.averaged(models, other)
    np.testing.assert_allclose(frame["predicted"], np.mean(each, axis=0), rtol=1e-12)
    assert not np.allclose(each[0], each[1]) and list(frame["scene"][:13]) == ["i01"] * 12 + ["i02"]
