"""Defocus and motion blur of `native.technical` as sums along rows, which stay in the cache: loops for numba.

Both take and give interleaved codes, uint8 (h, w, 3).
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from math import ceil, cos, radians, sin

import cv2
import numpy as np

from aesthetic_pretraining.distortions.native import technical
from aesthetic_pretraining.distortions.native.kernels.colour import ZERO, F
from aesthetic_pretraining.distortions.native.kernels.compiled import compiled

WHITE, NUDGE = F(255), F(technical.NUDGE)
NEGLIGIBLE = 1e-7  # share of the light; together below 0.001 levels


def defocus(base: np.ndarray, values: Sequence[int], places: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """`technical.defocus_blur` for each severity, into `places`, and given back.

    A disk's rows are runs of ones, so their sums are differences of two cumulative sums, whole numbers and exact; then the two short
    passes of the Gaussian that softens the edge. What the library cuts off at the kernel's border is added as single weights.
    """
    lenses = [_lens(*technical.DEFOCUS_RADIUS_SIGMA[value - 1]) for value in values]
    room = max(reach for *_, reach in lenses)
    padded = cv2.copyMakeBorder(base, room, room, room, room, cv2.BORDER_REFLECT_101)
    sums = np.zeros((len(padded), 3 * (padded.shape[1] + 1)), np.int32)
    accumulate(padded.reshape(len(padded), -1), sums)
    for (runs, softening, weights, nudge, _), made in zip(lenses, places, strict=True):
        soften(sums, padded.reshape(len(padded), -1), room, runs, softening, weights, nudge, made.reshape(len(made), -1))
        yield made


def motion(
    base: np.ndarray, values: Sequence[int], rngs: Iterable[np.random.Generator], places: Iterable[np.ndarray]
) -> Iterator[np.ndarray]:
    """`technical.motion_blur` for each severity, into `places`, and given back."""
    widths = [2 * technical.MOTION_RADIUS_SIGMA[value - 1][0] + 1 for value in values]
    room = max(widths)
    padded = cv2.copyMakeBorder(base, room, room, room, room, cv2.BORDER_REPLICATE)
    for value, width, rng, made in zip(values, widths, rngs, places, strict=True):
        angle = radians(rng.uniform(-technical.MOTION_ANGLE, technical.MOTION_ANGLE))
        weights = technical.motion_weights(width, technical.MOTION_RADIUS_SIGMA[value - 1][1]).astype(F)
        down = np.array([room + ceil(i * sin(angle) - 0.5) for i in range(width)])
        right = np.array([room + ceil(i * cos(angle) - 0.5) for i in range(width)])
        shift(padded.reshape(len(padded), -1), weights, down, 3 * right, made.reshape(len(made), -1))
        yield made


@lru_cache(maxsize=8)
def _lens(radius: int, sigma: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.float32, int]:
    """(half widths of the disk's rows, softening, single weights (k, 3): row, column, weight; nudge, reach in pixels)."""
    kernel = technical.disk(radius, sigma).astype(np.float64)
    centre = len(kernel) // 2
    rows = np.arange(-radius, radius + 1)
    runs = np.array([int((radius**2 - row**2) ** 0.5) for row in rows])
    taps = 3 if radius <= 8 else 5
    softening = cv2.getGaussianKernel(taps, sigma, cv2.CV_64F)[:, 0] / (2 * runs + 1).sum() ** 0.5
    reach = max(centre, radius + taps // 2)
    whole = np.zeros((2 * reach + 1, 2 * reach + 1))
    for row, half in zip(rows, runs, strict=True):
        whole[reach + row, reach - half : reach + half + 1] = 1
    # borders of zeros: `whole` has room for the softening all around
    missing: np.ndarray = -cv2.sepFilter2D(whole, cv2.CV_64F, softening, softening, borderType=cv2.BORDER_CONSTANT)
    inside = slice(reach - centre, reach + centre + 1)
    missing[inside, inside] += kernel
    at = np.argwhere(np.abs(missing) > NEGLIGIBLE)
    weights = np.column_stack([at - reach, missing[tuple(at.T)]])
    nudge = technical.NUDGE if kernel.sum() > 1 else -technical.NUDGE
    return runs, softening.astype(F), weights, F(nudge), reach


@compiled
def accumulate(padded, sums):
    """Cumulative sums along each row of interleaved codes, from 0: int32 (rows, 3 (columns + 1))."""
    for y in range(padded.shape[0]):
        row, out = padded[y], sums[y]
        for i in range(row.size):
            out[i + 3] = out[i] + np.int32(row[i])


@compiled
def _subtract(total, ends, starts):
    for i in range(total.size):
        total[i] = ends[i] - starts[i]


@compiled
def _add_runs(total, ends, starts, other_ends, other_starts):
    for i in range(total.size):
        total[i] += (ends[i] - starts[i]) + (other_ends[i] - other_starts[i])


@compiled
def _add_scaled(total, row, weight):
    for i in range(total.size):
        total[i] += F(row[i]) * weight


@compiled
def _cut_off(total, nudge, codes):
    for i in range(total.size):
        codes[i] = np.uint8(np.int32(min(max(total[i] + nudge, ZERO), WHITE)))


@compiled
def soften(sums, padded, room, runs, softening, weights, nudge, codes):
    """A disk of rows 2 `runs` + 1 wide, softened; sums, padded: with a border of `room` pixels; codes: uint8 (h, 3 w)."""
    height, wide, radius, edge = codes.shape[0], codes.shape[1], runs.size // 2, softening.size // 2
    count = wide + 6 * edge  # values in a row with room for the softening
    disks = np.empty((softening.size, count), np.int32)  # the rows that one softened row needs
    column, total = np.empty(count, F), np.empty(wide, F)
    for y in range(-edge, height + edge):
        disk = disks[(y + edge) % softening.size]
        row, start, end = sums[y + room], 3 * (room - edge - radius), 3 * (room - edge + radius + 1)
        _subtract(disk, row[end : end + count], row[start : start + count])
        for k in range(1, radius + 1):  # two rows of the same width
            row, other = sums[y + room - k], sums[y + room + k]
            start, end = 3 * (room - edge - runs[radius + k]), 3 * (room - edge + runs[radius + k] + 1)
            _add_runs(
                disk, row[end : end + count], row[start : start + count], other[end : end + count], other[start : start + count]
            )
        done = y - edge
        if done < 0:
            continue
        column[:] = ZERO
        for k in range(softening.size):
            _add_scaled(column, disks[(done + k) % softening.size], softening[k])
        total[:] = ZERO
        for k in range(softening.size):
            _add_scaled(total, column[3 * k : 3 * k + wide], softening[k])
        for k in range(weights.shape[0]):
            left = 3 * (room + np.int64(weights[k, 1]))
            _add_scaled(total, padded[done + room + np.int64(weights[k, 0])][left : left + wide], F(weights[k, 2]))
        _cut_off(total, nudge, codes[done])


@compiled
def shift(padded, weights, down, right, codes):
    """The weighted sum of copies that begin at row `down` and value `right` of the padded rows: uint8 (h, 3 w)."""
    wide = codes.shape[1]
    total = np.empty(wide, F)
    for y in range(codes.shape[0]):
        total[:] = ZERO
        for k in range(weights.size):
            _add_scaled(total, padded[y + down[k]][right[k] : right[k] + wide], weights[k])
        _cut_off(total, NUDGE, codes[y])
