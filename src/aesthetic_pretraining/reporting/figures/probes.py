"""Linear probes: how well a linear model predicts scores from each initialisation's frozen features."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aesthetic_pretraining.initialisations import BASELINE
from aesthetic_pretraining.reporting.figures import alternatives
from aesthetic_pretraining.reporting.figures.style import blank, label, styles
from aesthetic_pretraining.reporting.probe_table import in_order, panels
from aesthetic_pretraining.settings.labels import LabelledSet

SPREAD = 6  # width, in percent of the labels, over which the points of one share are spread to keep their bars apart


def draw_probes(probes: pd.DataFrame, sets: Sequence[LabelledSet], *, note: str = "") -> Figure:
    """Spearman correlation of every probe with its interval: above, all labels; below, the first set by share, if there are several.

    Args:
        probes: columns init, share, trained_on, dataset, metric, value, low, high (`probe.PROBE_COLUMNS`).
        sets: the test sets, the one that networks are trained on first.
        note: a caveat to print on the figure.
    """
    titles, home = panels(probes, sets), sets[0]
    probes = probes[probes["metric"] == "srcc"]
    inits = in_order(probes["init"])
    shares = sorted(probes["share"].unique())
    several = len(shares) > 1
    height = 1.0 + 0.28 * len(inits)
    figure = blank(7.4, height + 3.2 * several, note)
    grid = figure.add_gridspec(1 + several, len(titles), height_ratios=[height, 3.2][: 1 + several])
    first, seen = None, []
    for k, (panel, title) in enumerate(titles.items()):
        first = axes = figure.add_subplot(grid[0, k], sharey=first) if first else figure.add_subplot(grid[0, k])
        mine = probes[(probes["share"] == 100) & (probes["trained_on"] == panel[0]) & (probes["dataset"] == panel[1])]
        _draw_all_labels(axes, mine.set_index("init").reindex(inits), title)
        axes.tick_params(labelleft=k == 0)
        seen.append(alternatives.of_probes(mine, f"SRCC, {title}"))
    figure.set_label(" ".join(seen))
    if several:
        mine = probes[(probes["trained_on"] == home.name) & (probes["dataset"] == home.name)]
        _draw_by_share(figure.add_subplot(grid[1, :]), mine, inits, home.title)
    return figure


def _draw_all_labels(axes: Axes, rows: pd.DataFrame, title: str) -> None:
    """A point with its error bar for each initialisation, from top to bottom, and a line at ImageNet's."""
    places = np.arange(len(rows))[::-1]
    for place, (init, row), (colour, marker, _) in zip(places, rows.iterrows(), styles(list(rows.index)).values(), strict=True):
        if np.isnan(row["value"]):
            axes.text(0.5, place, "undefined", ha="center", va="center", fontsize="small", transform=axes.get_yaxis_transform())
            continue
        axes.errorbar(row["value"], place, xerr=_bar(row), color=colour, marker=marker, markeredgecolor="black", capsize=3)
        if init == BASELINE:
            axes.axvline(row["value"], color="0.6", linestyle=":", zorder=0)
    axes.set_yticks(places, [label(init) for init in rows.index])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_title(title, fontsize="medium", parse_math=False)
    axes.set_xlabel("SRCC ↑")
    axes.locator_params(axis="x", nbins=4)
    if rows["value"].isna().all():
        axes.set_xticks([])
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)


def _draw_by_share(axes: Axes, rows: pd.DataFrame, inits: list[str], title: str) -> None:
    """One line per initialisation over the shares of the labels."""
    offsets = np.linspace(-SPREAD / 2, SPREAD / 2, len(inits)) if len(inits) > 1 else np.zeros(1)
    for offset, (init, (colour, marker, dashes)) in zip(offsets, styles(inits).items(), strict=True):
        mine = rows[rows["init"] == init].sort_values("share")
        bars = np.array([_bar(row)[:, 0] for _, row in mine.iterrows()]).T
        axes.errorbar(
            mine["share"] + offset, mine["value"], yerr=bars, label=label(init), color=colour, marker=marker, linestyle=dashes,
            markeredgecolor="black", capsize=2, elinewidth=0.8,
        )  # fmt: skip
    axes.set_xticks(sorted(rows["share"].unique()))
    axes.set_xlabel("training labels used (%)")
    axes.set_ylabel(f"SRCC on {title} ↑", parse_math=False)
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    handles, labels = axes.get_legend_handles_labels()
    axes.figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)


def _bar(row: pd.Series) -> np.ndarray:
    """The lengths of the interval below and above the value: (2, 1), 0 if there is none."""
    return np.nan_to_num(np.array([[row["value"] - row["low"]], [row["high"] - row["value"]]]).clip(0))
