"""The frames of intervals: aligned by picture, paired with ImageNet, and honest about what cannot be compared."""

import numpy as np
import pandas as pd
import pytest
from labelled_sets import PAPER
from predictions import predictions
from scipy import stats

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation import metrics
from aesthetic_pretraining.evaluation.predictions import odd_rows, rows_of
from aesthetic_pretraining.evaluation.runs import Run
from aesthetic_pretraining.evaluation.statistics import intervals
from aesthetic_pretraining.evaluation.statistics.intervals import IntervalConfig, estimate
from aesthetic_pretraining.evaluation.statistics.labels_saved import LABELS_SAVED_COLUMNS, labels_saved

CONFIG = IntervalConfig(resamples=300, confidence=0.95, interval="seeds_and_images", seed=1)
TARGET = np.random.default_rng(0).uniform(3, 8, 50)


def noisy(seed, noise=0.8, target=TARGET):
    return predictions(target, (target + np.random.default_rng(seed).normal(0, noise, len(target))).clip(1, 10), true=target)


def made(**more):
    """imagenet with two seeds, ranking (better) with one, on AVA."""
    runs = {Run("imagenet", 100, 0, seed, "ava"): noisy(seed) for seed in (1, 2)} | {
        Run("ranking", 100, 0, 1, "ava"): noisy(3, 0.3)
    }
    return runs | {Run(init, 100, 0, 1, "ava"): frame for init, frame in more.items()}


def row(frame, init, metric="mae", share=100):
    found = frame[(frame["init"] == init) & (frame["metric"] == metric) & (frame["share"] == share)]
    assert len(found) == 1
    return found.iloc[0]


def test_values_are_those_of_the_metrics_and_lie_in_their_intervals():
    values, _ = estimate(made(), CONFIG, PAPER)
    assert list(values.columns) == intervals.INTERVAL_COLUMNS
    for metric in ("lcc", "srcc", "acc", "mae", "emd1", "emd2"):
        seeds = [metrics.evaluate(noisy(seed), "ava", PAPER)[f"ava_{metric}"] for seed in (1, 2)]
        found = row(values, "imagenet", metric)
        assert found["value"] == pytest.approx(np.mean(seeds)) and found["seeds"] == 2 and found["pictures"] == 50
        assert found["low"] < found["value"] < found["high"]
    assert (values["problem"] == "").all()


def test_differences_to_imagenet_are_paired():
    values, differences = estimate(made(), CONFIG, PAPER)
    found = row(values, "ranking")
    assert found["difference"] == pytest.approx(found["value"] - row(values, "imagenet")["value"])
    assert found["diff_low"] < found["difference"] < found["diff_high"] < 0
    assert np.isnan(row(values, "imagenet")["difference"])
    pair = differences[differences["metric"] == "mae"].iloc[0]
    assert pair["detectable"] == pytest.approx(found["detectable"])
    assert tuple(pair[["init", "other"]]) == ("imagenet", "ranking")
    assert tuple(-pair[["difference", "high", "low"]]) == pytest.approx(tuple(found[["difference", "diff_low", "diff_high"]]))
    # of a copy of ImageNet no draw can tell a difference, however noisy the draws are
    copies = {Run("copy", 100, 0, seed, "ava"): noisy(seed) for seed in (1, 2)}
    copy = row(estimate(made() | copies, CONFIG, PAPER)[0], "copy")
    assert (copy["diff_low"], copy["diff_high"]) == (0, 0) and copy["high"] - copy["low"] > 0.05
    assert np.isnan(copy["detectable"])


def test_what_is_detectable_is_what_a_test_of_that_power_detects():
    """By theory of the paired t test: (z_0.975 + z_0.8) standard errors of the mean difference, stretched by t over z."""
    runs = made()
    errors = [(runs[run]["target"] - runs[run]["predicted"]).abs() for run in runs]
    difference = errors[2] - (errors[0] + errors[1]) / 2
    expected = (1.95996 + 0.84162) * difference.std(ddof=1) / 50**0.5 * stats.t.ppf(0.975, 49) / 1.95996
    many = IntervalConfig(4000, 0.95, "images", 1)
    assert row(estimate(runs, many, PAPER)[0], "ranking")["detectable"] == pytest.approx(expected, rel=0.05)
    assert stats.norm.ppf(intervals.POWER) == pytest.approx(0.84162, abs=1e-5)


def test_neither_the_order_of_pictures_nor_of_runs_matters():
    base = estimate(made(), CONFIG, PAPER)
    shuffled = {run: frame.sample(frac=1, random_state=3) for run, frame in reversed(made().items())}
    for one, two in zip(base, estimate(shuffled, CONFIG, PAPER)):
        pd.testing.assert_frame_equal(one, two)


def test_another_set_does_not_change_the_draws_and_has_its_own():
    alone = estimate(made(), CONFIG, PAPER)[0]
    both = made() | {run._replace(dataset="tid2013"): frame for run, frame in made().items()}
    together = estimate(both, CONFIG, PAPER)[0]
    pd.testing.assert_frame_equal(alone, together[together["dataset"] == "ava"].reset_index(drop=True))
    other = together[together["dataset"] == "tid2013"]
    assert row(other, "ranking")["value"] == row(alone, "ranking")["value"]
    assert row(other, "ranking")["low"] != row(alone, "ranking")["low"]


def test_rows_are_compared_at_their_own_share():
    runs = made() | {Run("imagenet", 20, 0, 1, "ava"): noisy(4, 1.5), Run("ranking", 20, 0, 1, "ava"): noisy(5)}
    runs |= {Run("ranking", 40, 0, 1, "ava"): noisy(6)}
    values, differences = estimate(runs, CONFIG, PAPER)
    small = row(values, "ranking", share=20)
    assert small["difference"] == pytest.approx(small["value"] - row(values, "imagenet", share=20)["value"])
    assert np.isnan(row(values, "ranking", share=40)["difference"])  # no ImageNet there
    assert len(differences) == 6 * 10  # six metrics, all pairs of five rows


def test_what_cannot_be_compared_is_shown_with_its_reason():
    other_pictures, other_labels = noisy(4).assign(id=lambda f: "x" + f["id"]), noisy(5)
    other_labels.loc[7, "target"] += 0.5
    values, differences = estimate(made(pictures=other_pictures, labels=other_labels, fewer=noisy(6).head(49)), CONFIG, PAPER)
    assert "other images than imagenet: only one of the two has '000' and 99 more" in row(values, "pictures")["problem"]
    assert row(values, "labels")["problem"] == "other labels than imagenet, of '007'"
    assert "'049'" in row(values, "fewer")["problem"]
    for init in ("pictures", "labels", "fewer"):
        assert row(values, init)[["value", "low", "difference"]].isna().all()
        assert init not in set(differences["init"]) | set(differences["other"])
    assert row(values, "ranking")["low"] > 0  # the others are as they were


def test_a_picture_that_is_there_twice_is_shown():
    twice = noisy(4)
    twice.loc[49, "id"] = "048"
    assert row(estimate(made(twice=twice), CONFIG, PAPER)[0], "twice")["problem"] == "an image appears twice: '048'"
    runs = made()
    first = Run("imagenet", 100, 0, 1, "ava")
    runs[first] = pd.concat([runs[first], runs[first].head(1)])
    assert odd_rows(rows_of(runs, "ava")) == {
        ("imagenet", 100): "other images than imagenet: it has one twice",
        ("ranking", 100): "other images than imagenet: it has one twice",
    }
    with pytest.raises(
        UserError, match="ava: imagenet's predictions cannot be used, other images than imagenet: it has one twice"
    ):
        estimate(runs, CONFIG, PAPER)


def test_an_undefined_metric_is_shown_and_spoils_no_other_row():
    values, _ = estimate(made(constant=predictions(TARGET, np.full(50, 5.5), true=TARGET)), CONFIG, PAPER)
    found = row(values, "constant", "srcc")
    assert np.isnan(found["value"]) and np.isnan(found["low"]) and "undefined" in found["problem"]
    assert row(values, "constant", "mae")["problem"] == ""
    pd.testing.assert_series_equal(
        row(values, "ranking", "srcc"), row(estimate(made(), CONFIG, PAPER)[0], "ranking", "srcc"), check_names=False
    )
    few = {run: frame.head(4) for run, frame in made().items()}
    found = row(estimate(few, CONFIG, PAPER)[0], "ranking", "srcc")
    assert found["value"] > 0 and np.isnan(found["low"]) and "no interval" in found["problem"]


def test_equal_predictions_equal_frames():
    for one, two in zip(estimate(made(), CONFIG, PAPER), estimate(made(), CONFIG, PAPER)):
        pd.testing.assert_frame_equal(one, two)
    other = estimate(made(), IntervalConfig(300, 0.95, "seeds_and_images", 2), PAPER)[0]
    assert (row(other, "ranking")["low"], row(other, "ranking")["value"]) != tuple(
        row(estimate(made(), CONFIG, PAPER)[0], "ranking")[["low", "value"]]
    )


def many(seeds, pretrainings=(0,), noise=0.8, init="imagenet", share=100, dataset="ava", luck=0.0):
    """Runs of one row; `luck` is the spread over runs of the noise."""
    rng = np.random.default_rng(len(init) + share)
    return {
        Run(init, share, p, s, dataset): noisy(1000 * p + 10 * s + share, noise + luck * rng.random())
        for p in pretrainings
        for s in seeds
    }


def test_seeds_widen_intervals_and_the_frames_say_what_they_are_over():
    runs = (
        many((1, 2, 3), luck=0.5) | many((1, 2, 3), (1, 2, 3), init="ranking", luck=0.5) | many((1, 2, 3), (1,), init="simclr")
    )
    values, differences = estimate(runs, CONFIG, PAPER)
    images, _ = estimate(runs, IntervalConfig(300, 0.95, "images", 1), PAPER)
    for init, over in {"imagenet": "seeds", "ranking": "seeds", "simclr": "fine-tuning seeds"}.items():
        found, alone = row(values, init), row(images, init)
        assert (found["over"], alone["over"]) == (f"{over} and images", "images")
        assert found["value"] == alone["value"]
        assert found["high"] - found["low"] > alone["high"] - alone["low"] or init == "simclr"
        assert found["next_low"] < found["value"] < found["next_high"] and found["next_over"] == over
    assert row(values, "ranking")["diff_over"] == "seeds and images"
    pairs = differences[differences["metric"] == "mae"].set_index(["init", "other"])
    assert pairs["over"].to_dict() == {
        ("imagenet", "ranking"): "seeds and images",
        ("imagenet", "simclr"): "fine-tuning seeds and images",
        ("ranking", "simclr"): "fine-tuning seeds and images",
    }
    assert (pairs["df"] == 2).all()


def test_with_two_seeds_intervals_are_over_images_alone():
    values, _ = estimate(made(), CONFIG, PAPER)
    assert set(values["over"]) == {"images"} and (values["next_over"] == "").all() and values["next_low"].isna().all()


def test_pictures_of_one_reference_are_resampled_together():
    ids = [f"i{k // 10 + 1:02d}" for k in range(50)]
    target = np.repeat([3.0, 4, 5, 6, 7], 10) + np.random.default_rng(0).normal(0, 0.1, 50)

    def frames(names):  # of scenes
        shift = np.repeat([-1.0, 1, -1, 1, 1], 10)  # a network errs on a scene, not on a picture
        return {
            Run("imagenet", 100, 0, s, "tid2013"): predictions(target, target + shift * (0.4 + 0.1 * s)).assign(scene=names)
            for s in (1, 2)
        }

    scenes, pictures = (
        row(estimate(frames(n), CONFIG, PAPER)[0], "imagenet", "lcc") for n in (ids, [f"{k:03d}" for k in range(50)])
    )
    assert scenes["value"] == pictures["value"] and scenes["high"] - scenes["low"] > 1.5 * (pictures["high"] - pictures["low"])
    few = {run: frame.head(20) for run, frame in frames(ids).items()}
    found = row(estimate(few, CONFIG, PAPER)[0], "imagenet", "lcc")
    assert (
        np.isnan(found["low"])
        and found["problem"] == "no interval: the images show fewer than 3 scenes"
        and found["over"] == ""
    )


def test_no_interval_leaves_the_range_of_its_metric():
    runs = many((1, 2, 3), noise=0.02, luck=0.3)
    values, _ = estimate({run: frame.head(8) for run, frame in runs.items()}, CONFIG, PAPER)
    assert values["high"][values["metric"].isin(["lcc", "srcc", "acc"])].max() <= 1
    assert values["low"][values["metric"].isin(["mae", "emd1", "emd2"])].min() >= 0


def test_labels_saved_come_of_the_same_resamples():
    runs = {}
    for share in (20, 50, 100):
        runs |= many((1, 2, 3), noise=1.2 * (share / 100) ** -0.3, share=share)
        runs |= many((1, 2, 3), (1, 2, 3), noise=1.2 * (2 * share / 100) ** -0.3, share=share, init="ranking")
    runs |= many((1, 2, 3), init="rotnet")
    found = labels_saved(intervals.resample(runs, CONFIG, PAPER), 0.95).set_index("metric")
    assert set(found["init"]) == {"ranking"} and list(found.columns) + ["metric"] == [
        *(c for c in LABELS_SAVED_COLUMNS if c != "metric"),
        "metric",
    ]
    mae = found.loc["mae"]  # half the labels make as much noise
    assert mae["low"] < 0.5 < mae["high"] and 0.3 < mae["needed"] < 0.75 and mae["over"] == "seeds and images"
    two = {run: frame for run, frame in runs.items() if run.share != 50}
    few = labels_saved(intervals.resample(two, CONFIG, PAPER), 0.95)
    assert few["needed"].isna().all() and set(few["problem"]) == {"no curve: fewer than 3 shares of the labels"}
