"""Prediction files: writing, reading, collecting into the metrics frame, and deciding which are comparable.

Rows are comparable if their networks were evaluated on the same images with the same labels.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.metrics import evaluate, histogram, mean_score, metrics_columns, probabilities
from aesthetic_pretraining.evaluation.runs import Run, Training, run_of
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.initialisations import BASELINE
from aesthetic_pretraining.settings.labels import Labels

Row = tuple[str, int]  # initialisation and share (percent) of the labels; its networks differ only in their two seeds
SAME = 1e-6  # score points; labels that are closer are equal
MEAN_TOLERANCE = 1e-4  # of the scale, between `predicted` and the mean of p1..pK, which are stored in single precision
DISTRIBUTION = re.compile(r"[pt]\d+")  # columns of predicted and of true fractions of the votes


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
    """Write one run's predictions on one set as Parquet: id, scene, target, predicted, p1..pK, and t1..tK for sets with votes.

    Distributions are stored in single precision, as networks compute them. Equal predictions give equal bytes.
    """
    distributions = [name for name in frame if DISTRIBUTION.fullmatch(name)]
    with atomic_path(path) as temporary:
        frame.astype(dict.fromkeys(distributions, np.float32)).to_parquet(temporary, index=False)


def read_predictions(paths: Iterable[Path], labels: Labels) -> dict[Run, pd.DataFrame]:
    """Prediction files by run: columns id and scene (text), target, predicted, p1..pK, and t1..tK for the home set.

    Raises: UserError, naming the file, for a path that `run_of` does not accept, two files of one run, a file that is not
        Parquet, a missing column, or a row whose `predicted` is not the mean of its p1..pK.
    """
    home, frames = labels.home, {}
    p, tolerance = probabilities(home.bins), MEAN_TOLERANCE * (home.high - home.low)
    for path in map(Path, paths):
        run = run_of(path, labels.by_name)
        if run in frames:
            raise UserError(f"{path} is the second file of {run}; keep one of the two")
        try:
            frame = pd.read_parquet(path)
        except ValueError as error:  # raised by pyarrow for bytes that are not Parquet
            raise UserError(f"{path} cannot be read as Parquet ({error}); run again with --forcerun predict") from error
        needed = ["id", "scene", "target", "predicted", *p, *(histogram(home.bins) if run.dataset == home.name else [])]
        if missing := [name for name in needed if name not in frame]:
            raise UserError(f"{path} lacks the columns {', '.join(missing)}; run again with --forcerun predict")
        gap = (mean_score(frame[p], home.values) - frame["predicted"]).abs()
        wrong = ~(gap <= tolerance)  # not `gap > ...`, which is False for NaN
        if wrong.any():
            raise UserError(
                f"{path}, row {int(wrong.argmax())}: `predicted` is not the mean score of p1..p{home.bins}; run again with --forcerun predict"
            )
        frames[run] = frame
    return frames


def collect(
    summaries: Iterable[Path],
    predictions: Iterable[Path],
    labels: Labels,
    *,
    fold_of: Mapping[str, int] | None = None,
    asked: Iterable[Training] = (),
) -> pd.DataFrame:
    """The metrics frame: one row per run, columns `metrics_columns`, sorted by initialisation, share, pretraining and seed.

    Args:
        summaries: fine-tuning summaries (JSON with init, share in percent, pretraining, seed, epochs, best_epoch, stopped, train_mean,
            and fold where there are folds), one per network.
        predictions: prediction files in any order, one per run and test set (named as in `run_of`).
        fold_of: {image of the home set: fold in which it is a test image}, where there are folds.
        asked: the fine-tuning runs that must exist (`runs.runs_of`).
    Raises: UserError naming a bad file, or a run that lacks a file or a fold, appears twice, is asked for but missing, or has
        predictions but no summary.
    """
    frames = read_predictions(predictions, labels)
    networks = _by_run(summaries, labels.home.folds)
    constant = _constant(networks, fold_of)
    used: set[Run] = set()
    rows = []
    for training, by_fold in networks.items():
        row = training._asdict() | {name: _mean([s[name] for s in by_fold.values()]) for name in ("epochs", "best_epoch")}
        row["capped"] = int(any(summary["stopped"] == "cap" for summary in by_fold.values()))
        for dataset in labels.by_name:
            run = Run(*training, dataset)
            if run not in frames:
                raise UserError(f"{run} has no prediction file; run again with --forcerun predict")
            try:
                row |= evaluate(frames[run], dataset, labels, constant)
            except ValueError as error:
                raise UserError(f"{run}: {error}; run again with --forcerun predict") from error
            used.add(run)
        rows.append(row)
    if orphans := sorted(frames.keys() - used):
        raise UserError(f"no fine-tuning summary for {orphans[0]}; run again with --forcerun finetune")
    if missing := [which for which in asked if which not in networks]:
        first = missing[0]
        raise UserError(
            f"params.yaml asks for {len(missing)} fine-tuning runs that are missing, the first of them {first.init} with "
            f"{first.share} % of the labels, pretraining seed {first.pretraining}, seed {first.seed}; run 'snakemake stage_finetune', "
            "or remove seeds from pretrain.seeds or finetune.seeds"
        )
    return pd.DataFrame(rows, columns=metrics_columns(labels)).sort_values([*Training._fields], ignore_index=True)


def _by_run(summaries: Iterable[Path], folds: int) -> dict[Training, dict[int, dict]]:
    """{run: {fold (0 without folds): summary}}. Raises: UserError for a network that appears twice or is missing."""
    found: dict[Training, dict[int, dict]] = {}
    for path in map(Path, summaries):
        summary = json.loads(path.read_text(encoding="utf-8"))
        by_fold = found.setdefault(Training(*(summary[name] for name in Training._fields)), {})
        if summary.get("fold", 0) in by_fold:
            raise UserError(f"{path}: its run appears twice; keep one of the summaries")
        by_fold[summary.get("fold", 0)] = summary
    needed = set(range(1, folds + 1)) or {0}
    for training, by_fold in found.items():
        if odd := sorted(needed ^ by_fold.keys()):
            problem = "lacks" if odd[0] in needed else "has the strange"
            raise UserError(f"{training} {problem} fold {odd[0]}; run again with --forcerun finetune")
    return found


def _constant(networks: Mapping[Training, Mapping[int, dict]], fold_of: Mapping[str, int] | None) -> float | dict[str, float]:
    """Mean score of the training images at 100 % of the labels; with folds, {image: that of the training that it tests}."""
    means = next(({k: s["train_mean"] for k, s in found.items()} for run, found in networks.items() if run.share == 100), {})
    if fold_of is not None:
        return {image: means.get(fold, np.nan) for image, fold in fold_of.items()}
    return means.get(0, np.nan)


def _mean(values: Sequence[float]) -> float:
    """The mean; of one value the value itself, so that a number of epochs stays a whole number."""
    return values[0] if len(values) == 1 else float(np.mean(values))


def write_frame(metrics: pd.DataFrame, path: Path) -> None:
    """Write the metrics frame as CSV, numbers rounded to 6 decimals."""
    with atomic_path(path) as temporary:
        metrics.round(6).to_csv(temporary, index=False, lineterminator="\n")
