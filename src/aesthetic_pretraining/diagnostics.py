"""The figures beside the paper's: what the networks learnt, how training went, what they say of pictures."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from aesthetic_pretraining.figures_photos import draw_photo_classes, draw_photo_scores, draw_sensitivity
from aesthetic_pretraining.figures_pretext import draw_confusion, draw_heatmap, draw_ranking_accuracy
from aesthetic_pretraining.figures_scores import draw_best_worst, draw_histograms, draw_premise, draw_scatter, extremes
from aesthetic_pretraining.figures_training import draw_learning_curves
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
    sensitivity: pd.DataFrame,
    photo_scores: tuple[pd.DataFrame, pd.DataFrame],
    photo_classes: tuple[pd.DataFrame, pd.DataFrame],
    judge: str,
    store: Store,
    count: int,
    note: str = "",
) -> dict[str, Figure]:
    """{name: figure}; networks that a run does not train are left out, and so is a figure of which nothing is left.

    Args:
        cross, ranking, confusion: as the rule respond writes them. premise: as the rule premise does.
        pretraining: {task: history}. finetuning: {(initialisation, seed): history}, on all labels.
        predictions: {initialisation: predictions on AVA's test split}, on all labels.
        sensitivity, photo_scores, photo_classes: as the rules of these names write them, the last two as pairs of tables.
        judge: the initialisation whose `count` highest and lowest scores are shown with their pictures from `store`.
        note: a caveat to print on every figure but "sensitivity" and "photo_classes", in which no label takes part.
    """
    ends = [
        [(store.pixels(row.id), row.predicted, row.target) for row in rows.itertuples()]
        for rows in extremes(predictions[judge], count)
    ]
    figures = {
        "learning_curves": draw_learning_curves(pretraining, finetuning, note=note),
        "ranking_accuracy": draw_ranking_accuracy(ranking, note=note),
        "heatmap": draw_heatmap(cross, note=note),
        "premise": draw_premise(premise, note=note),
        "scatter": draw_scatter(predictions, note=note),
        "histograms": draw_histograms(predictions, note=note),
        "best_worst": draw_best_worst(*ends, note=note),
        "sensitivity": draw_sensitivity(sensitivity),
        "photo_scores": draw_photo_scores(*photo_scores, note=note),
        "photo_classes": draw_photo_classes(*photo_classes),
    }
    return figures | ({} if confusion.empty else {"confusion": draw_confusion(confusion, note=note)})
