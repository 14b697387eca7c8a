"""Figures of predicted against human scores (scatter, histograms, extremes), and of the premise that distortions look worse."""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aesthetic_pretraining.reporting.figures import alternatives
from aesthetic_pretraining.reporting.figures.style import (
    NOTE_FRAME,
    OKABE_ITO,
    bins_of,
    blank,
    label,
    share_legend,
    show_pictures,
)
from aesthetic_pretraining.settings.labels import LabelledSet

MANY = 1000  # number of images from which on a scatter plot shows densities instead of points
PANELS_PER_ROW = 3


def draw_scatter(predictions: Mapping[str, pd.DataFrame], scale: LabelledSet, *, note: str = "") -> Figure:
    """Predicted over true mean score of every test image of a set, one panel per initialisation.

    Args:
        predictions: {initialisation: frame with columns target and predicted, on the set's scale}.
        scale: the set.
        note: a caveat to print on the figure.
    """
    figure, panels = _panels(predictions, note)
    for axes, (init, frame) in zip(panels, predictions.items(), strict=False):
        if len(frame) < MANY:
            axes.plot(frame["target"], frame["predicted"], "o", color=OKABE_ITO[0], markersize=3, alpha=0.5, markeredgewidth=0)
        else:
            axes.hexbin(frame["target"], frame["predicted"], gridsize=40, bins="log", cmap="Blues", mincnt=1, rasterized=True)
        axes.plot(
            (scale.low, scale.high),
            (scale.low, scale.high),
            color="0.4",
            linewidth=0.8,
            linestyle="--",
            zorder=0,
            label="equal",
        )
        axes.set_title(label(init), fontsize="medium")
        low, high = _range(predictions, scale)
        axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    figure.supxlabel(f"true mean score on {scale.title}", fontsize="medium", parse_math=False)
    figure.supylabel("predicted mean score", fontsize="medium")
    panels[0].legend(frameon=False, fontsize="small", loc="upper left")
    figure.set_label(alternatives.of_predictions(predictions))
    return figure


def draw_histograms(predictions: Mapping[str, pd.DataFrame], scale: LabelledSet, *, note: str = "") -> Figure:
    """Histograms of the true and predicted mean scores of a set's test images. Arguments as for `draw_scatter`."""
    figure, panels = _panels(predictions, note)
    for axes, (init, frame) in zip(panels, predictions.items(), strict=False):
        axes.hist(frame["target"], bins_of(scale), color="0.8", label="true")
        axes.hist(frame["predicted"], bins_of(scale), histtype="step", color=OKABE_ITO[1], linewidth=1.2, label="predicted")
        axes.set_title(label(init), fontsize="medium")
        axes.set(xlim=_range(predictions, scale), xlabel="mean score")
        axes.set_ylabel(f"{scale.title} images", parse_math=False)
        axes.label_outer()
    share_legend(figure)
    figure.set_label(alternatives.of_predictions(predictions))
    return figure


def draw_best_worst(best: Sequence[tuple], worst: Sequence[tuple], *, note: str = "") -> Figure:
    """The images with the highest and the lowest predicted scores.

    Args:
        best, worst: (uint8 (H, W, 3), predicted, true) each, most extreme first.
        note: a caveat to print on the figure.
    """
    columns = max(len(best), len(worst))
    figure = blank(1.25 * columns + 0.3, 3.6, note)
    for part, title, pictures in zip(
        cast(np.ndarray, figure.subfigures(2, 1)), ("highest predicted", "lowest predicted"), (best, worst), strict=True
    ):
        part.suptitle(title, fontsize="medium")
        titles = [f"{predicted:.2f} (true {given:.2f})" for _, predicted, given in pictures]
        show_pictures(part.subplots(1, columns, squeeze=False)[0], [picture for picture, _, _ in pictures], titles)
    figure.set_label(alternatives.of_extremes(best, worst))
    return figure


def extremes(predictions: pd.DataFrame, count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows with the `count` highest and lowest predicted scores, most extreme first, ties by id; no row is in both."""
    ordered = predictions.sort_values(["predicted", "id"], ascending=[False, True])
    count = min(count, len(ordered) // 2)
    return ordered.head(count), ordered.tail(count).iloc[::-1]


def draw_premise(premise: pd.DataFrame, *, note: str = "", noted: str = "") -> Figure:
    """Fraction of judgements that agree with the premise (more distortion looks worse), by source and distortion.

    Args:
        premise: columns source, distortion, level (only "all" is drawn), share, low, high, and published, which may be empty.
        note: a caveat to print on the figure.
        noted: the source that the note is about; if there are others, it is printed above that source's panel only.
    """
    rows = premise[premise["level"] == "all"]
    sources = list(rows["source"].unique())
    heights = [len(rows[rows["source"] == source]) for source in sources]
    figure = blank(6.4, 1.0 + 0.22 * sum(heights) + 0.5 * len(sources), note if sources == [noted] or not noted else "")
    panels = figure.subplots(len(sources), 1, squeeze=False, height_ratios=heights, sharex=True)[:, 0]
    for axes, source in zip(panels, sources, strict=True):
        shown = rows[rows["source"] == source].iloc[::-1]
        places = np.arange(len(shown))
        bars = np.maximum([shown["share"] - shown["low"], shown["high"] - shown["share"]], 0)
        axes.errorbar(shown["share"], places, xerr=bars, fmt="o", color=OKABE_ITO[0], capsize=2, markersize=4, label="here")
        if shown["published"].notna().any():
            axes.plot(shown["published"], places, "x", color=OKABE_ITO[1], markersize=6, label="published")
        axes.axvline(0.5, color="0.4", linewidth=0.8, linestyle=":")
        axes.set_yticks(places, shown["distortion"], fontsize="small", parse_math=False)  # a survey's own names
        axes.set(xlim=(0, 1.02), ylim=(-0.6, len(shown) - 0.4))
        axes.set_title(source, fontsize="medium")
        if note and source == noted and len(sources) > 1:
            axes.set_title(f"{source}: {note}", fontsize="medium", fontweight="bold", bbox=NOTE_FRAME, parse_math=False)
        axes.grid(axis="x", color="0.9")
    panels[-1].set_xlabel("fraction that agrees: more distortion is worse")
    if rows["published"].notna().any():
        legend = {name: handle for axes in panels for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)}
        figure.legend(legend.values(), legend.keys(), loc="outside lower center", ncols=2, frameon=False)
    figure.set_label(alternatives.of_premise(rows))
    return figure


def _panels(predictions: Mapping[str, pd.DataFrame], note: str) -> tuple[Figure, list[Axes]]:
    columns = min(PANELS_PER_ROW, len(predictions))
    rows = -(-len(predictions) // columns)
    figure = blank(2.4 * columns + 0.4, 2.3 * rows + 0.6, note)
    panels = list(figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat)
    for axes in panels[len(predictions) :]:
        axes.set_axis_off()
    return figure, panels


def _range(predictions: Mapping[str, pd.DataFrame], scale: LabelledSet) -> tuple[float, float]:
    """The range of all scores with a margin, within the set's scale."""
    scores = np.concatenate([frame[["target", "predicted"]].to_numpy().ravel() for frame in predictions.values()])
    margin = (scale.high - scale.low) / 30
    return max(scale.low, float(scores.min()) - margin), min(scale.high, float(scores.max()) + margin)
