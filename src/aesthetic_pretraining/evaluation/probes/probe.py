"""Linear probes: every initialisation evaluated by ridge regression on its frozen features (docs/statistics.md).

On the set that networks are trained on (home), a probe is fitted on the training images of a share of the labels, its regularisation
is chosen on the validation split, and it is tested on the test split and on the other tested sets, like fine-tuned networks; with
folds there is one for each, and predictions are pooled as theirs are. On each other set there are also probes trained on that set
itself, each tested on scenes that it was not trained on.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from aesthetic_pretraining.evaluation.metrics import histogram, per_picture, probabilities
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
from aesthetic_pretraining.evaluation.probes.references import CONSTANT, REFERENCE_COLUMNS
from aesthetic_pretraining.evaluation.runs import UNTRAINED, Run
from aesthetic_pretraining.evaluation.statistics.intervals import INTERVAL_COLUMNS, IntervalConfig, estimate
from aesthetic_pretraining.evaluation.statistics.training_luck import RIDGE
from aesthetic_pretraining.initialisations import BASELINE
from aesthetic_pretraining.settings.labels import Labels

PROBE_COLUMNS = ["init", "share", "trained_on", *INTERVAL_COLUMNS[2:], "regularisation"]
TOO_FEW = f"needs {FEWEST_SCENES} reference scenes: one to fit on, one to choose the regularisation on, one to test on"


def probe(
    features: Mapping[tuple[str, int], Mapping[str, str | Path]],
    tables: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]],
    config: ProbeConfig,
    intervals: IntervalConfig,
    labels: Labels,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """All probes, and the baselines for fine-tuned networks.

    There is one probe of all labels (with folds, one for each), whatever `config.seeds`; for smaller shares there is one per seed, on
    the same subset of the labels as in fine-tuning.

    Args:
        features: {(initialisation, pretraining seed): {tested set: file of `features.features`}}, including ImageNet.
        tables: {tested set: (ledger, split)}.
    Returns: the table of probes, columns `PROBE_COLUMNS`: those of `intervals.estimate` (differences are to ImageNet's probe of the
        same share), `trained_on` (the set that the probe was fitted on) and `regularisation` (the chosen strengths, ascending); the
        references, columns `references.REFERENCE_COLUMNS`; and the predictions of ImageNet's probe of all labels on the home set's
        test images (`frozen.Fitted.frame`).
    Raises: UserError for damaged features.
    """
    home, others = labels.home, [each.name for each in labels.tested[1:]]
    columns = [f"v{k}" for k in range(1, home.bins + 1)]
    frames: dict[Run, pd.DataFrame] = {}
    fitted: dict[tuple[str, int], list[Fitted]] = {}
    own: dict[str, dict[Run, pd.DataFrame]] = {name: {} for name in others}
    own_fitted: dict[str, dict[tuple[str, int], list[Fitted]]] = {name: {} for name in others}
    judged = dict.fromkeys(others, 0)
    references = pd.DataFrame(columns=REFERENCE_COLUMNS)
    for (init, pretraining), files in features.items():
        folds = labelled(files[home.name], *tables[home.name], columns)
        elsewhere = {name: labelled(files[name], *tables[name])[0] for name in others}
        for share in config.shares:
            for seed in config.seeds[:1] if share == 100 else config.seeds:
                models = [fit_chosen(data, data.training(share, seed), data.rows("val"), config) for data in folds]
                frames[Run(init, share, pretraining, seed, home.name)] = pooled(models, folds, "test")
                for name, data in elsewhere.items():
                    frames[Run(init, share, pretraining, seed, name)] = averaged(models, data)
                fitted.setdefault((init, share), []).extend(models)
        if init == BASELINE:
            references = reference_values(folds, fitted[init, 100][: len(folds)], config, labels)
        for name, data in elsewhere.items():
            rows = data.rows("test")
            judged[name] = len(rows)
            if scenes_of(data, rows) >= FEWEST_SCENES:
                frame, probes = unseen_scenes(data, rows, config)
                own[name][Run(init, 100, pretraining, config.seeds[0], name)] = frame
                own_fitted[name].setdefault((init, 100), []).extend(probes)
    parts = [rows_of(by_share(frames, intervals, labels), home.name, fitted)]
    for name in others:
        parts.append(
            rows_of(on_own_scale(by_share(own[name], intervals, labels)), name, own_fitted[name])
            if own[name]
            else without_scenes(dict.fromkeys(init for init, _ in features), name, judged[name])
        )
    table = pd.concat(parts, ignore_index=True)
    ridge = frames[Run(BASELINE, 100, UNTRAINED, config.seeds[0], home.name)]
    return table, with_intervals(references, table, home.name), ridge


def pooled(models: Sequence[Fitted], folds: Sequence[Labelled], role: str) -> pd.DataFrame:
    """The predictions of each fold's probe for its own images of a role, one below the other."""
    parts = [model.frame(data, data.rows(role), votes=True) for model, data in zip(models, folds, strict=True)]
    return pd.concat(parts, ignore_index=True)


def averaged(models: Sequence[Fitted], data: Labelled) -> pd.DataFrame:
    """The means of the folds' predictions for another set's test images, as those of fine-tuned networks (`predict.predict`)."""
    frames = [model.frame(data, data.rows("test"), votes=False) for model in models]
    return frames[0].assign(predicted=sum(frame["predicted"] for frame in frames) / len(frames))


def by_share(frames: Mapping[Run, pd.DataFrame], intervals: IntervalConfig, labels: Labels) -> pd.DataFrame:
    """The values of `intervals.estimate`, share by share, to avoid the many differences between shares."""
    shares = sorted({run.share for run in frames})
    return pd.concat(
        [
            estimate({run: frame for run, frame in frames.items() if run.share == share}, intervals, labels)[0]
            for share in shares
        ],
        ignore_index=True,
    )


def on_own_scale(values: pd.DataFrame) -> pd.DataFrame:
    """Without the errors of rescaled predictions: a probe that was fitted on a set predicts on that set's scale already."""
    return values[values["metric"] != "mae_rescaled"].reset_index(drop=True)


def rows_of(values: pd.DataFrame, trained_on: str, fitted: Mapping[tuple[str, int], Sequence[Fitted]]) -> pd.DataFrame:
    """Rows of the table, from the frame of `intervals.estimate` and the probes behind it, {(initialisation, share): probes}."""
    chosen = [
        spelled(
            probe.votes_strength if row.metric.startswith("emd") else probe.strength for probe in fitted[row.init, row.share]
        )
        for row in values.itertuples()
    ]
    return values.assign(trained_on=trained_on, regularisation=chosen)[PROBE_COLUMNS]


def without_scenes(inits: Iterable[str], dataset: str, pictures: int) -> pd.DataFrame:
    """Rows of a set's own probes if there are too few scenes: the reason instead of numbers."""
    rows = [
        {"init": init, "share": 100, "trained_on": dataset, "dataset": dataset, "metric": metric, "pictures": pictures}
        | {"seeds": 0, "problem": TOO_FEW, "regularisation": ""}
        for metric in ("mae", "lcc", "srcc")
        for init in inits
    ]
    return pd.DataFrame(rows).reindex(columns=PROBE_COLUMNS)


def spelled(strengths: Iterable[float]) -> str:
    """The distinct strengths, ascending, as text."""
    return " ".join(f"{strength:.4g}" for strength in sorted(set(strengths)))


def reference_values(folds: Sequence[Labelled], models: Sequence[Fitted], config: ProbeConfig, labels: Labels) -> pd.DataFrame:
    """The baselines: ImageNet's probe of all labels, and constants; columns `references.REFERENCE_COLUMNS`, no intervals yet.

    With folds, each has its own constant, and all predict the validation images. Metrics: loss (of fine-tuning: finetune.emd and
    finetune.emd_r, as in the histories), emd1, emd2, mae, acc.
    """
    p, t, rows = probabilities(labels.home.bins), histogram(labels.home.bins), []
    for split in ("val", "test"):
        frame = pooled(models, folds, split)
        constant = pd.concat([constants(data, split) for data in folds], ignore_index=True)
        for reference, predicted in ((CONSTANT, frame.assign(**constant)), (RIDGE, frame)):
            loss = votes_loss(predicted[t].to_numpy(), predicted[p].to_numpy(), config.emd_r, config.emd)
            values = {"loss": loss} | {
                name: value.mean() for name, value in per_picture(predicted, labels.home.name, labels).items()
            }
            pictures = frame["id"].nunique()
            rows += [(reference, split, name, value, np.nan, np.nan, pictures) for name, value in values.items()]
    return pd.DataFrame(rows, columns=REFERENCE_COLUMNS)


def constants(data: Labelled, role: str) -> pd.DataFrame:
    """predicted and p1..pK of always predicting the training images' mean score and mean votes, for the images of a role."""
    assert data.votes is not None
    train, number = data.rows("train"), len(data.rows(role))
    shares = np.tile(data.votes[train].mean(axis=0), (number, 1))
    return pd.DataFrame(shares, columns=probabilities(shares.shape[1])).assign(predicted=data.score[train].mean())


def with_intervals(references: pd.DataFrame, table: pd.DataFrame, home: str) -> pd.DataFrame:
    """The references, with the test values of ImageNet's probe and their intervals taken from the table of probes."""
    mine = table[table[["init", "share", "trained_on", "dataset"]].eq([BASELINE, 100, home, home]).all(axis=1)]
    shown = mine.assign(reference=RIDGE, split="test")[REFERENCE_COLUMNS]
    replaced = references["reference"].eq(RIDGE) & references["split"].eq("test") & references["metric"].isin(shown["metric"])
    loss = references[~replaced]
    return pd.concat([loss, shown], ignore_index=True).sort_values(["reference", "split"], kind="stable", ignore_index=True)
