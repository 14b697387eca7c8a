"""What a loader sends of a photo: its pixels, what only the CPU's libraries make of it, and what is random about it.

1.3 MB for a photo of 3 : 2 at 224 pixels, where the finished variants have 26 MB.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from aesthetic_pretraining.data.letterbox import ROOM, fit_short_side, letterbox_batch
from aesthetic_pretraining.distortions.batched.geometry import Recipe
from aesthetic_pretraining.distortions.batched.technical import NOISES
from aesthetic_pretraining.distortions.native import technical
from aesthetic_pretraining.distortions.registry import DISTORTIONS
from aesthetic_pretraining.seeding import generator, variant_key

# A GPU's JPEG codec decodes other pixels than the CPU's.
CODEC = technical.jpeg_compression.__name__
MOTION = technical.motion_blur.__name__


@dataclass(frozen=True)
class Parcel:
    """One photo. Every tensor is on the CPU.

    photo: uint8 (H, W, 3), short side round(1.5 size)
    made: uint8 (k, 3, size, size), letterboxed: the levels of the distortions `made_by_loader`, in the registry's order
    keys: int64 (levels of NOISES, 4), the words of `variant_key`
    angles: degrees, for each level of motion blur
    recipe: what else is to be made
    """

    photo: Tensor
    made: Tensor
    keys: Tensor
    angles: tuple[float, ...]
    recipe: Recipe

    @property
    def nbytes(self) -> int:
        """Bytes that the loader sends."""
        return self.photo.nbytes + self.made.nbytes + self.keys.nbytes


@dataclass(frozen=True)
class Parcels:
    """A batch of parcels of one recipe.

    pixels: uint8 (sum of H W 3,), the photos one after the other; shapes: their (H, W)
    made, keys, angles: as in `Parcel`, with one more dimension in front
    """

    pixels: Tensor
    shapes: tuple[tuple[int, int], ...]
    made: Tensor
    keys: Tensor
    angles: tuple[tuple[float, ...], ...]
    recipe: Recipe

    @classmethod
    def of(cls, parcels: Sequence[Parcel]) -> "Parcels":
        """Raises: ValueError if the recipes differ."""
        recipe = parcels[0].recipe
        if any(parcel.recipe != recipe for parcel in parcels):
            raise ValueError("the photos of a batch must have one recipe")
        return cls(
            torch.cat([parcel.photo.flatten() for parcel in parcels]),
            tuple((parcel.photo.shape[0], parcel.photo.shape[1]) for parcel in parcels),
            torch.stack([parcel.made for parcel in parcels]),
            torch.stack([parcel.keys for parcel in parcels]),
            tuple(parcel.angles for parcel in parcels),
            recipe,
        )

    def each(self, function: Callable[[Tensor], Tensor]) -> "Parcels":
        """With `function` applied to every tensor."""
        return replace(self, pixels=function(self.pixels), made=function(self.made), keys=function(self.keys))

    def pin_memory(self) -> "Parcels":
        """In pinned memory; torch's DataLoader calls this."""
        return self.each(Tensor.pin_memory)

    def photos(self) -> list[Tensor]:
        """The photos: uint8 (H, W, 3) each."""
        parts = self.pixels.split([height * width * 3 for height, width in self.shapes])
        return [part.view(*shape, 3) for part, shape in zip(parts, self.shapes, strict=True)]


def made_by_loader(recipe: Recipe) -> tuple[str, ...]:
    """The distortions that the loader makes: JPEG, and one's own ones, which are NumPy's code."""
    return tuple(name for name in recipe.names if name == CODEC or DISTORTIONS[name].make is not None)


def pack(photo: np.ndarray, photo_id: str, seed: int, recipe: Recipe) -> Parcel:
    """The parcel of one photo.

    photo: uint8 (H, W, 3) with short side round(1.5 size), from `native.render.source_photo`
    photo_id, seed: noise and motion blur depend only on these, the distortion and the level
    Raises: ValueError for a photo of another size or type.
    """
    short = round(ROOM * recipe.size)
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or min(photo.shape[:2]) != short:
        raise ValueError(f"{photo_id}: need uint8 (H, W, 3) with short side {short}, not {photo.dtype} {photo.shape}")
    made = torch.empty(0, 3, recipe.size, recipe.size, dtype=torch.uint8)
    if names := made_by_loader(recipe):
        base = fit_short_side(photo, recipe.size)
        pictures = [picture for name in names for picture in _made(name, photo, base, photo_id, seed, recipe)]
        made = letterbox_batch(np.stack(pictures), recipe.size).contiguous()
    keys = [
        np.frombuffer(variant_key(seed, photo_id, name, level), "<u4")
        for name in NOISES
        if name in recipe.names
        for level in DISTORTIONS[name].levels
    ]
    angles = tuple(
        # as `technical.motion_blur` draws it, so that both engines blur in the same direction
        generator(seed, photo_id, MOTION, level).uniform(-technical.MOTION_ANGLE, technical.MOTION_ANGLE)
        for level in DISTORTIONS[MOTION].levels
        if MOTION in recipe.names
    )
    return Parcel(
        torch.from_numpy(np.ascontiguousarray(photo)),
        made,
        torch.from_numpy(np.array(keys, np.int64).reshape(-1, 4)),
        angles,
        recipe,
    )


def _made(name: str, photo: np.ndarray, base: np.ndarray, photo_id: str, seed: int, recipe: Recipe) -> list[np.ndarray]:
    found = DISTORTIONS[name]
    steps = [(value, generator(seed, photo_id, name, level)) for level, value in found.ladder(recipe.table).items()]
    if found.make is not None:
        return [found.make(photo, base, value, rng) for value, rng in steps]
    return [technical.jpeg_compression(base, int(value), rng) for value, rng in steps]
