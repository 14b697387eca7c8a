"""Ridge regression against least squares with augmented rows, scikit-learn, and what is known by hand."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge as Sklearn

from aesthetic_pretraining.evaluation.probes import ridge

STRENGTHS = (1e-3, 0.3, 20.0)


def problem(n, d, targets=3, seed=0):
    rng = np.random.default_rng(seed)
    features = (rng.normal(size=(n, d)) * rng.uniform(0.1, 30, d) + rng.normal(size=d) * 10).astype(np.float32)
    return features, rng.normal(size=(n, targets)) + 5


def augmented(features, targets, strength, test):
    """The same model by another way: ridge is least squares with one more row sqrt(n s) for each feature."""
    x = features.astype(float)
    z, y = (x - x.mean(axis=0)) / x.std(axis=0), targets - targets.mean(axis=0)
    n, d = z.shape
    rows = np.vstack([z, np.sqrt(n * strength) * np.eye(d)])
    weights = np.linalg.lstsq(rows, np.vstack([y, np.zeros((d, y.shape[1]))]), rcond=None)[0]
    return (test - x.mean(axis=0)) / x.std(axis=0) @ weights + targets.mean(axis=0)


@pytest.mark.parametrize(("n", "d"), [(60, 8), (12, 40), (9, 8), (8, 9), (9, 9), (2, 5)])
def test_it_is_least_squares_with_augmented_rows(n, d):
    features, targets = problem(n + 7, d)
    model = ridge.fit(features, range(n), targets[:n], STRENGTHS)
    found = model.predict(features, range(n, n + 7))
    for k, strength in enumerate(STRENGTHS):
        wanted = augmented(features[:n], targets[:n], strength, features[n:].astype(float))
        np.testing.assert_allclose(found[k], wanted, rtol=1e-8, atol=1e-8)


def test_it_is_scikit_learns_with_its_penalty_times_the_pictures():
    features, targets = problem(50, 6)
    x = features.astype(float)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    found = ridge.fit(features, range(50), targets, [0.7]).predict(features, range(50))[0]
    np.testing.assert_allclose(found, Sklearn(alpha=0.7 * 50).fit(z, targets).predict(z), rtol=1e-9)


def test_parts_and_the_order_of_the_pictures_change_nothing(monkeypatch):
    features, targets = problem(40, 5)
    rows = np.random.default_rng(1).permutation(40)[:31]
    model = ridge.fit(features, rows, targets[rows], STRENGTHS)
    again = ridge.fit(features, sorted(rows), targets[sorted(rows)], STRENGTHS)
    assert np.array_equal(model.weights, again.weights)
    monkeypatch.setattr(ridge, "AT_ONCE", 7)
    parts = ridge.fit(features, rows, targets[rows], STRENGTHS)
    np.testing.assert_allclose(parts.weights, model.weights, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(parts.predict(features, rows), model.predict(features, rows), rtol=1e-9)


def test_both_decompositions_agree():
    """One picture more than features, and one fewer: two ways that have to meet where the extra picture says nothing new."""
    features, targets = problem(20, 21)
    doubled = np.concatenate([features, features])  # 40 images: the d x d way, of the same problem
    wide = ridge.fit(features, range(20), targets, STRENGTHS)
    tall = ridge.fit(doubled, range(40), np.concatenate([targets, targets]), STRENGTHS)
    np.testing.assert_allclose(wide.weights, tall.weights, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("n", [4, 30])
def test_constant_features_count_nothing_even_where_they_are_not_constant_later(n):
    features, targets = problem(n, 6)
    features[:, 2] = 7.25
    features[:, 4] = 0
    later = features.copy()
    later[:, [2, 4]] = 1e4
    model = ridge.fit(features, range(n), targets, STRENGTHS)
    assert np.isfinite(model.weights).all()
    without = ridge.fit(np.delete(features, [2, 4], axis=1), range(n), targets, STRENGTHS)
    np.testing.assert_allclose(
        model.predict(later, range(n)), without.predict(np.delete(features, [2, 4], axis=1), range(n)), rtol=1e-8
    )


def test_equal_targets_give_exactly_one_prediction():
    """Else the ranks of round-off would look like a prediction."""
    features, targets = problem(25, 4)
    targets[:, 1] = 0.1 + 0.2  # three times 0.1 is not this: means of it have round-off
    found = ridge.fit(features, range(25), targets, STRENGTHS).predict(features, range(25))
    assert np.ptp(found[:, :, 1]) == 0 and np.ptp(found[:, :, 0], axis=1).min() > 0


def test_one_picture_is_its_own_prediction():
    features, targets = problem(3, 4)
    found = ridge.fit(features, [1], targets[[1]], STRENGTHS).predict(features, range(3))
    np.testing.assert_array_equal(found, np.broadcast_to(targets[1], (3, 3, 3)))


def test_no_pictures_and_strengths_that_are_none_are_errors():
    features, targets = problem(3, 4)
    with pytest.raises(ValueError, match="0 images"):
        ridge.fit(features, [], targets[:0], STRENGTHS)
    with pytest.raises(ValueError, match="strengths"):
        ridge.fit(features, range(3), targets, [0.0, 1.0])


def test_predictions_of_no_pictures_are_none():
    features, targets = problem(3, 4)
    assert ridge.fit(features, range(3), targets, STRENGTHS).predict(features, []).shape == (3, 0, 3)


def test_only_keeps_one_strength():
    features, targets = problem(9, 4)
    model = ridge.fit(features, range(9), targets, STRENGTHS)
    np.testing.assert_array_equal(model.only(1).predict(features, range(9))[0], model.predict(features, range(9))[1])
