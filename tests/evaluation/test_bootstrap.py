"""The bootstrap over pictures against scipy: metrics of explicit resamples, of clusters, intervals."""

import warnings

import numpy as np
import pytest
from scipy import stats

from aesthetic_pretraining.evaluation import metrics
from aesthetic_pretraining.evaluation.statistics import bootstrap
from aesthetic_pretraining.evaluation.statistics.bootstrap import Panel


def panel(pictures=40, runs=3, ties=True, seed=0):
    """Correlated scores; with ties, also long runs of equal ones."""
    rng = np.random.default_rng(seed)
    target = rng.normal(5.4, 0.7, pictures)
    predicted = target[:, None] * 0.6 + 2 + rng.normal(0, 0.6, (pictures, runs))
    if ties:
        target, predicted = target.round(1), predicted.round(1)
        predicted[:, 0] = predicted[:, 0].round(0)
    return Panel(target, predicted, {"mae": np.abs(predicted - target[:, None])})


def test_a_draw_has_as_many_pictures_as_the_set_and_is_the_same_again():
    blocks = list(bootstrap.draws(np.arange(30), 140, seed=4))
    assert [block.shape for block in blocks] == [(64, 30), (64, 30), (12, 30)]
    counts = np.vstack(blocks)
    assert (counts.sum(axis=1) == 30).all() and counts.min() == 0 and counts.max() >= 3
    assert len(np.unique(counts, axis=0)) == 140
    np.testing.assert_array_equal(counts, np.vstack(list(bootstrap.draws(np.arange(30), 140, seed=4))))
    assert (counts != np.vstack(list(bootstrap.draws(np.arange(30), 140, seed=5)))).any()


@pytest.mark.parametrize("ties", [True, False])
def test_metrics_of_resamples_are_those_of_the_drawn_pictures(ties):
    made = panel(ties=ties)
    for counts in bootstrap.draws(np.arange(40), 40, seed=1):
        found = bootstrap.statistics(made, counts)
        for draw, drawn in enumerate(np.repeat(np.arange(40), times) for times in counts):
            for run in range(3):
                target, predicted = made.target[drawn], made.predicted[drawn, run]
                assert found["srcc"][draw, run] == pytest.approx(stats.spearmanr(target, predicted).statistic, abs=1e-12)
                assert found["lcc"][draw, run] == pytest.approx(stats.pearsonr(target, predicted).statistic, abs=1e-12)
                assert found["mae"][draw, run] == pytest.approx(metrics.mae(target, predicted), abs=1e-12)


def test_clusters_are_drawn_whole():
    clusters = np.array([0, 0, 0, 1, 2, 2])
    counts = np.vstack(list(bootstrap.draws(clusters, 300, seed=0)))
    assert (
        (counts[:, 0] == counts[:, 1]).all() and (counts[:, 1] == counts[:, 2]).all() and (counts[:, 4] == counts[:, 5]).all()
    )
    assert set(counts[:, [0, 3, 4]].sum(axis=1)) == {3}  # three clusters, so that the number of pictures differs
    made = panel(pictures=6, ties=True)
    found = bootstrap.statistics(made, counts[:40])
    for draw, drawn in enumerate(np.repeat(np.arange(6), times) for times in counts[:40]):
        if len(set(made.predicted[drawn, 1])) > 1 and len(set(made.target[drawn])) > 1:
            expected = stats.spearmanr(made.target[drawn], made.predicted[drawn, 1]).statistic
            assert found["srcc"][draw, 1] == pytest.approx(expected, abs=1e-12)


def test_clusters_give_the_variance_of_a_mean_over_clusters():
    """25 scenes of 40 pictures each: 1,000 pictures tell little more than 25 do."""
    rng = np.random.default_rng(0)
    scene = rng.normal(0, 1, 25)
    errors = (scene[:, None] + rng.normal(0, 0.3, (25, 40))).ravel()
    made = Panel(np.arange(1000.0), errors[:, None], {"mae": errors[:, None]})
    spread = {
        name: bootstrap.bootstrap(made, clusters, 1500, 0)[1]["mae"].std()
        for name, clusters in {"scenes": np.repeat(np.arange(25), 40), "pictures": np.arange(1000)}.items()
    }
    assert spread["scenes"] == pytest.approx(errors.reshape(25, 40).mean(axis=1).std() / 5, rel=0.06)
    assert spread["pictures"] < spread["scenes"] / 5


def test_intervals_are_scipys_on_the_same_resamples():
    made = panel()
    value, resampled = bootstrap.bootstrap(made, np.arange(40), 500, 3)
    for name, of_pair in {
        "srcc": lambda t, p: stats.spearmanr(t, p).statistic,
        "lcc": lambda t, p: stats.pearsonr(t, p).statistic,
        "mae": lambda t, p: np.abs(t - p).mean(),
    }.items():
        low, high = bootstrap.interval(value[name], resampled[name], 0.9)
        for run in range(3):
            theirs = stats.bootstrap(
                (made.target, made.predicted[:, run]),
                of_pair,
                paired=True,
                vectorized=False,
                n_resamples=0,
                confidence_level=0.9,
                method="percentile",
                bootstrap_result=FromUs(resampled[name][:, run]),
            ).confidence_interval
            np.testing.assert_allclose((low[run], high[run]), theirs, atol=1e-9)


class FromUs:
    """Resamples in the form in which scipy takes over those of an earlier call."""

    def __init__(self, resampled):
        self.bootstrap_distribution = resampled


def test_scipys_own_resamples_give_about_the_same_interval():
    made = panel(pictures=80, runs=1, ties=False)
    value, resampled = bootstrap.bootstrap(made, np.arange(80), 4000, 0)
    low, high = bootstrap.interval(value["lcc"], resampled["lcc"], 0.95)
    theirs = stats.bootstrap(
        (made.target, made.predicted[:, 0]),
        lambda t, p, axis: stats.pearsonr(t, p, axis=axis).statistic,
        paired=True,
        n_resamples=4000,
        method="percentile",
        rng=np.random.default_rng(9),
    )
    error = theirs.standard_error
    np.testing.assert_allclose((low[0], high[0]), theirs.confidence_interval, atol=0.2 * error)
    assert resampled["lcc"].std(ddof=1) == pytest.approx(error, rel=0.06)


def test_the_interval_of_a_mean_is_that_of_theory():
    rng = np.random.default_rng(0)
    errors = rng.exponential(0.5, 400)
    made = Panel(np.zeros(400), errors[:, None], {"mae": errors[:, None]})
    value, resampled = bootstrap.bootstrap(made, np.arange(400), 4000, 0)
    low, high = bootstrap.interval(value["mae"], resampled["mae"], 0.95)
    half = 1.96 * errors.std() / 20
    assert (high - low)[0] / 2 == pytest.approx(half, rel=0.05)
    assert low[0] < errors.mean() < high[0]


@pytest.mark.filterwarnings("error")
def test_what_is_undefined_is_nan_and_never_warned_about():
    constant = Panel(np.arange(10.0), np.stack([np.full(10, 5.0), np.arange(10.0)], axis=1), {"mae": np.ones((10, 2))})
    value, resampled = bootstrap.bootstrap(constant, np.arange(10), 50, 0)
    for name in ("lcc", "srcc"):
        assert np.isnan(value[name][0]) and value[name][1] == pytest.approx(1)
        low, high = bootstrap.interval(value[name], resampled[name], 0.95)
        assert np.isnan([low[0], high[0]]).all() and (low[1], high[1]) == pytest.approx((1, 1))
    low, high = bootstrap.interval(value["mae"], resampled["mae"], 0.95)
    assert (low == 1).all() and (high == 1).all()


def test_a_resample_that_is_undefined_takes_the_interval_away():
    two = Panel(np.array([1.0, 2, 3]), np.array([[3.0], [4], [6]]), {"mae": np.ones((3, 1))})
    value, resampled = bootstrap.bootstrap(two, np.arange(3), 200, 0)  # one draw in nine is of one picture alone
    assert value["lcc"][0] > 0.9 and np.isnan(resampled["lcc"]).any()
    assert np.isnan(bootstrap.interval(value["lcc"], resampled["lcc"], 0.95)).all()


def test_two_pictures_have_no_correlation():
    two = Panel(np.array([1.0, 2]), np.array([[3.0], [4]]), {"mae": np.ones((2, 1))})
    found = bootstrap.statistics(two, np.ones((1, 2), int))
    assert np.isnan(found["lcc"]).all() and np.isnan(found["srcc"]).all() and found["mae"] == 1


def test_large_shifts_do_not_spoil_the_moments():
    made = panel(ties=False)
    far = Panel(made.target + 1e6, made.predicted + 1e6, made.means)
    counts = next(bootstrap.draws(np.arange(40), 8, seed=0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(
            bootstrap.statistics(far, counts)["lcc"], bootstrap.statistics(made, counts)["lcc"], atol=1e-6
        )
