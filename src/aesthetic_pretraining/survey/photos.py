"""The photos of a survey: a store of the chain (data/<scale>/photos/store), or a folder of photos."""

from pathlib import Path
from typing import Protocol

import numpy as np

from aesthetic_pretraining.data.images import Unreadable, read_picture
from aesthetic_pretraining.data.letterbox import shrink
from aesthetic_pretraining.data.progress import Progress
from aesthetic_pretraining.data.sources import Folder, is_picture
from aesthetic_pretraining.data.store import Store
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.seeding import seeded_int

SMALLEST = 48  # pixels of the short side: what crops and rotation leave of it is still as wide as the engine's kernels


class Photos(Protocol):
    """Photos by id."""

    def ids(self) -> list[str]:
        """All ids, sorted."""

    def pixels(self, photo: str, /) -> np.ndarray:
        """uint8 (h, w, 3). Raises: Unreadable, with the reason."""


class Stored:
    """The photos of a store, which are known to be sound, at the size that they have there."""

    def __init__(self, store: Store):
        self.store = store

    def ids(self) -> list[str]:
        return self.store.ids()

    def pixels(self, photo: str) -> np.ndarray:
        try:
            return _large_enough(self.store.pixels(photo))
        except OSError as error:
            raise Unreadable(error.strerror or "cannot be read") from error


class Files:
    """The photos of a folder, shrunk to a short side of `short_side` pixels; smaller ones stay as they are."""

    def __init__(self, folder: Folder, short_side: int):
        self.folder, self.short_side = folder, short_side

    def ids(self) -> list[str]:
        return [name for name in self.folder.names() if is_picture(name)]

    def pixels(self, photo: str) -> np.ndarray:
        try:
            found = read_picture(self.folder.read(photo), self.short_side).pixels
        except OSError as error:
            raise Unreadable(error.strerror or "cannot be read") from error
        return _large_enough(found if min(found.shape[:2]) <= self.short_side else shrink(found, self.short_side))


def open_photos(path: str | Path, short_side: int) -> Photos:
    """The photos in `path`: a store, the folder above one, or a folder of photos. Raises: UserError if there are none."""
    if not Path(path).is_dir():
        raise UserError(
            f"{path}: no such folder; name one with photos, or a store such as data/demo/photos/store, with --photos"
        )
    folder = Folder(path)
    # a store's own folder has tar files alone: somebody's backup.tar beside photos is none
    places = [place for place in (folder.root, folder.root / "store") if place.is_dir() and not _has_pictures(place)]
    stores = [tars for place in places if (tars := sorted(place.glob("*.tar")))]
    found: Photos = Stored(Store(stores[0])) if stores else Files(folder, short_side)
    if not found.ids():
        raise UserError(f"{path}: no photo here; name a folder with photos, or a store such as data/demo/photos/store")
    return found


def examine(photos: Photos, wanted: int, seed: int) -> tuple[list[str], dict[str, str]]:
    """Up to `wanted` photos that can be shown, drawn by the seed, and {photo: why not} of those that cannot."""
    ids = sorted(photos.ids(), key=lambda photo: seeded_int("survey photo", seed, photo))
    progress = Progress("photos", min(wanted, len(ids)), "photos")
    sound: list[str] = []
    broken: dict[str, str] = {}
    for photo in ids:
        if len(sound) == wanted:
            break
        try:
            photos.pixels(photo)
        except Unreadable as error:
            broken[photo] = str(error)
        else:
            sound.append(photo)
            progress.step()
    return sound, broken


def _has_pictures(folder: Path) -> bool:
    # glob finds nothing where this user cannot look, and Folder then says so; iterdir would raise
    return any(is_picture(entry.name) for entry in folder.glob("*"))


def _large_enough(pixels: np.ndarray) -> np.ndarray:
    if min(pixels.shape[:2]) < SMALLEST:
        raise Unreadable(f"only {pixels.shape[1]} x {pixels.shape[0]} pixels; a survey needs {SMALLEST} on the short side")
    return pixels
