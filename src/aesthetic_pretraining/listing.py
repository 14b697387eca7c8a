"""Listings: for each set one table of the pictures that there should be, before anybody opens them.

Columns: `id` (unique in the set), `file` (its name in the source), and for labelled sets `score` (mean opinion) and,
where the set has votes, `v1`..`v10`.
"""

from collections.abc import Mapping

import pandas as pd

from aesthetic_pretraining.ava import read_ava
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import seeded_int
from aesthetic_pretraining.sources import Folder, Packages, Source, is_picture, open_source
from aesthetic_pretraining.tid2013 import read_tid2013

LABELLED = {"ava": read_ava, "tid2013": read_tid2013}


def list_photos(source: str, folder: str, limit: int, seed: int) -> pd.DataFrame:
    """All photos of a source ("packaged" or "folder"), or the `limit` ones with the lowest hash; sorted by id.

    Raises UserError if there is none.
    """
    place = photo_source(source, folder)
    names = [name for name in place.names() if is_picture(name)]
    if not names:
        raise UserError(f"{folder}: no photo here; put photos (jpg, png, webp, bmp, tif) into the folder")
    if limit:
        names = sorted(sorted(names, key=lambda name: seeded_int("limit", seed, name))[:limit])
    return pd.DataFrame({"id": names, "file": names})


def photo_source(source: str, folder: str) -> Source:
    """The place that photos are read from: "packaged", or a "folder"."""
    return Packages() if source == "packaged" else Folder(folder)


def open_set(dataset: str, cfg: Mapping[str, str], root: str | None = None) -> Source:
    """The place that a set's pictures are read from.

    Args:
        cfg: dotted keys of params.yaml: photos.source and photos.folder, or labels.<dataset>_folder.
        root: the tar file of a simulated set, if it is one.
    """
    if dataset == "photos":
        return photo_source(cfg["photos.source"], cfg["photos.folder"])
    return open_source(root or cfg[f"labels.{dataset}_folder"])


def list_labelled(dataset: str, root: str) -> pd.DataFrame:
    """The listing of a labelled set ("ava" or "tid2013") in a folder or tar file laid out as that set is distributed."""
    return LABELLED[dataset](open_source(root))
