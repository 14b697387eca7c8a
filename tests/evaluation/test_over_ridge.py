"""Differences to ridge regression: values by hand, intervals against a bootstrap written here."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from labelled_sets import AVA
from predictions import predictions
from probes import INTERVALS
from scipy.stats import spearmanr

from aesthetic_pretraining.evaluation.probes.over_ridge import OVER_COLUMNS, beyond_noise, over_ridge
from aesthetic_pretraining.evaluation.runs import Run
from aesthetic_pretraining.settings.labels import Labels

RNG = np.random.default_rng(0)
TARGET = RNG.uniform(2, 9, 80)
ALONE, HOME = Labels(AVA, (AVA,), simulated=False), AVA.name


def frame(noise, seed):
    return predictions(TARGET, np.clip(TARGET + np.random.default_rng(seed).normal(0, noise, 80), 1, 10), true=TARGET)


RIDGE = frame(1.0, 99)
RUNS = {Run("imagenet", 100, 0, seed, HOME): frame(1.5, seed) for seed in (1, 2, 3, 4)}
RUNS |= {Run("ranking", 100, 1, seed, HOME): frame(0.2, 10 + seed) for seed in (1, 2, 3, 4)}
RUNS |= {Run("imagenet", 20, 0, 1, HOME): frame(3.0, 50)}  # another share: not compared


@pytest.fixture(scope="module")
def found():
    return over_ridge(RUNS, RIDGE, dataclasses.replace(INTERVALS, resamples=2000), ALONE)


def test_every_row_is_compared_in_every_metric(found):
    assert list(found.columns) == OVER_COLUMNS and set(found["init"]) == {"imagenet", "ranking"}
    assert {"lcc", "srcc", "acc", "mae"} <= set(found["metric"]) and len(found) == 2 * found["metric"].nunique()


def test_differences_are_means_over_seeds_minus_ridge(found):
    srcc, mae = (found[found["metric"] == name].set_index("init")["difference"] for name in ("srcc", "mae"))
    for init in ("imagenet", "ranking"):
        own = [each["predicted"] for run, each in RUNS.items() if run.init == init and run.share == 100]
        wanted = np.mean([spearmanr(TARGET, one).statistic for one in own]) - spearmanr(TARGET, RIDGE["predicted"]).statistic
        assert srcc[init] == pytest.approx(wanted, abs=1e-9)
        assert mae[init] == pytest.approx(
            np.mean([abs(one - TARGET).mean() for one in own]) - abs(RIDGE["predicted"] - TARGET).mean()
        )


def test_the_interval_over_images_is_that_of_a_paired_bootstrap():
    found = over_ridge(RUNS, RIDGE, dataclasses.replace(INTERVALS, resamples=4000, interval="images"), ALONE)
    row = found[(found["metric"] == "mae") & (found["init"] == "imagenet")].iloc[0]
    own = np.mean(
        [abs(each["predicted"] - TARGET) for run, each in RUNS.items() if run.init == "imagenet" and run.share == 100], axis=0
    )
    paired = own - abs(RIDGE["predicted"].to_numpy() - TARGET)
    means = paired[RNG.integers(0, 80, (4000, 80))].mean(axis=1)
    assert [row["low"], row["high"]] == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.03)
    assert row["over"] == "images"


def test_ridge_has_no_seeds_to_miss(found):
    """A pretraining of one seed is missing from the ranking's interval; nothing is from ImageNet's."""
    over = found.groupby("init")["over"].agg(set)
    assert over["imagenet"] == {"seeds and images"} and over["ranking"] == {"fine-tuning seeds and images"}


def test_beyond_noise_is_an_interval_on_one_side():
    rows = pd.DataFrame({"low": [0.1, -0.1, -0.3, np.nan], "high": [0.2, 0.1, -0.1, np.nan]})
    assert beyond_noise(rows, 1).tolist() == [True, False, False, False]
    assert beyond_noise(rows, -1).tolist() == [False, False, True, False]
