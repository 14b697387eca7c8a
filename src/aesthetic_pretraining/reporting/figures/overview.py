"""Figure 1 of the paper: variants of a photo, the network, and what its heads are asked."""

from collections.abc import Mapping
from typing import cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from aesthetic_pretraining.distortions import DISTORTIONS
from aesthetic_pretraining.reporting.figures import alternatives
from aesthetic_pretraining.reporting.figures.style import OKABE_ITO, blank, show_pictures, words

PLAIN = "original"  # the anchor that is the photo as it is
NETWORK = 3.9  # width of the network and its heads, in inches


def draw_figure1(examples: Mapping[str, Mapping[int, np.ndarray]], *, facts: str = "") -> Figure:
    """Figure 1: the pretext tasks, on variants of one photo.

    Args:
        examples: {distortion: {level: uint8 (S, S, 3)}}, one row each: level 0 and as many levels of each side that it has, at most;
            the photo stands in the middle column.
        facts: what the figure is based on, printed on it.
    """
    side = max(sum(level * sign > 0 for level in levels) for levels in examples.values() for sign in (-1, 1))
    width = 2 * side + 1
    figure = blank(1.0 * width + NETWORK, 1.25 * len(examples) + 0.5, facts=facts)
    photos, network = cast(np.ndarray, figure.subfigures(1, 2, width_ratios=[width, NETWORK]))
    table = photos.subplots(len(examples), width, squeeze=False)
    for row, (name, levels) in zip(table, examples.items(), strict=True):
        _draw_row(row, name, levels, side)
    _draw_network(network.subplots(), examples)
    figure.set_label(alternatives.of_figure1(examples))
    return figure


def _draw_row(row: np.ndarray, name: str, levels: Mapping[int, np.ndarray], side: int) -> None:
    """The variants of one distortion by level, 0 in the middle; the places of levels that it lacks stay empty."""
    below, above = sorted(level for level in levels if level < 0), sorted(level for level in levels if level > 0)
    shown = [0, *above]
    anchored = DISTORTIONS[name].anchor != PLAIN
    titles = ["level 0*" if anchored else "level 0", *(f"level {level:+d}" for level in above)]
    for axes in row:
        axes.set_axis_off()
    show_pictures(
        list(row[side - len(below) : side]), [levels[level] for level in below], [f"level {level:+d}" for level in below]
    )
    show_pictures(list(row[side : side + len(shown)]), [levels[level] for level in shown], titles)
    if below:
        row[0].text(-0.06, 0.5, words(name), transform=row[0].transAxes, rotation=90, va="center", ha="right", fontsize="small")
    else:
        said, middle = f"{words(name)}\n(of one sign)", row[side]
        text = middle.text(-0.15, 0.5, said, transform=middle.transAxes, va="center", ha="right", fontsize="small")
        text.set_in_layout(False)  # there is room beside it, which the layout does not know


def _draw_network(axes: Axes, examples: Mapping[str, Mapping[int, np.ndarray]]) -> None:
    """The network, its three heads and what each is asked about a variant."""
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
    _box(axes, 0.14, 0.5, 0.2, 0.34, "network $f$\nof a variant", OKABE_ITO[5])
    strongest = max(max(levels) for levels in examples.values())
    heads = (
        (
            "ranking: one score",
            f"$f(I_0) > f(I_{{+1}}) > \\ldots > f(I_{{+{strongest}}})$\n$f(I_0) > f(I_{{-1}}) > \\ldots > f(I_{{-{strongest}}})$",
        ),
        ("+ classification: which distortion?", "of each aspect, such as\n" + ",\n".join(words(name) for name in examples)),
        ("+ regression: how intense?", "level of each distortion, with its sign,\ndivided by the levels of its side: -1 to 1"),
    )
    for place, (name, asked), colour in zip((0.83, 0.5, 0.17), heads, (OKABE_ITO[4], OKABE_ITO[2], OKABE_ITO[3]), strict=True):
        axes.add_patch(
            FancyArrowPatch((0.25, 0.5), (0.36, place), arrowstyle="-|>", mutation_scale=10, color="black", linewidth=0.8)
        )
        _box(axes, 0.68, place, 0.62, 0.28, f"{name}\n{asked}", colour)


def _box(axes: Axes, x: float, y: float, width: float, height: float, text: str, colour: str) -> None:
    corner = (x - width / 2, y - height / 2)
    axes.add_patch(
        FancyBboxPatch(corner, width, height, boxstyle="round,pad=0.01", facecolor=colour, edgecolor="black", alpha=0.35)
    )
    axes.text(x, y, text, ha="center", va="center", fontsize="small")
