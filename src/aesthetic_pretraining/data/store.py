"""Stores: a set's images, each decoded and shrunk once, in a few tar files that training reads.

Neither Snakemake nor DVC ever handles one file per image, and rewriting a shard gives the same bytes.
"""

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from aesthetic_pretraining.data.images import (
    DEFAULT,
    Limits,
    Picture,
    Unreadable,
    encode_jpeg,
    encode_png,
    pixels,
    read_picture,
)
from aesthetic_pretraining.data.index import Index, stem
from aesthetic_pretraining.data.progress import Progress
from aesthetic_pretraining.data.sources import Source
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.seeding import seeded_int

LEDGER = ["id", "file", "sha256", "width", "height", "format", "state", "reason"]


def shard_of(picture: str, shards: int) -> int:
    """The shard of an image, which depends only on its id, so that adding images moves no others."""
    return seeded_int("shard", picture) % shards


def member_name(picture: str, quality: int | None = 95) -> str:
    """The name of an image's copy in a shard: its id, which may contain slashes and a suffix, and the copy's format."""
    return f"{picture}.{'png' if quality is None else 'jpg'}"


def build_shard(
    listing: pd.DataFrame,
    source: Source,
    shard: int,
    shards: int,
    prepare: Callable[[np.ndarray], np.ndarray],
    quality: int | None,
    tar: str | Path,
    ledger: str | Path,
    short_side: int = 0,
    limits: Limits = DEFAULT,
) -> None:
    """Write the shrunk copies of one shard's images to `tar`, and the state of each image to `ledger` (CSV).

    Missing and unreadable images are recorded with the reason, and left out of the tar.

    Args:
        listing: columns id and file.
        prepare: image -> copy to store, both uint8 (h, w, 3).
        quality: JPEG quality of the copies; None: lossless PNG.
        short_side: the short side that `prepare` needs, so that images may be decoded at a fraction of their size; 0: full size.
        limits: what one image may take.
    """
    mine = listing[[shard_of(i, shards) == shard for i in listing["id"]]].sort_values("id")
    rows = []
    with atomic_path(tar) as tar_tmp, atomic_path(ledger) as ledger_tmp:
        with tarfile.open(tar_tmp, "w", format=tarfile.PAX_FORMAT) as out:
            progress = Progress(f"shard {shard}", len(mine), "images")
            for picture, file in zip(mine["id"], mine["file"], strict=True):
                row, found = examine(picture, file, source, short_side, limits)
                rows.append(row)
                if found is not None:
                    copy = prepare(found.pixels)
                    data = encode_png(copy) if quality is None else encode_jpeg(copy, quality)
                    add_member(out, member_name(picture, quality), data)
                progress.step()
        pd.DataFrame(rows, columns=LEDGER).to_csv(ledger_tmp, index=False)


def examine(
    picture: str, file: str, source: Source, short_side: int = 0, limits: Limits = DEFAULT
) -> tuple[dict, Picture | None]:
    """The ledger's row for one image, and the decoded image if it is usable."""
    row = dict.fromkeys(LEDGER, "") | {"id": picture, "file": file}
    try:
        data = source.read(file)
    except FileNotFoundError:
        return row | {"state": "missing", "reason": "no such file"}, None
    except OSError as error:
        return row | {"state": "unreadable", "reason": error.strerror or "cannot be read"}, None
    row["sha256"] = hashlib.sha256(data).hexdigest()
    try:
        found = read_picture(data, short_side, limits)
    except Unreadable as error:
        return row | {"state": "unreadable", "reason": str(error)}, None
    return row | {"width": found.width, "height": found.height, "format": found.format, "state": "usable"}, found


def add_member(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add a file without owner and time, so that equal content gives equal bytes."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


class PixelSource(Protocol):
    """Anything with images by id: a `Store`, or a view of one."""

    def pixels(self, picture: str, /) -> np.ndarray:
        """uint8 (height, width, 3) of one image."""


class Store:
    """The shrunk images of a set by id; keeps only where they are in memory, not pixels."""

    def __init__(self, tars: Iterable[str | Path]):
        self.files = sorted(map(str, tars))
        self.index = Index(self.files, stem)

    def __contains__(self, picture: str) -> bool:
        return picture in self.index

    def ids(self) -> list[str]:
        """All images, sorted."""
        return self.index.names()

    def read(self, picture: str) -> bytes:
        """The stored bytes of one image, JPEG or PNG. Raises KeyError for an unknown image."""
        return self.index.read(picture)

    def pixels(self, picture: str) -> np.ndarray:
        """uint8 (height, width, 3) of one image."""
        return pixels(self.read(picture))
