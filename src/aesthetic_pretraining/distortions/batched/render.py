"""Parcels -> the variants of their photos, where the parcels' tensors are."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aesthetic_pretraining.distortions.batched import composition, style, technical
from aesthetic_pretraining.distortions.batched.geometry import Geometry, Recipe, geometry
from aesthetic_pretraining.distortions.batched.parcel import Parcels, made_by_loader, pack
from aesthetic_pretraining.distortions.batched.resample import columns, rows
from aesthetic_pretraining.distortions.darktable_values import EDITED_WIDTH
from aesthetic_pretraining.distortions.registry import rows as positions

AT_ONCE = {"cpu": 2**20, "cuda": 2**27}  # values letterboxed together: few enough for the cache, enough to fill a GPU


def render_photo(
    photo: np.ndarray,
    photo_id: str,
    size: int,
    seed: int,
    only: Sequence[str] | None = None,
    table: str = "published",
    edited_width: int = EDITED_WIDTH,
    kernels: str = "torch",
) -> Tensor:
    """As `native.render.render`, whose arguments and result these are, by this engine on the CPU; `kernels` are the native engine's."""
    recipe = Recipe(size, table, edited_width, None if only is None else tuple(only))
    return render(Parcels.of([pack(photo, photo_id, seed, recipe)]))[0]


@torch.no_grad()
def render(parcels: Parcels) -> Tensor:
    """The variants of a batch of photos: uint8 (B, n, 3, size, size) on the parcels' device, in the order of `registry.rows(only)`.

    The memory format of each photo's variants is channels_last.
    """
    recipe, device = parcels.recipe, parcels.made.device
    count = len(positions(recipe.only))
    shape = len(parcels.shapes) * count, 3, recipe.size, recipe.size
    pictures = torch.empty(shape, dtype=torch.uint8, device=device, memory_format=torch.channels_last)
    with exact_products():
        for k, (photo, room) in enumerate(zip(parcels.photos(), pictures.split(count), strict=True)):
            places = geometry(*parcels.shapes[k], recipe, device)
            codes = photo.permute(2, 0, 1).contiguous()
            drawn = list(variants(codes, places, parcels.keys[k], parcels.angles[k], parcels.made[k], recipe))
            _lay_out(drawn, places, room)
    return pictures.unflatten(0, (-1, count))


def variants(
    photo: Tensor, places: Geometry, keys: Tensor, angles: Sequence[float], made: Tensor, recipe: Recipe
) -> Iterator[Tensor]:
    """A photo's anchors, then its distortions in the registry's order: (levels, 3, h, w) each.

    photo: uint8 (3, H, W); keys, angles, made: the photo's in its parcel.
    Whole levels in [0, 255], as bytes or float. Those that the loader made come as they are, letterboxed already.
    """
    base = rows(columns(photo[None], places.base[0]), places.base[1])[0].to(torch.uint8)
    yield base[None]
    yield composition.crop_anchor(photo, places)
    turned = composition.rotation(photo, places, slice(None if "rotation" in recipe.names else 1))
    yield turned[:1]
    drawn = {"rotation": turned[1:]} | dict(_noises(base, keys, recipe)) | dict(_styles(base, places, recipe))
    drawn |= dict(_by_loader(made, recipe))
    for name in recipe.names:
        values = recipe.values(name)
        if name in drawn:
            yield drawn[name]
        elif name in composition.CROPS:
            yield composition.crop(name, photo, places, values)
        elif name == technical.motion_blur.__name__:
            yield technical.motion_blur(base, values, angles)
        else:
            yield WHOLE_LADDERS[name](base, places, values)


WHOLE_LADDERS: dict[str, Callable[[Tensor, Geometry, Sequence[float]], Tensor]] = {
    technical.defocus_blur.__name__: lambda base, places, values: technical.defocus_blur(base, values),
    technical.pixelate.__name__: lambda base, places, values: technical.pixelate(base, places.pixelations),
    composition.image_ratio.__name__: lambda base, places, values: composition.image_ratio(base, places),
}


def letterbox(pictures: Tensor, places: Geometry) -> Tensor:
    """As `data.letterbox.letterbox_batch`, to the bit: (n, 3, h, w) of whole levels -> (n, 3, size, size)."""
    if places.width > places.height:
        return rows(columns(pictures, places.letterbox[0]), places.letterbox[1])
    return columns(rows(pictures, places.letterbox[1]), places.letterbox[0])


def _lay_out(drawn: Sequence[Tensor], places: Geometry, pictures: Tensor) -> None:
    """Letterbox what was drawn into uint8 (n, 3, size, size), as many at once as is best for the device."""
    limit = AT_ONCE.get(pictures.device.type, AT_ONCE["cuda"])
    waiting: list[tuple[Tensor, Tensor]] = []  # pictures, and where they go
    square = tuple(pictures.shape[2:])
    for made, room in zip(drawn, pictures.split([len(made) for made in drawn]), strict=True):
        if tuple(made.shape[2:]) == square:
            room.copy_(made)
            continue
        waiting.append((made, room))
        if sum(part.numel() for part, _ in waiting) >= limit:
            _flush(waiting, places)
    _flush(waiting, places)


def _flush(waiting: list[tuple[Tensor, Tensor]], places: Geometry) -> None:
    if waiting:
        boxed = letterbox(torch.cat([made for made, _ in waiting]), places)
        for part, (_, room) in zip(boxed.split([len(room) for _, room in waiting]), waiting, strict=True):
            # many times faster than `room.copy_(part)`, because it interleaves bytes
            torch.stack(part.to(torch.uint8).unbind(1), -1, out=room.permute(0, 2, 3, 1))
        waiting.clear()


def _by_loader(made: Tensor, recipe: Recipe) -> Iterator[tuple[str, Tensor]]:
    names = made_by_loader(recipe)
    return zip(names, made.split([len(recipe.values(name)) for name in names]), strict=True)


def _noises(base: Tensor, keys: Tensor, recipe: Recipe) -> Iterator[tuple[str, Tensor]]:
    names = [name for name in technical.NOISES if name in recipe.names]
    if not names:
        return iter(())
    made = technical.noise(base, {name: recipe.values(name) for name in names}, keys)
    return zip(names, made.split([len(recipe.values(name)) for name in names]), strict=True)


def _styles(base: Tensor, places: Geometry, recipe: Recipe) -> Iterator[tuple[str, Tensor]]:
    tones = style.Tones(base, recipe, places)
    for family, make in ((style.LAB, style.lab_pictures), (style.GAINS, style.gain_pictures)):
        wanted = [(name, recipe.values(name)) for name in recipe.names if name in family]
        if wanted:
            made = make(tones, wanted)
            yield from zip((name for name, _ in wanted), made.split([len(values) for _, values in wanted]), strict=True)


@contextmanager
def exact_products() -> Iterator[None]:
    """Products of matrices and convolutions of float32 as float32, whatever training allows (`compute.tf32`).

    Without cuDNN, which may compute a convolution by a Fourier transform: sums of whole numbers would not be exact.
    """
    cudnn: Any = torch.backends.cudnn  # mypy does not know that it can be set
    matmul, enabled = torch.get_float32_matmul_precision(), cudnn.enabled
    try:
        torch.set_float32_matmul_precision("highest")
        cudnn.enabled = False
        yield
    finally:
        torch.set_float32_matmul_precision(matmul)
        cudnn.enabled = enabled
