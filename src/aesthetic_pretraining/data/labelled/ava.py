"""AVA (paper section 4.5): AVA.txt, images/<id>.jpg, and the lists of its public splits (fidelity row 21).

AVA.txt has 15 columns separated by blanks: row, image id, counts of the votes 1 to 10, two tag ids, challenge id.
Lists: splits/{train,val,test}.csv of the public NIMA implementation, whose rows are an image id and the ten counts; splits/pred.txt,
its predictions, whose rows begin with the ids of its test images; and AVA's own test list,
aesthetics_image_lists/generic_test.jpgl, with one id per row.
"""

import numpy as np
import pandas as pd

from aesthetic_pretraining.data.sources import Source, Tar, read_text
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.settings.labels import SetSource

VOTES = [f"v{score}" for score in range(1, 11)]
PER_PHOTO = 1000  # a simulated image's id is the number of the photo that it is cut from, times this, plus its own number
SPLITS = ("train", "val", "test")
SPLIT_LISTS = tuple(f"splits/{split}.csv" for split in SPLITS)
PREDICTIONS = "splits/pred.txt"
OFFICIAL_TEST = "aesthetics_image_lists/generic_test.jpgl"


def mean_score(votes: np.ndarray) -> np.ndarray:
    """Counts of votes (n, 10) -> mean score (n,) in 1..10."""
    return votes @ np.arange(1, 11) / votes.sum(axis=1)


def parse_ava(text: str, name: str = "AVA.txt") -> pd.DataFrame:
    """The text of AVA.txt -> id, v1..v10, score. Raises: UserError naming the malformed row."""
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        fields = line.split()
        if len(fields) != 15 or not all(map(is_count, fields)):
            raise UserError(
                f"{name}, row {number}: needs 15 whole numbers (row, id, ten counts, two tags, challenge), has {line.strip()[:60]!r}"
            )
        if not any(int(f) for f in fields[2:12]):
            raise UserError(f"{name}, row {number}: image {fields[1]} has no votes; remove the row")
        rows.append([fields[1], *map(int, fields[2:12])])
    if not rows:
        raise UserError(f"{name}: is empty; fetch AVA.txt again")
    frame = pd.DataFrame(rows, columns=["id", *VOTES])
    _no_duplicates(frame["id"], name)
    frame["score"] = mean_score(frame[VOTES].to_numpy())
    return frame


def read_ava(source: Source, entry: SetSource | None = None) -> pd.DataFrame:
    """The listing of AVA, with images at images/<id>.jpg. Ids that AVA lists but does not contain are reported in the ledger.

    Of a simulated AVA, whose source is a tar file, `group` is the number of the photo that an image is cut from.
    """
    frame = parse_ava(read_text(source, "AVA.txt"))
    frame.insert(1, "file", "images/" + frame["id"] + ".jpg")
    return frame.assign(group=(frame["id"].astype(int) // PER_PHOTO).astype(str)) if isinstance(source, Tar) else frame


def read_split_lists(source: Source) -> pd.DataFrame:
    """id, v1..v10 and split of all rows of splits/train.csv, val.csv and test.csv. Raises: UserError if an id is in two lists."""
    roles: dict[str, str] = {}
    rows = []
    for split, name in zip(SPLITS, SPLIT_LISTS, strict=True):
        ids = []
        for number, line in enumerate(read_text(source, name).splitlines(), start=1):
            fields = [field.strip() for field in line.split(",")]
            if len(fields) != 11 or not all(map(is_count, fields)):
                raise UserError(f"{name}, row {number}: needs 11 whole numbers (id and ten counts), has {line.strip()[:60]!r}")
            ids.append(fields[0])
            rows.append([fields[0], *map(int, fields[1:]), split])
        if not ids:
            raise UserError(f"{name}: is empty; fetch the list again")
        _no_duplicates(pd.Series(ids, dtype=str), name)
        for picture in ids:
            if picture in roles:
                raise UserError(f"{name}: image {picture} is also in splits/{roles[picture]}.csv; keep one of the two")
            roles[picture] = split
    return pd.DataFrame(rows, columns=["id", *VOTES, "split"])


def read_test_ids(source: Source, name: str) -> list[str]:
    """The ids of a published test split: the first word of each row of `name` (PREDICTIONS or OFFICIAL_TEST).

    Includes ids that AVA lacks: 70 of the official 20,000.
    Raises: UserError for a row that does not begin with an id, or a duplicate id.
    """
    ids = []
    for number, line in enumerate(read_text(source, name).splitlines(), start=1):
        if line.strip():
            picture = line.split()[0]
            if not is_count(picture):
                raise UserError(f"{name}, row {number}: needs an image id, has {line.strip()[:60]!r}; fetch the list again")
            ids.append(picture)
    if not ids:
        raise UserError(f"{name}: is empty; fetch the list again")
    _no_duplicates(pd.Series(ids, dtype=str), name)
    return ids


def is_count(text: str) -> bool:
    """Whether the text is a whole number in ASCII digits."""
    return text.isascii() and text.isdigit()


def _no_duplicates(ids: pd.Series, name: str) -> None:
    if ids.duplicated().any():
        raise UserError(f"{name}: image {ids[ids.duplicated()].iloc[0]} appears twice; keep one of the rows")
