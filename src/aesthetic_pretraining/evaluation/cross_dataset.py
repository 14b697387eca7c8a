"""Cross-checks: fine-tuned networks evaluated on labelled sets other than AVA and TID2013 (labels.extra in params.yaml).

Images that networks were trained on (`seen`) are left out; the table says how many there are.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.metrics import lcc, mae, rescaled, srcc
from aesthetic_pretraining.evaluation.runs import Training, run_of

CROSSCHECK_METRICS = ("n", "lcc", "srcc", "mae")


def crosscheck(
    predictions: Iterable[str | Path], scales: Mapping[str, Sequence[float]], seen: Mapping[str, Collection[str]]
) -> pd.DataFrame:
    """One row per network: init, share, pretraining, seed, and for each set `<set>_n`, `_left_out`, `_lcc`, `_srcc`, `_mae`.

    The error is on the set's own scale.

    Args:
        predictions: files `runs.PLACE`/<set>.parquet with columns id, target, predicted (1..10).
        scales: {set: (lowest, highest) mean score}.
        seen: {set: ids of its test images that networks were trained on}, counted as left out.
    Raises: UserError if there are no files, for a file with another path, or for a prediction on an image that was trained on;
        ValueError for a target outside the set's scale.
    """
    rows: dict[Training, dict] = {}
    for path in map(Path, predictions):
        run = run_of(path, scales)
        dataset = run.dataset
        frame = pd.read_parquet(path)
        if (known := frame["id"].isin(list(seen[dataset]))).any():
            raise UserError(f"{path}: {frame['id'][known].iloc[0]} was trained on; run again with --forcerun judge")
        values = judge(frame, scales[dataset], dataset)
        values = {"n": values.pop("n"), "left_out": len(seen[dataset])} | values
        rows.setdefault(run.training, {}).update({f"{dataset}_{name}": value for name, value in values.items()})
    if not rows:
        raise UserError("labels.extra in params.yaml is empty: name a labelled set to judge the networks on")
    table = pd.DataFrame([training._asdict() | row for training, row in rows.items()])
    return table.sort_values([*Training._fields], ignore_index=True)


def judge(predictions: pd.DataFrame, scale: Sequence[float], dataset: str) -> dict[str, float]:
    """n, LCC, SRCC and MAE of one network on one set; only the MAE depends on the scale."""
    low, high = scale
    target = predictions["target"].to_numpy(float)
    if not ((target >= low) & (target <= high)).all():
        raise ValueError(f"{dataset} has a target outside {low:g}..{high:g}")
    # ASSUME: predictions on 1..10 are rescaled linearly to the set's scale before the error is computed
    predicted = rescaled(predictions["predicted"], scale)
    return dict(
        zip(
            CROSSCHECK_METRICS,
            (len(target), lcc(target, predicted), srcc(target, predicted), mae(target, predicted)),
            strict=True,
        )
    )
