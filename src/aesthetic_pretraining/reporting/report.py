"""The report of a run as one self-contained HTML page: claims, Table 2, figures, inputs."""

import base64
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.reporting import claims as paper_claims
from aesthetic_pretraining.reporting import probe_table, table2, table2_print
from aesthetic_pretraining.reporting.captions import CAPTIONS, SECTIONS, Caption, basis, caption_of, mark, untrained

TEMPLATES = Path(__file__).parent / "templates"


class Shown(NamedTuple):
    """A figure on the page; `mark` is the note if it depends on votes, else ""; `source` is "" if the figure was left out."""

    name: str
    heading: str
    text: str
    basis: str
    mark: str
    wide: bool
    source: str


def write_report(
    out: Path,
    *,
    table: Path,
    figures: Mapping[str, Path],
    sheets: Mapping[str, Path],
    counts: Mapping[str, int],
    histories: Mapping[tuple[str, int], pd.DataFrame],
    context: str,
    unlabelled: str,
    trained: Sequence[str],
    params_text: str,
    versions: Mapping[str, str],
    claims: Path | None = None,
    probes: Path | None = None,
    note: str = "",
    scale: str,
) -> None:
    """Write the report as one self-contained HTML file; equal inputs give equal bytes.

    Args:
        out: the page, results/<scale>/report.html.
        table: table2.csv, as `table2_print.write` wrote it.
        figures: PNG files by name; those without an entry in `captions.CAPTIONS` come last, captioned with their name.
        sheets: PNG contact sheets by distortion, collapsed by default.
        counts: number of images by "<set>: <role>".
        histories: {(task, seed): history} of all pretraining runs.
        context: the sentence below every figure that depends on votes (`context_of`). unlabelled: below the others.
        trained: initialisations of the run; a figure states which of its networks were not trained.
        params_text: the parameters of the run, YAML text.
        versions: {program or package: version}.
        claims: claims.csv, as `claims.write` wrote it; claims in prose are shown, those on single numbers of Table 2 counted.
        probes: tables/probes.csv, as `probe_table.write` wrote it.
        note: a caveat to print at the top and on every result that depends on votes, such as "demo: simulated votes".
        scale: name of the run's scale, such as "demo".
    Raises: ValueError if the table carries another note, because page and table would contradict each other.
    """
    frame = table2.read(table)
    if table2_print.note_of(frame) != note:
        raise ValueError(f"{table} carries the note {table2_print.note_of(frame)!r}, the report {note!r}")
    sets = table2.sets_of(frame)
    linear = None if probes is None else probe_table.read(probes)
    # Autoescape: initialisation names, notes and parameters come from users.
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template("report.html.j2").render(
        claims=None if claims is None else _claims(claims),
        columns=table2.columns(frame),
        groups=[(group, list(members)) for group, members in groupby(table2.columns(frame), key=lambda column: column.group)],
        published=any(frame[f"{column.name}_published"].notna().any() for column in table2.columns(frame)),
        home=sets[0].title,
        titles=[each.title for each in sets],
        rows=table2_print.rows(frame),
        footnotes=table2_print.footnotes(frame),
        tests=table2_print.tests(frame),
        probes=None if linear is None else (probe_table.parts(linear), probe_table.footnotes(linear)),
        sections=_sections(
            figures,
            lambda name: basis(name, counts, histories, sets, context, unlabelled),
            {name: caption_of(name, sets[0]) for name in CAPTIONS},
            context,
            trained,
            note,
        ),
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
    """The last sentence of every caption: scale, seeds of pretraining and (if any) of fine-tuning, distortion table and engine."""
    kinds = {"pretraining": pretrainings, "fine-tuning": seeds}
    numbers = [f"{kind} seed{'s' if len(used) > 1 else ''} {', '.join(map(str, used))}" for kind, used in kinds.items() if used]
    return f"Scale {scale}; {'; '.join(numbers)}; distortions: table {table}, engine {engine}."


def data_uri(path: Path) -> Markup:
    """A PNG file as a data URI."""
    return Markup("data:image/png;base64," + base64.b64encode(Path(path).read_bytes()).decode("ascii"))


def _sections(
    figures: Mapping[str, Path],
    basis_of: Callable[[str], str],
    captions: Mapping[str, Caption],
    context: str,
    trained: Sequence[str],
    note: str,
) -> dict[str, list[Shown]]:
    """{heading: figures}: those of `SECTIONS` that exist or were left out because a network was not trained, then all others."""
    shown = {
        heading: [
            _shown(name, figures.get(name), basis_of, captions[name], trained, note)
            for name in names
            if _belongs(name, figures, trained)
        ]
        for heading, names in SECTIONS.items()
    }
    others = [
        Shown(name, name, name, context, mark(name, note), False, data_uri(path))
        for name, path in figures.items()
        if name not in CAPTIONS
    ]
    return {heading: parts for heading, parts in (shown | {"More figures": others}).items() if parts}


def _belongs(name: str, figures: Mapping[str, Path], trained: Sequence[str]) -> bool:
    return name in figures or bool(untrained(name, trained))


def _shown(
    name: str, path: Path | None, basis_of: Callable[[str], str], caption: Caption, trained: Sequence[str], note: str
) -> Shown:
    missing = untrained(name, trained)
    last = basis_of(name) if path is not None else "Left out."
    last += f" Not trained in this run: {', '.join(missing)}." if missing else ""
    source = "" if path is None else data_uri(path)
    return Shown(name, caption.heading, caption.text, last, mark(name, note), caption.wide, source)


def _claims(path: Path) -> tuple[list[str], list[list[tuple[str, str]]], list[str]]:
    """(heads, rows of (column, text), sentences below): single numbers of Table 2 are counted, all other claims shown."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    prose = frame[~frame["id"].str.startswith("table2.")]
    shown = [
        [*((name, row[name]) for name in paper_claims.SHOWN), ("verdict", paper_claims.shown_verdict(row))]
        for _, row in prose.iterrows()
    ]
    lines = [*filter(None, [paper_claims.counted(frame)]), *paper_claims.footnotes(frame)]
    return [*paper_claims.SHOWN, "verdict"], shown, lines
