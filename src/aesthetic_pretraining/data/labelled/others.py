"""Sets for cross-checks, with one score per image: KonIQ-10k, KADID-10k, OASIS beauty ratings, TAD66K, and any folder of one's own.

Each reader returns id, file, score and, if the set has its own roles, `split` (train, val, test). Labelled images that do not exist
stay in the listing, so that the ledger reports them as missing. Raises: UserError for malformed labels.
"""

import io
import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from aesthetic_pretraining.data.labelled.facts import SETS
from aesthetic_pretraining.data.sources import Source, is_picture, read_text
from aesthetic_pretraining.errors import UserError

KONIQ_ROLES = {"training": "train", "validation": "val", "test": "test"}
KONIQ_FOLDERS = ("1024x768", "512x384", "images")  # the original, the smaller copy, and a common name for either
FOLDER_LABELS = "labels.csv"


def read_koniq10k(source: Source) -> pd.DataFrame:
    """KonIQ-10k: image_name, c1..c5, c_total, MOS, SD, set; images in 1024x768/, 512x384/ or images/; scores 0..100.

    Trap: c1..c5 are fractions of the votes on 1..5, while MOS, the set's score, is on 0..100.
    """
    name = SETS["koniq10k"].labels
    rows = _rows(source, name, ["image_name", "MOS", "set"])
    if unknown := sorted(set(rows["set"]) - set(KONIQ_ROLES)):
        raise UserError(f"{name}: the column 'set' holds {unknown[0]!r}, but only {', '.join(KONIQ_ROLES)} are known")
    names = source.names()
    folder = next((f for f in KONIQ_FOLDERS if any(n.startswith(f"{f}/") for n in names)), KONIQ_FOLDERS[0])
    files = [f"{folder}/{image}" for image in rows["image_name"]]
    return _listing("koniq10k", name, rows["image_name"], files, rows["MOS"], rows["set"].map(KONIQ_ROLES))


def read_kadid10k(source: Source) -> pd.DataFrame:
    """KADID-10k: dist_img, ref_img, dmos, var; images in images/; scores 1..5.

    Trap: the column is called dmos, but higher is better, as for a MOS. The references are also in images/, without a score.
    """
    name = SETS["kadid10k"].labels
    rows = _rows(source, name, ["dist_img", "dmos"])
    return _listing("kadid10k", name, rows["dist_img"], "images/" + rows["dist_img"], rows["dmos"])


def read_oasis(source: Source) -> pd.DataFrame:
    """OASIS with beauty ratings of 2019: means_per_image.csv with Theme and beauty_mean; images in images/; scores 1..7.

    Trap: the ratings name an image "Acorns1" whose file is "Acorns 1.jpg"; letter case and blanks are ignored.
    The file's means by gender do not belong to the images in the same row and are not read.
    """
    name = SETS["oasis"].labels
    rows = _rows(source, name, ["Theme", "beauty_mean"])
    on_disk = {_plain(file.removeprefix("images/")): file for file in source.names() if file.startswith("images/")}
    files = [on_disk.get(_plain(theme + ".jpg"), f"images/{theme}.jpg") for theme in rows["Theme"]]
    return _listing("oasis", name, rows["Theme"], files, rows["beauty_mean"])


def read_tad66k(source: Source) -> pd.DataFrame:
    """TAD66K: train.csv and test.csv with image and score; images in images/; scores about 1..10, taken for 0..10.

    Trap: the lists by theme have duplicates; use the merged lists.
    """
    parts = []
    for role in ("train", "test"):
        rows = _rows(source, f"{role}.csv", ["image", "score"])
        parts.append(_listing("tad66k", f"{role}.csv", rows["image"], "images/" + rows["image"], rows["score"], role))
    table = pd.concat(parts, ignore_index=True)
    _once(table["id"], "train.csv and test.csv")
    return table


def read_folder(source: Source, low: float, high: float) -> pd.DataFrame:
    """Any folder: labels.csv with id and either `score` or votes v1..vk on 1..k, and optionally split (train, val, test).

    An id is the image's path below the folder, with or without its suffix.

    Args:
        low, high: ends of the scale.
    """
    rows = _rows(source, FOLDER_LABELS, ["id"])
    votes = sorted((c for c in rows if re.fullmatch(r"v[1-9]\d*", c)), key=lambda c: int(c[1:]))
    if ("score" in rows) == bool(votes) or votes != [f"v{k + 1}" for k in range(len(votes))]:
        raise UserError(
            f"{FOLDER_LABELS}: needs either a column 'score' or the columns v1, v2, ... of votes, in its first line"
        )
    if votes and (low, high) != (1, len(votes)):
        raise UserError(
            f"{FOLDER_LABELS}: has votes on 1 to {len(votes)}, but params.yaml gives the set the range {low:g} to {high:g}"
        )
    if "split" in rows and (unknown := sorted(set(rows["split"]) - {"train", "val", "test"})):
        raise UserError(f"{FOLDER_LABELS}: the column 'split' holds {unknown[0]!r}, but only train, val and test are known")
    scores = _mean_of_votes(rows, votes) if votes else rows["score"]
    files = _files_of(rows["id"], [name for name in source.names() if is_picture(name)])
    return _listing((low, high), FOLDER_LABELS, rows["id"], files, scores, rows.get("split"))


def _rows(source: Source, name: str, columns: Iterable[str]) -> pd.DataFrame:
    """A label file as text, with at least these columns."""
    try:
        rows = pd.read_csv(io.StringIO(read_text(source, name)), dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"{name}: is not a table ({' '.join(str(error).split())}); fetch it again") from error
    rows.columns = rows.columns.str.strip()
    missing = [column for column in columns if column not in rows]
    if missing:
        raise UserError(f"{name}: the first line lacks the column {missing[0]!r}; if it is a web page, fetch the file again")
    if rows.empty:
        raise UserError(f"{name}: has no rows; fetch it again")
    return rows


def _listing(form: str | tuple, name: str, ids, files, scores, split=None) -> pd.DataFrame:
    """The listing. Raises: UserError naming the row of a score that is not a number or outside the scale."""
    low, high = (SETS[form].low, SETS[form].high) if isinstance(form, str) else form
    values = pd.to_numeric(pd.Series(scores), errors="coerce").to_numpy(float)
    wrong = ~((values >= low) & (values <= high))  # not `value < low`, which is False for NaN
    if wrong.any():
        row = int(wrong.argmax())
        raise UserError(
            f"{name}, row {row + 2}: the score {list(scores)[row]} of {list(ids)[row]} is not a number from {low:g} to {high:g}"
        )
    table = pd.DataFrame({"id": list(ids), "file": list(files), "score": values})
    if split is not None:
        table["split"] = split if isinstance(split, str) else list(split)
    _once(table["id"], name)
    return table


def _once(ids: pd.Series, name: str) -> None:
    if ids.duplicated().any():
        raise UserError(f"{name}: {ids[ids.duplicated()].iloc[0]} appears twice; keep one of the rows")


def _plain(name: str) -> str:
    return name.replace(" ", "").lower()


def _mean_of_votes(rows: pd.DataFrame, votes: list[str]) -> np.ndarray:
    """Mean score of each row's votes; NaN, which `_listing` rejects, if they are invalid."""
    counts = rows[votes].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    counts = np.where((counts < 0).any(axis=1, keepdims=True), np.nan, counts)
    with np.errstate(invalid="ignore"):
        return counts @ np.arange(1, len(votes) + 1) / counts.sum(axis=1)


def _files_of(ids: Iterable[str], names: list[str]) -> list[str]:
    """The file of each id: itself, or the one image with this name and a suffix."""
    there = set(names)
    by_stem: dict[str, list[str]] = {}
    for name in names:
        by_stem.setdefault(name.rpartition(".")[0], []).append(name)
    files = []
    for picture in ids:
        found = [picture] if picture in there else by_stem.get(picture, [])
        if len(found) > 1:
            raise UserError(f"{FOLDER_LABELS}: {picture} may be {found[0]} or {found[1]}; write the name with its suffix")
        files.append(found[0] if found else picture)
    return files
