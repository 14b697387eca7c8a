"""Alternative texts: what is seen on each figure, in words, from the data that it is drawn from.

`draw_*` functions set them as the figure's label. They say what a caption does not: the numbers.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from aesthetic_pretraining.distortions import ASPECTS, DISTORTIONS
from aesthetic_pretraining.initialisations import title_of
from aesthetic_pretraining.reporting.figures.style import words


def listed(parts: Sequence[str]) -> str:
    """a; a and b; a, b and c."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def of_figure1(examples: Mapping[str, Mapping[int, np.ndarray]]) -> str:
    """Which photo variants stand in which row, and what is beside them."""
    rows = [
        f"{words(name)} at levels {listed([f'{level:+d}' if level else '0' for level in sorted(shown)])}"
        for name, shown in examples.items()
    ]
    return f"Rows of one photo: {'; '.join(rows)}. Beside them a network with three heads: a score, a class, an intensity."


def of_photos(number: int, rows: int) -> str:
    """A grid of photos."""
    return f"A grid of {number} photos in {rows} row{'s' if rows > 1 else ''}."


def by_share(metrics: pd.DataFrame, column: str, title: str, inits: Sequence[str], decimals: int) -> str:
    """The means of a column over seeds at each share of the labels, one clause per initialisation."""
    found = []
    for init in inits:
        means = metrics[metrics["init"] == init].groupby("share")[column].mean()
        found.append(f"{title_of(init)} {listed([f'{mean:.{decimals}f} at {share} %' for share, mean in means.items()])}")
    return f"{title}: {'; '.join(found)}."


def of_violins(values: Mapping[int, np.ndarray], output: str) -> str:
    """The medians of a panel of Figure 4 at its lowest level, 0 and its highest."""
    chosen = [level for level in (min(values), 0, max(values))]
    return f"{words(output)} output: median {listed([f'{np.median(values[level]):.2f} at level {level:+d}' if level else f'{np.median(values[0]):.2f} at level 0' for level in dict.fromkeys(chosen)])}."


def of_curves(histories: Mapping[tuple, pd.DataFrame], what: str) -> str:
    """From where to where the validation loss of each network goes, of several training runs the first."""
    first: dict[str, pd.DataFrame] = {}
    for key, history in histories.items():
        first.setdefault(key[0], history)
    found = [
        f"{title_of(name)} from {history['val_loss'].iloc[0]:.3g} to {history['val_loss'].iloc[-1]:.3g} in {len(history)} epochs"
        for name, history in first.items()
    ]
    return f"Validation loss in {what}: {'; '.join(found)}."


def of_ranking(ranking: pd.DataFrame) -> str:
    """The mean share of each network, and where it is best and worst."""
    found = []
    for task, rows in ranking.groupby("task", sort=False):
        means = rows.groupby("distortion")["share"].mean()
        best, worst = means.idxmax(), means.idxmin()
        found.append(
            f"{title_of(task)} {rows['share'].mean():.2f} on average, most for {words(best)} ({means[best]:.2f}), least for "
            f"{words(worst)} ({means[worst]:.2f})"
        )
    return f"Fraction ranked correctly: {'; '.join(found)}."


def of_heatmap(cross: pd.DataFrame) -> str:
    """How strong the diagonal is, and the strongest correlation off it."""
    same = cross["applied"] == cross["output"]
    off = cross[~same].dropna(subset="correlation")
    text = f"Mean correlation on the diagonal {cross.loc[same, 'correlation'].mean():.2f}"
    if off.empty:
        return f"{text}."
    top = off.loc[off["correlation"].abs().idxmax()]
    return f"{text}; strongest off it: the output for {words(top['output'])} under {words(top['applied'])}, {top['correlation']:+.2f}."


def of_confusion(accuracy: pd.DataFrame) -> str:
    """The accuracy of each head at the smallest and the largest distance from level 0, beside chance."""
    found = []
    for aspect in ASPECTS:
        rows = accuracy[accuracy["aspect"] == aspect].sort_values("level")
        first, last = rows.iloc[0], rows.iloc[-1]
        found.append(
            f"{aspect} {first['share']:.2f} at distance {first['level']:.0f}, {last['share']:.2f} at distance {last['level']:.0f} "
            f"(chance {first['chance']:.2f})"
        )
    return f"Accuracy: {'; '.join(found)}."


def of_predictions(predictions: Mapping[str, pd.DataFrame]) -> str:
    """Mean and spread of each network's predictions beside the true scores."""
    true = next(iter(predictions.values()))["target"]
    found = [
        f"{title_of(init)} {frame['predicted'].mean():.2f} ({frame['predicted'].std():.2f})"
        for init, frame in predictions.items()
    ]
    return f"Mean (standard deviation) of scores: true {true.mean():.2f} ({true.std():.2f}); predicted by {', '.join(found)}."


def of_extremes(best: Sequence[tuple], worst: Sequence[tuple]) -> str:
    """The range of predictions in each row."""
    rows = [
        f"{len(row)} images with the {name} predictions, {min(p for _, p, _ in row):.2f} to {max(p for _, p, _ in row):.2f}"
        for name, row in (("highest", best), ("lowest", worst))
        if row
    ]
    return f"{'; '.join(rows)}."


def of_premise(rows: pd.DataFrame) -> str:
    """Of each source, how many kinds agree with the premise more often than not, and the ends."""
    found = []
    for source, mine in rows.groupby("source", sort=False):
        most, least = mine.loc[mine["share"].idxmax()], mine.loc[mine["share"].idxmin()]
        found.append(
            f"{source}: {(mine['share'] > 0.5).sum()} of {len(mine)} kinds above one half, most {most['distortion']} "
            f"({most['share']:.2f}), least {least['distortion']} ({least['share']:.2f})"
        )
    return f"{'; '.join(found)}."


def of_photo_scores(scores: pd.Series) -> str:
    """The range of predicted scores."""
    return f"{len(scores):,} photos with predicted scores from {scores.min():.2f} to {scores.max():.2f}, median {scores.median():.2f}."


def of_photo_classes(diversity: pd.DataFrame) -> str:
    """The most frequent class of each network."""
    found = [
        f"{row.network} finds {row.seen} of {row.classes}, most often {row.most} ({row.most_share:.0%})"
        for row in diversity.itertuples()
    ]
    return f"{'; '.join(found)}."


def of_sensitivity(rows: pd.DataFrame) -> str:
    """The mean distance of each network by aspect."""
    means = rows[rows["distortion"] == "all"].set_index(["init", "aspect"])["distance"]
    found = [
        f"{title_of(init)} {listed([f'{means[init, aspect]:.2f} ({aspect})' for aspect in ASPECTS if (init, aspect) in means])}"
        for init in dict.fromkeys(rows["init"])
    ]
    return f"Mean distance: {'; '.join(found)}."


def of_probes(rows: pd.DataFrame, title: str) -> str:
    """The value of each probe of a panel."""
    found = [f"{title_of(row.init)} {'undefined' if np.isnan(row.value) else f'{row.value:.2f}'}" for row in rows.itertuples()]
    return f"{title}: {', '.join(found)}."


def of_sheet(names: Sequence[str], size: int) -> str:
    """Which distortions are seen at which levels."""
    levels = [level for name in names for level in DISTORTIONS[name].levels]
    kinds = f"{len(names)} distortions" if len(names) > 1 else words(names[0])
    return f"{kinds} at levels {min(0, *levels):+d} to {max(levels):+d}, variants of {size} by {size} pixels, level 0 framed."
