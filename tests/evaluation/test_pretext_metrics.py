"""What is counted of the pretext tasks, against slow loops, set answers and scipy."""

import numpy as np
import pytest
from scipy.stats import linregress, t

from aesthetic_pretraining.distortions import ASPECTS, DISTORTIONS, VARIANTS, anchor_index, norm
from aesthetic_pretraining.evaluation.pretext_metrics import (
    Confusion,
    CrossResponse,
    RankingAccuracy,
    equation_1,
    first_pretraining,
    ladder,
    steps,
)
from aesthetic_pretraining.evaluation.statistics.proportions import wilson
from aesthetic_pretraining.training.losses import class_targets, ranking_pairs

SIZE = {aspect: sum(d.aspect == aspect for d in DISTORTIONS.values()) for aspect in ASPECTS}


def position(distortion, level):
    """Where a picture stands, looked up one by one."""
    if level == 0:
        return anchor_index(distortion)
    return next(i for i, v in enumerate(VARIANTS) if (v.distortion, v.level) == (distortion, level))


def test_ladders_ascend_through_their_anchor():
    assert [level for level, _ in ladder("vibrance")] == [-2, -1, 0, 1, 2, 3, 4]
    for name, d in DISTORTIONS.items():
        assert ladder(name) == [(level, position(name, level)) for level in sorted([0, *d.levels])]


def test_every_step_goes_one_level_away_from_the_original():
    assert len(steps()) == 171  # one for each distorted picture
    for name, level, before, after in steps():
        assert before == position(name, level - np.sign(level)) and after == position(name, level)


def test_ranking_accuracy_against_a_loop():
    rng, table = np.random.default_rng(0), RankingAccuracy()
    scores = rng.integers(0, 4, (7, len(VARIANTS)))  # few values: many ties
    for photo in scores:
        table.add("ranking", 1, photo)
        table.add("ranking", 4, -photo)
    whole = table.frame()
    assert whole["pretraining"].tolist() == [1] * 171 + [4] * 171
    assert not whole.duplicated(["task", "pretraining", "distortion", "level"]).any()
    frame = first_pretraining(whole).set_index(["task", "distortion", "level"])
    for name, d in DISTORTIONS.items():
        for level in d.levels:
            nearer = level - 1 if level > 0 else level + 1
            right = sum(photo[position(name, nearer)] > photo[position(name, level)] for photo in scores)
            row = frame.loc["ranking", name, level]
            assert (row["photos"], row["right"]) == (7, right) and row["share"] == pytest.approx(right / 7)
            assert row["low"] <= row["share"] <= row["high"]


def test_pooled_accuracy_has_the_interval_of_its_photos_not_of_its_pairs():
    rng, table = np.random.default_rng(3), RankingAccuracy()
    kinds = {"ranking": rng.uniform(0, 1, 40) > 0.3, "ranking_regression": [True], "simple": [True, True]}
    shares = {}
    for task, photos in kinds.items():
        for good in photos:  # a photo is ranked right by and large, or wrong
            scores = (-1 if good else 1) * np.array([abs(v.level) for v in VARIANTS]) + rng.normal(0, 0.5, len(VARIANTS))
            table.add(task, 5, scores)
            wins = [scores[b] > scores[a] for _, _, b, a in steps()]
            shares.setdefault(task, []).append(np.mean(wins))
    frame = table.pooled().set_index("task")
    assert list(table.pooled()) == ["task", "pretraining", "photos", "accuracy", "low", "high", "all_pairs"] and set(
        frame["pretraining"]
    ) == {5}
    for task, values in shares.items():
        row = frame.loc[task]
        assert row["photos"] == len(values) and row["accuracy"] == pytest.approx(np.mean(values))
        if len(values) == 1:
            assert np.isnan(row["low"]) and np.isnan(row["high"])
            continue
        low, high = t.interval(0.95, len(values) - 1, np.mean(values), np.std(values, ddof=1) / np.sqrt(len(values)))
        assert (row["low"], row["high"]) == (pytest.approx(low), pytest.approx(high))
    right = table.frame().query("task == 'ranking'")["right"].sum()
    too_narrow = wilson(right, 40 * 171)
    assert frame.loc["ranking", "high"] - frame.loc["ranking", "low"] > 3 * (too_narrow[1] - too_narrow[0])


def test_a_perfect_and_a_reversed_order():
    table = RankingAccuracy()
    distance = np.array([abs(variant.level) for variant in VARIANTS], float)
    table.add("ranking", 1, -distance)
    table.add("ranking_regression", 1, distance)
    table.add("ranking_classification", 1, 0 * distance)  # a network that says the same of all is not right
    shares = table.frame().groupby("task")["share"].agg(["min", "max"]).T.to_dict("list")
    assert shares == {"ranking": [1, 1], "ranking_regression": [0, 0], "ranking_classification": [0, 0]}


def test_confusion_counts_each_answer_where_it_belongs():
    rng, table, expected = np.random.default_rng(1), Confusion(), {}
    for _ in range(5):
        logits = {aspect: rng.normal(size=(len(VARIANTS), SIZE[aspect])) for aspect in ASPECTS}
        table.add(7, logits | {"rank": np.zeros((len(VARIANTS), 1))})
        table.add(2, {aspect: 0 * values for aspect, values in logits.items()})  # names the first one always
        for aspect in ASPECTS:
            names = [name for name, d in DISTORTIONS.items() if d.aspect == aspect]
            for i, label in zip(*class_targets(aspect), strict=True):
                key = (aspect, names[label], VARIANTS[i].level, names[int(np.argmax(logits[aspect][i]))])
                expected[key] = expected.get(key, 0) + 1
    whole = table.frame()
    other = whole[whole["pretraining"] == 2]
    assert set(other.loc[other["photos"] > 0, "answered"]) == {next(iter(names)) for names in table.names.values()}
    frame = first_pretraining(whole)
    assert set(frame["pretraining"]) == {7}  # the first that was added, whatever its number
    counted = frame.set_index(["aspect", "applied", "level", "answered"])["photos"]
    assert counted[counted > 0].to_dict() == expected
    assert counted.sum() == 5 * 171
    assert len(frame) == sum(len(d.levels) * SIZE[d.aspect] for d in DISTORTIONS.values())


def test_cross_responses_are_the_slope_and_correlation_within_photos():
    rng, table = np.random.default_rng(2), CrossResponse()
    photos = rng.normal(size=(6, len(VARIANTS), len(DISTORTIONS))) + 10 * rng.normal(size=(6, 1, 1))  # photos differ
    names = list(DISTORTIONS)
    photos[:, :, names.index("tint")] = 0.25
    for outputs in photos:
        table.add(1, outputs)
        table.add(2, -outputs)
    whole = table.frame()
    frame = first_pretraining(whole).set_index(["applied", "output"])
    np.testing.assert_allclose(whole.loc[whole["pretraining"] == 2, "slope"], -frame["slope"], atol=1e-12)
    assert len(frame) == 441 and set(frame["photos"]) == {6}
    for applied, output in [("brightness", "contrast"), ("shadows", "shadows"), ("rotation", "jpeg_compression")]:
        levels = [0, *DISTORTIONS[applied].levels]
        x = np.array([norm(applied, level) for level in levels])
        y = photos[:, [position(applied, level) for level in levels], names.index(output)]
        fit = linregress(np.tile(x, 6), (y - y.mean(axis=1, keepdims=True)).ravel())
        assert tuple(frame.loc[(applied, output), ["slope", "correlation"]]) == pytest.approx((fit.slope, fit.rvalue))
    constant = frame.xs("tint", level="output")
    assert constant["correlation"].isna().all() and (constant["slope"] == 0).all()


def test_a_network_that_reads_its_levels_has_slope_one():
    table, outputs = CrossResponse(), np.zeros((len(VARIANTS), len(DISTORTIONS)))
    for k, name in enumerate(DISTORTIONS):
        for level in DISTORTIONS[name].levels:
            outputs[position(name, level), k] = norm(name, level)
    table.add(1, outputs)
    frame = table.frame()
    same = frame["applied"] == frame["output"]
    assert frame.loc[same, ["slope", "correlation"]].to_numpy() == pytest.approx(1)
    assert (frame.loc[~same, "slope"] == 0).all()


def test_nothing_added_gives_the_heads_alone():
    assert first_pretraining(Confusion().frame()).empty
    assert [len(table.frame()) for table in (RankingAccuracy(), Confusion(), CrossResponse())] == [0, 0, 0]
    assert RankingAccuracy().pooled().empty
    assert list(RankingAccuracy().frame()) == [
        "task",
        "pretraining",
        "distortion",
        "level",
        "photos",
        "right",
        "share",
        "low",
        "high",
    ]


def test_all_pairs_are_those_of_the_ranking_loss():
    """The loss lists its pairs on its own, from the distortions' levels."""
    assert sorted(zip(*equation_1())) == sorted(zip(*ranking_pairs()))
    scores = np.random.default_rng(3).random((2, len(VARIANTS)))
    table = RankingAccuracy()
    for row in scores:
        table.add("ranking", 1, row)
    right = [row[i] > row[j] for row in scores for i, j in zip(*ranking_pairs())]
    assert table.pooled()["all_pairs"].item() == pytest.approx(np.mean(right))
