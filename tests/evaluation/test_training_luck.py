"""Pictures and seeds resampled together, against the variance of a nested design, textbook intervals and experiments without an effect."""

import numpy as np
import pytest
from scipy import stats

from aesthetic_pretraining.evaluation.statistics import training_luck
from aesthetic_pretraining.evaluation.statistics.bootstrap import interval
from aesthetic_pretraining.evaluation.statistics.training_luck import Trainings, combine, mean_interval, next_training, stretch

SEEDS = tuple((0, seed) for seed in (1, 2, 3, 4, 5))


def rows_of(*designs):
    """[Trainings], from (init, seeds) of each row; columns are counted through."""
    ends = np.cumsum([0, *(len(seeds) for _, seeds in designs)])
    return [
        Trainings(init, tuple(seeds), np.arange(a, b)) for (init, seeds), a, b in zip(designs, ends, ends[1:], strict=False)
    ]


def crossed(pretrainings, seeds):
    return tuple((p, s) for p in range(1, pretrainings + 1) for s in range(1, seeds + 1))


def bootstrapped(errors, resamples, rng):
    """The mean over pictures of each run, and in resamples: a second implementation of metrics that are means."""
    pictures = len(errors)
    counts = rng.multinomial(pictures, np.full(pictures, 1 / pictures), resamples)
    return {"mae": errors.mean(axis=0)}, {"mae": counts @ errors / pictures}


def beyond_noise(rng, rows, *, trials, pretraining=0.0, seed=1.0, common=0.0, both=0.5, pictures=40, resamples=150):
    """How many of so many experiments without an effect find the first two rows different.

    Standard deviations of a run's metric: of pretraining, of fine-tuning; of a row on these pictures (`common`), of a run on these
    pictures (`both`).
    """
    found = 0
    for trial in range(trials):
        errors = np.zeros((pictures, sum(len(row.seeds) for row in rows)))
        for row in rows:
            of_p = {p: rng.normal(0, pretraining if p else 0) for p in row.pretrainings}
            of_pictures = rng.normal(0, common * pictures**0.5, pictures)
            for (p, _), column in zip(row.seeds, row.columns, strict=True):
                own = rng.normal(0, both * pictures**0.5, pictures)
                errors[:, column] = of_p[p] + rng.normal(0, seed) + of_pictures + own
        sampled = combine(rows, *bootstrapped(errors, resamples, rng), pictures, seed=trial, confidence=0.95)
        apart = sampled.resampled["mae"][:, [0]] - sampled.resampled["mae"][:, [1]]
        low, high = interval(sampled.value["mae"][:1] - sampled.value["mae"][1:2], apart, 0.95)
        found += bool(low[0] > 0 or high[0] < 0)
    return found


TRIALS = 250
MOST = int(stats.binom.ppf(0.999, TRIALS, 0.05))  # of so many trials at a rate of 5 %, exceeded in one of a thousand runs


@pytest.mark.parametrize(
    ("rows", "luck"),
    [
        (rows_of(("imagenet", SEEDS), ("copy", SEEDS)), {}),
        (rows_of(("imagenet", SEEDS), ("copy", SEEDS)), {"both": 0.0}),
        (rows_of(("imagenet", SEEDS), ("copy", SEEDS)), {"seed": 0.3, "both": 1.0}),
        (rows_of(("imagenet", SEEDS[:3]), ("copy", SEEDS[:3])), {}),
        (rows_of(("imagenet", SEEDS[:3]), ("copy", SEEDS[:3])), {"common": 1.0}),
        (rows_of(("imagenet", SEEDS[:3]), ("copy", crossed(3, 3))), {"pretraining": 1.0}),
        (rows_of(("ranking", crossed(4, 3)), ("copy", crossed(4, 3))), {"pretraining": 1.0, "seed": 0.5}),
        (rows_of(("ranking", crossed(3, 1)), ("copy", crossed(3, 1))), {"pretraining": 1.0}),
    ],
)
def test_two_equal_initialisations_differ_beyond_noise_no_more_often_than_claimed(rows, luck):
    assert beyond_noise(np.random.default_rng(0), rows, trials=TRIALS, **luck) <= MOST


def test_over_pictures_alone_they_differ_far_more_often(monkeypatch):
    """The fault that this is about: networks left as they are."""
    monkeypatch.setattr(Trainings, "levels", {})
    rows = rows_of(("imagenet", SEEDS), ("copy", SEEDS))
    assert beyond_noise(np.random.default_rng(0), rows, trials=100, both=0.3) > 40


def test_a_true_difference_shows_when_it_is_large_enough():
    """Power: a difference of four standard errors, t with 4 degrees of freedom."""
    rows, rng, found = rows_of(("imagenet", SEEDS), ("other", SEEDS)), np.random.default_rng(1), 0
    for trial in range(100):
        runs = rng.normal(0, 1, 10) + np.repeat([0, 4 * (2 / 5) ** 0.5], 5)
        sampled = combine(rows, {"m": runs}, {"m": np.repeat(runs[None], 400, axis=0)}, 1000, seed=trial, confidence=0.95)
        apart = sampled.resampled["m"][:, 0] - sampled.resampled["m"][:, 1]
        found += np.quantile(apart, 0.975) < 0
    power = 1 - stats.nct.cdf(stats.t.ppf(0.975, 4), 4, 4)
    assert found == pytest.approx(100 * power, abs=14)


def test_seeds_alone_give_students_paired_interval():
    """No picture moves anything: the difference of two rows with the same seeds is a paired t test."""
    rows, runs = rows_of(("imagenet", SEEDS), ("copy", SEEDS)), np.random.default_rng(3).normal(0, 1, 10)
    sampled = combine(rows, {"m": runs}, {"m": np.repeat(runs[None], 20_000, axis=0)}, 100, seed=1, confidence=0.9)
    apart = sampled.resampled["m"][:, [0]] - sampled.resampled["m"][:, [1]]
    low, high = interval(sampled.value["m"][:1] - sampled.value["m"][1:], apart, 0.9)
    expected = stats.ttest_rel(runs[:5], runs[5:]).confidence_interval(0.9)
    np.testing.assert_allclose((low[0], high[0]), expected, rtol=0.03)
    one = interval(sampled.value["m"][:1], sampled.resampled["m"][:, [0]], 0.9)
    np.testing.assert_allclose(np.ravel(one), stats.ttest_1samp(runs[:5], 0).confidence_interval(0.9), rtol=0.03)
    assert mean_interval(rows[1], runs, 0.9) == pytest.approx(stats.ttest_1samp(runs[5:], 0).confidence_interval(0.9))


def test_other_seeds_are_not_paired():
    runs = np.tile([1.0, 2, 3, 4, 5], 2)
    drawn = {"m": np.repeat(runs[None], 4000, axis=0)}
    width = {}
    for name, seeds in {"same": SEEDS, "other": tuple((0, s) for s in (6, 7, 8, 9, 10))}.items():
        rows = rows_of(("imagenet", SEEDS), ("copy", seeds))
        resampled = combine(rows, {"m": runs}, drawn, 100, seed=1, confidence=0.95).resampled["m"]
        width[name] = (resampled[:, 0] - resampled[:, 1]).std()
    assert width["same"] == 0  # equal runs of equal seeds: no doubt about their difference
    assert width["other"] / stretch(5, 0.95) == pytest.approx((2 * 2.5 / 5) ** 0.5, rel=0.05)  # variance of 1..5 is 2.5


def test_the_variance_is_that_of_the_nested_design():
    """Means of 4 pretrainings of 5 fine-tunings each: the resampled variance is the true one on average, and not below it.

    Var = pretraining / 4 + fine-tuning / 20 + pictures / 50 + (fine-tuning x pictures) / (20 x 50), in squares.
    """
    rng, row = np.random.default_rng(0), rows_of(("ranking", crossed(4, 5)))
    sigma_p, sigma_s, sigma_i, sigma_both, pictures = 1.0, 1.5, 5.0, 5.0, 50
    true = sigma_p**2 / 4 + sigma_s**2 / 20 + sigma_i**2 / pictures + sigma_both**2 / (20 * pictures)
    estimated, values = [], []
    for trial in range(400):
        errors = np.repeat(rng.normal(0, sigma_p, 4), 5) + rng.normal(0, sigma_s, 20) + rng.normal(0, sigma_i, (pictures, 1))
        errors = errors + rng.normal(0, sigma_both, (pictures, 20))
        with pytest.MonkeyPatch.context() as patched:  # the variance itself, without Student's quantiles
            patched.setattr(training_luck, "stretch", lambda levels, confidence: 1.0)
            sampled = combine(row, *bootstrapped(errors, 200, rng), pictures, seed=trial, confidence=0.95)
        estimated.append(sampled.resampled["mae"].var())
        values.append(sampled.value["mae"][0])
    assert np.var(values) == pytest.approx(true, rel=0.2)  # the simulation is what the formula says
    assert 0.97 * true < np.mean(estimated) < 1.2 * true


def test_what_pictures_explain_of_the_seeds_is_not_counted_twice():
    rng, rows = np.random.default_rng(2), rows_of(*((f"init{k}", SEEDS) for k in range(6)))
    for seed, low, high in ((0.0, 0.0, 0.45), (3.0, 0.9, 1.0)):
        errors = rng.normal(0, seed, 30) + rng.normal(0, 5, (100, 30))
        runs, drawn = bootstrapped(errors, 300, rng)
        assert low <= training_luck.real_share(rows, training_luck.FINETUNING, runs["mae"], drawn["mae"] - runs["mae"]) <= high


def test_few_seeds_are_not_resampled_and_the_words_say_so():
    designs = {
        "images": rows_of(("imagenet", SEEDS[:2]), ("ranking", crossed(2, 2))),
        "fine-tuning seeds and images": rows_of(("imagenet", SEEDS), ("ranking", crossed(2, 5))),
        "pretraining seeds and images": rows_of(("imagenet", SEEDS[:2]), ("ranking", crossed(3, 2))),
        "seeds and images": rows_of(("imagenet", SEEDS[:3]), ("ranking", crossed(3, 3))),
    }
    for words, rows in designs.items():
        runs = np.arange(sum(len(row.seeds) for row in rows), dtype=float)
        sampled = combine(rows, {"m": runs}, {"m": np.repeat(runs[None], 50, axis=0)}, 100, seed=1, confidence=0.95)
        assert sampled.over(1) == words
        assert (sampled.resampled["m"].std(axis=0) > 0).tolist() == [len(rows[0].seeds) > 2, words != "images"]
        images = combine(
            rows, {"m": runs}, {"m": np.repeat(runs[None], 9, axis=0)}, 100, seed=1, confidence=0.95, kind="images"
        )
        assert images.over(0, 1) == "images" and images.resampled["m"].std() < runs.std() and images.freedom(0, 1) == 99
    assert sampled.over(0) == sampled.over(0, 1) == "seeds and images" and sampled.freedom(0, 1) == 2
    assert designs["fine-tuning seeds and images"][0].missing == frozenset()  # ImageNet's start has no luck


def test_one_pretraining_that_lacks_a_fine_tuning_leaves_the_fine_tunings_out():
    (row,) = rows_of(("ranking", crossed(3, 3)[:-1]))
    assert list(row.levels) == ["pretraining seeds"] and row.weights.sum() == pytest.approx(1)
    assert row.weights[-1] == pytest.approx(1 / 6) and np.isnan(next_training(row, np.arange(8.0), 0.95)).all()


def test_too_few_scenes_have_no_interval():
    (row,) = rows_of(("imagenet", SEEDS))
    sampled = combine([row], {"m": np.ones(5)}, {"m": np.ones((10, 5))}, 2, seed=1, confidence=0.95)
    assert np.isnan(sampled.resampled["m"]).all() and sampled.value["m"] == 1


def test_the_next_training_by_hand():
    # 1..5: mean 3, sd 1.5811; t_0.975 with 4 degrees of freedom 2.776445; sqrt(1 + 1 / 5) = 1.095445: half-width 4.80894
    (row,) = rows_of(("imagenet", SEEDS))
    assert next_training(row, np.arange(1.0, 6.0), 0.95) == pytest.approx((-1.80894, 7.80894), abs=1e-5)
    assert np.isnan(next_training(rows_of(("imagenet", SEEDS[:2]))[0], np.arange(2.0), 0.95)).all()


@pytest.mark.parametrize(("p", "s", "of_p", "of_s"), [(1, 5, 0.0, 1.0), (3, 3, 1.0, 1.0), (5, 3, 2.0, 0.5), (4, 4, 0.0, 1.0)])
def test_the_next_training_lies_in_its_interval_as_often_as_claimed(p, s, of_p, of_s):
    rng, hits, trials = np.random.default_rng(4), 0, 2000
    (row,) = rows_of(("ranking", crossed(p, s)))
    for _ in range(trials):
        runs = np.repeat(rng.normal(0, of_p, p), s) + rng.normal(0, of_s, p * s)
        low, high = next_training(row, runs, 0.95)
        hits += low <= rng.normal(0, of_p) + rng.normal(0, of_s) <= high
    assert stats.binom.ppf(0.0001, trials, 0.95) - 0.01 * trials <= hits <= 0.995 * trials


def test_an_unknown_kind_of_interval_is_named():
    (row,) = rows_of(("imagenet", SEEDS))
    with pytest.raises(ValueError, match="'bca', known: seeds_and_images, images"):
        combine([row], {}, {}, 9, seed=1, confidence=0.95, kind="bca")
