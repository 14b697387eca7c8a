"""Which predictions may be compared: rows of networks that scored the same pictures with the same labels."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from aesthetic_pretraining.metrics import Run
from aesthetic_pretraining.names import BASELINE

Row = tuple[str, int]  # initialisation and percent of the labels; its networks differ in their seeds alone
SAME = 1e-6  # score points; labels that are closer are equal


def rows_of(predictions: Mapping[Run, pd.DataFrame], dataset: str) -> dict[Row, list[pd.DataFrame]]:
    """{row: prediction frames of its seeds, sorted by picture}, sorted by row and seed."""
    rows: dict[Row, list[pd.DataFrame]] = {}
    for run in sorted(run for run in predictions if run.dataset == dataset):
        rows.setdefault((run.init, run.share), []).append(predictions[run].sort_values("id", ignore_index=True))
    return rows


def odd_rows(rows: Mapping[Row, Sequence[pd.DataFrame]]) -> dict[Row, str]:
    """{row: what is wrong} of the rows that scored other pictures, or other labels, than ImageNet (else than the first row)."""
    baselines = [row for row in rows if row[0] == BASELINE]
    reference = rows[max(baselines) if baselines else next(iter(rows))][0]
    found = {}
    for row, frames in rows.items():
        for frame in frames:
            if problem := _problem(frame, reference):
                found[row] = problem
    return found


def _problem(frame: pd.DataFrame, reference: pd.DataFrame) -> str:
    if not frame["id"].is_unique:
        return f"a picture is there twice: {_some(frame['id'][frame['id'].duplicated()])}"
    if not frame["id"].equals(reference["id"]):  # both are sorted
        other = sorted(set(frame["id"]) ^ set(reference["id"]))
        return f"other pictures than {BASELINE}: " + (
            f"only one of the two has {_some(other)}" if other else "it has one twice"
        )
    wrong = ~np.isclose(frame["target"], reference["target"], rtol=0, atol=SAME)
    return f"other labels than {BASELINE}, of {_some(frame['id'][wrong])}" if wrong.any() else ""


def _some(ids: Sequence[str]) -> str:
    return f"{next(iter(ids))!r}" + (f" and {len(ids) - 1} more" if len(ids) > 1 else "")
