"""Figures on training: learning curves and the searches of learning rates."""

from collections.abc import Mapping
from typing import cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aesthetic_pretraining.reporting.figures import alternatives
from aesthetic_pretraining.reporting.figures.style import OKABE_ITO, blank, label, mark, state, styles

WIDTH = 7.0  # inches
SEEDS_ALPHA = 0.55  # lines of several seeds overlap
PANELS = {  # phase: what is on the x axis, what tells the lines apart, how they are named, the heading
    "head": ("learning_rate_head", ["dropout"], "dropout {:g}", "the new layer alone"),
    "all": (
        "learning_rate_features",
        ["halve_after", "stop_after"],
        "patience {:g} and {:g}",
        "with the best of these, all layers",
    ),
}


def draw_learning_curves(
    pretraining: Mapping[tuple[str, int], pd.DataFrame],
    finetuning: Mapping[tuple[str, int, int], pd.DataFrame],
    *,
    facts: str = "",
    note: str = "",
) -> Figure:
    """Loss by epoch: one panel per pretext task, and one for all fine-tuning runs on all labels.

    Args:
        pretraining: {(task, seed): history}, one line per seed; columns epoch, train_loss, val_loss. The losses of different tasks
            are not comparable.
        finetuning: {(initialisation, pretraining, seed): history}; columns epoch, val_loss, frozen (1: only the head is trained). A
            ring marks the first epoch in which the whole network is trained.
        facts: what pretraining is based on, printed above it.
        note: a caveat to print above fine-tuning.
    """
    figure = blank(WIDTH, 5.6)
    above, below = cast(np.ndarray, figure.subfigures(2, 1, height_ratios=[1, 1.35]))
    state(above, WIDTH, facts)
    mark(below, WIDTH, note)
    tasks = list(dict.fromkeys(task for task, _ in pretraining))
    panels = above.subplots(1, len(tasks), squeeze=False)[0]
    for axes, task in zip(panels, tasks, strict=True):
        first = True
        for history in (history for (other, _), history in pretraining.items() if other == task):
            names = ("training", "validation") if first else (None, None)
            alpha = 1 if first else SEEDS_ALPHA
            _curve(axes, history, "train_loss", color=OKABE_ITO[1], linestyle="--", marker="s", alpha=alpha, label=names[0])
            _curve(axes, history, "val_loss", color=OKABE_ITO[0], marker="o", alpha=alpha, label=names[1])
            first = False
        axes.set_title(label(task).replace(" + ", " +\n"), fontsize="small")
        axes.set_xlabel("epoch", fontsize="small")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.tick_params(labelsize="x-small")
    panels[0].set_ylabel("loss in pretraining")
    above.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    _finetuning(below, finetuning)
    seen = alternatives.of_curves(pretraining, "pretraining"), alternatives.of_curves(finetuning, "fine-tuning")
    figure.set_label(" ".join(seen))
    return figure


def draw_rate_search(history: pd.DataFrame, *, task: str, chosen: float) -> Figure:
    """Loss over the learning rate in a learning-rate search (section 4.3), both axes logarithmic.

    Args:
        history: columns learning_rate (ascending) and loss; NaN losses are not drawn.
        chosen: the learning rate in use, marked by a line.
    """
    figure = blank(4.6, 3.4)
    axes = figure.subplots()
    axes.plot(history["learning_rate"], history["loss"], "-o", color=OKABE_ITO[0], markersize=3, linewidth=1)
    axes.axvline(chosen, color=OKABE_ITO[1], linestyle="--", label=f"pretrain.learning_rate = {chosen:g}")
    axes.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="loss of the batch")
    axes.set_title(f"learning-rate search: {label(task)}", fontsize="medium")
    axes.grid(axis="y", color="0.9")
    axes.legend(frameon=False)
    return figure


def draw_finetune_search(table: pd.DataFrame) -> Figure:
    """Loss over the rates, a panel for each phase: a dot per seed, lines through their means, a ring around the chosen.

    The loss is that on the validation images that judge.

    Args: table: the frame of `training.finetune_search.search_finetuning`.
    """
    figure = blank(7.0, 3.4)
    for axes, (phase, (rate, by, name, heading)) in zip(figure.subplots(1, 2, sharey=True), PANELS.items(), strict=True):
        rows = table[table["phase"] == phase].astype({rate: float})
        for k, (values, group) in enumerate(rows.groupby(by, sort=False)):
            colour = OKABE_ITO[k % len(OKABE_ITO)]
            axes.plot(group[rate], group["held_emd"], "o", color=colour, alpha=0.5, markersize=3)
            means = group.groupby(rate)["held_emd"].mean()
            axes.plot(means.index, means, "-", color=colour, linewidth=1, label=name.format(*values))
        best = rows[rows["chosen"] == 1]
        axes.plot(best[rate].iloc[0], best["held_emd"].mean(), "o", color="black", fillstyle="none", markersize=10)
        axes.set_title(heading, fontsize="small")
        _dress(axes, rate, rows.groupby("seed")["constant_emd"].first().mean())
        axes.set_xticks(tried := sorted(set(rows[rate])), [f"{value:g}" for value in tried], minor=False)
        axes.set_xticks([], minor=True)
    return figure


def _dress(axes: Axes, rate: str, constant: float) -> None:
    axes.axhline(constant, color="0.4", linestyle="--", linewidth=1, label="constant prediction")
    axes.set(xscale="log", xlabel=f"finetune.{rate}")
    if axes.get_subplotspec().is_first_col():  # type: ignore[union-attr]  # made by subplots, so there is one
        axes.set_ylabel("loss on the validation images\nthat judge (earth mover's distance)")
    axes.grid(axis="y", color="0.9")
    axes.legend(frameon=False, fontsize="x-small")


def _finetuning(figure, histories: Mapping[tuple[str, int, int], pd.DataFrame]) -> None:
    axes = figure.subplots()
    looks = styles(list(dict.fromkeys(init for init, _, _ in histories)))
    shown, ring = set(), None
    for (init, _, _), history in histories.items():
        colour, marker, dashes = looks[init]
        name = None if init in shown else label(init)
        shown.add(init)
        _curve(axes, history, "val_loss", color=colour, marker=marker, linestyle=dashes, alpha=SEEDS_ALPHA, label=name)
        if not (free := history[history["frozen"] == 0]).empty:
            ring = axes.plot(
                free["epoch"].iloc[0], free["val_loss"].iloc[0], "o", color="black", fillstyle="none", markersize=9
            )[0]
    if ring is not None:
        ring.set_label("first epoch of the whole network")
    axes.set(xlabel="epoch", ylabel="validation loss in fine-tuning\n(earth mover's distance)")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y", color="0.9")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)


def _curve(axes, history: pd.DataFrame, column: str, **look) -> None:
    axes.plot(history["epoch"], history[column], markersize=3, linewidth=1, **look)
