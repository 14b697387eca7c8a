"""A photo's 174 pictures: order, determinism, and that more distortion is further away."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from aesthetic_pretraining.data.letterbox import letterbox
from aesthetic_pretraining.distortions import DISTORTIONS, VARIANTS, anchor_index, indices
from aesthetic_pretraining.distortions.native.render import base_photo, render, rows, source_photo

SIZE = 64
RANDOM = {"motion_blur", "gaussian_noise", "impulse_noise"}


@pytest.fixture(scope="module")
def photo():
    from skimage.data import chelsea

    return source_photo(chelsea(), SIZE)


@pytest.fixture(scope="module")
def pictures(photo):
    return render(photo, "cat", SIZE, seed=0)


def test_shape(pictures):
    assert pictures.dtype == torch.uint8 and pictures.shape == (174, 3, SIZE, SIZE)
    assert pictures.is_contiguous(memory_format=torch.channels_last)


def test_the_first_is_the_letterboxed_photo(photo, pictures):
    expected = letterbox(base_photo(photo, SIZE), SIZE).astype(int)
    assert np.abs(pictures[0].permute(1, 2, 0).numpy() - expected).max() <= 1


def test_all_pictures_share_the_black_bars(photo, pictures):
    black = (letterbox(np.full_like(photo, 255), SIZE) == 0).all((1, 2))
    assert black.sum() > 10 and (pictures[:, :, torch.from_numpy(black)] == 0).all()


@pytest.mark.parametrize("only", [["tint"], ["image_ratio", "gaussian_noise"], ["motion_blur", "shadows"], []])
def test_only_gives_the_same_pixels(photo, pictures, only):
    assert rows(only) == tuple(sorted({0, 1, 2}.union(*(indices(name) for name in only))))
    assert (render(photo, "cat", SIZE, seed=0, only=only) == pictures[list(rows(only))]).all()


def test_the_same_again_after_another_photo(photo, pictures):
    render(photo[:, ::-1].copy(), "tac", SIZE, seed=5)
    np.random.seed(1)
    torch.manual_seed(1)
    assert (render(photo, "cat", SIZE, seed=0) == pictures).all()


@pytest.mark.parametrize(("photo_id", "seed"), [("cat", 1), ("dog", 0)])
def test_seed_and_name_change_noise_and_motion_only(photo, pictures, photo_id, seed):
    other = render(photo, photo_id, SIZE, seed)
    changed = {VARIANTS[i].distortion for i in range(174) if (other[i] != pictures[i]).any()}
    assert changed == RANDOM
    assert all((other[i] != pictures[i]).any() for name in RANDOM - {"motion_blur"} for i in indices(name))


def distances(pictures, name, side):
    anchor = pictures[anchor_index(name)].double()
    sided = [i for i in indices(name) if VARIANTS[i].level * side > 0][::side]
    return [float((pictures[i].double() - anchor).abs().mean()) for i in sided]


MONOTONE = ["jpeg_compression", "defocus_blur", "gaussian_noise", "impulse_noise", "brightness", "contrast"]
MONOTONE += ["saturation", "exposure", "temperature", "tint", "rotation", "horizontal_crop", "image_ratio"]
SIDES = [(name, side) for name in MONOTONE for side in (-1, 1) if any(n * side > 0 for n in DISTORTIONS[name].levels)]


@pytest.mark.parametrize(("name", "side"), SIDES)
def test_each_level_is_further_from_its_anchor(pictures, name, side):
    steps = distances(pictures, name, side)
    assert steps[0] > 0 and all(near < far for near, far in pairwise(steps)), steps


@pytest.mark.parametrize("shape", [(96, 96), (150, 96)])
def test_square_and_portrait(shape):
    photo = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert render(photo, "x", SIZE, 0).shape == (174, 3, SIZE, SIZE)


@pytest.mark.parametrize("shape", [(8, 8), (8, 160), (160, 8), (1, 1), (3, 5)])
def test_tiny_photos_and_extreme_ratios(shape):
    """As far as a picture can be read at all: every variant comes out, none of them empty."""
    photo = np.random.default_rng(0).integers(100, 200, (*shape, 3), np.uint8)
    pictures = render(source_photo(photo, SIZE), "x", SIZE, 0, table="corrected")
    assert pictures.shape == (174, 3, SIZE, SIZE)
    assert (pictures.flatten(1).amax(1) > 0).all()


def test_wrong_photo_is_refused(photo):
    with pytest.raises(ValueError, match="cat: need uint8"):
        render(photo[:90], "cat", SIZE, 0)
    with pytest.raises(ValueError, match="cat: need uint8"):
        render(photo.astype(float), "cat", SIZE, 0)
    with pytest.raises(KeyError):
        render(photo, "cat", SIZE, 0, only=["sepia"])
