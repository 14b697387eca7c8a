"""Cross-checks: how fine-tuned networks judge labelled sets beyond AVA and TID2013 (labels.extra in params.yaml)."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.metrics import lcc, mae, rescaled, srcc
from aesthetic_pretraining.runs import Training, run_of

VALUES = ("n", "lcc", "srcc", "mae")


def crosscheck(predictions: Iterable[str | Path], scales: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """One row for each network: init, share, pretraining, seed, and for each set `<set>_n`, `_lcc`, `_srcc`, `_mae` (on the set's own scale).

    Args:
        predictions: files `runs.PLACE`/<set>.parquet with columns id, target, predicted (1..10).
        scales: {set: (lowest, highest) mean score}.
    Raises UserError if there is no file, or one of another place; ValueError for a target off the set's scale.
    """
    rows: dict[Training, dict] = {}
    for path in map(Path, predictions):
        *run, dataset = run_of(path, scales)
        values = judge(pd.read_parquet(path), scales[dataset], dataset)
        rows.setdefault(Training(*run), {}).update({f"{dataset}_{name}": value for name, value in values.items()})
    if not rows:
        raise UserError("labels.extra in params.yaml is empty: name a labelled set to judge the networks on")
    table = pd.DataFrame([run._asdict() | row for run, row in rows.items()])
    return table.sort_values([*Training._fields], ignore_index=True)


def judge(predictions: pd.DataFrame, scale: Sequence[float], dataset: str) -> dict[str, float]:
    """n, LCC, SRCC and MAE of one network on one set. Correlations do not depend on the scale, the error does."""
    low, high = scale
    target = predictions["target"].to_numpy(float)
    if not ((target >= low) & (target <= high)).all():
        raise ValueError(f"{dataset} has a target outside {low:g}..{high:g}")
    # ASSUME: predictions on 1..10 are laid linearly onto the set's scale before the error is taken
    predicted = rescaled(predictions["predicted"], scale)
    return dict(
        zip(VALUES, (len(target), lcc(target, predicted), srcc(target, predicted), mae(target, predicted)), strict=True)
    )
