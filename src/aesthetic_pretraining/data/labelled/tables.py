"""Label files that are tables with a header, and the listings made of them."""

import posixpath
from collections.abc import Iterable

import numpy as np
import pandas as pd

from aesthetic_pretraining.data.sources import Source, read_text, rows_of
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.settings.labels import SetSource


def read_rows(source: Source, name: str, columns: Iterable[str]) -> pd.DataFrame:
    """A label file as text, with at least these columns; blank lines are left out, the index is the row of the file.

    Raises: UserError naming a row that has more or fewer fields than the first line.
    """
    header, body = rows_of(read_text(source, name), name, columns)
    return pd.DataFrame(list(body.values()), index=list(body), columns=header)


def make_listing(
    entry: SetSource, name: str, ids: Iterable, files: Iterable, scores: Iterable, **more: Iterable | str
) -> pd.DataFrame:
    """The listing of label file `name`: id, file, score, and further columns.

    Args:
        scores: text or numbers, in the file's order; an index gives the rows' numbers.
    Raises: UserError naming the row of a score that is not a number on the set's scale, and an image that appears twice, under
        one name or two ("a.jpg", "./a.jpg").
    """
    given = pd.Series(scores)
    values = pd.to_numeric(given, errors="coerce").to_numpy(float)
    wrong = ~((values >= entry.low) & (values <= entry.high))  # not `value < low`, which is False for NaN
    if wrong.any():
        place = int(wrong.argmax())
        raise UserError(
            f"{name}, row {given.index[place]}: the score {given.iloc[place]} of {list(ids)[place]} is not a number from {entry.low:g} to "
            f"{entry.high:g}, the scale that params.yaml gives the set {entry.name}"
        )
    columns = {key: column if isinstance(column, str) else list(column) for key, column in more.items()}
    table = pd.DataFrame({"id": list(ids), "file": list(files), "score": values, **columns})
    only_once(table["id"], name)
    taken: dict[str, str] = {}
    for picture, file in zip(table["id"], map(posixpath.normpath, table["file"]), strict=True):
        if (other := taken.setdefault(file, picture)) != picture:
            raise UserError(f"{name}: {other} and {picture} are one picture, {file}; keep one of the rows")
    return table


def numbers(rows: pd.DataFrame, column: str, name: str) -> np.ndarray:
    """A column of numbers of at least 0; an empty field is NaN. Raises: UserError naming the row of anything else."""
    text = rows[column].str.strip()
    values = pd.to_numeric(text, errors="coerce").to_numpy(float)
    wrong = (text != "").to_numpy() & ~((values >= 0) & np.isfinite(values))
    if wrong.any():
        row = rows.index[int(wrong.argmax())]
        raise UserError(f"{name}, row {row}: {column} is {rows[column][row]!r}, but must be a number of at least 0")
    return values


def only_once(ids: pd.Series, name: str) -> None:
    """Raise UserError if an image appears twice."""
    if ids.duplicated().any():
        raise UserError(f"{name}: {ids[ids.duplicated()].iloc[0]} appears twice; keep one of the rows")
