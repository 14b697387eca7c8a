"""Geometry by hand, on pictures whose pixels tell where they came from."""

import numpy as np
import pytest
import torch
from PIL import Image

from aesthetic_pretraining.data.letterbox import letterbox, letterbox_batch, resize
from aesthetic_pretraining.distortions.native import composition
from aesthetic_pretraining.distortions.native.render import base_photo, source_photo


@pytest.fixture
def places():
    """120 x 180 photo (size 80: free margins 40 and 60): red is the column, green the row."""
    row, column = np.mgrid[:120, :180]
    return np.dstack([column, row, np.zeros_like(row)]).astype(np.uint8)


@pytest.mark.parametrize(
    ("crop", "level", "left", "top"),
    [
        ("horizontal_crop", 0, 30, 20),
        ("horizontal_crop", 5, 60, 20),
        ("horizontal_crop", -5, 0, 20),
        ("horizontal_crop", 1, 36, 20),
        ("vertical_crop", 5, 30, 0),
        ("vertical_crop", -5, 30, 40),
        ("vertical_crop", -2, 30, 28),
        ("left_diagonal_crop", 5, 0, 0),
        ("left_diagonal_crop", -5, 0, 40),
        ("right_diagonal_crop", 5, 60, 0),
        ("right_diagonal_crop", -5, 60, 40),
        ("right_diagonal_crop", -1, 36, 24),
    ],
)
def test_crop_offsets(places, crop, level, left, top):
    base = base_photo(places, 80)
    window = getattr(composition, crop)(places, base, level)
    assert base.shape == window.shape == (80, 120, 3)
    assert (window == places[top : top + 80, left : left + 120]).all()


def test_the_anchors_are_level_zero(places):
    base = base_photo(places, 80)
    assert (composition.crop_anchor(places, base) == composition.vertical_crop(places, base, 0)).all()
    assert (composition.rotation_anchor(places, base) == composition.rotation(places, base, 0)).all()


@pytest.mark.parametrize("shape", [(96, 96), (96, 97), (144, 96), (96, 143), (96, 171), (250, 96), (97, 700)])
@pytest.mark.parametrize("angle", [-10, -6, -2, 0, 2, 4, 8, 10])
def test_rotation_shows_no_border(shape, angle):
    photo = np.full((*shape, 3), 255, np.uint8)
    base = base_photo(photo, round(min(shape) / 1.5))
    turned = composition.rotation(photo, base, angle)
    assert turned.shape == base.shape and (turned == 255).all()


def pillows(photo, angle):
    """The centre of Pillow's own rotation, and ours."""
    width, height = composition.inner_rectangle(photo.shape[1], photo.shape[0], 10)
    whole = Image.fromarray(photo).rotate(angle, Image.Resampling.BICUBIC, expand=True)
    left, top = round((whole.width - width) / 2), round((whole.height - height) / 2)
    expected = np.array(whole.crop((left, top, left + width, top + height)), int)
    return composition.turned_centre(photo, angle, width, height).astype(int) - expected


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
@pytest.mark.parametrize("angle", [-10, 2, 6, 10])
def test_rotation_is_pillows_but_for_the_cubic(name, angle):
    import skimage.data

    difference = pillows(source_photo(getattr(skimage.data, name)(), 96), angle)
    assert np.abs(difference).mean() < 1 and abs(difference.mean()) < 0.02


@pytest.mark.parametrize("shape", [(96, 143), (101, 96)])
@pytest.mark.parametrize("angle", [-10, 2, 6, 10])
def test_rotation_lies_where_pillows_does(shape, angle):
    """On planes every cubic is exact, so that only the place of the pixels matters."""
    row, column = np.mgrid[: shape[0], : shape[1]]
    difference = pillows(np.dstack([column, row, 255 - row - column // 2]).astype(np.uint8), angle)
    assert np.abs(difference).max() <= 1 and abs(difference.mean()) < 0.1


@pytest.mark.parametrize("shape", [(96, 143), (101, 96)])
def test_unturned_is_pillows(shape):
    assert (pillows(np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8), 0) == 0).all()


@pytest.mark.parametrize("shape", [(96, 143), (143, 96)])
@pytest.mark.parametrize("size", [(64, 95), (80, 64), (96, 143), (120, 160)])
def test_resize_is_pillows(shape, size):
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    resized = resize(picture, *size)
    assert resized.flags.c_contiguous and resized.shape == (size[1], size[0], 3)
    difference = resized.astype(int) - np.array(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
    assert np.abs(difference).max() <= 1


def test_rotation_is_counter_clockwise(places):
    turned = composition.rotation(places, base_photo(places, 80), 10).astype(int)
    assert turned[40, 110, 1] > turned[40, 10, 1]  # the right end came from further down


def test_inner_rectangle():
    assert composition.inner_rectangle(300, 200, 0) == (300, 200)
    side = 1000 / (np.cos(np.radians(10)) + np.sin(np.radians(10)))
    assert composition.inner_rectangle(1000, 1000, 10) == (int(side), int(side))
    assert composition.inner_rectangle(200, 300, 10) == composition.inner_rectangle(300, 200, 10)[::-1]
    best = max(  # the largest that fits, by trying all
        ((w, h) for w in range(1, 150) for h in range(1, 100) if _fits(w, h, 150, 100, 10)), key=np.prod
    )
    assert np.prod(composition.inner_rectangle(150, 100, 10)) >= 0.97 * np.prod(best)


def _fits(w, h, width, height, angle):
    s, c = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    return w * c + h * s <= width and w * s + h * c <= height


def test_ratio_keeps_size_and_stretches_one_axis(places):
    base = base_photo(places, 80).astype(int)
    for level in (-5, -2, 3, 5):
        picture = composition.image_ratio(places, base.astype(np.uint8), level).astype(int)
        assert picture.shape == base.shape
        across, down = np.diff(picture[40, 20:100, 0]).mean(), np.diff(picture[20:60, 50, 1]).mean()
        assert across == pytest.approx(1.5 / (1 - min(level, 0) / 5), rel=0.03)
        assert down == pytest.approx(1.5 / (1 + max(level, 0) / 5), rel=0.03)
        assert np.abs(picture[40, 60] - base[40, 60]).max() <= 2  # the centre stays


@pytest.mark.parametrize("level", [-5, -2, 1, 4])
def test_ratio_is_pillows(level):
    base = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    width, height = 96 * (5 + max(-level, 0)) // 5, 64 * (5 + max(level, 0)) // 5
    whole = Image.fromarray(base).resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - 96) / 2), round((height - 64) / 2)
    expected = np.array(whole.crop((left, top, left + 96, top + 64)), int)
    assert np.abs(composition.image_ratio(base, base, level) - expected).max() <= 1


@pytest.mark.parametrize("size", [64, 96, 224])
@pytest.mark.parametrize("shape", [(300, 500), (500, 300), (401, 400)])
def test_source_and_base_sizes(size, shape):
    photo = source_photo(np.zeros((*shape, 3), np.uint8), size)
    assert min(photo.shape[:2]) == round(1.5 * size)
    assert min(base_photo(photo, size).shape[:2]) == size


def test_letterbox_by_hand():
    boxed = letterbox(np.full((40, 80, 3), 200, np.uint8), 40)
    assert boxed.shape == (40, 40, 3)
    assert (boxed[:9] == 0).all() and (boxed[11:29] == 200).all() and (boxed[31:] == 0).all()
    assert (letterbox(np.full((80, 40, 3), 200, np.uint8), 40) == boxed.transpose(1, 0, 2)).all()
    assert letterbox(Image.new("L", (30, 50), 9), 40).shape == (40, 40, 3)


@pytest.mark.parametrize("shape", [(64, 97), (96, 64), (64, 64), (64, 301)])
def test_letterbox_batch_equals_pillows_way(shape):
    pictures = np.random.default_rng(1).integers(0, 256, (3, *shape, 3), np.uint8)
    batch = letterbox_batch(pictures, 64).permute(0, 2, 3, 1).numpy().astype(int)
    expected = np.stack([letterbox(picture, 64) for picture in pictures])
    assert np.abs(batch - expected).max() <= 1


@pytest.mark.parametrize("shape", [(64, 97), (97, 64), (64, 64)])
def test_letterbox_batch_into_a_part_of_a_larger_batch(shape):
    pictures = np.random.default_rng(0).integers(0, 256, (3, *shape, 3), np.uint8)
    whole = torch.full((5, 3, 64, 64), 7, dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
    letterbox_batch(pictures, 64, whole[1:4])
    assert torch.equal(whole[1:4], letterbox_batch(pictures, 64)) and (whole[[0, 4]] == 7).all()


def test_letterbox_batch_refuses_another_size():
    with pytest.raises(ValueError, match="short side must be 64"):
        letterbox_batch(np.zeros((1, 65, 80, 3), np.uint8), 64)
