"""All variants of one photo: the anchors and every distortion at every level (paper sections 3.1 and 4.1)."""

from collections.abc import Iterable, Mapping, Sequence

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from aesthetic_pretraining.data.letterbox import ROOM, fit_short_side, letterbox_batch
from aesthetic_pretraining.distortions.darktable_values import EDITED_WIDTH
from aesthetic_pretraining.distortions.ladder import TABLES
from aesthetic_pretraining.distortions.native import composition, style, technical
from aesthetic_pretraining.distortions.native.kernels import prepare
from aesthetic_pretraining.distortions.registry import ANCHORS, DISTORTIONS, Distortion, rows
from aesthetic_pretraining.seeding import generator


def source_photo(image: Image.Image | np.ndarray, size: int) -> np.ndarray:
    """An image of any size as `render` takes it: short side round(1.5 size), uint8 (H, W, 3)."""
    return fit_short_side(image, round(ROOM * size))


def base_photo(image: Image.Image | np.ndarray, size: int) -> np.ndarray:
    """The whole photo with short side `size`, the input of technical and style distortions: uint8 (h, w, 3)."""
    return fit_short_side(image, size)


def render(
    photo: np.ndarray,
    photo_id: str,
    size: int,
    seed: int,
    only: Sequence[str] | None = None,
    table: str = "published",
    edited_width: int = EDITED_WIDTH,
    kernels: str = "torch",
) -> Tensor:
    """The variants of one photo as the network sees them: uint8 (n, 3, size, size), in the order of `rows(only)`.

    The tensor's memory format is channels_last.

    photo: uint8 (H, W, 3) with short side round(1.5 size), from `source_photo`
    photo_id, seed: noise and motion blur depend only on these, the distortion and the level
    only: names of distortions; None: all
    table: the distortion table, one of ladder.TABLES
    edited_width: as for `darktable_values.shadhi`
    kernels: what computes the pixels, one of `native.kernels.KERNELS`
    Raises: ValueError for a photo of another size or type or for an unknown table or kernels, KeyError for an unknown distortion,
    UserError for kernels that are not installed.
    """
    short = round(ROOM * size)
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or min(photo.shape[:2]) != short:
        raise ValueError(f"{photo_id}: need uint8 (H, W, 3) with short side {short}, not {photo.dtype} {photo.shape}")
    if table not in TABLES:
        raise ValueError(f"unknown table of distortions {table!r}; known are {', '.join(TABLES)}")
    base = base_photo(photo, size)
    tones = prepare(base, photo, table, edited_width, kernels)
    pictures = torch.empty((len(rows(only)), 3, size, size), dtype=torch.uint8, memory_format=torch.channels_last)
    # One buffer is reused for all distortions: allocating memory would cost more than the copies.
    room = np.empty((max(len(d.levels) for d in DISTORTIONS.values()), *base.shape), np.uint8)
    room[:3] = base, composition.crop_anchor(photo, base), composition.rotation_anchor(photo, base)
    letterbox_batch(room[:3], size, pictures[:3])
    done = len(ANCHORS)
    for distortion in DISTORTIONS.values():
        if only is None or distortion.name in only:
            made = room[: len(distortion.levels)]
            places = list(made)
            drawn = pictures_of(distortion, photo, base, tones, photo_id, seed, distortion.ladder(table), places)
            for place, picture in zip(places, drawn, strict=True):
                if picture is not place:
                    place[:] = picture
            letterbox_batch(made, size, pictures[done : done + len(made)])
            done += len(made)
    return pictures


def pictures_of(
    distortion: Distortion,
    photo: np.ndarray,
    base: np.ndarray,
    tones: style.Photo,
    photo_id: str,
    seed: int,
    ladder: Mapping[int, float],
    places: Sequence[np.ndarray] | None = None,
) -> Iterable[np.ndarray]:
    """One picture for each level of the ladder (level -> value): uint8 (h, w, 3).

    The distortion's function is the prepared photo's own, else that of its name in its aspect's module.
    places: arrays for the pictures, as many; those that can be computed in place are, and are given back.
    """
    name = distortion.name
    draw = generator
    if (fused := tones.makers.get(name)) is not None:
        rngs = (draw(seed, photo_id, name, level) for level in ladder)
        return fused(tuple(ladder.values()), rngs, np.empty((len(ladder), *base.shape), np.uint8) if places is None else places)
    if (make := distortion.make) is not None:
        return (make(photo, base, value, draw(seed, photo_id, name, level)) for level, value in ladder.items())
    match distortion.aspect:
        case "technical":
            make = getattr(technical, name)
            return (make(base, value, draw(seed, photo_id, name, level)) for level, value in ladder.items())
        case "style":
            planar = getattr(style, name)(tones, tuple(ladder.values())).cpu().numpy()
            return (cv2.merge(tuple(picture)) for picture in planar)  # torch interleaves bytes ten times more slowly
        case "composition":
            return (getattr(composition, name)(photo, base, value) for value in ladder.values())
    raise ValueError(f"{name}: no module for aspect {distortion.aspect!r}")
