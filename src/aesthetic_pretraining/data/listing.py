"""Listings: for each set a table of the images that there should be, before any is opened.

Columns: `id` (unique in the set), `file` (its name in the source), and for labelled sets `score` (mean opinion score, on the set's
scale) and, if the set has them, `v1`..`vK` (votes at its `bins` values), `group` (theme, scene or reference: images of one group belong
on one side of a split) and `split` (its own roles).
"""

import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from aesthetic_pretraining.data.download import bsds500, oasis, pexels, unsplash
from aesthetic_pretraining.data.labelled.ava import read_ava
from aesthetic_pretraining.data.labelled.facts import SETS
from aesthetic_pretraining.data.labelled.oasis import read_oasis
from aesthetic_pretraining.data.labelled.others import read_folder, read_kadid10k, read_koniq10k, read_tad66k
from aesthetic_pretraining.data.labelled.tid2013 import read_tid2013
from aesthetic_pretraining.data.labelled.votes import histogram
from aesthetic_pretraining.data.pinned import check_digests, fetching
from aesthetic_pretraining.data.sources import Folder, Packages, Several, Source, is_picture, open_source
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.seeding import seeded_int
from aesthetic_pretraining.settings.labels import SetSource

# a source of photos -> the module with the set's table and folder
PUBLISHED = {"pexels": pexels, "unsplash_lite": unsplash, "bsds500": bsds500}
PINNED = {"bsds500": bsds500.ROOT, "oasis": oasis.ROOT}  # sets whose every file is known by its SHA-256
READERS: dict[str, Callable[[Source, SetSource], pd.DataFrame]] = {
    "ava": read_ava,
    "tid2013": read_tid2013,
    "koniq10k": read_koniq10k,
    "kadid10k": read_kadid10k,
    "oasis": read_oasis,
    "tad66k": read_tad66k,
    "folder": read_folder,
}
WHOLE = ("tid2013", "kadid10k")  # factorial sets, references x types x levels: fewer rows mean a broken file

log = logging.getLogger("aesthetic_pretraining")


def list_photos(sources: Sequence[str], folder: str, limit: int, seed: int) -> pd.DataFrame:
    """All photos of the sources (photos.sources), or the `limit` ones with the lowest hash; sorted by id.

    With several sources, ids and files begin with the source's name. A published set lists all photos, whether or not they were
    downloaded; other sources list existing files.
    Raises: UserError if there are no photos, or if a name cannot be written to a table.
    """
    parts = []
    for source in sources:
        table = _list_one(source, folder)
        parts.append(table if len(sources) == 1 else table.assign(**{key: f"{source}/" + table[key] for key in table}))
    table = pd.concat(parts, ignore_index=True)
    return table[table["id"].isin(draw(table["id"], limit, seed))].sort_values("id", ignore_index=True)


def _list_one(source: str, folder: str) -> pd.DataFrame:
    """id and file of the photos of one source."""
    if source in PUBLISHED:
        rows = pd.DataFrame(PUBLISHED[source].photo_rows())
        if source in PINNED:
            check_digests(photo_source([source], folder), rows, PINNED[source])
        return rows[["id", "file"]]
    names = [name for name in photo_source([source], folder).names() if is_picture(name)]
    if not names:
        raise UserError(f"{folder}: no photo here; put photos (jpg, png, webp, bmp, tif) into the folder")
    for name in names:
        if "\r" in name:  # would end the row when the table is read
            raise UserError(f"{folder}: the file name {name!r} holds a carriage return; rename the file")
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise UserError(f"{folder}: the file name {os.fsencode(name)!r} is not valid UTF-8; rename the file") from error
    return pd.DataFrame({"id": names, "file": names})


def published_photos(source: str, sources: Sequence[str], folder: str, limit: int, seed: int) -> pd.DataFrame:
    """id, file, url and sha256 of those photos of a published set that a run uses; all, if it does not use the set.

    Args:
        sources, folder, limit, seed: as for `list_photos`; they decide which photos a limit leaves.
    """
    table = pd.DataFrame(PUBLISHED[source].photo_rows())
    if not limit or source not in sources:
        return table
    if len(sources) == 1:
        return table[table["id"].isin(draw(table["id"], limit, seed))]
    used = set(list_photos(sources, folder, limit, seed)["id"])
    return table[[f"{source}/{photo}" in used for photo in table["id"]]]


def draw(names: Iterable[str], limit: int, seed: int) -> list[str]:
    """The `limit` names with the lowest hash, or all if it is 0; sorted."""
    return sorted(sorted(names, key=lambda name: seeded_int("limit", seed, name))[: limit or None])


def photo_source(sources: Sequence[str], folder: str) -> Source:
    """The photos of one source (the "packaged" ones, a "folder", or the download folder of a published set), or of several.

    Raises: UserError for a folder that does not exist.
    """
    if len(sources) > 1:
        return Several({source: photo_source([source], folder) for source in sources})
    (source,) = sources
    if source in PUBLISHED:
        root = PUBLISHED[source].ROOT / "photos"
        if not root.is_dir():
            raise UserError(f"{root}: no such folder; '{fetching(root.parent)}' fetches the photos")
        return Folder(root)
    return Packages() if source == "packaged" else Folder(folder)


def open_set(dataset: str, cfg: Mapping, root: str | None = None) -> Source:
    """The source of a set's images.

    Args:
        cfg: dotted keys of params.yaml: photos.sources and photos.folder, or the keys of `settings.labels.SetSource`.
        root: the tar file, for a simulated set.
    """
    if dataset == "photos":
        return photo_source(cfg["photos.sources"], cfg["photos.folder"])
    return open_labelled(SetSource.of(dataset, cfg), root)


def open_labelled(entry: SetSource, root: str | None = None) -> Source:
    """The source of a labelled set. Raises: UserError with the way to get it if its folder does not exist."""
    if root is None and not entry.root.is_dir():
        way = (
            f"'{fetching(entry.root)}' fetches the set"
            if entry.source in PINNED
            else (f"fetch the set as docs/data.md says, or name its folder in params.yaml, sets.{entry.name}.folder")
        )
        raise UserError(f"{entry.root}: no such folder; {way}")
    return open_source(root or entry.root)


def list_labelled(entry: SetSource, root: str | None = None, trained_on: bool = False) -> pd.DataFrame:
    """The listing of a labelled set in its folder, or of a simulated one in a tar file, in that set's original layout.

    Images without a label are ignored, which is logged. The column `spread` of a reader becomes part of the votes or is dropped.

    Args:
        root: the tar file, for a simulated set.
        trained_on: whether networks are fine-tuned on it: a set that has only mean scores then gets votes (`labelled.votes`).
    Raises: UserError for labels that are malformed, outside the scale, do not fit the set's bins, are all equal, or are fewer than a
        factorial set has.
    """
    source = open_labelled(entry, root)
    listing = READERS[entry.reader](source, entry)
    if entry.reader in WHOLE and isinstance(source, Folder) and len(listing) != SETS[entry.reader].pictures:
        known = SETS[entry.reader]
        raise UserError(f"{known.labels}: {len(listing)} images, but the set has {known.pictures}; fetch the file again")
    votes = vote_columns(listing)
    _check_votes(entry, listing, votes)
    if listing["score"].nunique() == 1:
        raise UserError(
            f"sets.{entry.name}: all {len(listing)} scores are {listing['score'].iloc[0]:g}, so there is nothing to learn or to compare; look at "
            "its label file"
        )
    if trained_on and not votes:
        spread = listing["spread"].to_numpy(float) if "spread" in listing else None
        made = histogram(listing["score"].to_numpy(float), np.array(entry.values), spread)
        listing = listing.assign(**{f"v{k + 1}": made[:, k] for k in range(entry.bins)})
    if isinstance(source, Folder) and (extra := unlabelled(source, listing)):
        log.info("%s: %d images have no label and are ignored, such as %a", source.root, len(extra), extra[0])
    return listing.drop(columns="spread", errors="ignore")


def vote_columns(table: pd.DataFrame) -> list[str]:
    """The columns v1..vK of a listing or ledger, in order; none if it has no votes."""
    return sorted((column for column in table if re.fullmatch(r"v[1-9]\d*", str(column))), key=lambda column: int(column[1:]))


def _check_votes(entry: SetSource, listing: pd.DataFrame, votes: Sequence[str]) -> None:
    """Raise UserError if the votes do not fit the set's bins or scale; say so if most images have a single rating."""
    if not votes:
        return
    counts, key = listing[list(votes)].to_numpy(float), f"sets.{entry.name}"
    if len(votes) != entry.bins:
        raise UserError(
            f"params.yaml: {key}.bins is {entry.bins}, but the labels of {key} have {len(votes)} votes; set it to {len(votes)}"
        )
    means = counts @ np.array(entry.values) / counts.sum(axis=1)
    if not np.allclose(means, listing["score"], atol=1e-6):
        known = SETS[entry.reader]
        raise UserError(
            f"params.yaml: {key}.low and high are {entry.low:g} and {entry.high:g}, but the votes of {key} are on {known.low:g} to "
            f"{known.high:g}; set them so"
        )
    single = int(((counts.sum(axis=1) == 1) & (counts.max(axis=1) == 1)).sum())
    if single > len(listing) / 2:
        log.warning(
            "%s: %d of %d images have a single rating: scores are one person's, so even a perfect network cannot predict them well",
            *(key, single, len(listing)),
        )


def unlabelled(source: Source, listing: pd.DataFrame) -> list[str]:
    """The images in a set's source that its listing does not name, sorted."""
    return sorted(name for name in set(source.names()) - set(listing["file"]) if is_picture(name))
