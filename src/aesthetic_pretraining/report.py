"""The page that shows what a run found: Table 2, Figures 3 to 5, what went in. One file, readable without a network."""

import base64
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from aesthetic_pretraining import table2
from aesthetic_pretraining.files import atomic_path

TEMPLATES = Path(__file__).parent / "templates"
FIGURES = {  # name -> heading, caption (also the text for those who cannot see the picture)
    "figure1": (
        "Figure 1: what pretraining asks of the network",
        (
            "Variants of one test photo. Of two variants the network has to score the less distorted one higher; in the multi-task "
            "settings it also names the distortion, or its level."
        ),
    ),
    "figure3": (
        "Figure 3: performance by share of the labels",
        (
            "Accuracy, Pearson and Spearman correlation and mean absolute error on the AVA test set when fine-tuning uses part of "
            "the training labels, from ImageNet weights and from ranking + regression pretraining. Bars, where there are any, "
            "show one standard deviation over seeds."
        ),
    ),
    "figure4": (
        "Figure 4: answers to brightness",
        (
            "Brightness (left) and contrast (right) output of the pretrained, not fine-tuned regression network for every test "
            "photo at each brightness level. Level 0 is the undistorted photo; circles are medians."
        ),
    ),
    "figure5": (
        "Figure 5: epochs until early stopping",
        "The epoch in which early stopping ended fine-tuning, by share of the training labels. Circled points were ended by the "
        "cap, finetune.max_epochs.",
    ),
    "overview": (
        "The distortions",
        "One photo under the distortions that the networks are pretrained to put in order; level 0 is framed.",
    ),
}


def write_report(
    out: Path,
    *,
    table: Path,
    figures: Mapping[str, Path],
    sheets: Mapping[str, Path],
    counts: Mapping[str, int],
    params_text: str,
    versions: Mapping[str, str],
    note: str = "",
    scale: str,
) -> None:
    """Write the report as one HTML file that loads nothing else. Same inputs, same bytes.

    Args:
        out: the page, results/<scale>/report.html.
        table: table2.csv, as `table2.write` wrote it.
        figures: PNG files by name, in the order to show them; names in `FIGURES` have captions, others show their name.
        sheets: PNG contact sheets by distortion, shown folded.
        counts: number of pictures by what they are for.
        params_text: the parameters of the run, YAML text.
        versions: program or package -> version.
        note: a caveat to print first and large, such as "demo: simulated votes".
        scale: name of the run's scale, such as "demo".
    Raises: ValueError if the table's note is another one: page and table would contradict each other.
    """
    frame = table2.read(table)
    if table2.note_of(frame) != note:
        raise ValueError(f"{table} carries the note {table2.note_of(frame)!r}, the report {note!r}")
    # Autoescape on: initialisation names, notes and parameters come from users.
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template("report.html.j2").render(
        columns=table2.COLUMNS,
        rows=table2.rows(frame),
        footnotes=table2.footnotes(frame),
        tests=[(row["label"], [row[f"{name}_p"] for name in table2.TESTED]) for _, row in frame.iterrows()],
        figures=[(*FIGURES.get(name, (name, name)), data_uri(path)) for name, path in figures.items()],
        sheets={name.replace("_", " "): data_uri(path) for name, path in sheets.items()},
        counts=counts,
        params_text=params_text,
        versions=versions,
        note=note,
        scale=scale,
    )
    with atomic_path(out) as temporary:
        temporary.write_text(page, encoding="utf-8")


def data_uri(path: Path) -> Markup:
    """A PNG file as text that stands for a link to it."""
    return Markup("data:image/png;base64," + base64.b64encode(Path(path).read_bytes()).decode("ascii"))
