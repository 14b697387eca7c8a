"""Figures on what networks learn from the pretext tasks, drawn from the tables of `pretext_metrics`."""

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from aesthetic_pretraining.distortions import ASPECTS, DISTORTIONS
from aesthetic_pretraining.evaluation.statistics.proportions import wilson
from aesthetic_pretraining.reporting.figures import alternatives
from aesthetic_pretraining.reporting.figures.style import OKABE_ITO, blank, label, words

DIVERGING = "RdBu_r"  # blue and red are distinguishable with colour blindness; signs are printed, too
SEQUENTIAL = "cividis"  # dark to light, also in greyscale
LIGHT = 0.6  # absolute value above which text is white
WORTH_PRINTING = 0.3  # weaker correlations are not printed
NOTHING: dict = {"facecolor": "white", "hatch": "////", "edgecolor": "0.7"}  # of cells without a value: no colour of a map
CONFIDENCE = 0.95  # of the accuracy's intervals


def draw_heatmap(cross: pd.DataFrame, *, facts: str = "") -> Figure:
    """Response of each output of the regression network (column) to each applied distortion (row): Figure 4 for all pairs.

    Args:
        cross: columns applied, output, correlation: of the output with the level, within photos. Cells without a value are hatched.
        facts: what the figure is based on, printed on it.
    """
    names = list(DISTORTIONS)
    values = cross.pivot(index="applied", columns="output", values="correlation").reindex(index=names, columns=names).to_numpy()
    figure = blank(8.2, 7.2, facts=facts)
    axes = figure.subplots()
    _hatch(axes)
    image = axes.imshow(values, cmap=DIVERGING, vmin=-1, vmax=1)
    _print_numbers(axes, np.where(np.abs(values) >= WORTH_PRINTING, values, np.nan), "{:+.1f}")
    _name_ticks(axes, names, names, "small")
    axes.set(xlabel="output of the network", ylabel="applied distortion")
    _separate_aspects(axes.axhline, axes.axvline)
    figure.colorbar(
        image, ax=axes, shrink=0.7, label=f"correlation of output and level, within photos (printed from ±{WORTH_PRINTING} on)"
    )
    if np.isnan(values).any():
        figure.legend(handles=[Patch(**NOTHING, label="no value")], loc="outside lower right", frameon=False)
    figure.set_label(alternatives.of_heatmap(cross))
    return figure


def draw_ranking_accuracy(ranking: pd.DataFrame, *, facts: str = "") -> Figure:
    """Fraction of photos whose adjacent levels are ranked correctly: one panel per network, one row per distortion.

    Args:
        ranking: columns task, distortion, level (of the two, the one further from 0), share. Levels that a distortion lacks are hatched.
        facts: what the figure is based on, printed on it.
    """
    tasks, names = list(ranking["task"].unique()), list(DISTORTIONS)
    levels = sorted(ranking["level"].unique())
    figure = blank(2.2 * len(tasks) + 2.6, 5.4, facts=facts)
    panels = figure.subplots(1, len(tasks), sharey=True, squeeze=False)[0]
    for axes, task in zip(panels, tasks, strict=True):
        shares = ranking[ranking["task"] == task].pivot(index="distortion", columns="level", values="share")
        _hatch(axes)
        image = axes.imshow(shares.reindex(index=names, columns=levels), cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
        axes.set_title(label(task).replace(" + ", " +\n"), fontsize="medium")
        axes.set_xticks(range(len(levels)), [f"{level:+d}" for level in levels], fontsize="x-small")
        axes.set_yticks(range(len(names)), [words(name) for name in names], fontsize="small")
        axes.axvline(sum(level < 0 for level in levels) - 0.5, color="black", linewidth=0.8)
        _separate_aspects(axes.axhline)
    figure.supxlabel("level, ranked against the one before it", fontsize="medium")
    bar = figure.colorbar(image, ax=panels, shrink=0.7, label="fraction of photos ranked correctly")
    bar.ax.axhline(0.5, color="black", linewidth=0.8)
    bar.ax.text(-0.2, 0.5, "chance", ha="right", va="center", fontsize="x-small")
    figure.legend(handles=[Patch(**NOTHING, label="no such level")], loc="outside lower right", frameon=False)
    figure.set_label(alternatives.of_ranking(ranking))
    return figure


def draw_confusion(confusion: pd.DataFrame, *, facts: str = "") -> Figure:
    """Appendix D: accuracy of the classification heads by level, and their confusion matrices over all levels.

    Args:
        confusion: columns aspect, applied, level, answered, photos.
        facts: what the figure is based on, printed on it.
    """
    figure = blank(8.2, 9.6, facts=facts)
    parts = cast(np.ndarray, figure.subfigures(3, 1, height_ratios=[1, 1.35, 1.75]))
    accuracy = accuracy_by_level(confusion)
    _draw_accuracy(parts[0].subplots(1, len(ASPECTS), sharey=True), accuracy)
    # the aspect with most distortions has a row of its own, so that its numbers can be read
    sizes = {aspect: confusion["applied"][confusion["aspect"] == aspect].nunique() for aspect in ASPECTS}
    largest = max(sizes, key=lambda aspect: sizes[aspect])
    others = [aspect for aspect in ASPECTS if aspect != largest]
    places = [*parts[1].subplots(1, len(others), squeeze=False)[0], parts[2].subplots()]
    for axes, aspect in zip(places, (*others, largest), strict=True):
        _confusion_matrix(axes, confusion[confusion["aspect"] == aspect])
        axes.set_title(aspect, fontsize="medium")
    for part in parts[1:]:
        part.supylabel("applied", fontsize="small")
    parts[2].supxlabel("predicted (fraction of the applied)", fontsize="small")
    figure.set_label(alternatives.of_confusion(accuracy))
    return figure


def accuracy_by_level(confusion: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of each head at each distance from the original: columns aspect, level (>= 1), share (0..1), low, high, chance.

    ASSUME: the interval is Wilson's at the number of photos, not of variants: those of one photo are no independent answers. It is
    too wide where they are, never too narrow.
    """
    right = confusion["photos"].where(confusion["applied"] == confusion["answered"], 0)
    rows = confusion.assign(level=confusion["level"].abs(), right=right)
    sums = rows.groupby(["aspect", "level"])[["right", "photos"]].sum()
    chance = 1 / confusion.groupby("aspect")["answered"].nunique()
    photos = confusion.groupby(["aspect", "applied", "level"])["photos"].sum().max()
    shares = (sums["right"] / sums["photos"]).rename("share").reset_index()
    ends = np.array([wilson(share * photos, photos, CONFIDENCE) for share in shares["share"]], float).reshape(-1, 2)
    return shares.assign(low=ends[:, 0], high=ends[:, 1], chance=shares["aspect"].map(chance))


def _draw_accuracy(panels: Sequence[Axes], accuracy: pd.DataFrame) -> None:
    for axes, aspect in zip(panels, ASPECTS, strict=True):
        rows = accuracy[accuracy["aspect"] == aspect]
        bars = np.maximum([rows["share"] - rows["low"], rows["high"] - rows["share"]], 0)
        axes.errorbar(
            rows["level"], rows["share"], yerr=bars, fmt="-o", color=OKABE_ITO[0], capsize=2, linewidth=1, label="accuracy"
        )
        axes.axhline(rows["chance"].iloc[0], color="0.4", linewidth=0.8, linestyle=":", label="chance")
        axes.set(ylim=(0, 1), xticks=list(rows["level"]), xlabel="distance from level 0")
        axes.set_title(aspect, fontsize="medium")
        axes.grid(axis="y", color="0.9")
    panels[-1].legend(fontsize="small", frameon=False, loc="upper right")
    panels[0].set_ylabel("accuracy")


def _confusion_matrix(axes: Axes, confusion: pd.DataFrame) -> None:
    names = list(confusion["applied"].unique())
    counts = confusion.groupby(["applied", "answered"])["photos"].sum().unstack().reindex(index=names, columns=names)
    shares = counts.div(counts.sum(axis=1), axis=0).to_numpy()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    _print_numbers(axes, shares, "{:.2f}", 8)
    _name_ticks(axes, names, names, "small")


def _name_ticks(axes: Axes, columns: Sequence[str], rows: Sequence[str], size: str) -> None:
    axes.set_xticks(range(len(columns)), [words(name) for name in columns], rotation=90, fontsize=size)
    axes.set_yticks(range(len(rows)), [words(name) for name in rows], fontsize=size)


def _print_numbers(axes: Axes, values: np.ndarray, form: str, size: float = 6) -> None:
    """Print each value, -1..1, in its cell without the leading zero; NaN is not printed."""
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if abs(value) > LIGHT else "black"
            axes.text(column, row, form.format(value).replace("0.", "."), ha="center", va="center", fontsize=size, color=colour)


def _hatch(axes: Axes) -> None:
    """Fill the axes, over which an image leaves cells without a value free."""
    axes.patch.set(**NOTHING)


def _separate_aspects(*draw_line: Callable) -> None:
    """Draw a line between the aspects of the registry."""
    aspects = [d.aspect for d in DISTORTIONS.values()]
    for k in range(1, len(aspects)):
        if aspects[k] != aspects[k - 1]:
            for line in draw_line:
                line(k - 0.5, color="black", linewidth=0.8)
