"""Figures 2 to 5 of the paper; `overview` has Figure 1."""

import textwrap
from collections.abc import Sequence
from itertools import cycle
from typing import cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.initialisations import BASELINE
from aesthetic_pretraining.reporting.figures import alternatives
from aesthetic_pretraining.reporting.figures.style import OKABE_ITO, blank, label, share_legend, show_pictures, styles, words
from aesthetic_pretraining.settings.labels import LabelledSet

COMPARED = (BASELINE, "ranking_regression")  # section 5: the two that the paper fine-tunes on shares of the labels
PANELS = (  # metrics of Figure 3
    ("acc", "Accuracy ↑"),
    ("lcc", "Pearson correlation (LCC) ↑"),
    ("srcc", "Spearman correlation (SRCC) ↑"),
    ("mae", "Mean absolute error ↓"),
)
ANSWERS = ("brightness", "contrast")  # section 5: the two outputs that the paper plots
VIOLINS = ((OKABE_ITO[4], ""), (OKABE_ITO[5], "////"), (OKABE_ITO[3], "...."), (OKABE_ITO[2], "xxxx"))  # fill, hatch
PHOTOS_PER_ROW = 6  # of Figure 2
SPREAD = 4.0  # of the points of one share in Figure 5, in percent of the labels
ROUND_OFF = 1e-5  # tables hold six decimals


def draw_figure2(photos: Sequence[np.ndarray], *, facts: str = "") -> Figure:
    """Figure 2: photos of the unlabelled set, in the given order.

    Args:
        photos: uint8 (H, W, 3) each, of any size; at least one.
        facts: what the figure is based on, printed on it.
    """
    columns = min(PHOTOS_PER_ROW, len(photos))
    rows = -(-len(photos) // columns)
    figure = blank(1.15 * columns + 0.2, 1.15 * rows + 0.2, facts=facts)
    show_pictures(list(figure.subplots(rows, columns, squeeze=False).flat), photos)
    figure.set_label(alternatives.of_photos(len(photos), rows))
    return figure


def draw_figure3(
    metrics: pd.DataFrame,
    scale: LabelledSet,
    *,
    note: str = "",
    inits: Sequence[str] = COMPARED,
    intervals: pd.DataFrame | None = None,
) -> Figure:
    """Figure 3: accuracy, both correlations and error by share of the training labels, one line per initialisation.

    With a single share the initialisations stand side by side, because their points would lie on one another.

    Args:
        metrics: the metrics frame; lines are means over seeds.
        scale: the set that networks are trained on.
        note: a caveat to print on the figure.
        inits: initialisations to draw.
        intervals: the error bars: columns init, share, dataset, metric, low, high. Points without an interval get one sample
            standard deviation over the seeds, or no bar for one seed.
    Raises: UserError naming an initialisation without metrics; ValueError if an interval does not contain its mean or if a point
        has two.
    """
    figure = blank(7.0, 5.2, note)
    for axes, (metric, title) in zip(figure.subplots(2, 2, sharex=True).flat, PANELS, strict=True):
        _draw_by_share(axes, metrics, f"{scale.name}_{metric}", scale, inits, intervals)
        axes.set_title(title, fontsize="medium")
    for axes in figure.axes[:2]:
        axes.set_xlabel("")
    share_legend(figure)
    seen = (alternatives.by_share(metrics, f"{scale.name}_{metric}", title.rstrip(" ↑↓"), inits, 3) for metric, title in PANELS)
    figure.set_label(" ".join(seen))
    return figure


def draw_figure4(
    responses: pd.DataFrame, *, facts: str = "", distortion: str = "brightness", outputs: Sequence[str] = ANSWERS
) -> Figure:
    """Figure 4: the response of the brightness and contrast outputs to each level of one distortion, one panel per output.

    Args:
        responses: columns photo, distortion, level, and one per output: the pretrained regression network's prediction (about
            -1..1) for every test photo at each level of `distortion`, including 0 (the original).
        facts: what the figure is based on, printed on it.
        distortion: the applied distortion.
        outputs: the outputs to show.
    Raises: ValueError if an output or level 0 is missing, or naming the photo with a value that is not finite.
    """
    figure = blank(3.5 * len(outputs), 3.2, facts=facts)
    shown = responses[responses["distortion"] == distortion]
    panels = figure.subplots(1, len(outputs), sharey=True, squeeze=False).flat
    seen = []
    for axes, output, (colour, hatch) in zip(panels, outputs, cycle(VIOLINS), strict=False):
        values = _by_level(shown, distortion, output)
        seen.append(alternatives.of_violins(values, output))
        violins = axes.violinplot(list(values.values()), positions=list(values), widths=0.85, showextrema=False)
        for body in violins["bodies"]:
            body.set(facecolor=colour, edgecolor="black", linewidth=0.6, alpha=1, hatch=hatch)
        medians = [np.median(level) for level in values.values()]
        axes.plot(
            list(values), medians, "-o", color="black", markerfacecolor="white", markersize=4, linewidth=1, label="median"
        )
        axes.axhline(0, color="0.4", linewidth=0.8, zorder=0)
        axes.set(xlabel=f"level of {words(distortion)}", xticks=list(values))
        axes.set_title(f"{words(output)} output", fontsize="medium")
    figure.set_label(f"Under {words(distortion)}, {' '.join(seen)}")
    figure.axes[0].set_ylabel("predicted intensity\n(level divided by the levels of its side)")
    figure.axes[0].legend(loc="upper left", frameon=False)
    return figure


def draw_figure5(metrics: pd.DataFrame, scale: LabelledSet, *, note: str = "", inits: Sequence[str] = COMPARED) -> Figure:
    """Figure 5: the epoch in which fine-tuning ended, by share of the labels. Arguments as for `draw_figure3`.

    The initialisations of one share stand side by side, because their points often have the same height. A point is open and in a
    ring if at least one seed reached the cap of epochs: it did not stop early.
    """
    figure = blank(7.0, 3.4, note)
    axes = figure.subplots()
    places = _draw_by_share(axes, metrics, "epochs", scale, inits, spread=SPREAD)
    capped = metrics[metrics["init"].isin(inits)].groupby(["init", "share"])[["epochs", "capped"]].mean()
    if not (capped := capped[capped["capped"] > 0]).empty:
        at = [places[place] for place in capped.index]
        axes.scatter(at, capped["epochs"], s=130, facecolor="none", edgecolor="black", label="ended by the cap", zorder=3)
        looks = styles(inits)
        for place, epochs, (init, _) in zip(at, capped["epochs"], capped.index, strict=True):
            colour, marker, _ = looks[init]
            axes.plot(place, epochs, marker, markerfacecolor="white", markeredgecolor=colour, zorder=4)
    axes.set_ylabel("epoch in which fine-tuning ended")
    axes.margins(x=0.08)  # room for whole circles, here and above
    axes.set_ylim(0, 1.1 * axes.dataLim.y1)
    cast(MaxNLocator, axes.yaxis.get_major_locator()).set_params(integer=True)
    share_legend(figure)
    ended = (
        alternatives.listed([f"{label(init)} at {share} %" for init, share in capped.index]) if len(capped) else "no network"
    )
    figure.set_label(f"{alternatives.by_share(metrics, 'epochs', 'Epochs', inits, 0)} Ended by the cap: {ended}.")
    return figure


def _draw_by_share(
    axes: Axes,
    metrics: pd.DataFrame,
    column: str,
    scale: LabelledSet,
    inits: Sequence[str],
    intervals: pd.DataFrame | None = None,
    spread: float = 0.0,
) -> dict[tuple[str, int], float]:
    """One line per initialisation: the mean of `column` over seeds at each share, with error bars as in `draw_figure3`.

    Args: spread: percent of the labels over which the points of one share are spread; with a single share they always stand side by side.
    Returns: {(initialisation, share): place on the x axis}.
    """
    shares = sorted(metrics.loc[metrics["init"].isin(inits), "share"].unique())
    alone = len(shares) == 1
    aside = np.linspace(-spread / 2, spread / 2, len(inits)) if len(inits) > 1 else np.zeros(1)
    places = {(init, share): k if alone else share + aside[k] for k, init in enumerate(inits) for share in shares}
    for init, (colour, marker, dashes) in styles(inits).items():
        chosen = metrics[metrics["init"] == init]
        if chosen.empty:
            raise UserError(
                f"finetune.compared names {init}, which has no metrics; run 'snakemake stage_evaluate', or remove it"
            )
        means = chosen.groupby("share")[column].agg(lambda values: values.mean(skipna=False))
        axes.errorbar(
            [places[init, share] for share in means.index],
            means,
            yerr=_bars(chosen, means, intervals),
            label=label(init),
            color=colour,
            marker=marker,
            linestyle=dashes,
            markeredgecolor="black",
            capsize=3,
        )
    if alone:
        axes.set_xticks([])  # the legend has the names
        axes.set_xlim(-0.6, len(inits) - 0.4)
        used = f"{shares[0]} % of the {scale.title} training labels used"
    else:
        axes.set_xticks(shares)
        used = f"{scale.title} training labels used (%)"
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    axes.set_xlabel(textwrap.fill(used, 44), parse_math=False)  # "$" in a set's name is a dollar
    return places


def _bars(chosen: pd.DataFrame, means: pd.Series, intervals: pd.DataFrame | None) -> np.ndarray | None:
    """The lengths below and above the mean of one initialisation's error bars: (2, shares), or None if there are none."""
    # ASSUME: the paper shows no spread (one seed each); without intervals, error bars are one sample standard deviation
    groups = chosen.groupby("share")[means.name]
    ends = np.repeat(groups.std(ddof=1).fillna(0).to_numpy()[None], 2, axis=0)
    there = groups.size().max() > 1
    if intervals is not None:
        dataset, _, metric = str(means.name).partition("_")
        init = chosen["init"].iloc[0]
        mine = intervals[intervals[["init", "dataset", "metric"]].eq([init, dataset, metric]).all(axis=1)]
        if mine["share"].duplicated().any():
            raise ValueError(f"{init}, {means.name}: two intervals for {mine['share'][mine['share'].duplicated()].iloc[0]} %")
        for row in mine[mine["share"].isin(means.index)].dropna(subset=["low", "high"]).itertuples():
            mean = means[row.share]
            if not row.low - ROUND_OFF <= mean <= row.high + ROUND_OFF:
                raise ValueError(f"{init}, {row.share} %, {means.name}: {mean} is outside its interval {row.low} to {row.high}")
            ends[:, means.index.get_loc(row.share)] = max(mean - row.low, 0), max(row.high - mean, 0)
            there = True
    return ends if there else None


def _by_level(responses: pd.DataFrame, distortion: str, output: str) -> dict[int, np.ndarray]:
    """Values of one output by ascending level, each of shape (photos,)."""
    what = f"{output} output under {distortion}"
    if output not in responses or responses.empty:
        raise ValueError(f"{what}: no values")
    if broken := list(responses.loc[~np.isfinite(responses[output]), "photo"]):
        raise ValueError(f"{what}: the value of photo {broken[0]!r} is not a finite number")
    values = {int(level): group.to_numpy() for level, group in responses.groupby("level")[output]}
    if 0 not in values:
        raise ValueError(f"{what}: no values at level 0")
    return values
