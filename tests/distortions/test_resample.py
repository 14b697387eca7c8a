"""Resizing by integer weights: torch's and Pillow's bytes, to the bit."""

import numpy as np
import pytest
import torch
from PIL import Image

from aesthetic_pretraining.data.letterbox import letterbox_batch, resize
from aesthetic_pretraining.distortions.batched.geometry import Recipe, geometry
from aesthetic_pretraining.distortions.batched.render import letterbox
from aesthetic_pretraining.distortions.batched.resample import bilinear_axis, box_axis, columns, nearest, rows


def noise(height, width):
    """The hardest photo: every value, and no two neighbours alike; with areas of pure black and white."""
    made = np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)
    made[: height // 4], made[-(height // 4) :, : width // 2] = 0, 255
    return made


def planes(pixels):
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


def ready(axis):
    return axis and axis._replace(weights=torch.from_numpy(axis.weights))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((96, 144), (64, 96)),
        ((37, 100), (64, 50)),
        ((33, 700), (33, 32)),
        ((901, 32), (40, 32)),
        ((97, 61), (64, 61)),
        ((5, 3), (32, 48)),
    ],
)
def test_bilinear_is_torchs(before, after):
    pixels = noise(*before)
    made = rows(columns(planes(pixels), ready(bilinear_axis(before[1], after[1]))), ready(bilinear_axis(before[0], after[0])))
    assert (made[0].permute(1, 2, 0).numpy() == resize(pixels, after[1], after[0])).all()


@pytest.mark.parametrize("value", [0.6, 0.5, 0.4, 0.3, 0.25])
@pytest.mark.parametrize("size", [(64, 96), (97, 64), (64, 201), (65, 65)])
def test_box_is_pillows(size, value):
    pixels = noise(*size)
    height, width = int(size[0] * value), int(size[1] * value)
    small = rows(columns(planes(pixels), ready(box_axis(size[1], width))), ready(box_axis(size[0], height)))
    expected = Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX)
    assert (small[0].permute(1, 2, 0).numpy() == np.array(expected)).all()
    large = np.array(expected)[nearest(height, size[0])][:, nearest(width, size[1])]
    assert (large == np.array(expected.resize(size[::-1], Image.Resampling.BOX))).all()


@pytest.mark.parametrize("shape", [(96, 96), (96, 97), (97, 96), (96, 150), (144, 96), (96, 960), (1001, 96)])
def test_letterbox_is_that_of_the_data_to_the_bit(shape):
    places = geometry(*shape, Recipe(64), torch.device("cpu"))
    pixels = noise(places.height, places.width)
    made = letterbox(planes(pixels), places)
    assert torch.equal(made.to(torch.uint8), letterbox_batch(pixels[None], 64)) and (made == made.round()).all()


@pytest.mark.parametrize("before", [48, 336, 1500, 6000])
def test_no_sum_is_too_large_for_its_float(before):
    axis = bilinear_axis(before, 224)
    assert (
        255 * axis.weights.sum(-1).max() + 2 ** (axis.bits - 1) < {"float32": 2**24, "float64": 2**53}[axis.weights.dtype.name]
    )
