"""The figures that the paper does not have: what the networks learnt, how training went, what they predict."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from aesthetic_pretraining.data.store import Store
from aesthetic_pretraining.evaluation.premise import TID2013
from aesthetic_pretraining.evaluation.pretext_metrics import first_pretraining
from aesthetic_pretraining.initialisations import NAMING, RESPONDING
from aesthetic_pretraining.reporting import facts
from aesthetic_pretraining.reporting.figures.photos import draw_photo_classes, draw_photo_scores, draw_sensitivity
from aesthetic_pretraining.reporting.figures.pretext import draw_confusion, draw_heatmap, draw_ranking_accuracy
from aesthetic_pretraining.reporting.figures.scores import (
    draw_best_worst,
    draw_histograms,
    draw_premise,
    draw_scatter,
    extremes,
)
from aesthetic_pretraining.reporting.figures.training import draw_learning_curves
from aesthetic_pretraining.settings.labels import LabelledSet


def diagnostics(
    *,
    cross: pd.DataFrame,
    ranking: pd.DataFrame,
    confusion: pd.DataFrame,
    premise: pd.DataFrame | None,
    pretraining: Mapping[tuple[str, int], pd.DataFrame],
    finetuning: Mapping[tuple[str, int, int], pd.DataFrame],
    predictions: Mapping[str, pd.DataFrame],
    sensitivity: pd.DataFrame,
    photo_scores: tuple[pd.DataFrame, pd.DataFrame],
    photo_classes: tuple[pd.DataFrame, pd.DataFrame],
    scale: LabelledSet,
    judge: str,
    store: Store,
    count: int,
    photos: Mapping[str, int],
    note: str = "",
) -> dict[str, Figure]:
    """{name: figure}; networks that a run does not train are left out, as is a figure without any networks.

    Args:
        cross, ranking, confusion: as the rule respond writes them; only networks of the first pretraining seed are drawn.
        premise: as the rule premise writes it; None where no set of distorted images is at hand.
        pretraining: {(task, seed): history}.
        finetuning: {(initialisation, pretraining, seed): history}, on all labels.
        predictions: {initialisation: predictions on the test split of `scale`}, on all labels.
        sensitivity, photo_scores, photo_classes: as the rules of these names write them, the last two as pairs of tables.
        scale: the set that networks are trained on.
        judge: the initialisation whose `count` highest and lowest scores are shown with their images from `store`.
        photos: `facts.roles` of the photos, which figures without votes state.
        note: a caveat to print on the figures, or panels, that depend on votes (see `captions.CAPTIONS`).
    """
    ends = [
        [(store.pixels(row.id), row.predicted, row.target) for row in rows.itertuples()]
        for rows in extremes(predictions[judge], count)
    ]

    def judged(*tasks: str) -> str:
        return facts.judged(photos, {network: history for network, history in pretraining.items() if network[0] in tasks})

    figures = {
        "learning_curves": draw_learning_curves(pretraining, finetuning, facts=facts.trained(photos, pretraining), note=note),
        "ranking_accuracy": draw_ranking_accuracy(first_pretraining(ranking), facts=judged(*ranking["task"].unique())),
        "heatmap": draw_heatmap(first_pretraining(cross), facts=judged(RESPONDING)),
        "scatter": draw_scatter(predictions, scale, note=note),
        "histograms": draw_histograms(predictions, scale, note=note),
        "best_worst": draw_best_worst(*ends, note=note),
        "sensitivity": draw_sensitivity(sensitivity, facts=facts.pretrained(photos, pretraining)),
        "photo_scores": draw_photo_scores(*photo_scores, scale, note=note),
        "photo_classes": draw_photo_classes(*photo_classes, facts=facts.shown(int(photo_classes[1]["photos"].max()), photos)),
    }
    if premise is not None:
        figures["premise"] = draw_premise(premise, note=note, noted=TID2013)
    if not confusion.empty:
        figures["confusion"] = draw_confusion(first_pretraining(confusion), facts=judged(NAMING))
    return figures
