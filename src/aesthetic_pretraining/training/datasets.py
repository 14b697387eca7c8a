"""The two datasets that networks see, as `torch.utils.data.Dataset`: variants of photos, and images of a labelled set.

Items are uint8 tensors; a network scales them itself. Both give the same item for the same position in every process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from aesthetic_pretraining.data.images import Unreadable, read_picture
from aesthetic_pretraining.data.letterbox import ROOM
from aesthetic_pretraining.data.sources import Source, is_picture, open_source
from aesthetic_pretraining.data.store import PixelSource, Store
from aesthetic_pretraining.distortions import VARIANTS, Variant, rows, selected
from aesthetic_pretraining.distortions.batched.parcel import Parcel, Parcels
from aesthetic_pretraining.distortions.batched.render import render
from aesthetic_pretraining.distortions.native.render import source_photo
from aesthetic_pretraining.distortions.variants import Variants
from aesthetic_pretraining.errors import UserError

Sent = Tensor | Parcel
Make = Callable[[Variants, str, int], Sent]


class VariantsDataset(Dataset[Sent]):
    """Photos, each as its distorted variants: uint8 (V, 3, size, size).

    Of variants of the device engine an item is a `Parcel`, and a batch is rendered by `finish`, where it was sent to.

    Outside of this project's training, `VariantsDataset.of` is the shorter way to one.

    Attributes:
        ids: the photos, by position.
        labels: what the V variants of every photo are, in order: distortion (None: none), level, anchor.
    """

    def __init__(
        self,
        variants: Variants,
        ids: Sequence[str],
        seed: int = 0,
        distortions: Sequence[str] | None = None,
        make: Make | None = None,
        views: int = 0,
    ):
        """
        Args:
            variants: makes or reads the variants of a photo.
            ids: photos that `variants` has.
            seed: with a photo's id and the variant, all that noise and motion blur depend on.
            distortions: names; None: all, so that V is 174.
            make: (variants, id, seed) -> an item, where a pretext task shows something else of a photo; `labels` are empty then.
            views: V of what `make` gives.
        Raises: ValueError for an unknown distortion.
        """
        self.variants, self.ids, self.seed, self.make, self.views = variants, ids, seed, make, views
        self.distortions = None if distortions is None else selected(distortions)
        self.labels: tuple[Variant, ...] = () if make else tuple(VARIANTS[i] for i in rows(self.distortions))

    @classmethod
    def of(
        cls,
        photos: str | Path | Source | Store,
        size: int = 224,
        seed: int = 0,
        distortions: Sequence[str] | None = None,
        table: str = "published",
    ) -> VariantsDataset:
        """The variants of all photos of a folder (with the folders in it), a tar file, a `Source`, or a `Store` for `size`.

        Args: size: side of the variants in pixels; table: one of `distortions.TABLES`; others as for the class.
        Raises: UserError for a folder that is not there or has no photos, and, when it is asked for, a photo that cannot be read.
        """
        if isinstance(photos, Store):
            return cls(Variants(photos, size, table), photos.ids(), seed, distortions)
        found = SourcePhotos(open_source(photos) if isinstance(photos, (str, Path)) else photos, size)
        if not found.ids:
            raise UserError(f"{photos}: has no photos; put some there, as JPEG, PNG or another of the usual formats")
        return cls(Variants(found, size, table), found.ids, seed, distortions)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """Bytes of one item; 0: they differ."""
        if self.variants.engine == "device":
            return 0
        return (self.views if self.make else len(self.labels)) * 3 * self.variants.size**2

    def __getitem__(self, position: int) -> Sent:
        photo = self.ids[position]
        if self.make is not None:
            return self.make(self.variants, photo, self.seed)
        return self.variants.sent(photo, self.seed, self.distortions)

    @staticmethod
    def collate(items: Sequence[Sent]) -> Tensor | Parcels:
        """A batch of items, as a loader sends it."""
        parcels = [item for item in items if isinstance(item, Parcel)]
        return Parcels.of(parcels) if parcels else default_collate(list(items))

    @staticmethod
    def finish(batch: Tensor | Parcels) -> Tensor:
        """A batch, wherever it was sent to, as images there: uint8 (B, V, 3, size, size)."""
        return batch if isinstance(batch, Tensor) else render(batch)


class SourcePhotos:
    """The photos of a source where a `Store` of them is expected, shrunk each time anew. A store is faster, and its JPEG copies
    differ from these by what JPEG does to them.

    Attributes: ids: names of the photos, sorted. files: nothing, because no checkpoint depends on them.
    """

    def __init__(self, source: Source, size: int):
        self.source, self.size = source, size
        self.ids = [name for name in source.names() if is_picture(name)]
        self.files: list[str] = []

    def pixels(self, photo: str) -> np.ndarray:
        """uint8 (H, W, 3), short side round(1.5 size). Raises UserError if the file is no photo."""
        try:
            return source_photo(read_picture(self.source.read(photo), round(ROOM * self.size)).pixels, self.size)
        except Unreadable as error:
            raise UserError(f"{photo}: is no photo that can be read ({error}); take it out of the folder") from error


class LabelledImages(Dataset[Tensor]):
    """Letterboxed images of a labelled set, mirrored or not: uint8 (3, size, size)."""

    def __init__(self, store: PixelSource, ids: Sequence[str], mirrored: Sequence[bool] | None = None):
        """
        Args:
            ids: images in `store`.
            mirrored: for each of them, whether left and right are exchanged; None: none is.
        """
        self.store, self.ids = store, ids
        self.mirrored = [False] * len(ids) if mirrored is None else mirrored

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, position: int) -> Tensor:
        image = torch.from_numpy(self.store.pixels(self.ids[position]).copy()).permute(2, 0, 1)
        return image.flip(2) if self.mirrored[position] else image
