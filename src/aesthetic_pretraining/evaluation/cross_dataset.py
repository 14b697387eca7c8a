"""Cross-checks: fine-tuned networks evaluated on further labelled sets (labels.crosscheck in params.yaml).

Images that networks were trained on (`seen`) are left out; the table says how many there are.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import pandas as pd

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.metrics import lcc, mae, rescaled, srcc
from aesthetic_pretraining.evaluation.runs import Training, run_of
from aesthetic_pretraining.settings.labels import LabelledSet

CROSSCHECK_METRICS = ("n", "lcc", "srcc", "mae")


def crosscheck(
    predictions: Iterable[str | Path], home: LabelledSet, sets: Mapping[str, LabelledSet], seen: Mapping[str, Collection[str]]
) -> pd.DataFrame:
    """One row per run: init, share, pretraining, seed, and for each set `<set>_n`, `_left_out`, `_lcc`, `_srcc`, `_mae`.

    The error is on the set's own scale.

    Args:
        predictions: files `runs.PLACE`/<set>.parquet with columns id, target, predicted (on the scale of `home`).
        home: the set that networks were trained on. sets: {name: set}.
        seen: {set: ids of its test images that networks were trained on}, counted as left out.
    Raises: UserError if there are no files, for a file with another path, or for a prediction on an image that was trained on;
        ValueError for a target outside the set's scale.
    """
    rows: dict[Training, dict] = {}
    for path in map(Path, predictions):
        run = run_of(path, sets)
        dataset = run.dataset
        frame = pd.read_parquet(path)
        if (known := frame["id"].isin(list(seen[dataset]))).any():
            raise UserError(f"{path}: {frame['id'][known].iloc[0]} was trained on; run again with --forcerun judge")
        values = judge(frame, home, sets[dataset])
        values = {"n": values.pop("n"), "left_out": len(seen[dataset])} | values
        rows.setdefault(run.training, {}).update({f"{dataset}_{name}": value for name, value in values.items()})
    if not rows:
        raise UserError("labels.crosscheck in params.yaml is empty: name a labelled set to judge the networks on")
    table = pd.DataFrame([training._asdict() | row for training, row in rows.items()])
    return table.sort_values([*Training._fields], ignore_index=True)


def judge(predictions: pd.DataFrame, home: LabelledSet, on: LabelledSet) -> dict[str, float]:
    """n, LCC, SRCC and MAE of one run on one set; only the MAE depends on the scale."""
    target = predictions["target"].to_numpy(float)
    if not ((target >= on.low) & (target <= on.high)).all():
        raise ValueError(f"{on.name} has a target outside {on.low:g}..{on.high:g}")
    # ASSUME: predictions are rescaled linearly to the set's scale before the error is computed
    predicted = rescaled(predictions["predicted"], home, on)
    return dict(
        zip(
            CROSSCHECK_METRICS,
            (len(target), lcc(target, predicted), srcc(target, predicted), mae(target, predicted)),
            strict=True,
        )
    )
