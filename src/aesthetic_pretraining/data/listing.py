"""Listings: for each set a table of the images that there should be, before any is opened.

Columns: `id` (unique in the set), `file` (its name in the source), and for labelled sets `score` (mean opinion score, on the scale
of `labelled.facts.SETS`) and, if the set has them, `v1`..`v10` (votes) and `split` (its own roles).
"""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from aesthetic_pretraining.data.download import pexels, unsplash
from aesthetic_pretraining.data.labelled.ava import read_ava
from aesthetic_pretraining.data.labelled.facts import SETS
from aesthetic_pretraining.data.labelled.others import read_folder, read_kadid10k, read_koniq10k, read_oasis, read_tad66k
from aesthetic_pretraining.data.labelled.tid2013 import read_tid2013
from aesthetic_pretraining.data.sources import Folder, Packages, Source, is_picture, open_source
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.seeding import seeded_int

PUBLISHED = {"pexels": pexels, "unsplash_lite": unsplash}  # photos.source -> the module with the set's table and folder
LABELLED = {
    "ava": read_ava,
    "tid2013": read_tid2013,
    "koniq10k": read_koniq10k,
    "kadid10k": read_kadid10k,
    "oasis": read_oasis,
    "tad66k": read_tad66k,
}
WHOLE = ("tid2013", "kadid10k")  # factorial sets, references x types x levels: fewer rows mean a broken file

log = logging.getLogger("aesthetic_pretraining")


def list_photos(source: str, folder: str, limit: int, seed: int) -> pd.DataFrame:
    """All photos of a source (photos.source), or the `limit` ones with the lowest hash; sorted by id.

    A published set lists all photos, whether or not they were downloaded; other sources list existing files.
    Raises: UserError if there are no photos, or if a name cannot be written to a table.
    """
    if source in PUBLISHED:
        return published_photos(source, limit, seed)[["id", "file"]]
    names = [name for name in photo_source(source, folder).names() if is_picture(name)]
    if not names:
        raise UserError(f"{folder}: no photo here; put photos (jpg, png, webp, bmp, tif) into the folder")
    for name in names:
        if "\r" in name:  # would end the row when the table is read
            raise UserError(f"{folder}: the file name {name!r} holds a carriage return; rename the file")
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise UserError(f"{folder}: the file name {os.fsencode(name)!r} is not valid UTF-8; rename the file") from error
    names = draw(names, limit, seed)
    return pd.DataFrame({"id": names, "file": names})


def published_photos(source: str, limit: int, seed: int) -> pd.DataFrame:
    """id, file, url and sha256 of a published set ("pexels" or "unsplash_lite"), or of `limit` of its photos; sorted by id."""
    table = pd.DataFrame(PUBLISHED[source].photo_rows())
    return table[table["id"].isin(draw(table["id"], limit, seed))]


def draw(names: Iterable[str], limit: int, seed: int) -> list[str]:
    """The `limit` names with the lowest hash, or all if it is 0; sorted."""
    return sorted(sorted(names, key=lambda name: seeded_int("limit", seed, name))[: limit or None])


def photo_source(source: str, folder: str) -> Source:
    """The source of photos: the "packaged" ones, a "folder", or the download folder of a published set."""
    if source in PUBLISHED:
        return Folder(PUBLISHED[source].ROOT / "photos")
    return Packages() if source == "packaged" else Folder(folder)


def open_set(dataset: str, cfg: Mapping, root: str | None = None) -> Source:
    """The source of a set's images.

    Args:
        cfg: dotted keys of params.yaml: photos.source and photos.folder, or labels.<dataset>_folder, or labels.extra.
        root: the tar file, for a simulated set.
    """
    if dataset == "photos":
        return photo_source(cfg["photos.source"], cfg["photos.folder"])
    return open_source(root or place_of(dataset, cfg)["folder"])


def place_of(dataset: str, cfg: Mapping) -> dict:
    """How params.yaml describes a labelled set: format, folder and, for the format "folder", range."""
    for entry in cfg.get("labels.extra", ()):
        if entry["name"] == dataset:
            return entry
    return {"format": dataset, "folder": cfg[f"labels.{dataset}_folder"]}


def list_labelled(form: str, root: str, scale: Sequence[float] = ()) -> pd.DataFrame:
    """The listing of a labelled set in a folder, or of a simulated one in a tar file, in that set's original layout.

    Images without a label are ignored, which is logged.

    Args:
        form: one of `labelled.facts.FORMATS`.
        scale: lowest and highest mean score, for the format "folder".
    Raises: UserError for labels that are malformed, outside the scale, or fewer than a factorial set has.
    """
    source = open_source(root)
    if form == "folder":
        listing = read_folder(source, *scale)
    else:
        listing, known = LABELLED[form](source), SETS[form]
        if form in WHOLE and isinstance(source, Folder) and len(listing) != known.pictures:
            raise UserError(f"{known.labels}: {len(listing)} images, but the set has {known.pictures}; fetch the file again")
    if isinstance(source, Folder) and (extra := unlabelled(source, listing)):
        log.info("%s: %d images have no label and are ignored, such as %a", root, len(extra), extra[0])
    return listing


def unlabelled(source: Source, listing: pd.DataFrame) -> list[str]:
    """The images in a set's source that its listing does not name, sorted."""
    return sorted(name for name in set(source.names()) - set(listing["file"]) if is_picture(name))
