"""Against a second implementation in float64, written straight from the formulas, and against known directions."""

from functools import cache

import numpy as np
import pytest
import torch
from slow_style import SLOW, slow_blur, slow_lab, slow_shadhi

from aesthetic_pretraining.distortions import DISTORTIONS
from aesthetic_pretraining.distortions.native import colour, style
from aesthetic_pretraining.distortions.native.render import base_photo

STYLE = [name for name, distortion in DISTORTIONS.items() if distortion.aspect == "style"]
STEPS = [(name, level) for name in STYLE for level in DISTORTIONS[name].levels]


def stack(picture):
    return style.Photo(torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1).contiguous())


def make(name, picture, *values):
    return getattr(style, name)(stack(picture), values).permute(0, 2, 3, 1).numpy()


@cache
def picture(which):
    """Small real pictures, bright and dark, and one of extreme colours."""
    if which == "corners":
        row, column = np.mgrid[:24, :30]
        return np.dstack([row * 11, column * 8, (row * 97 + column * 41) % 256]).clip(0, 255).astype(np.uint8)
    from skimage.data import astronaut, chelsea

    return base_photo({"astronaut": astronaut, "chelsea": chelsea}[which](), 20) // (3 if which == "chelsea" else 1)


@pytest.mark.parametrize("which", ["astronaut", "chelsea", "corners"])
@pytest.mark.parametrize(("name", "level"), STEPS)
def test_within_one_level_of_the_second_implementation(which, name, level):
    value = DISTORTIONS[name].values[level]
    difference = make(name, picture(which), value)[0] - SLOW[name](picture(which) / 255, value)
    # Blue times 31.7 magnifies the rounding of 32-bit floats.
    assert np.abs(difference).max() <= (3 if value == 2000 else 1)
    exact_halves = value == -3.0  # an eighth of a code ends on .5 every eighth time
    # darktable's blur starts a 4000th too light at every border (style.gaussian_coefficients); the formulas here do not
    blurred = name in ("shadows", "highlights")
    assert (difference != 0).mean() < (0.15 if value == 2000 or exact_halves or blurred else 0.02)


@pytest.mark.parametrize("name", STYLE)
def test_many_values_together_are_the_same_as_one_by_one(name):
    values = tuple(DISTORTIONS[name].values.values())
    single = np.concatenate([make(name, picture("astronaut"), value) for value in values])
    assert (make(name, picture("astronaut"), *values) == single).all()


# ---- what must hold whatever the implementation ---------------------------------------------------------------------

NO_OP = dict.fromkeys(("brightness", "contrast", "saturation", "exposure", "vibrance"), 0)
NO_OP |= {"temperature": 6500, "tint": 1.0}


@pytest.mark.parametrize(("name", "value"), NO_OP.items())
def test_no_op_is_the_identity_on_a_grid_of_all_colours(name, value):
    steps = np.arange(0, 256, 5)
    grid = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(52, -1, 3).astype(np.uint8)
    assert (make(name, grid, value)[0] == grid).all()


def test_shadows_and_highlights_at_zero_do_nothing():
    photo = stack(picture("astronaut"))
    for overlay in (style.overlay_shadows, style.overlay_highlights):
        u, chroma = overlay(*photo.untouched, photo.blurred, 0)
        assert (u == photo.untouched[0]).all() and (chroma == 1).all()


@pytest.mark.parametrize("name", STYLE)
def test_greys_stay_grey_where_hue_is_left_alone(name):
    if name in ("temperature", "tint"):
        pytest.skip("these two are meant to colour greys")
    ramp = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    pictures = make(name, ramp, *DISTORTIONS[name].values.values()).astype(int)
    assert np.ptp(pictures, axis=-1).max() <= 1


def mean_change(name, value):
    return (make(name, picture("astronaut"), value)[0].astype(float) - picture("astronaut")).mean((0, 1))


def test_directions():
    for name in ("brightness", "exposure"):
        low, high = (min(DISTORTIONS[name].values.values()), max(DISTORTIONS[name].values.values()))
        assert (mean_change(name, low) < 0).all() and (mean_change(name, high) > 0).all()
    red, _, blue = mean_change("temperature", 3000)
    assert blue > 0 > red
    red, _, blue = mean_change("temperature", 10000)
    assert red > 0 > blue
    red, green, blue = mean_change("tint", 0.75)  # magenta, and brighter
    assert green == 0 and red > 0 and blue > 0
    red, green, blue = mean_change("tint", 1.25)  # green, and darker
    assert green == 0 and red < 0 and blue < 0


def test_extremes_by_hand():
    photo = picture("astronaut")
    grey = make("contrast", photo, -1.0)[0].astype(int)
    colourless = make("saturation", photo, -1.0)[0].astype(int)
    assert np.ptp(colourless, axis=-1).max() <= 1
    lightness = slow_lab(grey / 255)[0][(grey > 0).all(-1) & (grey < 255).all(-1)]  # where nothing was clipped
    assert np.abs(lightness - 50).max() < 0.5
    assert (make("exposure", photo, -2.4)[0] == np.floor(photo * 2**-2.4 + 0.5)).all()


def test_published_vibrance_minus_two_is_the_photo_itself():
    """Fidelity row 19."""
    assert (make("vibrance", picture("astronaut"), DISTORTIONS["vibrance"].values[-2])[0] == picture("astronaut")).all()


@pytest.mark.parametrize(("edited_width", "radius"), [(0, 100), (500, None), (1000, None)])
@pytest.mark.parametrize("name", ["shadows", "highlights"])
def test_the_published_blur_is_that_of_the_files_that_were_edited(name, edited_width, radius):
    """Fidelity row 36: against the second implementation, whose radius is told."""
    photo = picture("astronaut")
    radius = radius or 100 * photo.shape[1] / edited_width
    made = getattr(style, name)(style.Photo(stack(photo).codes, "published", edited_width), (-60, 60))
    fields = {"shadows": lambda v: (v, 100), "highlights": lambda v: (50, v)}[name]
    for got, value in zip(made.permute(0, 2, 3, 1).numpy().astype(int), (-60, 60), strict=True):
        off = np.abs(got - slow_shadhi(photo / 255, *fields(value), radius))
        assert off.max() <= 1 and off.mean() < 0.15


def test_shrinking_after_the_edit_is_a_narrower_blur_before_it():
    """The premise of row 36: an edit of the large file, then shrunk, is nearer to the scaled radius than to the whole one."""
    from skimage.data import astronaut

    large, small = base_photo(astronaut(), 400), base_photo(astronaut(), 40)
    for name in ("shadows", "highlights"):
        edited = getattr(style, name)(style.Photo(stack(large).codes, "published", 0), (-60, 60))
        wanted = [base_photo(p.permute(1, 2, 0).numpy(), 40).astype(int) for p in edited]
        scaled, whole = (
            [
                p.permute(1, 2, 0).numpy()
                for p in getattr(style, name)(style.Photo(stack(small).codes, "published", w), (-60, 60))
            ]
            for w in (400, 0)
        )
        near = np.mean([np.abs(a - b).mean() for a, b in zip(wanted, scaled, strict=True)])
        far = np.mean([np.abs(a - b).mean() for a, b in zip(wanted, whole, strict=True)])
        assert near < far / 3, (name, near, far)


def test_published_shadows_lift_highlights_in_every_picture():
    """Fidelity row 17: with nothing but light surroundings all eight pictures are one, and not the photo."""
    light = np.linspace(150, 250, 32 * 40 * 3).reshape(32, 40, 3).astype(np.uint8)
    pictures = make("shadows", light, *DISTORTIONS["shadows"].values.values())
    assert (pictures == pictures[0]).all() and (pictures[0] != light).mean() > 0.5


# ---- pieces ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "sigma"), [(30, 100), (50, 5)])
def test_recursive_gaussian_against_the_loop(n, sigma):
    line = np.random.default_rng(0).random(n)
    assert style.recursive_gaussian(n, sigma).numpy() @ line == pytest.approx(
        slow_blur(line, sigma), rel=4e-4 if sigma == 100 else 1e-5
    )


def test_wide_blurs_are_a_little_too_light_as_darktables_are():
    """1 + b1 + b2 in single precision; narrow ones are not."""
    even = torch.ones(48)
    gain = {sigma: float((style.recursive_gaussian(48, sigma) @ even).mean()) for sigma in (100, 10)}
    assert gain[100] == pytest.approx(1.00025, abs=2e-5) and gain[10] == pytest.approx(1, abs=2e-5)


def test_cube_root():
    t = torch.logspace(-6, 2, 5000)
    assert colour.cube_root(t).numpy() == pytest.approx(t.double().pow(1 / 3).numpy(), rel=5e-5)


def test_lab_of_known_colours():
    white, black = (colour.to_lab(torch.full((3, 1, 1), value)) for value in (1.0, 0.0))
    assert [float(c) for c in white] == pytest.approx([100, 0, 0], abs=0.02)
    assert [float(c) for c in black] == pytest.approx([0, 0, 0], abs=1e-4)
    red = colour.to_lab(torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1))
    assert [float(c) for c in red] == pytest.approx([54.29, 80.81, 69.89], abs=0.05)  # sRGB red, D50, CSS Color 4


def test_encode_inverts_decode():
    codes = np.arange(256)
    linear = torch.from_numpy(colour.decode(codes / 255)).float()
    assert (colour.encode(linear).numpy() == codes).all()
    assert colour.encode(torch.tensor([-1.0, 7.0])).tolist() == [0, 255]


def test_encode_misses_hardly_a_rounding():
    linear = np.concatenate([np.linspace(0, 1, 200_001), np.geomspace(1e-5, 1, 200_001)])
    curve = np.where(linear <= 0.04045 / 12.92, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    missed = colour.encode(torch.from_numpy(linear).float()).numpy() - np.floor(255 * curve + 0.5)
    assert np.abs(missed).max() <= 1 and (missed != 0).mean() < 0.003
