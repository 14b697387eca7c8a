"""Intervals over people and photos: by hand, against loops, and whether they cover what they should."""

import math

import numpy as np
import pytest
from scipy import stats

from aesthetic_pretraining.evaluation.statistics.clustered import share_interval, variance
from aesthetic_pretraining.evaluation.statistics.proportions import wilson


def test_three_people_by_hand():
    """Three people with two answers each: 2, 2 and 0 of 2; share 2/3. The sums of deviations are 2/3, 2/3 and -4/3, their squares
    4/9 + 4/9 + 16/9 = 8/3; times 3/2, over 36: 1/9. Independent answers would have 2/9/6 = 1/27: six are worth two."""
    yes, people = np.array([1, 1, 1, 1, 0, 0]), np.array(list("aabbcc"))
    assert variance(yes, [np.array([0, 0, 1, 1, 2, 2])]) == pytest.approx(1 / 9)
    share, low, high = share_interval(yes, [people])
    worth = 2 * (1.959964 / 4.302653) ** 2  # Student's t with two degrees of freedom
    assert share == pytest.approx(2 / 3)
    assert (low, high) == pytest.approx([float(end) for end in wilson(2 / 3 * worth, worth)], abs=1e-6)


def loop(yes, first, second):
    """The variance of two ways of clustering as a sum over all pairs of answers that share a cluster, small-sample factors each."""
    deviations, n = yes - yes.mean(), len(yes)

    def part(same, clusters):
        pairs = sum(deviations[i] * deviations[j] for i in range(n) for j in range(n) if same(i, j))
        return clusters / (clusters - 1) * pairs / n**2

    a = part(lambda i, j: first[i] == first[j], len(set(first)))
    b = part(lambda i, j: second[i] == second[j], len(set(second)))
    both = part(lambda i, j: first[i] == first[j] and second[i] == second[j], len(set(zip(first, second))))
    return max(a, b, a + b - both)


@pytest.mark.parametrize("seed", range(5))
def test_two_ways_against_a_loop(seed):
    rng = np.random.default_rng(seed)
    people, photos, yes = rng.integers(0, 7, 60), rng.integers(0, 9, 60), rng.integers(0, 2, 60)
    codes = [np.unique(way, return_inverse=True)[1] for way in (people, photos)]
    assert variance(yes.astype(float), codes) == pytest.approx(loop(yes, people.tolist(), photos.tolist()))


def test_one_answer_each_is_wilsons_interval_with_students_t():
    yes, people = np.arange(200) % 4 > 0, np.arange(200)
    low, high = share_interval(yes, [people])[1:]
    narrow = [float(end) for end in wilson(150, 200)]
    assert low < narrow[0] and high > narrow[1]  # t, and n / (n - 1)
    assert (low, high) == pytest.approx(narrow, abs=1e-3)


def test_what_a_single_cluster_and_equal_answers_tell():
    assert share_interval(np.array([1, 0, 1]), [np.array(["a"] * 3)])[0] == pytest.approx(2 / 3)
    assert np.isnan(share_interval(np.array([1, 0, 1]), [np.array(["a"] * 3), np.arange(3)])[1:]).all()
    # 40 equal answers of four people count as four
    share, low, high = share_interval(np.ones(40), [np.arange(40) % 4])
    worth = 4 * (1.959964 / stats.t.ppf(0.975, 3)) ** 2
    assert (share, high) == (1.0, 1.0) and low == pytest.approx(float(wilson(worth, worth)[0]), abs=1e-6)


def test_answers_of_one_cluster_that_differ_more_than_chance_give_no_narrower_interval():
    yes, people = np.array([0, 1] * 50), np.arange(100) // 2  # everybody says yes once
    low, high = share_interval(yes, [people])[1:]
    factor = (1.959964 / stats.t.ppf(0.975, 49)) ** 2
    assert (low, high) == pytest.approx([float(end) for end in wilson(50 * factor, 100 * factor)], abs=1e-6)


def test_the_true_share_is_inside_about_as_often_as_promised():
    """People and photos differ in how often the original is preferred; taking the answers for independent misses it far more often."""
    rng, people, photos, truth = np.random.default_rng(5), 40, 30, 0.0
    inside = {"clustered": 0, "plain": 0}
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    truth = float((weights / (1 + np.exp(-(0.8 + math.sqrt(0.9) * nodes)))).sum() / math.sqrt(2 * math.pi))
    for _ in range(300):
        person, photo = rng.integers(0, people, 400), rng.integers(0, photos, 400)
        leaning = 0.8 + rng.normal(0, math.sqrt(0.45), people)[person] + rng.normal(0, math.sqrt(0.45), photos)[photo]
        yes = rng.random(400) < 1 / (1 + np.exp(-leaning))
        low, high = share_interval(yes, [person, photo])[1:]
        inside["clustered"] += low <= truth <= high
        low, high = wilson(yes.sum(), 400)
        inside["plain"] += bool(low <= truth <= high)
    assert inside["clustered"] >= 279  # 93 %
    assert inside["plain"] <= 255  # 85 %
