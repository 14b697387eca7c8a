"""Claims about the photos and about features under style: by hand, against scipy, and with nothing to look at."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from aesthetic_pretraining.distortions import DISTORTIONS
from aesthetic_pretraining.evaluation.photos.shares import shares_above
from aesthetic_pretraining.reporting.claim_evidence import Evidence
from aesthetic_pretraining.reporting.photo_claims import high_quality, moved_less, spread_over_classes

BASELINES, RANKED = ["imagenet", "rotnet", "simclr"], ["ranking", "ranking_classification", "ranking_regression"]
NOTHING = Evidence(*[pd.DataFrame()] * 5, 0.95)


def scored(shares, photos=1000):
    """Evidence of networks that give so many of the photos more than five."""
    seeds = {f"seed{k}": np.where(np.arange(photos) < share * photos, 6.0, 4.0) for k, share in enumerate(shares)}
    return dataclasses.replace(NOTHING, photo_scores=shares_above(pd.DataFrame({"split": "test"} | seeds)))


def test_another_trainings_share_is_predicted_from_the_seeds():
    shares = [0.86, 0.88, 0.90, 0.87]
    found = high_quality(scored(shares, 1_000_000), 0.88)
    half = stats.t.ppf(0.975, 3) * np.std(shares, ddof=1) * np.sqrt(1 + 1 / 4)  # Wilson's part is below 0.001
    assert (found.value, found.low, found.high) == pytest.approx((0.8775, 0.8775 - half, 0.8775 + half), abs=1e-4)
    assert found.verdict == "within noise"  # +- 0.054 confirms nothing
    assert high_quality(scored([0.87, 0.88, 0.875]), 0.88).verdict == "reproduced"
    assert high_quality(scored([0.47, 0.48, 0.475]), 0.88).verdict == "not reproduced"
    assert "another training run [" in found.words and "87.8% of 1,000,000 photos" in found.words


@pytest.mark.parametrize("shares", [[0.5], [0.5, 0.51]])
def test_fewer_than_three_trainings_get_no_verdict(shares):
    found = high_quality(scored(shares), 0.88)
    assert found.verdict == "no interval: fewer than 3 seeds"
    assert found.words.endswith("interval over photos only")


def test_few_photos_widen_the_interval():
    few, many = high_quality(scored([0.87, 0.88, 0.875], 8), 0.88), high_quality(scored([0.87, 0.88, 0.875]), 0.88)
    assert few.high - few.low > 5 * (many.high - many.low) and few.verdict == "within noise"


def seen(**changes):
    row = {"network": "net", "kind": "class", "photos": 5000, "nothing": 0, "classes": 1000, "seen": 800,
           "effective": 300.4, "evenness": 0.9, "most": "cat", "most_share": 0.1} | changes  # fmt: skip
    other = row | {"network": "eye", "kind": "object", "classes": 80, "seen": 70, "most": "person", "most_share": 0.5}
    return dataclasses.replace(NOTHING, diversity=pd.DataFrame([row, other]))


def test_many_classes_and_none_in_most_photos():
    found = spread_over_classes(seen(), "not a number")
    assert found.verdict == "reproduced" and np.isnan(found.value)
    assert found.words.startswith(
        "net: 800 of 1000 classes, as diverse as 300 equally frequent ones; most frequent: cat (10% of the photos); eye: 70 of 80 kinds"
    )
    assert spread_over_classes(seen(seen=499), "").verdict == "not reproduced"
    assert spread_over_classes(seen(most_share=0.51), "").verdict == "not reproduced"
    assert spread_over_classes(seen(photos=40, seen=20), "").verdict == "reproduced"  # of 40 photos, no more than 40 classes


def features(style, photos=12, noise=0.01, technical=1.0):
    """Evidence in which style moves each network's features so far, technical distortions all of them alike."""
    rng = np.random.default_rng(0)
    rows = []
    for photo in range(photos):
        own = rng.normal(0, 1)  # what photos differ in, all networks alike
        for init, distance in style.items():
            values = {n: (distance if d.aspect == "style" else technical) + own for n, d in DISTORTIONS.items()}
            rows.append({"init": init, "photo": f"p{photo}"} | {n: v + rng.normal(0, noise) for n, v in values.items()})
    return dataclasses.replace(NOTHING, sensitivity=pd.DataFrame(rows))


LESS = dict.fromkeys(BASELINES, 0.2) | dict.fromkeys(RANKED, 0.5)


def ask(evidence):
    return moved_less(evidence, "not a number", BASELINES, RANKED, "style")


def test_less_is_less_photo_by_photo():
    found = ask(features(LESS))  # photos differ far more than networks
    assert found.verdict == "reproduced"
    assert "9 of 9 less, 9 beyond noise (12 photos)" in found.words
    assert ask(features(LESS | {"simclr": 0.8})).verdict == "not reproduced"
    assert ask(features(LESS | {"simclr": 0.5})).verdict == "within noise"
    assert moved_less(features(LESS), "", BASELINES, RANKED, "technical").verdict == "within noise"


def test_intervals_are_those_of_a_paired_t_test():
    evidence = features(LESS | {"simclr": 0.495}, photos=5, noise=0.03)
    style = [name for name, d in DISTORTIONS.items() if d.aspect == "style"]
    moved = evidence.sensitivity.set_index(["photo", "init"])[style].mean(axis=1).unstack()
    lows = [stats.ttest_rel(moved[b], moved[a]).confidence_interval(0.95).low for a in BASELINES for b in RANKED]
    assert f"{sum(low > 0 for low in lows)} beyond noise" in ask(evidence).words


def test_one_of_nine_that_misses_by_chance_does_not_refute():
    """Without any difference, a verdict "not reproduced" comes at most as often as the confidence says."""
    rng, refuted = np.random.default_rng(1), 0
    inits = [*BASELINES, *RANKED]
    for _ in range(200):
        rows = pd.DataFrame(rng.normal(1, 0.1, (len(inits) * 15, 21)), columns=list(DISTORTIONS))
        rows = rows.assign(init=np.repeat(inits, 15), photo=np.tile(np.arange(15), len(inits)))
        refuted += ask(dataclasses.replace(NOTHING, sensitivity=rows)).verdict == "not reproduced"
    assert refuted <= 200 * 0.025 + 3 * np.sqrt(200 * 0.025)


def test_what_was_not_made_is_not_measured():
    for found in (high_quality(NOTHING, 0.88), spread_over_classes(NOTHING, ""), ask(NOTHING)):
        assert found.verdict == "not measured"
    assert ask(features({k: v for k, v in LESS.items() if k != "simclr"})).words == "not trained: simclr"
