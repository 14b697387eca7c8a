"""The variants of a photo: rendered on the fly from the store, or read from shards that were rendered before.

params.yaml: distortions.engine. The native engine renders live and nothing is stored; so does the device engine (`batched`), but
where the network is, of what the loaders send. The reference engine is too slow for that, so rule render writes its images once;
their noise is then the same in every epoch, as in the released code.
"""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from aesthetic_pretraining.data.index import Index
from aesthetic_pretraining.distortions import VARIANTS, Variant, rows
from aesthetic_pretraining.distortions.batched.geometry import Recipe
from aesthetic_pretraining.distortions.batched.parcel import Parcel, pack
from aesthetic_pretraining.distortions.batched.render import render_photo
from aesthetic_pretraining.distortions.darktable_values import EDITED_WIDTH
from aesthetic_pretraining.distortions.native.kernels import check
from aesthetic_pretraining.distortions.native.render import render
from aesthetic_pretraining.distortions.views import flip_crop
from aesthetic_pretraining.errors import UserError


class Photos(Protocol):
    """Photos by id, such as a `Store` of them.

    Attributes: files: every file that the photos come from.
    """

    files: list[str]

    def pixels(self, photo_id: str, /) -> np.ndarray:
        """One photo: uint8 (H, W, 3), short side round(1.5 size) for networks that see images of `size` pixels."""


LIVE = {"native": render, "device": render_photo}  # the engines that render while a network learns


class Variants:
    """The variants of photos, rendered at every call.

    Attributes:
        store: the photos, for `size`.
        size: side of the network's image in pixels.
        table: one of distortions.TABLES.
        edited_width: as for `darktable_values.shadhi`.
        engine: one of LIVE.
        kernels: what computes the native engine's pixels, one of `native.kernels.KERNELS`.
    Raises: UserError for kernels that are not installed; ValueError for an engine that is not in LIVE.
    """

    def __init__(
        self,
        store: Photos,
        size: int,
        table: str,
        edited_width: int = EDITED_WIDTH,
        *,
        engine: str = "native",
        kernels: str = "torch",
    ):
        if engine not in LIVE:
            raise ValueError(f"unknown engine {engine!r}; those that render live are {', '.join(LIVE)}")
        check(kernels)  # here, because loaders' processes would not raise a sentence
        self.store, self.size, self.table, self.edited_width = store, size, table, edited_width
        self.engine, self.kernels = engine, kernels

    @property
    def files(self) -> list[str]:
        """Every file that the images depend on."""
        return self.store.files

    def photo(self, photo_id: str) -> np.ndarray:
        """The stored photo: uint8 (H, W, 3), short side round(1.5 size)."""
        return self.store.pixels(photo_id)

    def pictures(self, photo_id: str, seed: int, only: Sequence[str] | None = None) -> Tensor:
        """The variants at the positions `rows(only)`: uint8 (n, 3, size, size); noise depends on `seed`.

        Raises: KeyError for an unknown distortion.
        """
        photo = self.photo(photo_id)
        return LIVE[self.engine](photo, photo_id, self.size, seed, only, self.table, self.edited_width, self.kernels)

    def sent(self, photo_id: str, seed: int, only: Sequence[str] | None = None) -> Tensor | Parcel:
        """What a loader sends of a photo: `pictures`, or what the device engine makes them of (`batched.render.render`)."""
        if self.engine != "device":
            return self.pictures(photo_id, seed, only)
        recipe = Recipe(self.size, self.table, self.edited_width, None if only is None else tuple(only))
        return pack(self.photo(photo_id), photo_id, seed, recipe)


class AugmentedVariants(Variants):
    """Variants of a random view of each photo, a function of `epoch_seed` and the photo's id (`views.flip_crop`)."""

    def __init__(self, variants: Variants, epoch_seed: int):
        super().__init__(
            variants.store,
            variants.size,
            variants.table,
            variants.edited_width,
            engine=variants.engine,
            kernels=variants.kernels,
        )
        self.epoch_seed = epoch_seed

    def photo(self, photo_id: str) -> np.ndarray:
        return flip_crop(super().photo(photo_id), self.epoch_seed, photo_id)


class RenderedVariants(Variants):
    """Variants read from the shards of `shards.render_shard`; `seed` has no effect.

    Raises: UserError, when it is asked for, for a variant that is in no shard.
    """

    def __init__(self, store: Photos, size: int, table: str, shards: Iterable[str | Path]):
        super().__init__(store, size, table)
        self.shards = sorted(map(str, shards))
        self.index = Index(self.shards)

    @property
    def files(self) -> list[str]:
        return [*self.store.files, *self.shards]

    def pictures(self, photo_id: str, seed: int, only: Sequence[str] | None = None) -> Tensor:
        names = [member_name(photo_id, VARIANTS[i]) for i in rows(only)]
        try:
            files = [self.index.read(name) for name in names]
        except KeyError as error:
            raise UserError(
                f"{error.args[0]} is in no rendered shard; delete results/<scale>/rendered and run rule render again"
            ) from error
        pictures = np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files])
        return torch.from_numpy(pictures).permute(0, 3, 1, 2)


def augmented(variants: Variants, augment: str, epoch_seed: int) -> Variants:
    """The variants as training sees them in one epoch; augment: as in params.yaml, pretrain.augment.

    Raises: UserError for rendered variants, which cannot be of another view.
    """
    if augment == "none":
        return variants
    if isinstance(variants, RenderedVariants):
        raise UserError(
            f"pretrain.augment is {augment!r}, but distortions.engine 'reference' renders pictures before training; "
            "set pretrain.augment to 'none' or distortions.engine to 'native'"
        )
    return AugmentedVariants(variants, epoch_seed)


def open_variants(
    store: Photos,
    size: int,
    table: str,
    shards: Sequence[str | Path],
    edited_width: int = EDITED_WIDTH,
    *,
    engine: str = "native",
    kernels: str = "torch",
) -> Variants:
    """Variants from the rendered shards if there are any, else rendered on the fly by the engine."""
    if shards:
        return RenderedVariants(store, size, table, shards)
    return Variants(store, size, table, edited_width, engine=engine, kernels=kernels)


def member_name(photo_id: str, variant: Variant) -> str:
    """An image's name in a shard, in WebDataset's form: the photo's key, a dot, what it is, a dot, the format.

    WebDataset ends the key at the first dot, so a dot in the photo's id is written as %2E; so are other odd characters.
    """
    return f"{key(photo_id)}.{variant.distortion or variant.anchor}_{variant.level:+d}.png"


def key(photo_id: str) -> str:
    """A photo's id without dots, spaces and other characters that mean something in a tar file's or WebDataset's names."""
    return quote(photo_id).replace(".", "%2E")
