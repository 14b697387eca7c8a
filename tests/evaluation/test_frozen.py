"""One linear probe: features as they are saved, no label of another split leaks, scenes are unseen, a planted signal is found."""

import dataclasses

import numpy as np
import pandas as pd
import probes
import pytest
import torch
from scipy.stats import spearmanr

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.probes import frozen
from aesthetic_pretraining.training.losses import earth_movers_distance

CONFIG = probes.CONFIG


@pytest.fixture
def data(tmp_path):
    """data(noise, **changes) -> AVA with features in a file, as `frozen.labelled` reads it."""

    def make(noise=0.5, ledger=None, **changes):
        original, split, quality = probes.ava()
        path = tmp_path / f"ava_{noise}.npy"  # of its own: a file that is mapped must not be written again
        np.save(path, probes.features(quality, noise, 5))
        (found,) = frozen.labelled(path, original if ledger is None else ledger, split, probes.VOTES)
        return found._replace(**changes)

    return make


def fit(data, config=CONFIG):
    return frozen.fit_chosen(data, data.rows("train"), data.rows("val"), config)


def test_rows_of_the_file_are_the_usable_pictures_and_votes_are_shares(data):
    made, (ledger, split, _) = data(), probes.ava()
    assert made.ids == list(ledger["id"][:-1]) and "zzz" not in made.ids
    assert [made.role[k] for k in range(5)] == list(split["split"][:5])
    np.testing.assert_allclose(made.votes.sum(axis=1), 1)
    np.testing.assert_allclose(made.votes @ probes.SCORES, made.score)
    assert made.targets.shape == (110, 11)
    (left_out,) = frozen.labelled(made.features.filename, ledger, split.iloc[1:])
    assert left_out.votes is None  # not asked for
    assert (
        left_out.role[0] == "" and len(left_out.rows("train")) + len(left_out.rows("val")) + len(left_out.rows("test")) == 109
    )


def test_a_planted_signal_is_found_and_noise_is_not(data):
    clear, lost = data(noise=0.2), data(noise=200.0)
    for made, low, high in ((clear, 0.85, 1), (lost, -0.45, 0.45)):
        frame = fit(made).frame(made, made.rows("test"), votes=True)
        assert low < spearmanr(frame["target"], frame["predicted"]).statistic <= high
    assert fit(lost).strength > fit(clear).strength


def test_labels_and_features_of_the_test_split_do_not_leak(data):
    made = data()
    test, before = made.rows("test"), fit(made)
    score, votes, features = made.score.copy(), made.votes.copy(), np.array(made.features)
    score[test], votes[test], features[test] = 1, np.eye(10)[0], 1e3
    after = fit(made._replace(score=score, votes=votes, features=features))
    for name in ("centre", "scale", "weights", "intercept"):
        assert np.array_equal(getattr(before.score, name), getattr(after.score, name))
    assert (before.strength, before.votes_strength) == (after.strength, after.votes_strength)
    changed, plain = (f.frame(d, test, True) for f, d in ((before, made._replace(score=score)), (before, made)))
    assert changed["predicted"].equals(plain["predicted"]) and not changed["target"].equals(plain["target"])


def test_validation_pictures_choose_and_do_nothing_else(data):
    made = data()
    val, before = made.rows("val"), fit(made)
    features = np.array(made.features)
    features[val] = features[val][::-1]
    after = fit(made._replace(features=features))
    assert np.array_equal(before.score.centre, after.score.centre) and np.array_equal(before.score.scale, after.score.scale)
    one = dataclasses.replace(CONFIG, lowest=after.strength, highest=2 * after.strength, steps=2)
    np.testing.assert_allclose(fit(made, one).score.weights[0], after.score.weights[0], atol=1e-9)  # fitted on train alone


def test_the_strength_is_the_best_on_validation_by_hand(data):
    made = data(noise=3.0)
    train, val = made.rows("train"), made.rows("val")
    x = np.array(made.features, float)
    z = (x - x[train].mean(axis=0)) / x[train].std(axis=0)
    errors = []
    for strength in np.geomspace(1e-3, 1e3, 7):
        gram = z[train].T @ z[train] / len(train) + strength * np.eye(z.shape[1])
        weights = np.linalg.solve(gram, z[train].T @ (made.score[train] - made.score[train].mean()) / len(train))
        errors.append(((z[val] @ weights + made.score[train].mean() - made.score[val]) ** 2).mean())
    assert fit(made).strength == pytest.approx(np.geomspace(1e-3, 1e3, 7)[np.argmin(errors)])


def test_the_votes_mean_is_the_score_because_ridge_is_linear(data):
    made = data()
    fitted = fit(made)
    same = frozen.ridge.fit(made.features, made.rows("train"), made.targets[made.rows("train")], [fitted.strength])
    guessed = same.predict(made.features, made.rows("test"))[0]
    np.testing.assert_allclose(guessed[:, 1:] @ probes.SCORES, guessed[:, 0], rtol=1e-9)
    np.testing.assert_allclose(guessed[:, 1:].sum(axis=1), 1)


def test_shares_are_distributions(data):
    frame = fit(data()).frame(data(), data().rows("test"), votes=True)
    shares = frame[[f"p{k}" for k in range(1, 11)]].to_numpy()
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_allclose(frozen.as_shares(np.array([[-0.5, 1.0, 0.5]])), [[0, 2 / 3, 1 / 3]])


@pytest.mark.parametrize("variant", ["per_image", "per_batch"])
@pytest.mark.parametrize("r", [1, 2])
def test_the_loss_is_that_of_fine_tuning(variant, r):
    a, b = np.random.default_rng(0).dirichlet(np.ones(10), (2, 7))
    wanted = earth_movers_distance(torch.tensor(b), torch.tensor(a), r, variant).item()
    assert frozen.votes_loss(a, b, r, variant) == pytest.approx(wanted, rel=1e-6)


def test_equal_labels_predict_themselves_whatever_the_features(data):
    ledger, _, _ = probes.ava()
    ledger[probes.VOTES] = [0, 0, 0, 1, 3, 1, 0, 0, 0, 0]
    ledger["score"] = 5.0
    made = data(ledger=ledger)
    fitted = fit(made)
    frame = fitted.frame(made, made.rows("test"), votes=True)
    assert frame["predicted"].nunique() == 1 and frame["predicted"].iloc[0] == pytest.approx(5)
    assert fitted.strength == CONFIG.highest  # all are equally good


def test_twice_the_same(data):
    first, second = (fit(data()).frame(data(), data().rows("test"), True) for _ in range(2))
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def scenes_data(quality_of_scene=0.0):
    ledger, split, quality = probes.tid2013()
    scene = ledger["id"].str[1:3].astype(int).to_numpy()
    features, score = probes.features(quality, 0.2, 6), ledger["score"].to_numpy() + quality_of_scene * scene
    return frozen.Labelled(
        list(ledger["id"]), features, score, ledger["group"].to_numpy(str), split["split"].to_numpy(str), None
    )


def test_each_scene_is_judged_by_a_probe_that_has_not_seen_it():
    made = scenes_data()
    every = made.rows("test")
    frame, models = frozen.unseen_scenes(made, every, CONFIG)
    assert sorted(frame["id"]) == made.ids and len(models) == 4
    assert spearmanr(frame["target"], frame["predicted"]).statistic > 0.85
    for scene in ("i01", "i04"):
        of_scene = np.array([i.startswith(scene) for i in made.ids])
        other = made._replace(score=np.where(of_scene, 0.0, made.score))  # its labels must not matter to its own predictions
        again, _ = frozen.unseen_scenes(other, every, CONFIG)
        mine = frame["id"].str.startswith(scene)
        np.testing.assert_array_equal(frame["predicted"][mine], again["predicted"][mine])
        assert not np.array_equal(frame["predicted"][~mine], again["predicted"][~mine])


def test_a_scenes_pictures_share_a_fold_and_folds_are_no_more_than_scenes():
    made = scenes_data()
    _, models = frozen.unseen_scenes(made, made.rows("test"), dataclasses.replace(CONFIG, folds=50))
    assert len(models) == 6
    first, _ = frozen.unseen_scenes(made, made.rows("test"), CONFIG)
    scene, predicted = first["id"].str[:3], first["predicted"]
    assert scene.ne(scene.shift()).sum() <= 4 * 6 and predicted.notna().all()
    reordered, _ = frozen.unseen_scenes(made, made.rows("test")[::-1], CONFIG)
    np.testing.assert_allclose(
        reordered.set_index("id")["predicted"][first["id"]].to_numpy(), first["predicted"].to_numpy(), rtol=1e-12
    )


def test_images_without_a_group_are_scenes_of_their_own():
    made = scenes_data()
    alone = made._replace(scene=np.array(made.ids))
    assert (frozen.scenes_of(made, made.rows("test")), frozen.scenes_of(alone, alone.rows("test"))) == (6, 72)
    frame, models = frozen.unseen_scenes(alone, alone.rows("test"), dataclasses.replace(CONFIG, folds=50))
    assert len(models) == 50 and sorted(frame["id"]) == made.ids


def test_each_fold_has_its_own_roles_and_no_image_is_trained_and_tested_on(tmp_path):
    ledger, split, quality = probes.oasis()
    np.save(tmp_path / "oasis.npy", probes.features(quality, 0.5, 5))
    folds = frozen.labelled(tmp_path / "oasis.npy", ledger, split, probes.VOTES[:7])
    tests = [{data.ids[row] for row in data.rows("test")} for data in folds]
    assert len(folds) == 3 and sorted(set().union(*tests)) == sorted(split["id"][12:]) and sum(map(len, tests)) == 48
    for data, test in zip(folds, tests):
        train = {data.ids[row] for row in data.rows("train")}
        assert train == set(split["id"][12:]) - test and {data.ids[row] for row in data.rows("val")} == set(split["id"][:12])
        assert data.votes.shape == (60, 7)


def damaged(kind, path):
    good = np.zeros((4, 3), np.float32)
    np.save(path, good)
    match kind:
        case "empty":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(path.read_bytes()[:-5])
        case "text":
            path.write_text("no features at all, but enough of it to look at")
        case "pickle":
            np.save(path, np.array([{}], object))
        case "gone":
            path.unlink()
        case "rows":
            np.save(path, good[:3])
        case "doubles":
            np.save(path, good.astype(float))
        case "infinite":
            good[2, 1] = np.inf
            np.save(path, good)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        *((kind, "is not a complete file of features") for kind in ("empty", "cut", "text", "pickle", "gone")),
        ("rows", "but the ledger has 4 images"),
        ("doubles", "float64"),
        ("infinite", "of image 3 are not all finite"),
    ],
)
def test_damaged_features_are_one_sentence_that_names_the_file(kind, said, tmp_path):
    path = tmp_path / "ranking/ava.npy"
    path.parent.mkdir()
    damaged(kind, path)
    with pytest.raises(UserError) as caught:
        frozen.read_features(path, 4)
    sentence = str(caught.value)
    assert sentence.startswith(str(path)) and said in sentence and "--forcerun features" in sentence and "\n" not in sentence
