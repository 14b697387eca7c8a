"""What the variants of a photo need of its shape alone: weights of resizing, positions, blurs. Computed on the CPU, once per shape.

All of it goes to a GPU in one transfer from pinned memory, for which nothing has to wait.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import cos, radians, sin
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from aesthetic_pretraining.data.letterbox import bars, short_side_size
from aesthetic_pretraining.distortions.batched.resample import Axis, bilinear_axis, box_axis, nearest
from aesthetic_pretraining.distortions.darktable_values import EDITED_WIDTH, shadhi
from aesthetic_pretraining.distortions.ladder import TABLES
from aesthetic_pretraining.distortions.native.composition import LARGEST_ANGLE, STEPS, inner_rectangle
from aesthetic_pretraining.distortions.native.style import recursive_gaussian
from aesthetic_pretraining.distortions.registry import DISTORTIONS

SHAPES = 64  # photos' shapes whose geometry is kept, about 1 MB each
ALIGNED = 16  # bytes
STRETCH_BITS = 11  # OpenCV's precision of weights for bytes


@dataclass(frozen=True)
class Recipe:
    """What is made of every photo.

    size: side of the network's image in pixels
    table: one of ladder.TABLES
    edited_width: as for `darktable_values.shadhi`
    only: names of distortions; None: all
    Raises: ValueError for an unknown table, KeyError for an unknown distortion.
    """

    size: int
    table: str = "published"
    edited_width: int = EDITED_WIDTH
    only: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.table not in TABLES:
            raise ValueError(f"unknown table of distortions {self.table!r}; known are {', '.join(TABLES)}")
        for name in self.only or ():
            DISTORTIONS[name]  # raises

    @property
    def names(self) -> tuple[str, ...]:
        """The distortions, in the registry's order."""
        return tuple(name for name in DISTORTIONS if self.only is None or name in self.only)

    def values(self, name: str) -> tuple[float, ...]:
        """A distortion's values, by ascending level."""
        return tuple(DISTORTIONS[name].ladder(self.table).values())


class Pixelation(NamedTuple):
    """Shrinking by one value of pixelate, and the position of each pixel's block: int64 (w,) and (h,)."""

    columns: Axis
    rows: Axis
    column_of: np.ndarray | Tensor
    row_of: np.ndarray | Tensor


class Stretch(NamedTuple):
    """Stretching an axis by several values, cut to its old length n.

    pixels: int64 (2, values * n), the two old pixels between which each new one lies
    weights: int32 (2, values * n), theirs
    """

    pixels: np.ndarray | Tensor
    weights: np.ndarray | Tensor


class Geometry(NamedTuple):
    """Everything that depends on a photo's shape alone; (h, w) is the base photo's.

    base: (columns, rows), from the photo to the base photo
    letterbox: (columns, rows), from the base photo to the network's square; the longer side first
    pixelations: for each value of pixelate
    wider, taller: for each value of image_ratio below and above 0
    turns: float32 (1 + values, 2, 3), the anchor's first; (across, down, 1) in the rotated rectangle -> grid_sample's coordinates
    inner: (height, width) of that rectangle
    upright: (columns, rows), from there to at least (h, w)
    blurs: float32 (h, h) and (w, w), the surroundings that shadows and highlights see
    """

    height: int
    width: int
    base: tuple[Axis | None, Axis | None]
    letterbox: tuple[Axis | None, Axis | None]
    pixelations: tuple[Pixelation, ...]
    wider: Stretch
    taller: Stretch
    turns: np.ndarray | Tensor
    inner: tuple[int, int]
    upright: tuple[Axis | None, Axis | None]
    blurs: tuple[np.ndarray | Tensor, np.ndarray | Tensor]


@lru_cache(maxsize=SHAPES)
def geometry(height: int, width: int, recipe: Recipe, device: torch.device) -> Geometry:
    """The geometry of photos of (height, width) pixels, with its arrays as tensors on the device."""
    computed = compute(height, width, recipe)
    tensors = upload(list(_arrays(computed)), device)
    return _replaced(computed, iter(tensors))


def compute(height: int, width: int, recipe: Recipe) -> Geometry:
    """The geometry of photos of (height, width) pixels, with NumPy's arrays."""
    w, h = short_side_size(width, height, recipe.size)
    inner = inner_rectangle(width, height, LARGEST_ANGLE)
    across, down = (max(few, least) for few, least in zip(short_side_size(*inner, min(h, w)), (w, h), strict=True))
    ratios = recipe.values("image_ratio")
    sigma = shadhi(recipe.table, recipe.edited_width).sigma(w)
    top, bottom, left, right = bars(h, w)
    side = max(h, w)
    return Geometry(
        height=h,
        width=w,
        base=(bilinear_axis(width, w), bilinear_axis(height, h)),
        letterbox=(bilinear_axis(side, recipe.size, (left, right)), bilinear_axis(side, recipe.size, (top, bottom))),
        pixelations=tuple(_pixelation(h, w, value) for value in recipe.values("pixelate")),
        wider=_stretch(w, [value for value in ratios if value < 0]),
        taller=_stretch(h, [value for value in ratios if value > 0]),
        turns=np.stack([_turn(height, width, angle, *inner) for angle in (0, *recipe.values("rotation"))]),
        inner=(inner[1], inner[0]),
        upright=(bilinear_axis(inner[0], across), bilinear_axis(inner[1], down)),
        blurs=(recursive_gaussian(h, sigma).numpy(), recursive_gaussian(w, sigma).numpy()),
    )


def upload(arrays: list[np.ndarray], device: torch.device) -> list[Tensor]:
    """The arrays as tensors on the device, in one asynchronous transfer if that is a GPU."""
    if device.type == "cpu":
        return [torch.from_numpy(array) for array in arrays]
    ends = np.cumsum([-(-array.nbytes // ALIGNED) * ALIGNED for array in arrays])
    room = torch.empty(int(ends[-1]), dtype=torch.uint8, pin_memory=True)
    places = [(int(end) - (-(-array.nbytes // ALIGNED) * ALIGNED), array) for end, array in zip(ends, arrays, strict=True)]
    for start, array in places:
        room[start : start + array.nbytes].numpy()[:] = np.ascontiguousarray(array).view(np.uint8).ravel()
    there = room.to(device, non_blocking=True)
    kinds = {array.dtype: torch.from_numpy(array[:0].copy()).dtype for array in arrays}
    return [there[start : start + array.nbytes].view(kinds[array.dtype]).view(array.shape) for start, array in places]


def _arrays(part: Any) -> Iterator[np.ndarray]:
    if isinstance(part, np.ndarray):
        yield part
    elif isinstance(part, tuple):
        for one in part:
            yield from _arrays(one)


def _replaced(part: Any, tensors: Iterator[Tensor]) -> Any:
    """The part with its arrays replaced, in order, by the tensors."""
    if isinstance(part, np.ndarray):
        return next(tensors)
    if isinstance(part, tuple):
        made = [_replaced(one, tensors) for one in part]
        return type(part)(*made) if hasattr(part, "_fields") else tuple(made)
    return part


def _pixelation(height: int, width: int, value: float) -> Pixelation:
    down, across = int(height * value), int(width * value)
    return Pixelation(box_axis(width, across), box_axis(height, down), nearest(across, width), nearest(down, height))


def _stretch(length: int, values: list[float]) -> Stretch:
    """As OpenCV's linear resize by 1 + |value| / STEPS computes positions and weights."""
    pixels, weights = [], []
    for value in values:
        after = length * (STEPS + int(abs(value))) // STEPS
        position = ((np.arange(after) + 0.5) * (length / after) - 0.5).astype(np.float32)
        first = np.floor(position).astype(np.int64)
        share = np.where((first < 0) | (first >= length - 1), 0, position - np.floor(position))
        first = first.clip(0, length - 1)
        seen = slice(round((after - length) / 2), round((after - length) / 2) + length)
        pixels.append(np.stack([first, np.minimum(first + 1, length - 1)])[:, seen])
        weights.append(np.rint(np.stack([1 - share, share]) * 2**STRETCH_BITS).astype(np.int32)[:, seen])
    return Stretch(np.concatenate(pixels, 1), np.concatenate(weights, 1))


def _turn(height: int, width: int, angle: float, across: int, down: int) -> np.ndarray:
    """The centre of Pillow's rotate(angle, expand=True), across x down pixels, as `composition.rotation` places it: float32 (2, 3)."""
    s, c = sin(radians(angle)), cos(radians(angle))
    middle = np.array([width, height]) / 2
    reach = np.array([[c, abs(s)], [abs(s), c]]) @ middle
    canvas = np.ceil(middle + reach) - np.floor(middle - reach)
    corner = [round(free / 2) for free in canvas - (across, down)] - canvas / 2
    turn = np.array([[c, -s], [s, c]])
    # both libraries' coordinates are of pixel corners; grid_sample's go from -1 to 1
    offset = turn @ (corner + 0.5)
    return (np.column_stack([turn, offset]) / middle[:, None]).astype(np.float32)
