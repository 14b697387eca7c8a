"""Prediction files: writing, reading, collecting into the metrics frame, and deciding which are comparable.

Rows are comparable if their networks were evaluated on the same images with the same labels.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.metrics import (
    HISTOGRAM,
    METRICS_COLUMNS,
    PROBABILITIES,
    TARGET_SCALES,
    evaluate,
    mean_score,
)
from aesthetic_pretraining.evaluation.runs import Run, Training, run_of
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.initialisations import BASELINE

Row = tuple[str, int]  # initialisation and share (percent) of the labels; its networks differ only in their two seeds
SAME = 1e-6  # score points; labels that are closer are equal
VOTED = ("ava",)  # the sets whose prediction files must have votes
MEAN_TOLERANCE = 1e-3  # score points, between `predicted` and the mean of p1..p10, which are stored in single precision


class Member(NamedTuple):
    """One network of a row: its pretraining seed (0: ImageNet's weights), its fine-tuning seed, its predictions."""

    pretraining: int
    seed: int
    frame: pd.DataFrame


def rows_of(predictions: Mapping[Run, pd.DataFrame], dataset: str) -> dict[Row, list[Member]]:
    """{row: its networks on one test set, sorted by pretraining, then by seed}, sorted by row; frames are sorted by id."""
    rows: dict[Row, list[Member]] = {}
    for run in sorted(run for run in predictions if run.dataset == dataset):
        frame = predictions[run].sort_values("id", ignore_index=True)
        rows.setdefault((run.init, run.share), []).append(Member(run.pretraining, run.seed, frame))
    return rows


def frames_of(row: Sequence[Member]) -> list[pd.DataFrame]:
    """The predictions of a row's networks, in the row's order."""
    return [member.frame for member in row]


def odd_rows(rows: Mapping[Row, Sequence[Member]]) -> dict[Row, str]:
    """{row: problem} of the rows with other images or other labels than ImageNet (or than the first row, without ImageNet)."""
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
        return f"an image appears twice: {_some(frame['id'][frame['id'].duplicated()])}"
    if not frame["id"].equals(reference["id"]):  # both are sorted
        other = sorted(set(frame["id"]) ^ set(reference["id"]))
        return f"other images than {BASELINE}: " + (f"only one of the two has {_some(other)}" if other else "it has one twice")
    wrong = ~np.isclose(frame["target"], reference["target"], rtol=0, atol=SAME)
    return f"other labels than {BASELINE}, of {_some(frame['id'][wrong])}" if wrong.any() else ""


def _some(ids: Sequence[str]) -> str:
    return f"{next(iter(ids))!r}" + (f" and {len(ids) - 1} more" if len(ids) > 1 else "")


def write_predictions(frame: pd.DataFrame, path: str | Path) -> None:
    """Write one model's predictions on one set as Parquet: id, target, predicted, p1..p10, and t1..t10 for sets with votes.

    Distributions are stored in single precision, as networks compute them. Equal predictions give equal bytes.
    """
    distributions = [name for name in (*PROBABILITIES, *HISTOGRAM) if name in frame]
    with atomic_path(path) as temporary:
        frame.astype(dict.fromkeys(distributions, np.float32)).to_parquet(temporary, index=False)


def read_predictions(paths: Iterable[Path]) -> dict[Run, pd.DataFrame]:
    """Prediction files by run: columns id (text), target, predicted, p1..p10, and t1..t10 for the sets in `VOTED`.

    Raises: UserError, naming the file, for a path that `run_of` does not accept, two files of one run, a file that is not
        Parquet, a missing column, or a row whose `predicted` is not the mean of its p1..p10.
    """
    frames = {}
    for path in map(Path, paths):
        run = run_of(path, TARGET_SCALES)
        if run in frames:
            raise UserError(f"{path} is the second file of {run}; keep one of the two")
        try:
            frame = pd.read_parquet(path)
        except ValueError as error:  # raised by pyarrow for bytes that are not Parquet
            raise UserError(f"{path} cannot be read as Parquet ({error}); run again with --forcerun predict") from error
        needed = ["id", "target", "predicted", *PROBABILITIES, *(HISTOGRAM if run.dataset in VOTED else [])]
        if missing := [name for name in needed if name not in frame]:
            raise UserError(f"{path} lacks the columns {', '.join(missing)}; run again with --forcerun predict")
        gap = (mean_score(frame[PROBABILITIES]) - frame["predicted"]).abs()
        wrong = ~(gap <= MEAN_TOLERANCE)  # not `gap > ...`, which is False for NaN
        if wrong.any():
            raise UserError(
                f"{path}, row {int(wrong.argmax())}: `predicted` is not the mean score of p1..p10; run again with --forcerun predict"
            )
        frames[run] = frame
    return frames


def collect(
    summaries: Iterable[Path], predictions: Iterable[Path], *, training_mean: float, asked: Iterable[Training] = ()
) -> pd.DataFrame:
    """The metrics frame: one row per fine-tuned model, columns `METRICS_COLUMNS`, sorted by initialisation, share, pretraining and seed.

    Args:
        summaries: fine-tuning summaries (JSON with init, share in percent, pretraining, seed, epochs, best_epoch, stopped), one per
            model.
        predictions: prediction files in any order, one per model and test set (named as in `run_of`).
        training_mean: mean score of the training labels, 1..10.
        asked: the fine-tuning runs that must exist (`runs.runs_of`).
    Raises: UserError naming a bad file, or a model that lacks a file, appears twice, is asked for but missing, or has predictions
        but no summary.
    """
    frames = read_predictions(predictions)
    used: set[Run] = set()
    rows = []
    for path in map(Path, summaries):
        summary = json.loads(path.read_text(encoding="utf-8"))
        row = {name: summary[name] for name in (*Training._fields, "epochs", "best_epoch")} | {
            "capped": int(summary["stopped"] == "cap")
        }
        for dataset in TARGET_SCALES:
            run = Run(row["init"], row["share"], row["pretraining"], row["seed"], dataset)
            if run in used or run not in frames:
                raise UserError(f"{path}: {run} {'appears twice' if run in used else 'has no prediction file'}")
            try:
                row |= evaluate(frames[run], dataset, training_mean)
            except ValueError as error:
                raise UserError(f"{run}: {error}; run again with --forcerun predict") from error
            used.add(run)
        rows.append(row)
    if orphans := sorted(frames.keys() - used):
        raise UserError(f"no fine-tuning summary for {orphans[0]}; run again with --forcerun finetune")
    if missing := [which for which in asked if Run(*which, next(iter(TARGET_SCALES))) not in used]:
        first = missing[0]
        raise UserError(
            f"params.yaml asks for {len(missing)} fine-tuning runs that are missing, the first of them {first.init} with "
            f"{first.share} % of the labels, pretraining seed {first.pretraining}, seed {first.seed}; run 'snakemake stage_finetune', "
            "or remove seeds from pretrain.seeds or finetune.seeds"
        )
    return pd.DataFrame(rows, columns=METRICS_COLUMNS).sort_values([*Training._fields], ignore_index=True)


def write_frame(metrics: pd.DataFrame, path: Path) -> None:
    """Write the metrics frame as CSV, numbers rounded to 6 decimals."""
    with atomic_path(path) as temporary:
        metrics.round(6).to_csv(temporary, index=False, lineterminator="\n")
