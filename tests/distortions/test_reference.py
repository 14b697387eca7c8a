"""Both engines on the same small photos: all 21 distortions, with a stated bound each."""

import shutil

import numpy as np
import pytest
import torch

from aesthetic_pretraining import seeding
from aesthetic_pretraining.distortions import ANCHORS, DISTORTIONS, VARIANTS, indices
from aesthetic_pretraining.distortions.native.render import base_photo, render, rows, source_photo
from aesthetic_pretraining.distortions.reference.render import render_reference, window
from aesthetic_pretraining.errors import UserError

SIZE = 64
IDS = ("cat", "coffee")
NOISES = ("gaussian_noise", "impulse_noise")
needs_darktable = pytest.mark.skipif(shutil.which("darktable-cli") is None, reason="darktable-cli is not installed")
OTHERS = [name for name, distortion in DISTORTIONS.items() if distortion.aspect != "style"]


@pytest.fixture(scope="module")
def photos():
    """One lies, one stands."""
    from skimage.data import chelsea, coffee

    return [source_photo(chelsea(), SIZE), source_photo(np.ascontiguousarray(coffee()[:, 150:400]), SIZE)]


@pytest.fixture(scope="module")
def native(photos):
    return torch.stack([render(photo, photo_id, SIZE, 7) for photo, photo_id in zip(photos, IDS)]).int()


@pytest.fixture(scope="module")
def others(photos):
    """The reference without style, in the places that it has among all."""
    pictures = torch.full((2, len(VARIANTS), 3, SIZE, SIZE), -1, dtype=torch.int)
    pictures[:, list(rows(OTHERS))] = render_reference(photos, IDS, SIZE, 7, only=OTHERS).int()
    return pictures


def compare(native, reference, name):
    places = list(indices(name)) if name in DISTORTIONS else [ANCHORS.index(name)]
    off = (native[:, places] - reference[:, places]).abs()
    return off.max().item(), off.float().mean((2, 3, 4)).max().item()


@pytest.mark.parametrize("name", [*ANCHORS, *(name for name in OTHERS if name not in (*NOISES, "motion_blur"))])
def test_native_is_the_reference(native, others, name):
    """torch's fixed-point filter in the letterbox and Pillow's round otherwise, and so do the two ways to turn a photo:

    OpenCV's cubic filter overshoots less than Pillow's at edges.
    """
    most, mean = compare(native, others, name)
    limits = (8, 0.4) if name == "rotation" else (2, 0.2)
    assert most <= limits[0] and mean <= limits[1], (most, mean)


@pytest.mark.parametrize("name", NOISES)
def test_noises_are_the_reference_in_distribution(native, others, name):
    for place in indices(name):
        changes = [(pictures[:, place] - pictures[:, 0]).numpy().ravel() for pictures in (native, others)]
        cumulated = [np.histogram(change, np.arange(-256, 257))[0].cumsum() / change.size for change in changes]
        assert np.abs(cumulated[0] - cumulated[1]).max() < 0.02
        assert np.abs(changes[0] - changes[1]).mean() > 0.1  # independent draws


def test_motion_blur_is_the_reference_along_the_same_angles(photos, native, monkeypatch):
    angles = (
        seeding.generator(7, photo_id, "motion_blur", level).uniform(-45, 45) for photo_id in IDS for level in range(1, 6)
    )
    monkeypatch.setattr(np.random, "uniform", lambda low, high: next(angles))
    reference = render_reference(photos, IDS, SIZE, 7, only=["motion_blur"])
    off = (native[:, list(rows(["motion_blur"]))] - reference.int()).abs()
    assert off.max() <= 2 and off.float().mean((2, 3, 4)).max() <= 0.12


@needs_darktable
def test_style_with_a_corrected_table_is_the_reference(photos):
    reference = render_reference(photos, IDS, SIZE, 7, "corrected", ["vibrance"])
    assert reference.dtype == torch.uint8 and reference.shape == (2, 9, 3, SIZE, SIZE)
    for k, photo in enumerate(photos):
        off = (render(photo, IDS[k], SIZE, 7, ["vibrance"], "corrected").int() - reference[k].int()).abs()
        assert off.max() <= 2 and off.float().mean((1, 2, 3)).max() <= 0.12


@needs_darktable
def test_all_distortions_stand_in_their_places(photos, native, others):
    reference = render_reference(photos[:1], IDS[:1], SIZE, 7)
    assert reference.shape == (1, 174, 3, SIZE, SIZE)
    style = [i for i, v in enumerate(VARIANTS) if v.distortion and DISTORTIONS[v.distortion].aspect == "style"]
    rest = list(rows(OTHERS))
    assert (reference[:, rest] == others[:1, rest]).all()
    off = (reference[:, style].int() - native[:1, style]).abs()
    assert off.max() <= 4 and off.float().mean((2, 3, 4)).max() <= 0.25


def test_photo_name_level_and_seed_fix_the_noise(photos, others):
    names = [*NOISES, "motion_blur"]
    np.random.seed(1)
    backwards = render_reference(photos[::-1], IDS[::-1], SIZE, 7, only=names)
    assert (backwards.flip(0) == others[:, list(rows(names))]).all()
    other = render_reference(photos[:1], ["dog"], SIZE, 7, only=names)[0]
    seeded = render_reference(photos[:1], IDS[:1], SIZE, 8, only=names)[0]
    for pictures in (other, seeded):
        assert (pictures[: len(ANCHORS)] == backwards[1, : len(ANCHORS)]).all()
        assert all((a != b).any() for a, b in zip(pictures[len(ANCHORS) :], backwards[1, len(ANCHORS) :]))


@pytest.mark.parametrize(("right", "up"), [(0, 0), (5, 0), (-4, 4), (3, -2), (1, 1)])
@pytest.mark.parametrize("shape", [(151, 97), (96, 96), (96, 143), (97, 130)])
def test_windows_fall_on_the_same_pixel(shape, right, up):
    """Also where half a pixel has to be decided."""
    from aesthetic_pretraining.distortions.native.composition import _window

    photo = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    base = base_photo(photo, 64)
    assert (window(photo, base, right, up) == _window(photo, base, right, up)).all()


def test_without_darktable(photos, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert render_reference(photos, IDS, SIZE, 7, only=["rotation"]).shape == (2, 13, 3, SIZE, SIZE)
    with pytest.raises(UserError, match="install darktable 4.2 or newer, or set distortions.engine: native"):
        render_reference(photos, IDS, SIZE, 7)


def test_wrong_arguments(photos):
    with pytest.raises(ValueError, match="cat: need uint8"):
        render_reference([photos[0][:90]], IDS[:1], SIZE, 0)
    with pytest.raises(ValueError, match="shorter|longer"):
        render_reference(photos, IDS[:1], SIZE, 0)
    with pytest.raises(ValueError, match="unknown table"):
        render_reference(photos, IDS, SIZE, 0, "mine")
    with pytest.raises(KeyError):
        render_reference(photos, IDS, SIZE, 0, only=["sepia"])
    with pytest.raises(ValueError, match="cat: imagecorruptions needs sides of at least 32"):
        render_reference([source_photo(photos[0], 24)], IDS[:1], 24, 0, only=["gaussian_noise"])


def test_no_photos():
    assert render_reference([], [], SIZE, 0).shape == (0, 174, 3, SIZE, SIZE)
