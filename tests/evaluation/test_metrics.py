"""The numbers of section 4.6, against scipy, hand values and loops."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from labelled_sets import FOLDED, KONIQ, OASIS, PAPER
from predictions import mixed, predictions
from scipy import stats

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation import metrics, runs
from aesthetic_pretraining.evaluation.predictions import collect, read_predictions, write_frame, write_predictions
from aesthetic_pretraining.training import losses

NAN = float("nan")


def pairs(n=60, seed=0):
    """Correlated scores with many ties."""
    rng = np.random.default_rng(seed)
    target = rng.uniform(2, 8, n).round(1)
    return target, (target + rng.normal(0, 1, n)).round(1)


@pytest.mark.parametrize("seed", range(3))
def test_correlations_agree_with_scipy_also_with_ties(seed):
    target, predicted = pairs(seed=seed)
    assert len(set(target)) < len(target)
    assert metrics.lcc(target, predicted) == pytest.approx(stats.pearsonr(target, predicted).statistic)
    assert metrics.srcc(target, predicted) == pytest.approx(stats.spearmanr(target, predicted).statistic)


def test_rank_correlation_sees_only_the_order_and_tells_the_sign():
    target, _ = pairs()
    assert metrics.srcc(target, np.exp(target)) == pytest.approx(1)
    assert metrics.lcc(target, np.exp(target)) < 0.9
    assert [metrics.srcc(target, -target), metrics.lcc(target, -target)] == pytest.approx([-1, -1])


def test_rank_correlation_by_hand():
    # ranks 1 2 3 4 and 2 1 4 3: 1 - 6 * (1+1+1+1) / (4 * 15)
    assert metrics.srcc([1, 2, 3, 4], [20, 10, 40, 30]) == pytest.approx(0.6)


@pytest.mark.parametrize("correlation", [metrics.lcc, metrics.srcc])
@pytest.mark.parametrize(
    ("target", "predicted"), [([1, 2, 3], [5.1, 5.1, 5.1]), ([4, 4, 4], [1, 2, 3]), ([1, 2], [1, 2]), ([1], [1])]
)
def test_a_correlation_that_is_undefined_is_nan(correlation, target, predicted):
    assert math.isnan(correlation(target, predicted))


def test_mae_and_accuracy_against_loops():
    target, predicted = pairs()
    assert metrics.mae(target, predicted) == pytest.approx(sum(abs(t - p) for t, p in zip(target, predicted)) / len(target))
    hits = sum((t > 5) == (p > 5) for t, p in zip(target, predicted))
    assert metrics.accuracy(target, predicted, 5) == pytest.approx(hits / len(target))


def test_exactly_five_is_not_aesthetic_however_it_was_added_up():
    almost = 5.000000000000001  # what sum(k * p_k) may give
    assert list(metrics.aesthetic([4.99, 5.0, almost, 5.01], 5)) == [False, False, False, True]
    assert metrics.accuracy([5.0, almost, 5.01], [4.0, 5.0, 9.0], 5) == 1


def test_majority_of_either_class():
    assert metrics.majority([6, 6, 6, 4], 5) == metrics.majority([4, 4, 4, 6], 5) == 0.75
    assert metrics.majority([3, 3.5, 3.6, 7], 3.5) == 0.5  # the threshold is the set's


def test_mean_score_of_known_distributions():
    votes = np.zeros((2, 10))
    votes[0, 9] = 1
    votes[1] = 0.1
    assert metrics.mean_score(votes, range(1, 11)) == pytest.approx([10, 5.5])


def test_the_distance_of_distributions_is_the_loss_of_fine_tuning_and_with_r_1_scipys():
    rng = np.random.default_rng(0)
    true, guessed = rng.dirichlet(np.ones(10), 7), rng.dirichlet(np.ones(10), 7)
    for r in (1, 2):
        loss = losses.earth_movers_distance(torch.tensor(guessed), torch.tensor(true), r, "per_image").item()
        assert metrics.emd(true, guessed, r).mean() == pytest.approx(loss, abs=1e-9)
    scores = np.arange(1, 11)
    one = [stats.wasserstein_distance(scores, scores, t, g) / 10 for t, g in zip(true, guessed)]
    np.testing.assert_allclose(metrics.emd(true, guessed, 1), one)


def test_the_distance_by_hand():
    all_at = np.eye(10)
    assert metrics.emd(all_at[[0]], all_at[[9]], 1) == pytest.approx([0.9])  # nine of ten bins differ by 1
    assert metrics.emd(all_at[[0]], all_at[[9]], 2) == pytest.approx([0.9**0.5])
    assert metrics.emd(all_at, all_at, 2) == pytest.approx(np.zeros(10))


@pytest.mark.parametrize("metric", [metrics.lcc, metrics.srcc, metrics.mae, lambda t, p: metrics.accuracy(t, p, 5)])
def test_bad_input_is_named(metric):
    with pytest.raises(ValueError, match="row 2"):
        metric([1, 2, NAN, 4], [1, 2, 3, NAN])
    with pytest.raises(ValueError, match="row 1"):
        metric([1, 2, 3], [1, float("inf"), 3])
    for target, predicted in [([1, 2], [1]), ([], [])]:
        with pytest.raises(ValueError, match="equally long"):
            metric(target, predicted)


def test_evaluate_by_hand():
    frame = predictions([4, 5, 6, 7], [4.5, 5.5, 6.5, 6.5])
    ava = metrics.evaluate(frame, "ava", PAPER, training_mean=5.5)
    assert {key: ava[key] for key in ("ava_n", "ava_acc", "ava_mae", "ava_majority")} == {
        "ava_n": 4, "ava_acc": 0.75, "ava_mae": 0.5, "ava_majority": 0.5,
    }  # fmt: skip
    assert ava["ava_constant_mae"] == (1.5 + 0.5 + 0.5 + 1.5) / 4
    # No rescaling of TID2013's 0..9 to 1..10: the error is that of the numbers as they stand.
    assert metrics.evaluate(frame, "tid2013", PAPER)["tid2013_mae"] == 0.5
    # Beside it: 4.5, 5.5, 6.5, 6.5 on 1..10 are 3.5, 4.5, 5.5, 5.5 on 0..9.
    assert metrics.evaluate(frame, "tid2013", PAPER)["tid2013_mae_rescaled"] == (0.5 + 0.5 + 0.5 + 1.5) / 4
    assert set(metrics.evaluate(frame, "tid2013", PAPER)) == {
        *("tid2013_n", "tid2013_lcc", "tid2013_srcc", "tid2013_mae", "tid2013_mae_rescaled")
    }


def test_distributions_are_compared_where_people_voted():
    frame = predictions([4, 5, 6, 7], [4.5, 5.5, 6.5, 6.5], true=[4.5, 5.5, 6.5, 7.5])
    found = metrics.evaluate(frame, "ava", PAPER)
    assert found["ava_emd1"] == pytest.approx(0.1 / 4) and found["ava_emd2"] == pytest.approx((0.05) ** 0.5 / 4)
    assert "ava_emd1" not in metrics.evaluate(frame.drop(columns="t3"), "ava", PAPER)
    assert list(metrics.per_picture(frame, "tid2013", PAPER)) == ["mae", "mae_rescaled"]


def test_evaluate_refuses_what_cannot_be_meant():
    good = predictions([4, 5, 6], [4, 5, 6])
    with pytest.raises(ValueError, match="unknown test set 'aadb'"):
        metrics.evaluate(good, "aadb", PAPER)
    with pytest.raises(ValueError, match="row 2: image '002' has a ava target outside 1..10"):
        metrics.evaluate(good.assign(target=[4, 5, 0.5]), "ava", PAPER)
    with pytest.raises(ValueError, match="row 1: image 'a' appears twice"):
        metrics.evaluate(good.assign(id=["a", "a", "b"]), "ava", PAPER)


def write_model(folder, init, share, pretraining, seed, epochs):
    """Files of one fine-tuned model; returns its summary and its two prediction files."""
    target, predicted = pairs(20, seed)
    run = folder / "predictions" / init / f"share{share}_pretraining{pretraining}_seed{seed}"
    run.mkdir(parents=True)
    for dataset in ("ava", "tid2013"):
        frame = predictions(target, predicted.clip(1, 10), true=target if dataset == "ava" else None)
        write_predictions(frame, run / f"{dataset}.parquet")
    summary = folder / f"{init}-{share}-{pretraining}-{seed}.json"
    summary.write_text(
        json.dumps(
            {"init": init, "share": share, "pretraining": pretraining, "seed": seed, "epochs": epochs, "best_epoch": epochs - 2}
            | {"stopped": "cap" if epochs == 9 else "early", "train_mean": 5.4}
        )
    )
    return summary, [run / "ava.parquet", run / "tid2013.parquet"]


def test_collect_and_write(tmp_path):
    models = [
        write_model(tmp_path, *model)
        for model in [
            ("ranking", 100, 2, 1, 9),
            ("ranking", 100, 1, 3, 6),
            ("imagenet", 20, 0, 1, 7),
            ("imagenet", 100, 0, 0, 8),
        ]
    ]
    files = [path for _, paths in models for path in reversed(paths)]  # any order will do
    frame = collect([summary for summary, _ in models], files, PAPER)
    assert list(frame.columns) == metrics.metrics_columns(PAPER)
    assert frame[["init", "share", "pretraining", "seed", "epochs", "best_epoch", "capped"]].values.tolist() == [
        ["imagenet", 20, 0, 1, 7, 5, 0], ["imagenet", 100, 0, 0, 8, 6, 0], ["ranking", 100, 1, 3, 6, 4, 0], ["ranking", 100, 2, 1, 9, 7, 1],
    ]  # fmt: skip
    one = pd.read_parquet(files[1])
    assert frame["ava_srcc"][3] == pytest.approx(stats.spearmanr(one["target"], one["predicted"]).statistic)
    assert frame["ava_constant_mae"][3] == pytest.approx((one["target"] - 5.4).abs().mean())
    write_frame(frame, tmp_path / "metrics.csv")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "metrics.csv"), frame.round(6))


def test_collect_names_what_does_not_fit(tmp_path):
    summary, (ava, tid) = write_model(tmp_path, "rotnet", 100, 1, 0, 5)
    with pytest.raises(UserError, match=r"rotnet.*tid2013.*has no prediction file"):
        collect([summary], [ava], PAPER)
    with pytest.raises(UserError, match="no fine-tuning summary for .*rotnet"):
        collect([], [ava, tid], PAPER)
    with pytest.raises(UserError, match="appears twice"):
        collect([summary, summary], [ava, tid], PAPER)
    with pytest.raises(UserError, match="second file"):
        read_predictions([ava, ava], PAPER)
    frame = pd.read_parquet(ava)
    frame.loc[3, "predicted"] = NAN
    write_predictions(frame, ava)
    with pytest.raises(UserError, match=r"rotnet.*row 3"):
        collect([summary], [ava, tid], PAPER)
    write_predictions(predictions([4, 5, 11], [4, 5, 6], true=[4, 5, 6]), ava)
    with pytest.raises(UserError, match=r"rotnet.*row 2: image '002' has a ava target outside 1..10; run again"):
        collect([summary], [ava, tid], PAPER)


def test_more_seeds_asked_than_there_are_is_one_sentence(tmp_path):
    models = [write_model(tmp_path, *model) for model in [("imagenet", 100, 0, 1, 7), ("ranking", 100, 1, 1, 9)]]
    summaries, files = [summary for summary, _ in models], [path for _, paths in models for path in paths]

    def collected(pretrainings, seeds):
        asked = runs.runs_of(["imagenet", "ranking"], ["imagenet"], [100], pretrainings, seeds)
        return collect(summaries, files, PAPER, asked=asked)

    assert len(collected([1], [1])) == 2
    with pytest.raises(
        UserError,
        match=r"asks for 2 fine-tuning runs that are missing, the first of them imagenet with 100 % .* seed 0, seed 2;",
    ):
        collected([1], [1, 2])
    with pytest.raises(
        UserError, match=r"asks for 1 .* first of them ranking with 100 % of the labels, pretraining seed 4, seed 1; run .* or"
    ):
        collected([1, 4], [1])


def test_prediction_files_are_checked(tmp_path):
    _, (ava, tid) = write_model(tmp_path, "rotnet", 100, 1, 0, 5)
    (frame,) = read_predictions([ava], PAPER).values()
    assert frame["id"][0] == "000"  # ids are text: zeros stay
    write_predictions(frame.assign(predicted=frame["predicted"] + 0.5), ava)
    with pytest.raises(UserError, match="row 0: `predicted` is not the mean"):
        read_predictions([ava], PAPER)
    for column in ("p7", "t7", "scene"):
        write_predictions(frame.drop(columns=column), ava)
        with pytest.raises(UserError, match=f"lacks the columns {column}; run again with --forcerun predict"):
            read_predictions([ava], PAPER)
    write_predictions(frame.drop(columns=metrics.histogram(10)), tid)
    assert len(read_predictions([tid], PAPER)) == 1  # there, nobody voted on 1..10
    ava.write_text("id,target\n")
    with pytest.raises(UserError, match=r"ava\.parquet cannot be read as Parquet"):
        read_predictions([ava], PAPER)


def test_predictions_come_back_and_are_the_same_bytes_again(tmp_path):
    target, predicted = pairs(20)
    frame = predictions(target, predicted.clip(1, 10), true=target)
    path = tmp_path / "ranking/share100_pretraining2_seed1/ava.parquet"
    write_predictions(frame, path)
    first = path.read_bytes()
    (back,) = read_predictions([path], PAPER).values()
    assert list(back["id"]) == list(frame["id"])
    for name in ("target", "predicted"):
        np.testing.assert_array_equal(back[name], frame[name])  # to the last bit
    np.testing.assert_allclose(back[metrics.histogram(10)], mixed(target), atol=1e-7)
    write_predictions(back, path)
    assert path.read_bytes() == first


def test_votes_of_another_set_have_its_values_scale_and_threshold():
    """Seven votes 1..7, by hand; another set is rescaled from there."""
    frame = pd.DataFrame({"id": ["a", "b", "c"], "target": [2.0, 4.0, 6.5], "predicted": [3.0, 4.5, 5.0]})
    found = metrics.evaluate(frame, "oasis", FOLDED, training_mean={"c": 4.5, "a": 4.0, "b": 5.0, "unused": 0.0})
    assert found["oasis_constant_mae"] == pytest.approx((2 + 1 + 2) / 3)  # each image by its own fold's training
    assert (found["oasis_acc"], found["oasis_majority"]) == pytest.approx((2 / 3, 2 / 3))  # aesthetic above 4: b is not
    on_koniq = metrics.evaluate(frame.assign(target=[30.0, 60.0, 70.0]), "koniq", FOLDED)
    assert on_koniq["koniq_mae_rescaled"] == pytest.approx((abs(30 - 200 / 6) + abs(60 - 350 / 6) + abs(70 - 400 / 6)) / 3)
    assert metrics.rescaled([1, 4, 7], OASIS, KONIQ) == pytest.approx([0, 50, 100])
    assert metrics.mean_score(np.eye(7), OASIS.values) == pytest.approx([1, 2, 3, 4, 5, 6, 7])
    with pytest.raises(ValueError, match="a oasis target outside 1..7"):
        metrics.evaluate(frame.assign(target=[2, 4, 7.5]), "oasis", FOLDED)
    assert metrics.metrics_columns(FOLDED)[7:] == [
        *("oasis_n", "oasis_lcc", "oasis_srcc", "oasis_acc", "oasis_mae", "oasis_emd1", "oasis_emd2", "oasis_majority"),
        *("oasis_constant_mae", "koniq_n", "koniq_lcc", "koniq_srcc", "koniq_mae", "koniq_mae_rescaled"),
    ]


def folded_run(folder, folds=(1, 2, 3)):
    """A run on a set with folds: a summary for each network, one prediction file for each set."""
    rng = np.random.default_rng(1)
    place = folder / "imagenet/share100_pretraining0_seed1"
    for name, low, high in (("oasis", 1, 7), ("koniq", 0, 100)):
        votes = rng.dirichlet(np.ones(7), 12)
        frame = pd.DataFrame({"id": [f"{k:02d}" for k in range(12)]}).assign(scene=lambda f: f["id"])
        frame["target"], frame["predicted"] = rng.uniform(low, high, 12), votes @ np.arange(1, 8)
        frame[metrics.probabilities(7)] = votes
        if name == "oasis":
            frame[metrics.histogram(7)] = rng.dirichlet(np.ones(7), 12)
        write_predictions(frame, place / f"{name}.parquet")
    summaries = []
    for fold in folds:
        summaries.append(folder / f"fold{fold}.json")
        told = {"init": "imagenet", "share": 100, "pretraining": 0, "seed": 1, "fold": fold, "epochs": 10 * fold}
        told |= {"best_epoch": fold, "stopped": "cap" if fold == 3 else "early", "train_mean": 2.0 + fold}
        summaries[-1].write_text(json.dumps(told))
    return summaries, [place / "oasis.parquet", place / "koniq.parquet"]


def test_a_run_with_folds_is_one_row_with_the_means_of_its_folds(tmp_path):
    summaries, files = folded_run(tmp_path)
    fold_of = {f"{k:02d}": k % 3 + 1 for k in range(12)}
    table = collect(summaries, files, FOLDED, fold_of=fold_of)
    assert len(table) == 1 and table.loc[0, ["epochs", "best_epoch", "capped"]].tolist() == [20, 2, 1]
    frame = pd.read_parquet(files[0])
    assert table["oasis_srcc"][0] == pytest.approx(stats.spearmanr(frame["target"], frame["predicted"]).statistic)  # pooled
    wanted = np.mean([abs(t - (2 + fold_of[i])) for i, t in zip(frame["id"], frame["target"])])
    assert table["oasis_constant_mae"][0] == pytest.approx(wanted)
    with pytest.raises(UserError, match=r"imagenet.* lacks fold 2; run again"):
        collect(summaries[::2], files, FOLDED, fold_of=fold_of)
    with pytest.raises(UserError, match=r"fold1\.json: its run appears twice"):
        collect([summaries[0], summaries[0]], files, FOLDED, fold_of=fold_of)
