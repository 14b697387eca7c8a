"""Which predictions may be compared: rows of networks that scored the same pictures with the same labels."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from aesthetic_pretraining.names import BASELINE
from aesthetic_pretraining.runs import Run

Row = tuple[str, int]  # initialisation and percent of the labels; its networks differ in their two seeds alone
SAME = 1e-6  # score points; labels that are closer are equal


class Member(NamedTuple):
    """One network of a row: seed of its pretraining (0: ImageNet's weights), seed of its fine-tuning, its predictions."""

    pretraining: int
    seed: int
    frame: pd.DataFrame


def rows_of(predictions: Mapping[Run, pd.DataFrame], dataset: str) -> dict[Row, list[Member]]:
    """{row: its networks on one test set, sorted by pretraining, then by seed}, sorted by row; frames are sorted by picture."""
    rows: dict[Row, list[Member]] = {}
    for run in sorted(run for run in predictions if run.dataset == dataset):
        frame = predictions[run].sort_values("id", ignore_index=True)
        rows.setdefault((run.init, run.share), []).append(Member(run.pretraining, run.seed, frame))
    return rows


def frames_of(row: Sequence[Member]) -> list[pd.DataFrame]:
    """The predictions of a row's networks, in the row's order."""
    return [member.frame for member in row]


def odd_rows(rows: Mapping[Row, Sequence[Member]]) -> dict[Row, str]:
    """{row: what is wrong} of the rows that scored other pictures, or other labels, than ImageNet (else than the first row)."""
    baselines = [row for row in rows if row[0] == BASELINE]
    reference = rows[max(baselines) if baselines else next(iter(rows))][0].frame
    found = {}
    for row, members in rows.items():
        for member in members:
            if problem := _problem(member.frame, reference):
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
