"""The figure of the search of fine-tuning's rates, dropout and patience."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aesthetic_pretraining.reporting.figures.style import OKABE_ITO, blank

PANELS = {  # phase: what is on the x axis, what tells the lines apart, how they are named, the heading
    "head": ("learning_rate_head", ["dropout"], "dropout {:g}", "the new layer alone"),
    "all": (
        "learning_rate_features",
        ["halve_after", "stop_after"],
        "patience {:g} and {:g}",
        "with the best of these, all layers",
    ),
}


def draw_finetune_search(table: pd.DataFrame) -> Figure:
    """Validation loss over the rates, a panel for each phase: a dot per seed, lines through their means, a ring around the chosen.

    Args: table: the frame of `training.finetune_search.search_finetuning`.
    """
    figure = blank(7.0, 3.4)
    for axes, (phase, (rate, by, name, heading)) in zip(figure.subplots(1, 2, sharey=True), PANELS.items(), strict=True):
        rows = table[table["phase"] == phase].astype({rate: float})
        for k, (values, group) in enumerate(rows.groupby(by, sort=False)):
            colour = OKABE_ITO[k % len(OKABE_ITO)]
            axes.plot(group[rate], group["val_emd"], "o", color=colour, alpha=0.5, markersize=3)
            means = group.groupby(rate)["val_emd"].mean()
            axes.plot(means.index, means, "-", color=colour, linewidth=1, label=name.format(*values))
        best = rows[rows["chosen"] == 1]
        axes.plot(best[rate].iloc[0], best["val_emd"].mean(), "o", color="black", fillstyle="none", markersize=10)
        axes.set_title(heading, fontsize="small")
        _dress(axes, rate, rows["constant_emd"].iloc[0])
    return figure


def _dress(axes: Axes, rate: str, constant: float) -> None:
    axes.axhline(constant, color="0.4", linestyle="--", linewidth=1, label="constant prediction")
    axes.set(xscale="log", xlabel=f"finetune.{rate}")
    if axes.get_subplotspec().is_first_col():  # type: ignore[union-attr]  # made by subplots, so there is one
        axes.set_ylabel("validation loss (earth mover's distance)")
    axes.grid(axis="y", color="0.9")
    axes.legend(frameon=False, fontsize="x-small")
