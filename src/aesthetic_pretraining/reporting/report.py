"""The report of a run as one self-contained HTML page: findings, what ran, Table 2, claims, figures, data, inputs."""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.initialisations import title_of
from aesthetic_pretraining.reporting import claims as paper_claims
from aesthetic_pretraining.reporting import findings, media, page_claims, probe_table, table2, table2_print
from aesthetic_pretraining.reporting.captions import CAPTIONS, SECTIONS, Caption, basis, caption_of, mark, untrained
from aesthetic_pretraining.reporting.figures.style import words

TEMPLATES = Path(__file__).parent / "templates"
TABLES = ("table2", "claims", "probes")  # what the page shows as tables; all other CSVs are data behind figures


class Shown(NamedTuple):
    """A figure on the page.

    Attributes:
        mark: the note if it depends on votes, else "". picture: None if the figure was left out.
        files: its vector files. data: names of the tables that it is drawn from, as far as the page offers them.
    """

    name: str
    heading: str
    text: str
    basis: str
    mark: str
    wide: bool
    picture: media.Picture | None
    files: Sequence[media.Download]
    data: Sequence[str]


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
    facts: Sequence[tuple[str, str]] = (),
    files: Sequence[Path] = (),
    examples: Mapping[str, int] | None = None,
    claims: Path | None = None,
    probes: Path | None = None,
    note: str = "",
    scale: str,
) -> None:
    """Write the report as one self-contained HTML file; equal inputs give equal bytes.

    Args:
        out: the page, results/<scale>/report.html.
        table: table2.csv, as `table2_print.write` wrote it.
        figures: PNG files by name; those without an entry in `captions.CAPTIONS` come last, captioned with their name. What is seen
            on them stands in their text chunk Description (`style.save`).
        sheets: PNG contact sheets by distortion, collapsed by default.
        counts: number of images by "<set>: <role>".
        histories: {(task, seed): history} of all pretraining runs.
        context: the sentence below every figure that depends on votes (`context_of`). unlabelled: below the others.
        trained: initialisations of the run; a figure states which of its networks were not trained.
        params_text: the parameters of the run, YAML text.
        versions: {program or package: version}.
        facts: what ran, as (term, words).
        files: tables and vector figures to download; each is offered where its name is shown, and all CSVs at the end.
        examples: {figure: number of photos that it shows of those it is drawn from}.
        claims: claims.csv, as `claims.write` wrote it.
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
    checked = None if claims is None else pd.read_csv(claims, dtype=str, keep_default_na=False)
    offered = media.downloads(files)
    # Autoescape: initialisation names, notes and parameters come from users.
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style, script = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    page = environment.get_template("report.html.j2").render(
        style=Markup(style),
        script=Markup(script),
        policy=policy(style, script),
        findings=findings.sentences(frame, checked, simulated=bool(note)),
        facts=facts,
        claims=None if checked is None else _claims(checked),
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
            lambda name: basis(name, counts, histories, sets, context, unlabelled, examples),
            {name: caption_of(name, sets[0]) for name in CAPTIONS},
            context,
            trained,
            note,
            offered,
        ),
        sheets={words(name): media.picture(path) for name, path in sheets.items()},
        tables={name: offered[name] for name in TABLES if name in offered},
        data={name: parts for name, parts in offered.items() if name not in TABLES and any(p.kind == "CSV" for p in parts)},
        counts=counts,
        context=context,
        params_text=params_text,
        versions=versions,
        note=note,
        scale=scale,
    )
    with atomic_path(out) as temporary:
        temporary.write_text(page, encoding="utf-8")


def policy(style: str, script: str) -> str:
    """The page's content security policy: nothing but images inside of it, this style and this script, by their digests."""
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script))
    allowed = "style-src 'sha256-{}'; script-src 'sha256-{}'".format(*digests)
    return f"default-src 'none'; img-src data:; {allowed}; base-uri 'none'; form-action 'none'"


def what_ran(counts: Mapping[str, int], trained: Sequence[str], values: Mapping, note: str) -> list[tuple[str, str]]:
    """What ran, as (term, words), as far as it is the same for equal results; `values`: all parameters by dotted key."""

    def roles(dataset: str) -> str:
        found = {what.partition(": ")[2]: n for what, n in counts.items() if what.startswith(f"{dataset}: ")}
        return ", ".join(f"{n:,} {role}" for role, n in found.items() if role != "listed")

    seeds = {kind: values[f"{kind}.seeds"] for kind in ("pretrain", "finetune")}
    labelled = list(dict.fromkeys(what.partition(": ")[0] for what in counts))
    return [
        ("Photos without labels", roles("photos")),
        *((f"Images of {name}", roles(name)) for name in labelled if name != "photos"),
        ("Votes", note or "by people"),
        ("Networks", "; ".join(map(title_of, trained))),
        ("Seeds", "; ".join(f"{kind}: {', '.join(map(str, used))}" for kind, used in seeds.items())),
        ("Backbone", f"{values['backbone.name']}, images of {values['image.size']} by {values['image.size']} pixels"),
        ("Distortions", f"table {values['distortions.table']}, engine {values['distortions.engine']}"),
    ]


def context_of(scale: str, pretrainings: Sequence[int], seeds: Sequence[int], table: str, engine: str) -> str:
    """The last sentence of every caption: scale, seeds of pretraining and (if any) of fine-tuning, distortion table and engine."""
    kinds = {"pretraining": pretrainings, "fine-tuning": seeds}
    numbers = [f"{kind} seed{'s' if len(used) > 1 else ''} {', '.join(map(str, used))}" for kind, used in kinds.items() if used]
    return f"Scale {scale}; {'; '.join(numbers)}; distortions: table {table}, engine {engine}."


def _sections(
    figures: Mapping[str, Path],
    basis_of: Callable[[str], str],
    captions: Mapping[str, Caption],
    context: str,
    trained: Sequence[str],
    note: str,
    offered: Mapping[str, Sequence[media.Download]],
) -> dict[str, list[Shown]]:
    """{heading: figures}: those of `SECTIONS` that exist or were left out because a network was not trained, then all others."""
    shown = {
        heading: [
            _shown(name, figures.get(name), basis_of, captions[name], trained, note, offered)
            for name in names
            if _belongs(name, figures, trained)
        ]
        for heading, names in SECTIONS.items()
    }
    others = [
        Shown(name, name, name, context, mark(name, note), False, media.picture(path), offered.get(name, ()), ())
        for name, path in figures.items()
        if name not in CAPTIONS
    ]
    return {heading: parts for heading, parts in (shown | {"More figures": others}).items() if parts}


def _belongs(name: str, figures: Mapping[str, Path], trained: Sequence[str]) -> bool:
    return name in figures or bool(untrained(name, trained))


def _shown(
    name: str,
    path: Path | None,
    basis_of: Callable[[str], str],
    caption: Caption,
    trained: Sequence[str],
    note: str,
    offered: Mapping[str, Sequence[media.Download]],
) -> Shown:
    missing = untrained(name, trained)
    last = basis_of(name) if path is not None else "Left out."
    last += f" Not trained in this run: {', '.join(missing)}." if missing else ""
    picture = None if path is None else media.picture(path)
    files = [file for file in offered.get(name, ()) if file.kind in ("PDF", "SVG")]
    data = [table for table in caption.data if table in offered and path is not None]
    return Shown(name, caption.heading, caption.text, last, mark(name, note), caption.wide, picture, files, data)


def _claims(frame: pd.DataFrame) -> dict:
    """The claims in prose, those that single numbers of Table 2 make, and the sentences below."""
    prose, single = page_claims.rows(frame)
    lines = [*filter(None, [paper_claims.counted(frame)]), *paper_claims.footnotes(frame)]
    return {"prose": prose, "single": single, "lines": lines, "verdicts": list(dict.fromkeys(each.verdict for each in prose))}
