"""Figures 1, 3, 4 and 5 of the paper and the learning-rate search, drawn from pictures and frames.

`draw_*` returns a `Figure` (so that tests can look at what is drawn), `save` writes it. No pyplot: nothing global is touched,
no window is opened. Colours are those of Okabe and Ito (2008), told apart by the colour-blind; every line also has its own
marker and dashes, for grey prints.
"""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.metrics import BASELINE, LABELS

COMPARED = (BASELINE, "ranking_regression")  # section 5: the two that the paper trains on shares of the labels
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # without the faint yellow
LINES = tuple(zip(OKABE_ITO, "osD^vPX", ("-", "--", "-.", ":", "-", "--", "-."), strict=True))  # colour, marker, dashes
PANELS = (
    ("ava_acc", "Accuracy ↑"),
    ("ava_lcc", "Pearson correlation (LCC) ↑"),
    ("ava_srcc", "Spearman correlation (SRCC) ↑"),
    ("ava_mae", "Mean absolute error ↓"),
)
ANSWERS = ("brightness", "contrast")  # section 5: the two outputs that the paper plots
VIOLINS = ((OKABE_ITO[4], ""), (OKABE_ITO[5], "////"), (OKABE_ITO[3], "...."), (OKABE_ITO[2], "xxxx"))  # fill, hatch
STYLE = {
    "font.size": 9,
    "hatch.linewidth": 0.5,
    "pdf.fonttype": 42,  # text in the PDF stays text
    "savefig.dpi": 200,
    "savefig.bbox": "tight",  # else the frame of the note touches the edge
}


def draw_figure1(examples: Mapping[str, Mapping[int, np.ndarray]], *, note: str = "") -> Figure:
    """Figure 1: what pretraining asks of the network, shown on the variants of one photo.

    Args:
        examples: {distortion: {level: uint8 (S, S, 3)}}, one row each; level 0 included, levels of one side.
        note: a caveat to print on the figure.
    """
    width = max(map(len, examples.values()))
    figure = _figure(1.1 * width + 3.2, 1.35 * len(examples) + 0.6, note)
    table = figure.subplots(len(examples), width + 1, squeeze=False, width_ratios=[*[1] * width, 2.4])
    for row, (distortion, levels) in zip(table, examples.items(), strict=True):
        ordered = sorted(levels, key=abs)
        for axes in row:
            axes.set_axis_off()
        for axes, level in zip(row, ordered, strict=False):
            axes.imshow(levels[level])
            axes.set_title(f"level {level:+d}" if level else "level 0", fontsize="small")
        less = " > ".join(f"f($I_{{{level}}}$)" for level in ordered)
        asked = f"ranking: {less}\nclassification: {distortion.replace('_', ' ')}\nregression: the level"
        row[-1].text(0, 0.5, asked, transform=row[-1].transAxes, va="center", fontsize="small")
    return figure


def draw_figure3(metrics: pd.DataFrame, *, note: str = "", inits: Sequence[str] = COMPARED) -> Figure:
    """Figure 3: accuracy, both correlations and error on AVA by share of the training labels, one line per initialisation.

    Args:
        metrics: the metrics frame; with several seeds the line is their mean, the bars one sample standard deviation.
        note: a caveat to print on the figure.
        inits: initialisations to draw.
    Raises: ValueError naming an initialisation without metrics.
    """
    figure = _figure(7.0, 5.2, note)
    for axes, (column, title) in zip(figure.subplots(2, 2, sharex=True).flat, PANELS, strict=True):
        _draw_by_share(axes, metrics, column, inits)
        axes.set_title(title, fontsize="medium")
    for axes in figure.axes[:2]:
        axes.set_xlabel("")
    _share_legend(figure)
    return figure


def draw_figure4(
    responses: pd.DataFrame, *, note: str = "", distortion: str = "brightness", outputs: Sequence[str] = ANSWERS
) -> Figure:
    """Figure 4: how the brightness and the contrast output answer to each level of one distortion, one panel per output.

    Args:
        responses: columns photo, distortion, level, output, value: outputs of the pretrained regression network (about -1..1)
            for every test photo at each level of `distortion`, 0 (the original) included.
        note: a caveat to print on the figure.
        distortion: the distortion that was applied.
        outputs: the outputs to show.
    Raises: ValueError if an output has no values, lacks level 0, or has a value that is not finite (names the photo).
    """
    figure = _figure(3.5 * len(outputs), 3.2, note)
    shown = responses[responses["distortion"] == distortion]
    panels = figure.subplots(1, len(outputs), sharey=True, squeeze=False).flat
    for axes, output, (colour, hatch) in zip(panels, outputs, cycle(VIOLINS), strict=False):
        values = _by_level(shown[shown["output"] == output], f"{output} output under {distortion}")
        violins = axes.violinplot(list(values.values()), positions=list(values), widths=0.85, showextrema=False)
        for body in violins["bodies"]:
            body.set(facecolor=colour, edgecolor="black", linewidth=0.6, alpha=1, hatch=hatch)
        medians = [np.median(level) for level in values.values()]
        axes.plot(
            list(values), medians, "-o", color="black", markerfacecolor="white", markersize=4, linewidth=1, label="median"
        )
        axes.axhline(0, color="0.4", linewidth=0.8, zorder=0)
        axes.set(title=f"{output} output", xlabel=f"level of {distortion}", xticks=list(values))
        axes.set_title(axes.get_title(), fontsize="medium")
    figure.axes[0].set_ylabel("predicted intensity")
    figure.axes[0].legend(loc="upper left", frameon=False)
    return figure


def draw_figure5(metrics: pd.DataFrame, *, note: str = "", inits: Sequence[str] = COMPARED) -> Figure:
    """Figure 5: the epoch in which early stopping ended fine-tuning, by share of the labels. Arguments as `draw_figure3`.

    Circled: at least one seed's training was ended by the cap of epochs.
    """
    figure = _figure(4.6, 3.4, note)
    axes = figure.subplots()
    _draw_by_share(axes, metrics, "epochs", inits)
    capped = metrics[metrics["init"].isin(inits)].groupby(["init", "share"])[["epochs", "capped"]].mean()
    if not (capped := capped[capped["capped"] > 0]).empty:
        shares = capped.index.get_level_values("share")
        axes.scatter(shares, capped["epochs"], s=130, facecolor="none", edgecolor="black", label="ended by the cap", zorder=3)
    axes.set_ylabel("epoch of early stopping")
    axes.set_ylim(bottom=0)
    axes.yaxis.get_major_locator().set_params(integer=True)
    _share_legend(figure)
    return figure


def draw_rate_search(history: pd.DataFrame, *, task: str, chosen: float) -> Figure:
    """Loss over the learning rate of a search (section 4.3), both axes logarithmic.

    Args:
        history: columns learning_rate (rising) and loss; losses that are no number are not drawn.
        chosen: the rate in use, marked by a line.
    """
    figure = _figure(4.6, 3.4, "")
    axes = figure.subplots()
    axes.plot(history["learning_rate"], history["loss"], "-o", color=OKABE_ITO[0], markersize=3, linewidth=1)
    axes.axvline(chosen, color=OKABE_ITO[1], linestyle="--", label=f"pretrain.learning_rate = {chosen:g}")
    axes.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="loss of the batch")
    axes.set_title(f"search of the learning rate: {LABELS.get(task, task)}", fontsize="medium")
    axes.grid(axis="y", color="0.9")
    axes.legend(frameon=False)
    return figure


def save(figure: Figure, *paths: Path) -> None:
    """Write a figure to each path (.pdf or .png by its suffix). The same figure gives the same bytes: no dates, no versions.

    Raises ValueError for another suffix.
    """
    metadata = {".pdf": {"CreationDate": None, "Producer": None, "Creator": None}, ".png": {"Software": None}}
    for path in map(Path, paths):
        if path.suffix not in metadata:
            raise ValueError(f"{path}: a figure is written as one of {', '.join(metadata)}")
        with atomic_path(path) as temporary, matplotlib.rc_context(STYLE):
            figure.savefig(temporary, format=path.suffix[1:], metadata=metadata[path.suffix])


def _figure(width: float, height: float, note: str) -> Figure:
    """An empty figure of so many inches with the note, if any, above everything else."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        if note:
            frame = {"boxstyle": "round", "facecolor": "#FFF3C4", "edgecolor": "black"}
            # Folded by hand, about 10 letters an inch: matplotlib's own wrapping runs over the edge. A "$" is a dollar.
            lines = textwrap.fill(note, int(10 * width))
            figure.suptitle(lines, fontsize="medium", fontweight="bold", bbox=frame, parse_math=False)
    return figure


def _draw_by_share(axes: Axes, metrics: pd.DataFrame, column: str, inits: Sequence[str]) -> None:
    """One line per initialisation: mean of `column` over seeds at each share, bars where a share has several seeds."""
    # ASSUME: the paper shows no spread (one seed each); with several seeds the bars are one sample standard deviation
    for init, (colour, marker, dashes) in zip(inits, cycle(LINES), strict=False):
        chosen = metrics[metrics["init"] == init]
        if chosen.empty:
            raise ValueError(f"no metrics of {init} to draw")
        groups = chosen.groupby("share")[column]
        means = groups.agg(lambda values: values.mean(skipna=False))
        spread = groups.std(ddof=1).fillna(0) if groups.size().max() > 1 else None
        axes.errorbar(
            means.index,
            means,
            yerr=spread,
            label=LABELS.get(init, init),
            color=colour,
            marker=marker,
            linestyle=dashes,
            markeredgecolor="black",
            capsize=3,
        )
    axes.set_xticks(sorted(metrics.loc[metrics["init"].isin(inits), "share"].unique()))
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    axes.set_xlabel("training labels used (%)")


def _share_legend(figure: Figure) -> None:
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)


def _by_level(responses: pd.DataFrame, what: str) -> dict[int, np.ndarray]:
    """Values by rising level, each of shape (photos,)."""
    if broken := list(responses.loc[~np.isfinite(responses["value"]), "photo"]):
        raise ValueError(f"{what}: the value of photo {broken[0]!r} is not a finite number")
    values = {int(level): group.to_numpy() for level, group in responses.groupby("level")["value"]}
    if 0 not in values:
        raise ValueError(f"{what}: no values{' at level 0' if values else ''}")
    return values
