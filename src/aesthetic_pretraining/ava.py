"""AVA (paper section 4.5): AVA.txt, images/<id>.jpg, and optionally splits/{train,val,test}.csv.

AVA.txt has 15 columns separated by blanks: row, image id, counts of the votes 1 to 10, two tag ids, challenge id.
The split lists are those of the public NIMA implementation (fidelity row 21): a row is an image id and the ten counts.
"""

import io

import numpy as np
import pandas as pd

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.sources import Source

VOTES = [f"v{score}" for score in range(1, 11)]
SPLITS = ("train", "val", "test")


def mean_score(votes: np.ndarray) -> np.ndarray:
    """Counts of votes (n, 10) -> mean score (n,) in 1..10."""
    return votes @ np.arange(1, 11) / votes.sum(axis=1)


def parse_ava(text: str, name: str = "AVA.txt") -> pd.DataFrame:
    """The text of AVA.txt -> id, v1..v10, score. Raises UserError that names the row that is wrong."""
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        fields = line.split()
        if len(fields) != 15 or not all(f.isdigit() for f in fields):
            raise UserError(
                f"{name}, row {number}: needs 15 whole numbers (row, id, ten counts, two tags, challenge), has {line.strip()[:60]!r}"
            )
        if not any(int(f) for f in fields[2:12]):
            raise UserError(f"{name}, row {number}: picture {fields[1]} has no votes; take the row out")
        rows.append([fields[1], *map(int, fields[2:12])])
    if not rows:
        raise UserError(f"{name}: is empty; fetch AVA.txt again")
    frame = pd.DataFrame(rows, columns=["id", *VOTES])
    _no_duplicates(frame["id"], name)
    frame["score"] = mean_score(frame[VOTES].to_numpy())
    return frame


def read_ava(source: Source) -> pd.DataFrame:
    """The listing of AVA; a picture is expected at images/<id>.jpg. Ids that AVA lists but does not contain show in the ledger."""
    frame = parse_ava(_read_text(source, "AVA.txt"))
    frame.insert(1, "file", "images/" + frame["id"] + ".jpg")
    return frame


def read_split_lists(source: Source) -> dict[str, str]:
    """{picture id: split} from splits/train.csv, val.csv and test.csv. Raises UserError if an id stands in two."""
    roles: dict[str, str] = {}
    for split in SPLITS:
        name = f"splits/{split}.csv"
        frame = pd.read_csv(io.StringIO(_read_text(source, name)), header=None, dtype=str)
        if frame.shape[1] != 11:
            raise UserError(f"{name}: a row needs 11 columns (id and ten counts), has {frame.shape[1]}")
        _no_duplicates(frame[0], name)
        for picture in frame[0]:
            if picture in roles:
                raise UserError(f"{name}: picture {picture} also stands in splits/{roles[picture]}.csv; keep one of the two")
            roles[picture] = split
    return roles


def _read_text(source: Source, name: str) -> str:
    try:
        return source.read(name).decode()
    except FileNotFoundError as error:
        raise UserError(f"AVA: {name} is missing; docs/data.md says where to get it") from error


def _no_duplicates(ids: pd.Series, name: str) -> None:
    if ids.duplicated().any():
        raise UserError(f"{name}: picture {ids[ids.duplicated()].iloc[0]} stands there twice; keep one of the rows")
