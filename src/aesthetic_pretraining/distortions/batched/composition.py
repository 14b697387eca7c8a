"""Composition distortions as `native.composition` defines them, for all levels of one photo at once.

Every function returns (n, 3, h, w), whole levels in [0, 255], as bytes or float. Where pixels come from depends on the photo's
shape alone (`geometry`).
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from aesthetic_pretraining.distortions.batched.geometry import STRETCH_BITS, Geometry, Stretch
from aesthetic_pretraining.distortions.batched.resample import columns, rows
from aesthetic_pretraining.distortions.native import composition

ABOVE = 0.01  # levels; sums over uniform areas may be slightly below their level
CROPS = ("horizontal_crop", "vertical_crop", "left_diagonal_crop", "right_diagonal_crop")


def crop(name: str, photo: Tensor, places: Geometry, values: Sequence[float]) -> Tensor:
    """One of CROPS. photo: uint8 (3, H, W)."""
    # The native functions only slice, so they take tensors, too. Of the base photo they only look at the shape.
    interleaved, base = photo.permute(1, 2, 0), photo.new_empty(0).expand(places.height, places.width, 0)
    return torch.stack([getattr(composition, name)(interleaved, base, value) for value in values]).permute(0, 3, 1, 2)


def crop_anchor(photo: Tensor, places: Geometry) -> Tensor:
    """The centred window, (1, 3, h, w). photo: uint8 (3, H, W)."""
    return crop(CROPS[0], photo, places, (0,))


def rotation(photo: Tensor, places: Geometry, turned: slice) -> Tensor:
    """The photo under some of the geometry's turns, of which the first is the anchor. photo: uint8 (3, H, W).

    Cubic, with the parameter -0.75 that OpenCV and torch share.
    """
    turns = torch.as_tensor(places.turns)[turned]
    height, width = places.inner
    across = torch.arange(width, device=photo.device, dtype=torch.float32)
    down = torch.arange(height, device=photo.device, dtype=torch.float32)[:, None]
    # not a product of matrices, which a GPU may round to TF32
    x, y = (
        turns[:, k, 0, None, None] * across + turns[:, k, 1, None, None] * down + turns[:, k, 2, None, None] for k in (0, 1)
    )
    whole = photo.float().expand(len(turns), *photo.shape)
    inner = grid_sample(whole, torch.stack((x, y), -1), mode="bicubic", padding_mode="border", align_corners=False)
    levels = inner.add_(ABOVE).clamp_(0, 255).floor_()
    return _centre(rows(columns(levels, places.upright[0]), places.upright[1]), places)


def image_ratio(base: Tensor, places: Geometry) -> Tensor:
    """The values below 0, which stretch the width, then those above. base: uint8 (3, h, w)."""
    wide, tall = (_stretched(base, dim, stretch) for dim, stretch in ((2, places.wider), (1, places.taller)))
    # OpenCV sums along a row exactly, and cuts bits off before it adds rows up
    wider = (wide[0] + wide[1] + (1 << STRETCH_BITS - 1)) >> STRETCH_BITS
    taller = ((tall[0] >> STRETCH_BITS - 2) + (tall[1] >> STRETCH_BITS - 2) + 2) >> 2
    height, width = base.shape[1:]
    return torch.cat((wider.view(3, height, -1, width).permute(2, 0, 1, 3), taller.view(3, -1, height, width).transpose(0, 1)))


def _stretched(base: Tensor, dim: int, stretch: Stretch) -> tuple[Tensor, Tensor]:
    """Both neighbours of each new pixel times their weights: int32 (3, h, n w) or (3, n h, w)."""
    pixels, weights = torch.as_tensor(stretch.pixels), torch.as_tensor(stretch.weights)
    weights = weights[:, None, :] if dim == 2 else weights[:, :, None]
    first, second = (base.index_select(dim, pixels[k]) * weights[k] for k in (0, 1))
    return first, second


def _centre(pictures: Tensor, places: Geometry) -> Tensor:
    left, top = (round((pictures.shape[dim] - size) / 2) for dim, size in ((3, places.width), (2, places.height)))
    return pictures[:, :, top : top + places.height, left : left + places.width]
