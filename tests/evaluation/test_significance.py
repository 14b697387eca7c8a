"""The daggers: Wilcoxon's test against a textbook, enumeration and scipy; Bonferroni; seeds."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from aesthetic_pretraining.evaluation.runs import Run
from aesthetic_pretraining.evaluation.statistics import significance


def series(values):
    return pd.Series(np.asarray(values, float), index=[f"{i:03d}" for i in range(len(values))])


def frame(errors, target=5.0):
    """A prediction frame with these signed errors."""
    return (
        series(errors).rename_axis("id").reset_index(name="error").assign(target=target, predicted=lambda f: target + f.error)
    )


def enumerated_p(differences):
    """P(W+ <= observed) if every sign were a fair coin: all 2^n signs, W+ the rank sum of the positive differences."""
    differences = [d for d in differences if d]
    ranks = stats.rankdata(np.abs(differences))
    observed = sum(rank for rank, d in zip(ranks, differences) if d > 0)
    sums = [sum(rank for rank, up in zip(ranks, signs) if up) for signs in product([0, 1], repeat=len(ranks))]
    return np.mean([total <= observed + 1e-9 for total in sums])


def test_darwins_maize_the_textbook_example():
    # Darwin's 15 pairs of crossed and self-fertilised maize (in eighths of an inch), used by Fisher (1935) and in the
    # documentation of scipy: T = 24; the two-sided exact p is 0.041259765625.
    differences = [6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75]
    baseline = np.full(15, 100.0)
    found = significance.wilcoxon_less(series(baseline - differences), series(baseline))
    assert found.p == pytest.approx(0.041259765625 / 2)
    assert found.effect == pytest.approx((96 - 24) / 120) and found.exact and found.pairs == 15
    assert enumerated_p([-d for d in differences]) == pytest.approx(0.041259765625 / 2)


@pytest.mark.parametrize(
    "differences",
    [[-1.5, -2, 3, -4, -5, -6, 7.5], [0, -1, -1, 2, -2, -3, 0], [-1, -1, -1, -1, 1], [1, 2, 3, 4, 5]],
    ids=["plain", "ties and zeros", "all tied", "worse"],
)
def test_small_samples_against_all_signs(differences):
    baseline = series(np.full(len(differences), 10.0))
    found = significance.wilcoxon_less(baseline + differences, baseline)
    assert found.p == pytest.approx(enumerated_p(differences)) and found.exact
    ranks = stats.rankdata(np.abs([d for d in differences if d]))
    signs = np.sign([d for d in differences if d])
    assert found.effect == pytest.approx((ranks[signs < 0].sum() - ranks[signs > 0].sum()) / ranks.sum())
    assert found.pairs == len(ranks)


def test_many_pictures_against_the_normal_approximation():
    rng = np.random.default_rng(1)
    ours, baseline = rng.exponential(0.46, 3000), rng.exponential(0.48, 3000)
    differences = ours - baseline
    ranks = stats.rankdata(np.abs(differences))
    n = len(ranks)
    z = (ranks[differences > 0].sum() - n * (n + 1) / 4) / np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    found = significance.wilcoxon_less(series(ours), series(baseline))
    assert found.p == pytest.approx(stats.norm.cdf(z), rel=1e-6)
    assert not found.exact and 0 < found.effect < 0.2


@pytest.mark.parametrize(
    ("pairs", "ties", "exact"), [(50, False, True), (51, False, False), (13, True, True), (14, True, False)]
)
def test_which_p_values_are_exact(pairs, ties, exact):
    differences = np.arange(1, pairs + 1) * np.where(np.arange(pairs) % 3, -1.0, 1)
    if ties:
        differences[0] = differences[1]
    baseline = series(np.full(pairs, 100.0))
    found = significance.wilcoxon_less(baseline + differences, baseline)
    assert found.exact == exact
    if ties and exact:
        assert found.p == pytest.approx(enumerated_p(differences))


def test_the_side_of_the_test_and_models_that_never_differ():
    better, worse = series(np.linspace(0.1, 0.5, 20)), series(np.linspace(0.3, 0.9, 20))
    assert significance.wilcoxon_less(better, worse).p < 1e-5
    assert significance.wilcoxon_less(worse, better).p > 0.999
    assert significance.wilcoxon_less(better, worse).effect == -significance.wilcoxon_less(worse, better).effect == 1
    assert significance.wilcoxon_less(better, better) == (1, 0, 0, True)


def test_round_off_does_not_break_ties():
    # 0.3 - 0.2 and 0.2 - 0.1 differ in the last bit; as unequal numbers they would get different ranks, and p = 0.25.
    ours, baseline = series([0.3, 0.1, 0.1]), series([0.2, 0.2, 0.2])
    assert (ours - baseline).abs().nunique() > 1
    assert significance.wilcoxon_less(ours, baseline).p == pytest.approx(enumerated_p([1, -1, -1])) == 0.5


def test_bonferroni():
    assert significance.bonferroni(0.004, 10) == pytest.approx(0.04)
    assert significance.bonferroni(0.2, 10) == 1


def test_errors_come_in_the_pictures_order():
    shuffled = frame([-0.1, 1.0, 0.3]).iloc[[2, 0, 1]]  # rows of another file may come in another order
    assert significance.absolute_errors(shuffled).tolist() == pytest.approx([0.1, 1.0, 0.3])


def test_pictures_must_match():
    with pytest.raises(ValueError, match="'002' was not scored by both"):
        significance.wilcoxon_less(series([1, 2]), series([1, 2, 3]))
    with pytest.raises(ValueError, match="'000' appears twice"):
        significance.wilcoxon_less(significance.absolute_errors(frame([1, 2]).assign(id="000")), series([1, 2]))
    with pytest.raises(ValueError, match="different orders"):
        significance.wilcoxon_less(series([1, 2]), series([1, 2])[::-1])
    with pytest.raises(ValueError, match="'001' has no finite error"):
        significance.wilcoxon_less(series([1, float("nan")]), series([1, 2]))


def runs(**errors):
    return {Run(init, 100, 0, 0, dataset): frame(values) for init, values in errors.items() for dataset in ("ava", "tid2013")}


def test_compare_counts_what_it_compares():
    rng = np.random.default_rng(0)
    base = rng.normal(0, 1, 40)
    predictions = runs(imagenet=base, ranking=base * 0.8, rotnet=base * 1.2, mine=base + rng.normal(0, 1e-3, 40))
    predictions[Run("ranking", 20, 0, 0, "ava")] = frame(base * 9)  # another share: no part of Table 2
    table = significance.compare(predictions).set_index(["init", "dataset"])
    assert len(table) == 6 and set(table["comparisons"]) == {6} and set(table["alpha"]) == {0.01} and set(table["n"]) == {40}
    expected = stats.wilcoxon(np.abs(base * 0.8) - np.abs(base), alternative="less").pvalue
    assert table.loc[("ranking", "ava"), "p_raw"] == pytest.approx(expected)
    assert table.loc[("ranking", "ava"), "p"] == pytest.approx(6 * expected)
    assert list(table.query("significant").index) == [("ranking", "ava"), ("ranking", "tid2013")]


def several(dataset="ava", **errors):
    """{init: {(pretraining, seed): errors}} as predictions."""
    return {Run(init, 100, *key, dataset): frame(values) for init, trained in errors.items() for key, values in trained.items()}


def test_each_training_is_tested_against_imagenets_of_its_seed():
    """Against scipy, training by training; a row is significant where the weakest of its tests is."""
    rng = np.random.default_rng(1)
    base = {seed: rng.normal(0, 1, 60) for seed in (1, 2)}
    ours = {(p, seed): base[seed] * factor for p, seed, factor in [(1, 1, 0.8), (1, 2, 0.9), (5, 1, 0.7), (5, 2, 0.6)]}
    lucky = ours | {(5, 2): base[2] * 1.1}
    predictions = several(imagenet={(0, seed): errors for seed, errors in base.items()}, ranking=ours, rotnet=lucky)
    table = significance.compare(predictions).set_index("init")
    for init, rows in (("ranking", ours), ("rotnet", lucky)):
        p = [
            stats.wilcoxon(np.abs(errors) - np.abs(base[seed]), alternative="less", method="asymptotic").pvalue
            for (_, seed), errors in rows.items()
        ]
        assert table.loc[init, "p_raw"] == pytest.approx(max(p))
        assert table.loc[init, "smaller"] == sum(2 * value < 0.01 for value in p) and table.loc[init, "tested"] == 4
    assert table["significant"].to_dict() == {"ranking": True, "rotnet": False}
    assert table.loc["rotnet", "smaller"] == 3 and table.loc["rotnet", "effect"] == -1 and table.loc["rotnet", "p"] == 1
    assert set(table["comparisons"]) == {2}  # rows, not trainings


def test_training_luck_alone_rarely_gets_a_dagger():
    """Networks that differ from ImageNet's by luck alone: each test sees it, as likely to either side; all five of a row seldom agree."""
    rng, one, every = np.random.default_rng(2), 0, 0
    for _ in range(60):
        picture = rng.normal(0, 1, 2000)
        trained = {
            init: {(p, seed): picture * (1 + rng.normal(0, 0.05)) for seed in range(5)}
            for init, p in (("imagenet", 0), ("ranking", 1))
        }
        found = significance.compare(several(**trained)).iloc[0]
        one, every = one + found["smaller"] / 5, every + found["significant"]
    assert one / 60 > 0.3 and every / 60 <= 0.1  # 1/2^5 = 0.03 expected


def test_a_seed_that_imagenet_lacks_is_not_tested():
    base = np.linspace(1, 2, 40)
    table = significance.compare(
        several(imagenet={(0, 1): base}, ranking={(1, 1): base / 2, (1, 2): base / 2}, rotnet={(1, 3): base / 2})
    ).set_index("init")
    assert table.loc["ranking", ["tested", "smaller", "significant", "problem"]].tolist() == [1, 1, True, ""]
    assert table.loc["rotnet", "problem"] == "imagenet has none of its fine-tuning seeds"
    assert pd.isna(table.loc["rotnet", "significant"]) and set(table["comparisons"]) == {2}


def test_the_correction_can_cost_a_dagger():
    differences = np.arange(1, 9)  # eight of eight better: p = 1/256
    predictions = runs(imagenet=[10] * 8, ranking=10 - differences / 9)
    assert significance.compare(predictions)["significant"].all()  # 2 comparisons: 0.0078 < 0.01
    predictions |= runs(rotnet=[11] * 8)
    assert not significance.compare(predictions)["significant"].any()  # 4 comparisons: 0.0156


def test_a_comparison_that_cannot_be_made_is_shown_and_counted():
    predictions = runs(imagenet=[1, 2, 3], ranking=[1, 2], rotnet=[0.5, 1, 2])
    predictions[Run("rotnet", 100, 0, 0, "tid2013")] = frame([0.5, 1, 2], target=5.5)
    table = significance.compare(predictions).set_index(["init", "dataset"])
    assert len(table) == 4 and set(table["comparisons"]) == {4}
    assert table.loc[("ranking", "ava"), "problem"] == "other images than imagenet: only one of the two has '002'"
    assert table.loc[("rotnet", "tid2013"), "problem"] == "other labels than imagenet, of '000' and 2 more"
    odd = table[table["problem"] != ""]
    assert len(odd) == 3 and odd[["p", "effect"]].isna().all(axis=None) and odd["significant"].isna().all()
    assert table.loc[("rotnet", "ava"), "p"] == 0.5  # one eighth, times four


def test_without_the_baseline_there_is_nothing_to_compare_with():
    table = significance.compare(runs(ranking=[1, 2, 3]))
    assert set(table["problem"]) == {"no comparable imagenet predictions"} and table["p"].isna().all()


def test_the_sentence_states_number_level_and_kind():
    both = significance.sentence(10, 0.01, ["approximate", "exact"])
    assert "Bonferroni-corrected for 10 comparisons, alpha = 0.01" in both
    assert "(exact p values, p values by normal approximation)" in both
    assert "1 comparison," in significance.sentence(1, 0.05, ["exact"])
    assert "(not made)" in significance.sentence(1, 0.05, [])
