"""The figures beside the paper's: what the networks learnt, how training went, what they say of pictures."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from aesthetic_pretraining import facts
from aesthetic_pretraining.config import RESPONDING
from aesthetic_pretraining.figures_pretext import draw_confusion, draw_heatmap, draw_ranking_accuracy
from aesthetic_pretraining.figures_scores import draw_best_worst, draw_histograms, draw_premise, draw_scatter, extremes
from aesthetic_pretraining.figures_training import draw_learning_curves
from aesthetic_pretraining.names import NAMING
from aesthetic_pretraining.premise import TID2013
from aesthetic_pretraining.store import Store


def diagnostics(
    *,
    cross: pd.DataFrame,
    ranking: pd.DataFrame,
    confusion: pd.DataFrame,
    premise: pd.DataFrame,
    pretraining: Mapping[str, pd.DataFrame],
    finetuning: Mapping[tuple[str, int], pd.DataFrame],
    predictions: Mapping[str, pd.DataFrame],
    judge: str,
    store: Store,
    count: int,
    photos: Mapping[str, int],
    note: str = "",
) -> dict[str, Figure]:
    """{name: figure}; networks that a run does not train are left out, and so is a figure of which nothing is left.

    Args:
        cross, ranking, confusion: as the rule respond writes them. premise: as the rule premise does.
        pretraining: {task: history}. finetuning: {(initialisation, seed): history}, on all labels.
        predictions: {initialisation: predictions on AVA's test split}, on all labels.
        judge: the initialisation whose `count` highest and lowest scores are shown with their pictures from `store`.
        photos: `facts.roles` of the photos, on which the figures without votes say that they rest.
        note: a caveat to print on figures, or parts of them, that votes enter (`captions.CAPTIONS` says which).
    """
    ends = [
        [(store.pixels(row.id), row.predicted, row.target) for row in rows.itertuples()]
        for rows in extremes(predictions[judge], count)
    ]
    histories = {task: [history] for task, history in pretraining.items()}
    ranked = {task: histories[task] for task in ranking["task"].unique()}
    figures = {
        "learning_curves": draw_learning_curves(pretraining, finetuning, facts=facts.trained(photos, histories), note=note),
        "ranking_accuracy": draw_ranking_accuracy(ranking, facts=facts.judged(photos, ranked)),
        "heatmap": draw_heatmap(cross, facts=facts.judged(photos, {RESPONDING: histories[RESPONDING]})),
        "premise": draw_premise(premise, note=note, noted=TID2013),
        "scatter": draw_scatter(predictions, note=note),
        "histograms": draw_histograms(predictions, note=note),
        "best_worst": draw_best_worst(*ends, note=note),
    }
    if confusion.empty:
        return figures
    named = facts.judged(photos, {NAMING: histories[NAMING]})
    return figures | {"confusion": draw_confusion(confusion, facts=named)}
