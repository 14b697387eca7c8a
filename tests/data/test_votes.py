"""Histograms from mean scores: moments against sums, the shape against a solver, limits by hand."""

import numpy as np
import pytest
from scipy.linalg import null_space

from aesthetic_pretraining.data.labelled.votes import histogram

SCALES = [
    np.arange(1.0, 11),
    np.linspace(0, 9, 10),
    np.linspace(0, 100, 10),
    np.arange(1.0, 6),
    np.linspace(-1, 1, 20),
    np.array([0.0, 1]),
]


def moments(votes, values):
    mean = votes @ values
    return mean, np.sqrt(np.maximum(votes @ values**2 - mean**2, 0))


@pytest.mark.parametrize("values", SCALES, ids=lambda v: f"{v[0]:g} to {v[-1]:g} in {len(v)}")
def test_mean_and_spread_are_met_exactly(values):
    rng = np.random.default_rng(1)
    mean = np.concatenate([rng.uniform(values[0], values[-1], 400), values])
    spread = rng.uniform(0, 0.7, len(mean)) * (values[-1] - values[0])
    votes = histogram(mean, values, spread)
    assert (votes >= 0).all()
    assert votes.sum(axis=1) == pytest.approx(1)
    found, width = moments(votes, values)
    assert found == pytest.approx(mean, abs=1e-9 * (values[-1] - values[0]))
    least = moments(histogram(mean, values), values)[1]
    most = np.sqrt((values[-1] - mean) * (mean - values[0]))
    assert width == pytest.approx(np.clip(spread, least, most), abs=1e-6 * (values[-1] - values[0]))


def test_without_a_spread_the_votes_are_on_the_two_values_around_the_mean():
    votes = histogram(np.array([1, 2.25, 5, 4.5]), np.arange(1.0, 6))
    assert votes == pytest.approx(np.array([[1, 0, 0, 0, 0], [0, 0.75, 0.25, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0.5, 0.5]]))


def test_an_unknown_spread_is_none():
    values, mean = np.arange(1.0, 6), np.array([2.25, 2.25])
    votes = histogram(mean, values, np.array([np.nan, 1.0]))
    assert votes[0] == pytest.approx([0, 0.75, 0.25, 0, 0])
    assert moments(votes[1:], values)[1] == pytest.approx([1])


def test_a_spread_that_no_votes_can_have_becomes_the_nearest():
    votes = histogram(np.array([2.0, 2.5]), np.arange(1.0, 6), np.array([9.0, 0.1]))
    assert votes[0] == pytest.approx([0.75, 0, 0, 0, 0.25])
    assert votes[1] == pytest.approx([0, 0.5, 0.5, 0, 0])


@pytest.mark.parametrize(("mean", "spread"), [(5.5, 1.4), (3.1, 1.0), (8.0, 2.0), (5.0, 3.5)])
def test_of_all_such_histograms_it_has_the_most_entropy(mean, spread):
    """The entropy changes in no direction that keeps the sum, the mean and the variance; it is concave, so this is its maximum."""
    values = np.arange(1.0, 11)
    votes = histogram(np.array([mean]), values, np.array([spread]))[0]
    kept = null_space(np.stack([np.ones(10), values, values**2]))
    assert kept.shape == (10, 7)
    assert np.log(votes) @ kept == pytest.approx(0, abs=1e-6)
