"""Sets with one score per image: KonIQ-10k, KADID-10k, TAD66K, and any folder of one's own, which may have votes.

Each reader returns id, file, score and, where the set has them: `split` (its own roles: train, val, test), `group` (what an image
shows; images of one group belong on one side of a split), `spread` (standard deviation of the ratings of one image), votes v1..vK.
Labelled images that do not exist stay in the listing, so that the ledger reports them as missing. Raises: UserError for malformed labels.
"""

import posixpath
import re
import unicodedata
from collections.abc import Iterable

import numpy as np
import pandas as pd

from aesthetic_pretraining.data.labelled.facts import SETS
from aesthetic_pretraining.data.labelled.tables import make_listing, numbers, only_once, read_rows
from aesthetic_pretraining.data.sources import Source, is_picture
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.settings.labels import SetSource

KONIQ_ROLES = {"training": "train", "validation": "val", "test": "test"}
KONIQ_FOLDERS = ("1024x768", "512x384", "images")  # the original, the smaller copy, and a common name for either
KONIQ_STEP = 25  # of MOS for one of the votes' 1 to 5
FOLDER_LABELS = "labels.csv"
ROLES = ("train", "val", "test")
MOST_VOTES = 1e10  # of an image for one score; whole numbers so large cannot be votes


def read_koniq10k(source: Source, entry: SetSource) -> pd.DataFrame:
    """KonIQ-10k: image_name, c1..c5, c_total, MOS, SD, set; images in 1024x768/, 512x384/ or images/; scores 0..100.

    Trap: c1..c5 are fractions of the votes on 1..5, while MOS, the set's score, is on 0..100; so MOS and SD are read, not c1..c5.
    ASSUME: an SD column without a value above 2, the largest that votes on 1..5 can have, is on that scale, and is multiplied by 25.
    """
    name = SETS["koniq10k"].labels
    rows = read_rows(source, name, ["image_name", "MOS", "SD", "set"])
    if unknown := sorted(set(rows["set"]) - set(KONIQ_ROLES)):
        raise UserError(f"{name}: the column 'set' holds {unknown[0]!r}, but only {', '.join(KONIQ_ROLES)} are known")
    names = [file for file in source.names() if is_picture(file)]
    folder = next((f for f in KONIQ_FOLDERS if any(n.startswith(f"{f}/") for n in names)), KONIQ_FOLDERS[0])
    files = [f"{folder}/{image}" for image in rows["image_name"]]
    spread = numbers(rows, "SD", name)
    if not (spread > 2).any():
        spread = spread * KONIQ_STEP
    return make_listing(entry, name, rows["image_name"], files, rows["MOS"], split=rows["set"].map(KONIQ_ROLES), spread=spread)


def read_kadid10k(source: Source, entry: SetSource) -> pd.DataFrame:
    """KADID-10k: dist_img, ref_img, dmos, var; images in images/; scores 1..5.

    Trap: the column is called dmos, but higher is better, as for a MOS. The references are also in images/, without a score.
    """
    name = SETS["kadid10k"].labels
    rows = read_rows(source, name, ["dist_img", "ref_img", "dmos", "var"])
    spread = np.sqrt(numbers(rows, "var", name))
    return make_listing(
        entry, name, rows["dist_img"], "images/" + rows["dist_img"], rows["dmos"], group=rows["ref_img"], spread=spread
    )


def read_tad66k(source: Source, entry: SetSource) -> pd.DataFrame:
    """TAD66K: train.csv and test.csv with image and score; images in images/; scores about 1..10, taken for 0..10.

    Trap: the lists by theme have duplicates; use the merged lists.
    """
    parts = []
    for role in ("train", "test"):
        rows = read_rows(source, f"{role}.csv", ["image", "score"])
        parts.append(make_listing(entry, f"{role}.csv", rows["image"], "images/" + rows["image"], rows["score"], split=role))
    table = pd.concat(parts, ignore_index=True)
    only_once(table["id"], "train.csv and test.csv")
    return table


def read_folder(source: Source, entry: SetSource) -> pd.DataFrame:
    """Any folder: labels.csv with id and either `score` or votes v1..vK; optionally spread, split (train, val, test) and group.

    An id is the image's path below the folder, with or without its suffix. Votes are counts at the set's `bins` values.
    """
    rows = read_rows(source, FOLDER_LABELS, ["id"])
    names = sorted((c for c in rows if re.fullmatch(r"v[1-9]\d*", c)), key=lambda c: int(c[1:]))
    if ("score" in rows) == bool(names) or names != [f"v{k + 1}" for k in range(len(names))]:
        raise UserError(
            f"{FOLDER_LABELS}: needs either a column 'score' or the columns v1, v2, ... of votes, in its first line"
        )
    if names and "spread" in rows:
        raise UserError(f"{FOLDER_LABELS}: has votes, which say their spread themselves; remove the column 'spread'")
    more: dict = {}
    if names:
        votes = _votes(rows, names, entry)
        scores = pd.Series(votes @ np.array(entry.values) / votes.sum(axis=1), index=rows.index)
        more |= {column: votes[:, k] for k, column in enumerate(names)}
    else:
        scores = rows["score"]
    if "spread" in rows:
        more["spread"] = numbers(rows, "spread", FOLDER_LABELS)
    if "split" in rows:
        if unknown := sorted(set(rows["split"]) - set(ROLES)):
            raise UserError(f"{FOLDER_LABELS}: the column 'split' holds {unknown[0]!r}, but only train, val and test are known")
        more["split"] = rows["split"]
    if "group" in rows:
        more["group"] = rows["group"].str.strip()
    files = _files_of(rows["id"], [name for name in source.names() if is_picture(name)])
    return make_listing(entry, FOLDER_LABELS, rows["id"], files, scores, **more)


def _votes(rows: pd.DataFrame, names: list[str], entry: SetSource) -> np.ndarray:
    """Counts (N, K), whole numbers where all are. Raises: UserError for votes that do not fit the set's bins, and naming a wrong row."""
    if len(names) != entry.bins:
        raise UserError(
            f"{FOLDER_LABELS}: has {len(names)} columns of votes, but sets.{entry.name}.bins in params.yaml is {entry.bins}; set it to "
            f"{len(names)}, and low and high to the scores of the first and the last column"
        )
    votes = np.stack([numbers(rows, column, FOLDER_LABELS) for column in names], axis=1)
    bad = ~(votes.sum(axis=1) > 0)  # True for NaN
    if bad.any():
        row = int(bad.argmax())
        raise UserError(
            f"{FOLDER_LABELS}, row {rows.index[row]}: {rows['id'].iloc[row]} has no votes, or an empty field; remove the row"
        )
    if (bad := (votes > MOST_VOTES).any(axis=1)).any():
        row = int(bad.argmax())
        raise UserError(
            f"{FOLDER_LABELS}, row {rows.index[row]}: {rows['id'].iloc[row]} has {votes[row].max():g} votes for one score, more than there "
            "are people; correct the row"
        )
    return votes.astype(int) if (votes == np.floor(votes)).all() else votes


def _files_of(ids: Iterable[str], names: list[str]) -> list[str]:
    """The file of each id: itself, or the one image with this name and a suffix.

    "./a.jpg" is "a.jpg", and letters with accents match whether they are written as one code point or as two.
    """
    by_name: dict[str, list[str]] = {}
    for name in names:
        for key in {_normal(name), _normal(name.rpartition(".")[0])}:
            by_name.setdefault(key, []).append(name)
    files: list[str] = []
    for picture in ids:
        found = by_name.get(_normal(picture), [])
        found = (
            [name for name in found if name == picture]
            or [name for name in found if _normal(name) == _normal(picture)]
            or found
        )
        if len(found) > 1:
            raise UserError(f"{FOLDER_LABELS}: {picture} may be {found[0]} or {found[1]}; write the name with its suffix")
        files.append(found[0] if found else picture)
    return files


def _normal(name: str) -> str:
    return posixpath.normpath(unicodedata.normalize("NFC", name))
