"""What all figures have in common: style, colours, the note, and saving.

`draw_*` functions return a `Figure`, so that tests can inspect it; `save` writes it. No pyplot: no global state, no windows.
Colours are from Okabe and Ito (2008), distinguishable with colour blindness; every line also has its own marker and dashes,
for greyscale prints.
"""

import textwrap
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure

from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.initialisations import title_of
from aesthetic_pretraining.settings.labels import LabelledSet

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # without the faint yellow
DASHES = ("-", "--", "-.", ":", (0, (9, 2)), (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
LINES = tuple(zip(OKABE_ITO, "osD^vPX", DASHES, strict=True))  # colour, marker, dashes
# first the two that the paper compares, so that they get the most distinct colours
KNOWN = ("imagenet", "ranking_regression", "ranking", "ranking_classification", "rotnet", "simclr")
PROPER = {"jpeg": "JPEG", "gaussian": "Gaussian"}  # words of distortions that are names
NOTE_FRAME = {"boxstyle": "round", "facecolor": "#FFF3C4", "edgecolor": "black"}  # of the note
BARS = 36  # of a histogram over the whole scale
MARGIN = 0.1  # inches around the drawing; without it, the frame of the note touches the edge
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "hatch.linewidth": 0.5,
    "pdf.fonttype": 42,  # TrueType, so that text in the PDF stays text
    "savefig.dpi": 200,
}


def save(figure: Figure, *paths: Path) -> None:
    """Write a figure to each path, .pdf or .png by its suffix. Equal figures give equal bytes: no dates, no versions.

    The figure's label is what is seen on it (`alternatives`): it goes into the files, from which the report takes it.

    Raises: ValueError for another suffix.
    """
    seen = str(figure.get_label())
    metadata: dict[str, dict] = {
        ".pdf": {"CreationDate": None, "Producer": None, "Creator": None, "Subject": seen or None},
        ".png": {"Software": None} | ({"Description": seen} if seen else {}),
    }
    with matplotlib.rc_context(STYLE):  # the number of ticks, and so the layout, depends on the style
        # Compute layout and bounding box once; savefig would spend most of its time on doing so for each format.
        figure.draw_without_rendering()
        box = figure.get_tightbbox().padded(MARGIN)
        figure.set_layout_engine(None)
        for path in map(Path, paths):
            if path.suffix not in metadata:
                raise ValueError(f"{path}: a figure is written as one of {', '.join(metadata)}")
            with atomic_path(path) as temporary:
                figure.savefig(temporary, format=path.suffix[1:], bbox_inches=box, metadata=metadata[path.suffix])


def blank(width: float, height: float, note: str = "", *, facts: str = "") -> Figure:
    """An empty figure, size in inches, with the note, if any, at the top; otherwise with the facts (`state`)."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        mark(figure, width, note)
        if not note:
            state(figure, width, facts)
    return figure


def mark(part: Figure | SubFigure, width: float, note: str) -> None:
    """Print the note, if any, framed above a figure or subfigure of `width` inches."""
    if note:
        # Wrapped here, at about 10 characters per inch: matplotlib's own wrapping overflows. parse_math=False: "$" is a dollar.
        lines = textwrap.fill(note, int(10 * width))
        part.suptitle(lines, fontsize="medium", fontweight="bold", bbox=NOTE_FRAME, parse_math=False)


def state(part: Figure | SubFigure, width: float, facts: str) -> None:
    """Print what a figure or subfigure of `width` inches is based on (`facts`), if given, above it."""
    if facts:
        part.suptitle(textwrap.fill(facts, int(14 * width)), fontsize="small", parse_math=False)


def label(init: str) -> str:
    """An initialisation's printed name."""
    return title_of(init)


def words(name: str) -> str:
    """A distortion's printed name."""
    return PROPER.get(name.split("_")[0], name.split("_")[0]) + "".join(f" {word}" for word in name.split("_")[1:])


def styles(names: Sequence[str]) -> dict[str, tuple]:
    """{name: (colour, marker, dashes)} in the given order; known initialisations look the same in every figure."""
    others = [name for name in names if name not in KNOWN]
    looks = dict(zip((*KNOWN, *others), cycle(LINES), strict=False))
    return {name: looks[name] for name in names}


def bins_of(scale: LabelledSet) -> list[float]:
    """The edges of a histogram of scores over a set's whole scale."""
    return np.linspace(scale.low, scale.high, BARS + 1).tolist()


def share_legend(figure: Figure, ncols: int = 3) -> None:
    """One legend below all panels, with the entries of the first."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=ncols, frameon=False)


def show_pictures(places: Sequence[Axes], pictures: Sequence[np.ndarray], titles: Sequence[str] = ()) -> None:
    """Show each image, uint8 (H, W, 3), in its own axes with its title; the remaining axes stay empty."""
    for axes in places:
        axes.set_axis_off()
    for k, (axes, picture) in enumerate(zip(places, pictures, strict=False)):
        axes.imshow(picture)
        if titles:
            axes.set_title(titles[k], fontsize="small")
