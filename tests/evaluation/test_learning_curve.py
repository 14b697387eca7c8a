"""Fitted learning curves: known curves come back, against scipy's own fit, and what has no answer has none."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from aesthetic_pretraining.evaluation.statistics.learning_curve import FARTHEST, fit, labels_needed, share_interval

X = np.array([0.2, 0.4, 0.6, 0.8, 1.0])


def power(x, a, b, c):
    return a + b * x**-c


@pytest.mark.parametrize(("a", "b", "c"), [(0.4, 0.1, 0.5), (0.0, 0.5, 0.2), (0.3, 0.02, 2.0), (0.45, 0.0, 1.0)])
def test_a_known_curve_comes_back(a, b, c):
    curve = fit(X, power(X, a, b, c)[None])
    np.testing.assert_allclose(curve.at(X[:, None]).ravel(), power(X, a, b, c), atol=5e-4)
    assert np.isfinite([curve.a, curve.b, curve.c]).all() and curve.a[0] >= 0 and curve.b[0] >= 0


def test_no_fit_of_scipys_is_better():
    rng = np.random.default_rng(0)
    errors = power(X, 0.4, 0.1, 0.5) + rng.normal(0, 0.004, (20, 5))
    curves = fit(X, errors)
    for k, row in enumerate(errors):
        theirs, _ = curve_fit(power, X, row, p0=(0.4, 0.1, 0.5), bounds=([0, 0, 0.05], [1, 1, 8]), maxfev=20_000)
        ours = ((row - power(X, curves.a[k], curves.b[k], curves.c[k])) ** 2).sum()
        assert ours <= ((row - power(X, *theirs)) ** 2).sum() * 1.01 + 1e-9


def test_a_curve_never_rises():
    curves = fit(X, np.array([[0.4, 0.42, 0.44, 0.46, 0.48]]))  # more labels, more error: flat is the nearest
    assert curves.b[0] == 0 and curves.a[0] == pytest.approx(0.44)


def test_labels_needed_by_hand():
    # the better start needs half the labels: error(x) = 0.4 + 0.1 (2 x)^-0.5, which is the other's error at x = 1 for x = 0.5
    better, worse = power(2 * X, 0.4, 0.1, 0.5), power(X, 0.4, 0.1, 0.5)
    np.testing.assert_allclose(labels_needed(X, np.stack([better, worse]), np.stack([worse, worse])), [0.5, 1.0], atol=0.01)
    np.testing.assert_allclose(labels_needed(X, worse[None], (worse + 0.0)[None] * 1.0), [1.0], atol=0.01)


def test_what_lies_beyond_the_curve_is_not_invented():
    flat = np.full((1, 5), 0.5)
    falling = power(X, 0.4, 0.1, 0.5)[None]
    assert labels_needed(X, falling - 0.3, falling) == 0.2  # the least share is good enough: not less than was measured
    assert labels_needed(X, falling + 0.3, falling) == np.inf  # never reached
    assert labels_needed(X, flat, falling) == 0.2 or labels_needed(X, flat, falling) == np.inf
    assert labels_needed(X, flat + 0.1, falling) == np.inf and labels_needed(X, flat - 0.1, falling) == 0.2
    slow = power(X, 0.4, 0.13, 0.1)[None]
    needed = labels_needed(X, slow, falling)[0]
    assert needed > FARTHEST or needed == pytest.approx((0.13 / 0.1) ** 10, rel=0.1)


def test_undefined_errors_stay_undefined():
    errors = np.stack([power(X, 0.4, 0.1, 0.5)] * 2)
    errors[1, 2] = np.nan
    assert np.isnan(labels_needed(X, errors, errors[[0, 0]])).tolist() == [False, True]
    assert np.isnan(share_interval(np.array([0.5, np.nan]), 0.95)).all()


def test_the_interval_may_be_open():
    needed = np.array([0.6] * 90 + [np.inf] * 10)
    assert share_interval(needed, 0.95) == (0.6, np.inf)


def test_two_shares_make_no_curve():
    with pytest.raises(ValueError, match="needs 3 shares of the labels, got 2"):
        fit(np.array([0.5, 1.0, 1.0]), np.ones((1, 3)))


def test_the_interval_holds_the_true_saving_as_often_as_claimed():
    """Curves of five shares with normal noise of 0.002; the saving is 30 %."""
    rng, hits = np.random.default_rng(1), 0
    mine, base = power(X / 0.7, 0.4, 0.1, 0.5), power(X, 0.4, 0.1, 0.5)
    for _ in range(150):
        noise = rng.normal(0, 0.002, (2, 5))
        resampled = rng.normal(0, 0.002, (2, 300, 5))
        low, high = share_interval(labels_needed(X, mine + noise[0] + resampled[0], base + noise[1] + resampled[1]), 0.9)
        hits += low <= 0.7 <= high
    assert hits >= 0.82 * 150
