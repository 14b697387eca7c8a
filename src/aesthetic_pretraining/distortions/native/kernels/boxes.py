"""The half of the letterbox that works on rows, with the bars of wide photos, in one pass over the pixels: a loop for numba.

The same bits as PyTorch's antialiased bilinear resize of bytes: sums of integers, with weights of 16 bits.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from aesthetic_pretraining.data.letterbox import letterbox_batch
from aesthetic_pretraining.distortions.native.kernels.compiled import compiled

LARGEST = 2**15  # below which weights stay
WHITE = np.int32(255)


def letterbox_into(pictures: np.ndarray, out: Tensor) -> None:
    """`data.letterbox.letterbox_batch` of uint8 (n, h, w, 3) into uint8 (n, 3, size, size) in channels_last memory format."""
    height, width = pictures.shape[1:3]
    if width == height:
        out[:] = letterbox_batch(pictures, width)
        return
    if width < height:
        squeezed = np.empty((len(pictures), width, width, 3), np.uint8)
        for picture, place in zip(pictures, squeezed, strict=True):
            weigh_rows(picture.reshape(height, -1), *_rows(height, width, 0, height), place.reshape(width, -1))
        left = (height - width) // 2
        padded = pad(torch.from_numpy(squeezed).permute(0, 3, 1, 2), (left, height - width - left))
        out[:] = interpolate(padded, (width, width), mode="bilinear", antialias=True)
        return
    batch = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    squeezed = interpolate(batch, (height, height), mode="bilinear", antialias=True).permute(0, 2, 3, 1).numpy()
    rows = _rows(width, height, (width - height) // 2, height)
    for picture, place in zip(squeezed, out.permute(0, 2, 3, 1).numpy(), strict=True):
        weigh_rows(picture.reshape(height, -1), *rows, place.reshape(height, -1))


@lru_cache(maxsize=64)
def _rows(large: int, small: int, top: int, inside: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.int32]:
    """The picture's first row and the number of rows that make each row of the square, their weights, and the bits to shift by.

    large: rows before they are shrunk to `small`, of which `inside` are the picture's, below a bar of `top`
    """
    scale = large / small
    centre = scale * (np.arange(small) + 0.5)
    first = np.maximum((centre - scale + 0.5).astype(np.int64), 0)
    count = np.minimum((centre + scale + 0.5).astype(np.int64), large) - first
    steps = np.arange(count.max())
    weights = np.maximum(1 - np.abs((steps + first[:, None] - centre[:, None] + 0.5) / scale), 0)
    weights[steps >= count[:, None]] = 0
    weights /= weights.sum(1, keepdims=True)
    bits = max(b for b in range(22) if int(0.5 + weights.max() * 2**b) < LARGEST)
    whole = np.floor(weights * 2**bits + 0.5).astype(np.int32)
    # rows of the bars are black and add nothing
    start = np.clip(first, top, top + inside)
    end = np.clip(first + count, top, top + inside)
    kept = np.zeros_like(whole)
    for row, (a, b, f) in enumerate(zip(start, end, first, strict=True)):
        kept[row, : b - a] = whole[row, a - f : b - f]
    return start - top, end - start, kept, np.int32(bits)


@compiled
def _weigh(total, row, weight):
    for i in range(total.size):
        total[i] += np.int32(row[i]) * weight


@compiled
def _shift(total, bits, out):
    for i in range(total.size):
        out[i] = np.uint8(min(total[i] >> bits, WHITE))


@compiled
def weigh_rows(picture, first, count, weights, bits, out):
    """Every row of `out`, uint8 (h, 3 w), as the weighted sum of `count` rows of the picture from `first`."""
    total = np.empty(out.shape[1], np.int32)
    for y in range(out.shape[0]):
        if count[y] == 0:
            out[y] = 0
            continue
        total[:] = np.int32(1 << (bits - 1))
        for k in range(count[y]):
            _weigh(total, picture[first[y] + k], weights[y, k])
        _shift(total, bits, out[y])
