"""Resizing to the network's size: the whole image on a black square (paper section 4.1).

torch is imported on demand: it takes seconds and hundreds of megabytes, and most data jobs do not need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import torch

ROOM = 1.5  # a stored photo's short side over the network's, as needed by crops and rotations
SMALL = 512 * 512  # pixels, up to which Pillow takes at most 2 ms longer than torch
BILINEAR = Image.Resampling.BILINEAR  # antialiased when shrinking, like all of Pillow's filters


def short_side_size(width: int, height: int, size: int) -> tuple[int, int]:
    """(width, height) scaled to the short side `size`; the long side is truncated, as in torchvision."""
    short = min(width, height)
    return size * width // short, size * height // short


def resize_short_side(image: Image.Image | np.ndarray, size: int) -> np.ndarray:
    """The image resized to `size` pixels on its short side: uint8 (H, W, 3). Takes a Pillow image or uint8 (H, W, 3)."""
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    picture = picture.convert("RGB")
    return np.array(picture.resize(short_side_size(*picture.size, size), BILINEAR))


def resize(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Antialiased bilinear resize, within one 8-bit step of Pillow's in a third of the time: uint8 (H, W, 3) in and out."""
    import torch
    from torch.nn.functional import interpolate

    # Views in an order in which torch recognises channels_last, which its fast path for bytes needs.
    batch = torch.from_numpy(np.require(picture, requirements=["C", "W"]))[None].permute(0, 3, 1, 2)
    return interpolate(batch, (height, width), mode="bilinear", antialias=True)[0].permute(1, 2, 0).numpy()


def fit_short_side(image: Image.Image | np.ndarray, short: int) -> np.ndarray:
    """`resize` to the short side `short`: uint8 (H, W, 3). Takes a Pillow image or uint8 (H, W, 3)."""
    picture = np.array(image) if isinstance(image, Image.Image) and image.mode == "RGB" else image
    picture = picture if isinstance(picture, np.ndarray) else np.array(picture.convert("RGB"))
    return resize(picture, *short_side_size(picture.shape[1], picture.shape[0], short))


def shrink(picture: np.ndarray, short: int) -> np.ndarray:
    """`fit_short_side` for the stores, with Pillow for small images: uint8 (H, W, 3) in and out.

    For a job with a thousand small images, importing torch would cost more time and memory than it saves.
    """
    small = picture.shape[0] * picture.shape[1] <= SMALL
    return resize_short_side(picture, short) if small else fit_short_side(picture, short)


def letterbox(image: Image.Image | np.ndarray, size: int) -> np.ndarray:
    """Short side to `size`, black bars to a square, resize to `size`: uint8 (size, size, 3).

    The bars are added before the last resize, so the image's edge blends into them over the filter's width.
    """
    picture = resize_short_side(image, size)
    height, width = picture.shape[:2]
    top, bottom, left, right = bars(height, width)
    square = np.pad(picture, ((top, bottom), (left, right), (0, 0)))
    return np.array(Image.fromarray(square).resize((size, size), BILINEAR))


def letterbox_batch(pictures: np.ndarray, size: int, out: torch.Tensor | None = None) -> torch.Tensor:
    """`letterbox`, within one 8-bit step, for a batch of images of one shape whose short side is already `size`.

    pictures: uint8 (n, h, w, 3); out: where the result is written; None: new memory
    Returns: uint8 (n, 3, size, size) in channels_last memory format.
    Raises: ValueError for another short side.
    """
    import torch
    from torch.nn.functional import interpolate, pad

    height, width = pictures.shape[1:3]
    if min(height, width) != size:
        raise ValueError(f"the short side must be {size}, not {min(height, width)}")
    batch = torch.from_numpy(pictures).permute(0, 3, 1, 2)  # a view: torch's fast path for bytes needs channels_last
    if height == width:
        return batch if out is None else out.copy_(batch)
    # The long axis first, before the bars are added, so that no black is resized.
    top, bottom, left, right = bars(height, width)
    batch = interpolate(batch, (size, size), mode="bilinear", antialias=True)
    square = pad(batch, (left, right, top, bottom))
    if out is None:
        return interpolate(square, (size, size), mode="bilinear", antialias=True)
    # what `interpolate` calls; it has no `out`, and copying its result into place would take a tenth of the time more
    return torch.ops.aten._upsample_bilinear2d_aa.out(square, [size, size], False, None, None, out=out)


def bars(height: int, width: int) -> tuple[int, int, int, int]:
    """Widths of the black bars at the top, bottom, left and right that make a square; an odd pixel goes to bottom or right."""
    down, across = max(width - height, 0), max(height - width, 0)
    return down // 2, down - down // 2, across // 2, across - across // 2
