"""Resizing along one axis with the integer weights that torch and Pillow use for bytes, as products of matrices.

Both libraries round their weights to integers and sum integers. Here these are floats that hold integers; no sum exceeds what
a float holds exactly, so the order of summation cannot matter, and every device gives the libraries' bytes.

An axis is cut into blocks of BLOCK new pixels, because one pixel depends on few others: a dense matrix would be mostly zeros.
"""

from collections.abc import Callable
from math import ceil
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

BLOCK = 32
EXACT = {np.float32: 2**24, np.float64: 2**53}  # whole numbers up to here are exact
PILLOW_BITS = 22  # Pillow's precision of weights for bytes
Filter = Callable[[np.ndarray], np.ndarray]


class Axis(NamedTuple):
    """How one axis is resized.

    weights: float (blocks, BLOCK, reach), whole numbers: new pixels of a block x the pixels that it depends on
    starts: the first of these pixels, for each block
    size: new length
    bits: the weights of one new pixel sum to 2^bits
    """

    weights: np.ndarray | Tensor
    starts: tuple[int, ...]
    size: int
    bits: int


def triangle(x: np.ndarray) -> np.ndarray:
    """The linear filter, 1 pixel to each side."""
    return np.maximum(1 - np.abs(x), 0)


def box(x: np.ndarray) -> np.ndarray:
    """Half a pixel to each side."""
    return ((x > -0.5) & (x <= 0.5)).astype(np.float64)


def bilinear_axis(before: int, after: int, bars: tuple[int, int] = (0, 0)) -> Axis | None:
    """torch's antialiased bilinear resize of bytes (`data.letterbox.resize`); None: the length stays.

    before, after: lengths in pixels
    bars: pixels at both ends of `before` that are black and that the resized tensor does not have
    """
    if before == after:
        return None
    first, weights = _taps(before, after, triangle, 1.0)
    # torch raises the precision as long as the largest weight fits into 15 bits
    bits = 0
    while bits < 22 and int(0.5 + weights.max() * 2 ** (bits + 1)) < 2**15:
        bits += 1
    return _blocks(before, first, weights, bits, bars)


def box_axis(before: int, after: int) -> Axis:
    """Pillow's box filter."""
    return _blocks(before, *_taps(before, after, box, 0.5), PILLOW_BITS, (0, 0))


def nearest(before: int, after: int) -> np.ndarray:
    """Pillow's box filter when enlarging, which takes the nearest pixel: its position for each new one, int64 (after,)."""
    return ((np.arange(after) + 0.5) * (before / after)).astype(np.int64)


def rows(pictures: Tensor, axis: Axis | None) -> Tensor:
    """Resize the height: (n, 3, h, w) of whole levels, bytes or float -> float (n, 3, axis.size, w) of whole levels."""
    if axis is None:
        return pictures
    source, blocks = _ready(pictures, axis)
    made = source.new_empty(len(source), axis.size, source.shape[2])
    for start, place, weights in zip(axis.starts, made.split(BLOCK, 1), blocks, strict=True):
        weights = weights[: place.shape[1]].expand(len(source), -1, -1)
        torch.bmm(weights, source[:, start : start + weights.shape[2]], out=place)
    return _rounded(made, axis).unflatten(0, pictures.shape[:2])


def columns(pictures: Tensor, axis: Axis | None) -> Tensor:
    """Resize the width: (n, 3, h, w) of whole levels, bytes or float -> float (n, 3, h, axis.size) of whole levels."""
    if axis is None:
        return pictures
    source, blocks = _ready(pictures, axis)
    source = source.flatten(0, 1)
    made = source.new_empty(len(source), axis.size)
    for start, place, weights in zip(axis.starts, made.split(BLOCK, 1), blocks, strict=True):
        torch.mm(source[:, start : start + weights.shape[1]], weights[: place.shape[1]].T, out=place)
    return _rounded(made, axis).unflatten(0, pictures.shape[:3])


def _ready(pictures: Tensor, axis: Axis) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Planes (3 n, h, w) in the weights' format, and the weights of each block."""
    weights = torch.as_tensor(axis.weights)
    return pictures.to(weights.dtype).flatten(0, 1), weights.unbind()


def _rounded(sums: Tensor, axis: Axis) -> Tensor:
    """Sums of levels times weights as levels, rounded half up. They stay in [0, 255], because no weight is negative."""
    return sums.add_(2 ** (axis.bits - 1)).mul_(2.0**-axis.bits).floor_().float()


def _taps(before: int, after: int, of: Filter, support: float) -> tuple[np.ndarray, np.ndarray]:
    """For each new pixel the first old one that it depends on, and the weights from there on, which sum to 1: (after, taps)."""
    scale = before / after
    reach, shrinks = support * max(scale, 1.0), max(scale, 1.0)
    taps = np.arange(ceil(reach) * 2 + 1)
    centre = scale * (np.arange(after) + 0.5)
    first = np.maximum((centre - reach + 0.5).astype(np.int64), 0)
    last = np.minimum((centre + reach + 0.5).astype(np.int64), before)
    weights = of((taps + first[:, None] - centre[:, None] + 0.5) * (1 / shrinks)) * (taps < (last - first)[:, None])
    total = sum(weights.T)  # one after the other, as both libraries do
    return first, weights / np.asarray(total)[:, None]


def _blocks(before: int, first: np.ndarray, weights: np.ndarray, bits: int, bars: tuple[int, int]) -> Axis:
    whole = np.floor(weights * 2**bits + 0.5).astype(np.int64)
    after, taps = whole.shape
    dense = np.zeros((-(-after // BLOCK) * BLOCK, before + taps), np.int64)
    for k in range(taps):
        dense[np.arange(after), first + k] = whole[:, k]
    dense = dense[:, bars[0] : before - bars[1]].reshape(-1, BLOCK, before - sum(bars))
    used = np.asarray(dense.any(1))
    begins = [int(block.argmax()) for block in used]
    ends = [len(block) - int(block[::-1].argmax()) for block in used]
    reach = max(max(end - begin, 1) for begin, end, block in zip(begins, ends, used, strict=True) if block.any())
    starts = tuple(min(begin, used.shape[1] - reach) for begin in begins)
    packed = np.stack([block[:, start : start + reach] for start, block in zip(starts, dense, strict=True)])
    largest = 255 * int(packed.sum(-1).max()) + 2**bits
    kind = next(kind for kind, limit in EXACT.items() if largest < limit)
    return Axis(packed.astype(kind), starts, after, bits)
