"""All variants of photos by the programs and libraries that the authors used, in the simplest way.

This is the slow reference engine: darktable-cli for style, imagecorruptions for technical, Pillow for composition and letterbox.
`native` makes the same variants with its own formulas; each engine checks the other.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from aesthetic_pretraining.data.letterbox import letterbox
from aesthetic_pretraining.distortions.darktable_values import EDITED_WIDTH
from aesthetic_pretraining.distortions.native.composition import LARGEST_ANGLE, inner_rectangle
from aesthetic_pretraining.distortions.native.render import ROOM, base_photo, rows
from aesthetic_pretraining.distortions.reference.darktable import style_variants
from aesthetic_pretraining.distortions.reference.imagecorruptions import corrupt
from aesthetic_pretraining.distortions.registry import DISTORTIONS
from aesthetic_pretraining.seeding import generator

BILINEAR, BICUBIC, BOX = Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.BOX


def render_reference(
    photos: Sequence[np.ndarray],
    photo_ids: Sequence[str],
    size: int,
    seed: int,
    table: str = "published",
    only: Sequence[str] | None = None,
    edited_width: int = EDITED_WIDTH,
) -> Tensor:
    """The variants of photos as the network sees them: uint8 (n_photos, n, 3, size, size), second axis as `rows(only)`.

    photos: uint8 (H, W, 3) each, short side round(1.5 size), from `render.source_photo`; shapes may differ
    photo_ids, seed: one id per photo; noise and motion blur depend only on these, the distortion and the level
    size: at least 32 for technical distortions other than pixelate
    table: the distortion table, one of ladder.TABLES
    only: names of distortions; None: all
    edited_width: as for `darktable_values.shadhi`
    Raises: ValueError for photos of another size or type, a different number of ids than photos, or an unknown table; KeyError for
        an unknown distortion; UserError if darktable or imagecorruptions fails.
    """
    short = round(ROOM * size)
    for photo, photo_id in zip(photos, photo_ids, strict=True):
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or min(photo.shape[:2]) != short:
            raise ValueError(f"{photo_id}: need uint8 (H, W, 3) with short side {short}, not {photo.dtype} {photo.shape}")
    pictures = torch.empty(len(photos), len(rows(only)), 3, size, size, dtype=torch.uint8)
    wanted = [name for name in DISTORTIONS if only is None or name in only]
    bases = [base_photo(photo, size) for photo in photos]
    styled = style_variants(
        bases,
        table,
        [name for name in wanted if DISTORTIONS[name].aspect == "style" and not DISTORTIONS[name].make],
        edited_width,
    )
    for boxed, photo, base, styles, photo_id in zip(pictures, photos, bases, styled, photo_ids, strict=True):
        made = [base, window(photo, base, 0, 0), rotation(photo, base, 0)]
        remaining = iter(styles)
        for name in wanted:
            for level, value in DISTORTIONS[name].ladder(table).items():
                if (make := DISTORTIONS[name].make) is not None:
                    made.append(make(photo, base, value, generator(seed, photo_id, name, level)))
                    continue
                match DISTORTIONS[name].aspect:
                    case "technical":
                        made.append(technical(base, name, level, value, seed, photo_id))
                    case "style":
                        made.append(next(remaining))
                    case "composition":
                        made.append(composition(photo, base, name, value))
        for place, picture in zip(boxed, made, strict=True):
            place.copy_(torch.from_numpy(letterbox(picture, size)).permute(2, 0, 1))
    return pictures


def technical(base: np.ndarray, name: str, level: int, value: float, seed: int, photo_id: str) -> np.ndarray:
    """One technical distortion of the base photo, uint8 (h, w, 3) in and out; value as in the registry."""
    # pixelate is the authors' own, because the library's has other fractions
    return pixelate(base, value) if name == pixelate.__name__ else corrupt(base, name, int(value), seed, photo_id)


def pixelate(base: np.ndarray, value: float) -> np.ndarray:
    """Shrunk to the fraction `value` and back with the box filter."""
    height, width = base.shape[:2]
    small = Image.fromarray(base).resize((int(width * value), int(height * value)), BOX)
    return np.array(small.resize((width, height), BOX))


def composition(photo: np.ndarray, base: np.ndarray, name: str, value: float) -> np.ndarray:
    """One composition distortion: photo uint8 (H, W, 3) with margin, base uint8 (h, w, 3) -> uint8 (h, w, 3)."""
    return _COMPOSITION[name](photo, base, value)


def horizontal_crop(photo: np.ndarray, base: np.ndarray, value: int) -> np.ndarray:
    return window(photo, base, value, 0)


def vertical_crop(photo: np.ndarray, base: np.ndarray, value: int) -> np.ndarray:
    return window(photo, base, 0, value)


def left_diagonal_crop(photo: np.ndarray, base: np.ndarray, value: int) -> np.ndarray:
    return window(photo, base, -abs(value), value)


def right_diagonal_crop(photo: np.ndarray, base: np.ndarray, value: int) -> np.ndarray:
    return window(photo, base, abs(value), value)


def window(photo: np.ndarray, base: np.ndarray, right: int, up: int) -> np.ndarray:
    """A window of the base photo's size, moved `right` and `up` from the centre; five steps reach the border."""
    height, width = base.shape[:2]
    margin_x, margin_y = Fraction(photo.shape[1] - width, 2), Fraction(photo.shape[0] - height, 2)
    left, top = round(margin_x + margin_x * right / 5), round(margin_y - margin_y * up / 5)
    return np.array(Image.fromarray(photo).crop((left, top, left + width, top + height)))


def rotation(photo: np.ndarray, base: np.ndarray, value: float) -> np.ndarray:
    """Rotated by `value` degrees, cropped to what is free of border at the largest angle, and resized to the base photo's size."""
    height, width = base.shape[:2]
    whole = Image.fromarray(photo).rotate(value, BICUBIC, expand=True)
    inner = centre(whole, *inner_rectangle(photo.shape[1], photo.shape[0], LARGEST_ANGLE))
    scale = Fraction(min(height, width), min(inner.size))
    # at least the base photo's size, because truncation may leave the long side one pixel short
    across, down = max(int(inner.width * scale), width), max(int(inner.height * scale), height)
    return np.array(centre(inner.resize((across, down), BILINEAR), width, height))


def image_ratio(photo: np.ndarray, base: np.ndarray, value: int) -> np.ndarray:
    """The centre of the photo with its height (value > 0) or its width stretched by 1 + |value|/5."""
    height, width = base.shape[:2]
    factor = 1 + Fraction(abs(value), 5)
    size = (width, int(height * factor)) if value > 0 else (int(width * factor), height)
    return np.array(centre(Image.fromarray(base).resize(size, BILINEAR), width, height))


def centre(picture: Image.Image, width: int, height: int) -> Image.Image:
    """The central width x height pixels of an image."""
    left, top = round((picture.width - width) / 2), round((picture.height - height) / 2)
    return picture.crop((left, top, left + width, top + height))


_COMPOSITION: dict[str, Callable[[np.ndarray, np.ndarray, Any], np.ndarray]] = {
    function.__name__: function
    for function in (horizontal_crop, vertical_crop, left_diagonal_crop, right_diagonal_crop, rotation, image_ratio)
}
