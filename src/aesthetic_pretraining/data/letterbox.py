"""The one way a picture gets the network's size: the whole picture on a black square (paper section 4.1).

torch is imported where it is used: it takes seconds and hundreds of megabytes, and most jobs of the data chain need none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import torch

ROOM = 1.5  # a stored photo's short side over the network's: what crops and rotations need
SMALL = 512 * 512  # pixels; up to here Pillow takes 2 ms more than torch
BILINEAR = Image.Resampling.BILINEAR  # antialiased when it shrinks, as all of Pillow's filters


def short_side_size(width: int, height: int, size: int) -> tuple[int, int]:
    """(width, height) scaled to the short side `size`; the long side loses its fraction, as in torchvision."""
    short = min(width, height)
    return size * width // short, size * height // short


def resize_short_side(image: Image.Image | np.ndarray, size: int) -> np.ndarray:
    """The picture with its short side at `size` pixels: uint8 (H, W, 3). Takes Pillow or uint8 (H, W, 3)."""
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    picture = picture.convert("RGB")
    return np.array(picture.resize(short_side_size(*picture.size, size), BILINEAR))


def resize(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Pillow's antialiased bilinear resize within one 8-bit step, in a third of its time: uint8 (H, W, 3) in and out."""
    import torch
    from torch.nn.functional import interpolate

    # Both are views: torch's fast path for bytes wants channels last, and in this order it sees that they are.
    batch = torch.from_numpy(np.require(picture, requirements="CW"))[None].permute(0, 3, 1, 2)
    return interpolate(batch, (height, width), mode="bilinear", antialias=True)[0].permute(1, 2, 0).numpy()


def fit_short_side(image: Image.Image | np.ndarray, short: int) -> np.ndarray:
    """`resize` to the short side `short`: uint8 (H, W, 3). Takes Pillow or uint8 (H, W, 3)."""
    picture = np.array(image) if isinstance(image, Image.Image) and image.mode == "RGB" else image
    picture = picture if isinstance(picture, np.ndarray) else np.array(picture.convert("RGB"))
    return resize(picture, *short_side_size(picture.shape[1], picture.shape[0], short))


def shrink(picture: np.ndarray, short: int) -> np.ndarray:
    """`fit_short_side` for the stores, by Pillow where a picture is small: uint8 (H, W, 3) in and out.

    A job with a thousand such pictures would spend more time and memory on importing torch than torch saves it.
    """
    small = picture.shape[0] * picture.shape[1] <= SMALL
    return resize_short_side(picture, short) if small else fit_short_side(picture, short)


def letterbox(image: Image.Image | np.ndarray, size: int) -> np.ndarray:
    """Short side to `size`, black bars to a square, resize to `size`: uint8 (size, size, 3).

    The bars come before the last resize, so the picture's edge blends into them by the filter's width.
    """
    picture = resize_short_side(image, size)
    height, width = picture.shape[:2]
    top, bottom, left, right = _bars(height, width)
    square = np.pad(picture, ((top, bottom), (left, right), (0, 0)))
    return np.array(Image.fromarray(square).resize((size, size), BILINEAR))


def letterbox_batch(pictures: np.ndarray, size: int) -> torch.Tensor:
    """`letterbox` for many pictures of one shape whose short side is `size` already, within one 8-bit step.

    pictures: uint8 (n, h, w, 3); returns uint8 (n, 3, size, size) in channels_last memory format.
    Raises ValueError for another short side.
    """
    import torch
    from torch.nn.functional import interpolate, pad

    height, width = pictures.shape[1:3]
    if min(height, width) != size:
        raise ValueError(f"the short side must be {size}, not {min(height, width)}")
    batch = torch.from_numpy(pictures).permute(0, 3, 1, 2)  # a view: torch's fast path for bytes wants channels last
    if height == width:
        return batch
    # The long axis first: the bars are not there yet, so nothing is spent on resizing black.
    top, bottom, left, right = _bars(height, width)
    batch = interpolate(batch, (size, size), mode="bilinear", antialias=True)
    return interpolate(pad(batch, (left, right, top, bottom)), (size, size), mode="bilinear", antialias=True)


def _bars(height: int, width: int) -> tuple[int, int, int, int]:
    """Rows or columns of black at the top, bottom, left and right that make a square; an odd one goes last."""
    down, across = max(width - height, 0), max(height - width, 0)
    return down // 2, down - down // 2, across // 2, across - across // 2
