"""The page that shows what a run found: claims, Table 2, figures, what went in. One file, readable without a network."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from aesthetic_pretraining import table2, table2_print
from aesthetic_pretraining.captions import CAPTIONS, SECTIONS, basis, untrained
from aesthetic_pretraining.files import atomic_path

TEMPLATES = Path(__file__).parent / "templates"
CLAIMED = ("claim", "place", "published", "ours", "verdict")  # columns of claims.csv that the page shows


class Shown(NamedTuple):
    """A figure on the page; `source` is empty where there is none to show."""

    name: str
    heading: str
    text: str
    basis: str
    wide: bool
    source: str


def write_report(
    out: Path,
    *,
    table: Path,
    figures: Mapping[str, Path],
    sheets: Mapping[str, Path],
    counts: Mapping[str, int],
    context: str,
    trained: Sequence[str],
    params_text: str,
    versions: Mapping[str, str],
    claims: Path | None = None,
    note: str = "",
    scale: str,
) -> None:
    """Write the report as one HTML file that loads nothing else. Same inputs, same bytes.

    Args:
        out: the page, results/<scale>/report.html.
        table: table2.csv, as `table2_print.write` wrote it.
        figures: PNG files by name; names in `captions.CAPTIONS` have captions, others show their name, last.
        sheets: PNG contact sheets by distortion, shown folded.
        counts: number of pictures by what they are for, "<set>: <role>".
        context: the sentence below every figure, see `context_of`.
        trained: initialisations of the run; a figure says which of its networks were not trained.
        params_text: the parameters of the run, YAML text.
        versions: program or package -> version.
        claims: claims.csv, as `claims.write` wrote it; those in prose are shown first, single numbers of Table 2 are counted.
        note: a caveat to print first and large, such as "demo: simulated votes".
        scale: name of the run's scale, such as "demo".
    Raises: ValueError if the table's note is another one: page and table would contradict each other.
    """
    frame = table2.read(table)
    if table2_print.note_of(frame) != note:
        raise ValueError(f"{table} carries the note {table2_print.note_of(frame)!r}, the report {note!r}")
    # Autoescape on: initialisation names, notes and parameters come from users.
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template("report.html.j2").render(
        claims=None if claims is None else _claims(claims),
        columns=table2.COLUMNS,
        rows=table2_print.rows(frame),
        footnotes=table2_print.footnotes(frame),
        tests=table2_print.tests(frame),
        sections=_sections(figures, counts, context, trained),
        sheets={name.replace("_", " "): data_uri(path) for name, path in sheets.items()},
        counts=counts,
        context=context,
        params_text=params_text,
        versions=versions,
        note=note,
        scale=scale,
    )
    with atomic_path(out) as temporary:
        temporary.write_text(page, encoding="utf-8")


def context_of(scale: str, pretrainings: Sequence[int], seeds: Sequence[int], table: str, engine: str) -> str:
    """What every caption ends with: scale, seeds of pretraining and fine-tuning, distortions' table and engine, one sentence."""
    kinds = {"pretraining": pretrainings, "fine-tuning": seeds}
    numbers = [f"{kind} seed{'s' if len(used) > 1 else ''} {', '.join(map(str, used))}" for kind, used in kinds.items()]
    return f"Scale {scale}; {'; '.join(numbers)}; distortions: table {table}, engine {engine}."


def data_uri(path: Path) -> Markup:
    """A PNG file as text that stands for a link to it."""
    return Markup("data:image/png;base64," + base64.b64encode(Path(path).read_bytes()).decode("ascii"))


def _sections(
    figures: Mapping[str, Path], counts: Mapping[str, int], context: str, trained: Sequence[str]
) -> dict[str, list[Shown]]:
    """{heading: figures}: those of `SECTIONS` that are there or were left out for want of a network, then all others."""
    shown = {
        heading: [
            _shown(name, figures.get(name), counts, context, trained) for name in names if _belongs(name, figures, trained)
        ]
        for heading, names in SECTIONS.items()
    }
    others = [Shown(name, name, name, context, False, data_uri(path)) for name, path in figures.items() if name not in CAPTIONS]
    return {heading: parts for heading, parts in (shown | {"More figures": others}).items() if parts}


def _belongs(name: str, figures: Mapping[str, Path], trained: Sequence[str]) -> bool:
    return name in figures or bool(untrained(name, trained))


def _shown(name: str, path: Path | None, counts: Mapping[str, int], context: str, trained: Sequence[str]) -> Shown:
    caption, missing = CAPTIONS[name], untrained(name, trained)
    last = basis(name, counts, context) if path is not None else "Left out."
    last += f" Not trained in this run: {', '.join(missing)}." if missing else ""
    return Shown(name, caption.heading, caption.text, last, caption.wide, "" if path is None else data_uri(path))


def _claims(path: Path) -> tuple[list[str], list[list[tuple[str, str]]], str]:
    """(heads, rows of (column, text), a sentence on the single numbers of Table 2)."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    single = frame["id"].str.startswith("table2.")
    counts = ", ".join(f"{count} {verdict}" for verdict, count in frame[single]["verdict"].value_counts().items())
    rows = [[(name, row[name]) for name in CLAIMED] for _, row in frame[~single].iterrows()]
    return list(CLAIMED), rows, f"Table 2, number by number and dagger by dagger ({single.sum()}): {counts}."
