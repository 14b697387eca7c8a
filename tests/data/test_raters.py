"""Raters: each property against hand values and edits that must move it, the crowd against its formula."""

import dataclasses
import math

import cv2
import numpy as np
import pytest

from aesthetic_pretraining.data.simulated.raters import (
    RaterConfig,
    Raters,
    balance,
    cleanness,
    colourfulness,
    contrast,
    exposure,
    properties,
    sharpness,
)

PROPERTIES = ("sharpness", "contrast", "exposure", "colourfulness", "cleanness", "balance")


def blurred(p):
    return cv2.GaussianBlur(p, (0, 0), 3)


def noisy(p):
    return (p + np.random.default_rng(0).normal(0, 20, p.shape)).clip(0, 255).astype(np.uint8)


def darkened(p):
    return (p * 0.3).astype(np.uint8)


def brightened(p):
    return (255 - (255 - p) * 0.3).astype(np.uint8)


def greyed(p):
    return np.repeat(p.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)


def flattened(p):
    return (p.mean() + (p - p.mean()) * 0.4).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "edit"),
    [("sharpness", blurred), ("cleanness", noisy), ("exposure", darkened), ("exposure", brightened), ("contrast", flattened),
     ("contrast", darkened), ("colourfulness", greyed), ("colourfulness", flattened)],
)  # fmt: skip
@pytest.mark.parametrize("seed", range(4))
def test_an_edit_that_harms_a_property_lowers_it(make_photo, name, edit, seed):
    photo = make_photo(seed, 240, 180)
    assert properties(edit(photo))[name] < properties(photo)[name]


@pytest.mark.parametrize("seed", range(4))
def test_more_harm_lowers_more(make_photo, seed):
    photo = make_photo(seed, 240, 180).astype(np.float32)
    noise = np.random.default_rng(1).standard_normal(photo.shape)

    def measured(name, edited):
        return [properties(picture.clip(0, 255).astype(np.uint8))[name] for picture in edited]

    for values in (
        measured("sharpness", [cv2.GaussianBlur(photo, (0, 0), sigma) for sigma in (0.7, 1.5, 3, 6)]),
        measured("cleanness", [photo + sigma * noise for sigma in (5, 10, 20, 40)]),
        measured("exposure", [photo * gain for gain in (0.8, 0.6, 0.4, 0.2)]),
        measured("colourfulness", [greyed(photo) + share * (photo - greyed(photo)) for share in (1, 0.6, 0.3, 0)]),
    ):
        assert values == sorted(values, reverse=True)
        assert len(set(values)) == 4


def test_noise_is_not_taken_for_much_detail(make_photo):
    photo = make_photo(1, 240, 180)
    soft = blurred(photo)
    assert properties(noisy(soft))["sharpness"] < properties(photo)["sharpness"]


def test_properties_are_named_finite_numbers(make_photo):
    for picture in (make_photo(1), np.zeros((40, 60, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8), make_photo(2, 40, 700)):
        measured = properties(picture)
        assert sorted(measured) == sorted(PROPERTIES)
        assert all(isinstance(v, float) and math.isfinite(v) for v in measured.values())


def test_size_hardly_matters(make_photo):
    photo = make_photo(3, 320, 240)
    large = cv2.resize(photo, None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)
    a, b = properties(photo), properties(large)
    for name in ("contrast", "exposure", "colourfulness", "balance"):
        assert a[name] == pytest.approx(b[name], abs=0.01)


def test_mirror_images_are_as_good(make_photo):
    photo = make_photo(4, 320, 240)
    a, b = properties(photo), properties(np.ascontiguousarray(photo[:, ::-1]))
    for name in PROPERTIES:
        assert a[name] == pytest.approx(b[name], abs=0.02), name


def test_contrast_by_hand():
    luma = np.zeros((20, 30), np.float32)
    assert contrast(luma) == 0
    luma[:, ::2] = 1
    assert contrast(luma) == pytest.approx(0.5)


def test_exposure_by_hand():
    assert exposure(np.full((9, 9), 0.5)) == 0
    assert exposure(np.full((9, 9), 0.3)) == pytest.approx(-0.2) == exposure(np.full((9, 9), 0.7))
    assert exposure(np.zeros((9, 9))) == exposure(np.ones((9, 9))) == -1.5
    half = np.full((10, 10), 0.5)
    half[:2], half[2:4] = 0, 1  # a fifth black, a fifth white, the mean in the middle
    assert exposure(half) == pytest.approx(-0.4)


def test_colourfulness_by_hand():
    assert colourfulness(np.full((5, 5, 3), 0.4)) == pytest.approx(0, abs=1e-12)
    red = np.zeros((5, 4, 3))
    red[..., 0] = 1
    assert colourfulness(red) == pytest.approx(0.3 * math.sqrt(1 + 0.25))
    half = red.copy()
    half[:, 2:] = 0  # half red, half black: means 1/2 and 1/4, standard deviations 1/2 and 1/4
    assert colourfulness(half) == pytest.approx(1.3 * math.sqrt(0.25 + 0.0625))


@pytest.mark.parametrize("sigma", [0.02, 0.05, 0.1])
def test_cleanness_recovers_the_noise(sigma):
    rng = np.random.default_rng(0)
    ramp = np.linspace(0.3, 0.7, 300, dtype=np.float32)[None].repeat(200, axis=0)  # a ramp is no noise
    luma = ramp + rng.normal(0, sigma, ramp.shape).astype(np.float32)
    assert math.exp(-cleanness(luma)) == pytest.approx(sigma, rel=0.1, abs=3e-3)
    assert cleanness(ramp) > cleanness(luma) + 1


def test_sharpness_of_nothing_is_lowest():
    flat = np.full((40, 40), 0.5, np.float32)
    edges = flat.copy()
    edges[:, 20:] = 0.9
    assert sharpness(flat) < sharpness(edges)
    assert sharpness(flat) == pytest.approx(math.log(1e-5))


def spot(y, x):
    """Grey, with detail only around (y, x), given in image sides."""
    luma = np.full((120, 120), 0.5, np.float32)
    rows, columns = int(y * 120), int(x * 120)
    luma[rows - 4 : rows + 4, columns - 4 : columns + 4] += 0.3 * (np.indices((8, 8)).sum(axis=0) % 2)
    return luma


def test_detail_on_a_crossing_of_thirds_is_balanced():
    for y in (1 / 3, 2 / 3):
        for x in (1 / 3, 2 / 3):
            assert balance(spot(y, x)) > -0.05
    # by hand: from the middle to the nearest crossing it is sqrt(2) / 6 of a side
    assert balance(spot(0.5, 0.5)) == pytest.approx(-math.sqrt(2) / 6, abs=0.02)
    assert balance(spot(0.5, 1 / 3)) == pytest.approx(-1 / 6, abs=0.02)
    assert balance(spot(0.1, 0.1)) == pytest.approx(-math.hypot(1 / 3 - 0.1, 1 / 3 - 0.1), abs=0.02)


# the crowd


def config(**changed):
    plain = RaterConfig(voters=200, mean=5.4, spread=0.7, disagreement=1.4, taste=0.0, weights={"sharpness": 1.0})
    return dataclasses.replace(plain, **changed)


def sharp(*values):
    return [{"sharpness": value, "contrast": 0.0} for value in values]


def test_standardisation_by_hand():
    raters = Raters(sharp(-6, -5, -4), config(), 1)
    # three equally spaced values are -1.2247, 0 and 1.2247 standard deviations away, before and after the squashing
    step = 0.7 * math.sqrt(1.5)
    assert [raters.opinion("x", m) for m in sharp(-6, -5, -4)] == pytest.approx([5.4 - step, 5.4, 5.4 + step], abs=1e-5)
    ratio = math.tanh(2 * math.sqrt(1.5) / 1.5) / math.tanh(math.sqrt(1.5) / 1.5)
    assert raters.opinion("x", sharp(-3)[0]) == pytest.approx(5.4 + step * ratio, abs=1e-5)
    assert raters.opinion("x", sharp(1e6)[0]) == pytest.approx(5.4 + step / math.tanh(math.sqrt(1.5) / 1.5), abs=1e-5)


@pytest.mark.parametrize(("factor", "shift"), [(10, 0), (1, 100), (0.01, -3)])
def test_the_unit_of_a_property_does_not_matter(factor, shift):
    values = np.array([0.3, 0.9, 2.0, 2.1, 5.0])
    a, b = (Raters(sharp(*v), config(taste=0.15), 1) for v in (values, values * factor + shift))
    opinions = [
        [r.opinion(f"p{k}", m) for k, m in enumerate(sharp(*v))] for r, v in ((a, values), (b, values * factor + shift))
    ]
    assert opinions[0] == pytest.approx(opinions[1], abs=1e-5)


def crowd(count=300, **changed):
    rng = np.random.default_rng(5)
    measured = [{"sharpness": a, "contrast": b} for a, b in rng.normal(0, (1, 9), (count, 2))]
    return measured, config(weights={"sharpness": 1.0, "contrast": 2.0}, **changed)


@pytest.mark.parametrize("taste", [0, 0.5, 1])
def test_opinions_have_the_mean_and_spread_asked_for(taste):
    measured, cfg = crowd(600, taste=taste)
    raters = Raters(measured, cfg, 1)
    opinions = np.array([raters.opinion(f"p{k}", m) for k, m in enumerate(measured)])
    assert opinions.mean() == pytest.approx(5.4, abs=0.1)
    assert opinions.std() == pytest.approx(0.7, rel=0.1)
    explained = Raters(measured, dataclasses.replace(cfg, taste=0), 1)
    plain = [explained.opinion("x", m) for m in measured]
    assert np.corrcoef(opinions, plain)[0, 1] == pytest.approx(math.sqrt(1 - taste**2), abs=0.1)


def test_weights_count():
    measured, cfg = crowd()
    better = [{"sharpness": 0.0, "contrast": 9.0}, {"sharpness": 1.0, "contrast": 0.0}, {"sharpness": 0.0, "contrast": 0.0}]
    raters = Raters(measured, cfg, 1)
    contrasty, crisp, plain = (raters.opinion("x", m) for m in better)
    assert contrasty - plain == pytest.approx(2 * (crisp - plain), rel=0.25)
    assert crisp > plain
    backwards = Raters(measured, dataclasses.replace(cfg, weights={"sharpness": -1.0, "contrast": 0.0}), 1)
    assert backwards.opinion("x", better[1]) < backwards.opinion("x", better[0]) == backwards.opinion("x", better[2])


def test_votes_are_counts_that_add_up():
    measured, cfg = crowd()
    raters = Raters(measured, dataclasses.replace(cfg, voters=137), 1)
    for k, m in enumerate(measured):
        votes = raters.votes(f"p{k}", m)
        assert votes.shape == (10,)
        assert np.issubdtype(votes.dtype, np.integer)
        assert votes.min() >= 0
        assert votes.sum() == 137


def test_votes_scatter_around_the_opinion():
    measured, cfg = crowd(50, taste=0.15)
    raters = Raters(measured, dataclasses.replace(cfg, voters=20_000, disagreement=1.0), 1)
    for k, m in enumerate(measured):
        votes = raters.votes(f"p{k}", m) / 20_000
        mean = votes @ np.arange(1, 11)
        assert mean == pytest.approx(raters.opinion(f"p{k}", m), abs=0.05)
        assert math.sqrt(votes @ (np.arange(1, 11) - mean) ** 2) == pytest.approx(
            math.sqrt(1 + 1 / 12), abs=0.05
        )  # and rounding


@pytest.mark.parametrize(("mean", "score"), [(-50, 1), (99, 10)])
def test_votes_stay_on_the_scale(mean, score):
    measured, cfg = crowd(10)
    votes = Raters(measured, dataclasses.replace(cfg, mean=mean), 1).votes("x", measured[0])
    assert votes[score - 1] == 200


def test_everything_hangs_on_the_seed_and_the_picture_alone():
    measured, cfg = crowd(20, taste=0.15)
    raters = Raters(measured, cfg, 1)
    first = {k: raters.votes(f"p{k}", measured[k]).tolist() for k in range(20)}
    np.random.seed(0)
    again = Raters(measured, cfg, 1)
    assert {k: again.votes(f"p{k}", measured[k]).tolist() for k in reversed(range(20))} == first
    other = Raters(measured, cfg, 2)
    assert sum(other.votes(f"p{k}", measured[k]).tolist() != first[k] for k in range(20)) >= 19
    assert raters.votes("another name", measured[0]).tolist() != first[0]


def test_the_order_of_the_pictures_and_properties_does_not_matter():
    measured, cfg = crowd(40, taste=0.15)
    one = Raters(measured, cfg, 1)
    two = Raters(
        [dict(reversed(m.items())) for m in reversed(measured)],
        dataclasses.replace(cfg, weights=dict(reversed(cfg.weights.items()))),
        1,
    )
    for k, m in enumerate(measured):
        assert one.opinion(f"p{k}", m) == pytest.approx(two.opinion(f"p{k}", m), abs=1e-9)
        assert one.votes(f"p{k}", m).tolist() == two.votes(f"p{k}", m).tolist()


def test_pictures_that_are_all_alike_are_average():
    raters = Raters(sharp(3, 3, 3), config(), 1)
    assert raters.opinion("x", sharp(3)[0]) == pytest.approx(5.4)


def test_pure_taste_ignores_the_pixels():
    raters = Raters(sharp(1, 2, 3), config(taste=1.0), 1)
    assert raters.opinion("x", sharp(-9)[0]) == pytest.approx(raters.opinion("x", sharp(9)[0]))


def test_a_property_that_nobody_measured_is_an_error():
    with pytest.raises(KeyError):
        Raters(sharp(1, 2), config(weights={"charm": 1.0}), 1)
