"""Which code computes the native engine's pixels: PyTorch and OpenCV, or fused loops compiled by numba (docs/distortions.md).

The fused loops are for a CPU core and an optional extra (`fast`). PyTorch's code is their reference: all else is the same, and the
pixels differ by at most one level. numba is imported only where it is asked for, because that takes a second.
"""

import importlib.util

import numpy as np
import torch

from aesthetic_pretraining.distortions.darktable_values import EDITED_WIDTH
from aesthetic_pretraining.distortions.native import style
from aesthetic_pretraining.errors import UserError

KERNELS = ("torch", "numba")


def check(kernels: str) -> None:
    """Raise ValueError for a name that is not one of `KERNELS`, UserError where numba is wanted and not installed."""
    if kernels not in KERNELS:
        raise ValueError(f"unknown kernels {kernels!r}; known are {', '.join(KERNELS)}")
    if kernels == "numba" and importlib.util.find_spec("numba") is None:
        raise UserError(
            "distortions.kernels is 'numba', but the package numba is not installed; run pip install 'aesthetic-pretraining[fast]', "
            "or set distortions.kernels: torch"
        )


def prepare(
    base: np.ndarray, photo: np.ndarray, table: str, edited_width: int = EDITED_WIDTH, kernels: str = "torch"
) -> style.Photo:
    """The base photo, ready for `render.pictures_of`.

    base: uint8 (h, w, 3), `render.base_photo` of photo, uint8 (H, W, 3)
    table, edited_width: as for `style.Photo`
    kernels: one of `KERNELS`
    Raises: UserError as `check`.
    """
    check(kernels)
    if kernels == "numba":
        from aesthetic_pretraining.distortions.native.kernels.photo import FusedPhoto

        return FusedPhoto(base, photo, table, edited_width)
    return style.Photo(torch.from_numpy(base).permute(2, 0, 1).contiguous(), table, edited_width)
