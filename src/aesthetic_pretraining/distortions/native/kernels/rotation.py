"""Rotation of `native.composition` without the pixels that its last crop takes away, of one float copy of the photo."""

from collections.abc import Iterator, Sequence
from math import ceil

import numpy as np

from aesthetic_pretraining.distortions.native import composition


def rotations(photo: np.ndarray, base: np.ndarray, values: Sequence[float]) -> Iterator[np.ndarray]:
    """`composition.rotation` for each value: uint8 (h, w, 3); a pixel in some thousands differs by a level.

    OpenCV computes the pixels' places in float32, from another corner than for the whole rectangle.
    """
    height, width = base.shape[:2]
    across, down = composition.inner_rectangle(photo.shape[1], photo.shape[0], composition.LARGEST_ANGLE)
    size = composition.size_of_turned(across, down, base)
    columns, rows = used(across, size[0], width), used(down, size[1], height)
    floats = photo.astype(np.float32)
    inner = np.zeros((down, across, 3), np.uint8)
    for value in values:
        inner[rows, columns] = composition.turned_centre(floats, value, across, down, columns, rows)
        yield composition.centre(composition.resize(inner, *size), width, height)


def used(large: int, small: int, kept: int) -> slice:
    """Which of a row's `large` pixels count for the `kept` middle ones of the `small` that it is resized to, bilinearly."""
    scale, left = large / small, round((small - kept) / 2)
    reach = max(scale, 1) + 1  # the filter's, and a pixel for rounding
    return slice(max(0, int((left + 0.5) * scale - reach)), min(large, ceil((left + kept - 0.5) * scale + reach)))
