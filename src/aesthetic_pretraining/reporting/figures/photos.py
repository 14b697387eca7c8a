"""Figures on the photos (section 4.2, Appendix B) and on how distortions move features (section 5)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from aesthetic_pretraining.distortions import ASPECTS, DISTORTIONS
from aesthetic_pretraining.reporting.figures import alternatives
from aesthetic_pretraining.reporting.figures.style import OKABE_ITO, bins_of, blank, label, share_legend, styles, words
from aesthetic_pretraining.settings.labels import LabelledSet

NAMED = 20  # classes shown by name
SPREAD = 0.7  # fraction of a row's height that its markers take


def draw_photo_scores(scores: pd.DataFrame, shares: pd.DataFrame, scale: LabelledSet, *, note: str = "") -> Figure:
    """Histogram of the unlabelled photos' mean scores predicted by the fine-tuned network, averaged over seeds.

    Args:
        scores: columns seed<n>, on the scale of the set that the network was trained on. shares: as `photos.shares.shares_above`
            returns them. scale: that set.
        note: a caveat to print on the figure.
    """
    row = shares[shares["split"] == "all"].iloc[-1]
    seeds = [name for name in scores if name.startswith("seed")]
    figure = blank(4.6, 3.0, note)
    axes = figure.subplots()
    axes.hist(scores[seeds].mean(axis=1), bins_of(scale), color=OKABE_ITO[0])
    axes.axvline(scale.above, color="black", linewidth=0.8, linestyle="--", label=f"threshold {scale.above:g}")
    title = f"{row['share']:.0%} above {scale.above:g} [{row['low']:.0%}, {row['high']:.0%}]"
    title += "" if pd.isna(row["published"]) else f"; paper: {row['published']:.0%}"
    axes.set_title(title, fontsize="medium")
    axes.set(ylabel="photos", xlim=(scale.low, scale.high))
    axes.set_xlabel(f"mean score predicted, as on {scale.title}", parse_math=False)
    axes.legend(frameon=False, fontsize="small", loc="upper left")
    figure.set_label(alternatives.of_photo_scores(scores[seeds].mean(axis=1)))
    return figure


def draw_photo_classes(counts: pd.DataFrame, diversity: pd.DataFrame, *, facts: str = "") -> Figure:
    """The classes that networks find in the photos: left, the most frequent ones by name; right, all of them by frequency.

    Args:
        counts, diversity: as `photos.classes.photo_classes` writes them; one row of panels per network.
        facts: what the figure is based on, printed on it.
    """
    heights = [min(NAMED, (counts["network"] == name).sum()) + 4 for name in diversity["network"]]
    figure = blank(8.2, 0.5 + 0.17 * sum(heights), facts=facts)
    panels = figure.subplots(len(heights), 2, squeeze=False, width_ratios=[1.6, 1], height_ratios=heights)
    for (left, right), row in zip(panels, diversity.itertuples(), strict=True):
        kind = "kinds of objects" if row.kind == "object" else "classes"
        found = counts[counts["network"] == row.network].sort_values(["photos", "index"], ascending=[False, True])
        shown = found.head(NAMED).iloc[::-1]
        left.barh(range(len(shown)), shown["photos"], color=OKABE_ITO[0])
        left.set_yticks(range(len(shown)), [name[:40] for name in shown["name"]], fontsize="x-small")
        left.set(xlabel=f"photos, of {row.photos:,}", ylim=(-0.6, max(len(shown), 1) - 0.4))
        left.set_title(f"{row.network}: the {len(shown)} most frequent of {row.seen} {kind}", fontsize="medium")
        ranks = np.arange(1, len(found) + 1)
        right.bar(ranks, found["photos"], width=1.0, color=OKABE_ITO[0])
        right.set(xlabel=f"{kind} by frequency", ylabel="photos")
        title = f"as diverse as {row.effective:.1f} equally frequent ones" if len(found) else "nothing found"
        right.set_title(title, fontsize="medium")
        for axis in (left.xaxis, right.yaxis, right.xaxis):
            axis.set_major_locator(MaxNLocator(integer=True))
        if found["photos"].gt(20).any():
            right.set_yscale("log")
    figure.set_label(alternatives.of_photo_classes(diversity))
    return figure


def draw_sensitivity(moves: pd.DataFrame, *, facts: str = "") -> Figure:
    """How far each distortion moves each initialisation's features, averaged over its levels, with intervals over photos.

    Args:
        moves: columns init, aspect, distortion, level (only "all" is drawn), photos, distance, low, high.
        facts: what the figure is based on, printed on it.
    """
    rows = moves[moves["level"] == "all"]
    looks = styles(list(rows["init"].unique()))
    panels = [[name for name, d in DISTORTIONS.items() if d.aspect == aspect] + ["all"] for aspect in ASPECTS]
    figure = blank(6.4, 1.4 + 0.32 * sum(map(len, panels)), facts=facts)
    places = figure.subplots(len(ASPECTS), 1, sharex=True, height_ratios=[len(names) for names in panels])
    for axes, aspect, names in zip(places, ASPECTS, panels, strict=True):
        for k, (init, (colour, marker, _)) in enumerate(looks.items()):
            mine = rows[(rows["init"] == init) & (rows["aspect"] == aspect)].set_index("distortion").loc[names]
            at = np.arange(len(names)) + SPREAD * ((k + 0.5) / len(looks) - 0.5)
            bars = [mine["distance"] - mine["low"], mine["high"] - mine["distance"]]
            axes.errorbar(
                mine["distance"], at, xerr=bars, fmt=marker, color=colour, markersize=4, linewidth=0.8, label=label(init)
            )
        axes.set_yticks(range(len(names)), [words(name) for name in names], fontsize="small")
        axes.set(ylim=(len(names) - 0.4, -0.6))
        axes.set_title(aspect, fontsize="medium")
        axes.grid(axis="x", color="0.9")
        axes.axhline(len(names) - 1.5, color="black", linewidth=0.8)
    places[-1].set_xlabel(
        f"distance of features from level 0, {rows['photos'].iloc[0]:,} test photos; 1 is the distance of another photo"
    )
    places[-1].set_xlim(left=0)
    share_legend(figure)
    figure.set_label(alternatives.of_sensitivity(rows))
    return figure
