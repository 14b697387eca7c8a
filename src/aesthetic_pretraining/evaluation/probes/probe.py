"""Linear probes: every initialisation evaluated by ridge regression on its frozen features (docs/statistics.md).

On AVA, a probe is fitted on the training images of a share of the labels, its regularisation is chosen on the validation split,
and it is tested on the test split and on TID2013, like fine-tuned networks. On TID2013 there are also probes trained on TID2013
itself, each tested on reference scenes that it was not trained on.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from aesthetic_pretraining.data.split import subset
from aesthetic_pretraining.evaluation.metrics import HISTOGRAM, PROBABILITIES, per_picture
from aesthetic_pretraining.evaluation.probes.frozen import (
    FEWEST_SCENES,
    Fitted,
    Labelled,
    ProbeConfig,
    fit_chosen,
    labelled,
    scenes_of,
    unseen_scenes,
    votes_loss,
)
from aesthetic_pretraining.evaluation.probes.references import CONSTANT, REFERENCE_COLUMNS, RIDGE
from aesthetic_pretraining.evaluation.runs import Run
from aesthetic_pretraining.evaluation.statistics.intervals import INTERVAL_COLUMNS, IntervalConfig, estimate
from aesthetic_pretraining.initialisations import BASELINE

PROBE_COLUMNS = ["init", "share", "trained_on", *INTERVAL_COLUMNS[2:], "regularisation"]
TOO_FEW = f"needs {FEWEST_SCENES} reference scenes: one to fit on, one to choose the regularisation on, one to test on"


def probe(
    features: Mapping[tuple[str, int], tuple[str | Path, str | Path]],
    tables: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]],
    config: ProbeConfig,
    intervals: IntervalConfig,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All probes, and the baselines for fine-tuned networks.

    There is one probe of all labels, whatever `config.seeds`; for smaller shares there is one per seed, on the same subset of the
    labels as in fine-tuning.

    Args:
        features: {(initialisation, pretraining seed): files of `features.features` of AVA and of TID2013}, including ImageNet.
        tables: {"ava": (ledger, split), "tid2013": (ledger, split)}.
    Returns: the table of probes, columns `PROBE_COLUMNS`: those of `intervals.estimate` (differences are to ImageNet's probe of the
        same share), `trained_on` (the set that the probe was fitted on) and `regularisation` (the chosen strengths, ascending); and
        the references, columns `references.REFERENCE_COLUMNS`.
    Raises: UserError for damaged features, or an image of TID2013 whose name does not identify its scene.
    """
    frames: dict[Run, pd.DataFrame] = {}
    own: dict[Run, pd.DataFrame] = {}
    fitted: dict[tuple[str, int], list[Fitted]] = {}
    own_fitted: dict[tuple[str, int], list[Fitted]] = {}
    references = pd.DataFrame(columns=REFERENCE_COLUMNS)
    for (init, pretraining), (ava_file, tid_file) in features.items():
        ava, tid = labelled(ava_file, *tables["ava"]), labelled(tid_file, *tables["tid2013"])
        judged = tid.rows("test")
        for share in config.shares:
            for seed in config.seeds[:1] if share == 100 else config.seeds:
                model = fit_chosen(ava, training(ava, share, seed), ava.rows("val"), config)
                frames[Run(init, share, pretraining, seed, "ava")] = model.frame(ava, ava.rows("test"), votes=True)
                frames[Run(init, share, pretraining, seed, "tid2013")] = model.frame(tid, judged, votes=False)
                fitted.setdefault((init, share), []).append(model)
        if init == BASELINE:
            references = reference_values(ava, fitted[init, 100][0], config)
        if scenes_of(tid, judged) >= FEWEST_SCENES:
            own[Run(init, 100, pretraining, config.seeds[0], "tid2013")], probes = unseen_scenes(tid, judged, config)
            own_fitted.setdefault((init, 100), []).extend(probes)
        else:
            own_fitted[init, 100] = []
    table = pd.concat(
        [
            rows_of(by_share(frames, intervals), "ava", fitted),
            rows_of(by_share(own, intervals), "tid2013", own_fitted)
            if own
            else without_scenes(dict.fromkeys(init for init, _ in features), len(judged)),
        ],
        ignore_index=True,
    )
    return table, with_intervals(references, table)


def by_share(frames: Mapping[Run, pd.DataFrame], intervals: IntervalConfig) -> pd.DataFrame:
    """The values of `intervals.estimate`, share by share, to avoid the many differences between shares."""
    shares = sorted({run.share for run in frames})
    return pd.concat(
        [estimate({run: frame for run, frame in frames.items() if run.share == share}, intervals)[0] for share in shares],
        ignore_index=True,
    )


def training(data: Labelled, share: int, seed: int) -> np.ndarray:
    """Positions of the training images that fine-tuning uses at this share and seed; subsets are nested (fidelity row 16)."""
    place = {data.ids[row]: row for row in data.rows("train")}
    return np.array([place[picture] for picture in subset(list(place), share, seed)])


def rows_of(values: pd.DataFrame, trained_on: str, fitted: Mapping[tuple[str, int], Sequence[Fitted]]) -> pd.DataFrame:
    """Rows of the table, from the frame of `intervals.estimate` and the probes behind it, {(initialisation, share): probes}."""
    chosen = [
        spelled(
            probe.votes_strength if row.metric.startswith("emd") else probe.strength for probe in fitted[row.init, row.share]
        )
        for row in values.itertuples()
    ]
    return values.assign(trained_on=trained_on, regularisation=chosen)[PROBE_COLUMNS]


def without_scenes(inits: Iterable[str], pictures: int) -> pd.DataFrame:
    """Rows of TID2013's own probes if there are too few scenes: the reason instead of numbers."""
    rows = [
        {"init": init, "share": 100, "trained_on": "tid2013", "dataset": "tid2013", "metric": metric, "pictures": pictures}
        | {"seeds": 0, "problem": TOO_FEW, "regularisation": ""}
        for metric in ("mae", "lcc", "srcc")
        for init in inits
    ]
    return pd.DataFrame(rows).reindex(columns=PROBE_COLUMNS)


def spelled(strengths: Iterable[float]) -> str:
    """The distinct strengths, ascending, as text."""
    return " ".join(f"{strength:.4g}" for strength in sorted(set(strengths)))


def reference_values(ava: Labelled, model: Fitted, config: ProbeConfig) -> pd.DataFrame:
    """The baselines: ImageNet's probe of all labels, and constants; columns `references.REFERENCE_COLUMNS`, no intervals yet.

    Metrics: loss (of fine-tuning: finetune.emd and finetune.emd_r, as in the histories), emd1, emd2, mae, acc.
    """
    assert ava.votes is not None
    train, rows = ava.rows("train"), []
    for split in ("val", "test"):
        frame = model.frame(ava, ava.rows(split), votes=True)
        constant = frame.assign(predicted=ava.score[train].mean())
        constant[PROBABILITIES] = np.tile(ava.votes[train].mean(axis=0), (len(frame), 1))
        for reference, predicted in ((CONSTANT, constant), (RIDGE, frame)):
            loss = votes_loss(predicted[HISTOGRAM].to_numpy(), predicted[PROBABILITIES].to_numpy(), config.emd_r, config.emd)
            values = {"loss": loss} | {name: value.mean() for name, value in per_picture(predicted, "ava").items()}
            rows += [(reference, split, name, value, np.nan, np.nan, len(frame)) for name, value in values.items()]
    return pd.DataFrame(rows, columns=REFERENCE_COLUMNS)


def with_intervals(references: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The references, with the test values of ImageNet's probe and their intervals taken from the table of probes."""
    mine = table[table[["init", "share", "trained_on", "dataset"]].eq([BASELINE, 100, "ava", "ava"]).all(axis=1)]
    shown = mine.assign(reference=RIDGE, split="test")[REFERENCE_COLUMNS]
    replaced = references["reference"].eq(RIDGE) & references["split"].eq("test") & references["metric"].isin(shown["metric"])
    loss = references[~replaced]
    return pd.concat([loss, shown], ignore_index=True).sort_values(["reference", "split"], kind="stable", ignore_index=True)
