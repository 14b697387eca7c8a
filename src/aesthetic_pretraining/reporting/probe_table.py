"""The table of linear probes: one frame, tables/probes.csv, from which the Markdown and HTML versions are printed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from aesthetic_pretraining.files import atomic_path, write_text
from aesthetic_pretraining.initialisations import BASELINE, PAPER, title_of
from aesthetic_pretraining.reporting.markup import escape_markdown
from aesthetic_pretraining.settings.labels import LabelledSet

MISSING = "–"
UNDEFINED = "undef."


class Shown(NamedTuple):
    """One column: name in the frame, printed head, and the row of probe/probes.csv that it shows."""

    name: str
    head: str
    trained_on: str
    dataset: str
    metric: str


Panel = tuple[str, str]  # (set that probes are trained on, set that they are tested on)
METRICS = {"lcc": "LCC ↑", "srcc": "SRCC ↑", "acc": "ACC ↑", "mae": "MAE ↓", "emd1": "EMD, r = 1 ↓", "emd2": "EMD, r = 2 ↓"}
NUMBERS = ("value", "low", "high", "difference", "diff_low", "diff_high")


def read_probes(path: Path) -> pd.DataFrame:
    """Read probe/probes.csv, with empty texts as "" rather than NaN."""
    return pd.read_csv(path, dtype={"init": str, "regularisation": str, "problem": str}).fillna(
        {"regularisation": "", "problem": ""}
    )


def panels(probes: pd.DataFrame, sets: Sequence[LabelledSet]) -> dict[Panel, str]:
    """{(trained on, tested on): title} of a run's probes: of the first set, of it on each other set, of other sets' own scenes."""
    home, *others = sets
    titles = {(home.name, home.name): home.title}
    titles |= {(home.name, each.name): f"{each.title}, probe of {home.title}" for each in others}
    titles |= {(each.name, each.name): f"{each.title}, unseen scenes" for each in others}
    there = set(probes[["trained_on", "dataset"]].itertuples(index=False, name=None))
    return {panel: title for panel, title in titles.items() if panel in there}


def compared(titles: Mapping[Panel, str]) -> list[Shown]:
    """The columns that are printed with intervals, and with the difference to ImageNet."""
    return [Shown(_name(panel, "srcc"), title, *panel, "srcc") for panel, title in titles.items()]


def other(titles: Mapping[Panel, str], metrics: Collection[tuple[str, str, str]]) -> list[Shown]:
    """The columns of the other metrics: of each probe on images of the set that it was trained on, if `metrics` has them."""
    found = []
    for panel, title in titles.items():
        kept = [name for name in METRICS if name != "srcc" and panel[0] == panel[1] and (*panel, name) in metrics]
        separator = ":" if "," in title else ""
        heads = [METRICS[name] if k else f"{title}{separator} {METRICS[name]}" for k, name in enumerate(kept)]
        found += [Shown(_name(panel, name), head, *panel, name) for name, head in zip(kept, heads, strict=True)]
    return found


def build(
    probes: pd.DataFrame, sets: Sequence[LabelledSet], *, note: str, strengths: tuple[float, float], confidence: float
) -> pd.DataFrame:
    """The table: one row per initialisation and share, the paper's initialisations first, shares in descending order.

    Args:
        probes: columns `probe.PROBE_COLUMNS`, at least share 100.
        sets: the test sets, the one that networks are trained on first.
        strengths: the lowest and the highest regularisation of the grid.
        note: a caveat that every printed version carries, such as "demo: simulated votes".
    Returns: columns init, label, share; for every shown column, <trained on>_<tested on>_<metric>, its value, `_low`, `_high`,
        `_difference` (to ImageNet's probe of the same share), `_diff_low`, `_diff_high`; per pair of sets <trained on>_<tested
        on>_title; notes (one sentence per line), and note if there is one.
    """
    titles = panels(probes, sets)
    columns = [*compared(titles), *other(titles, _metrics_of(probes))]
    inits = in_order(probes["init"])
    keys = ["trained_on", "dataset", "metric"]
    found = {(*row[:5],): row[5:] for row in probes[["init", "share", *keys, *NUMBERS]].itertuples(index=False)}
    rows = []
    for init in inits:
        for share in sorted(probes["share"].unique(), reverse=True):
            row = {"init": init, "label": title_of(init), "share": share}
            for column in columns:
                values = found.get((init, share, *column[2:]), (np.nan,) * len(NUMBERS))
                row |= {_part(column, part): value for part, value in zip(NUMBERS, values, strict=True)}
            rows.append(row)
    table = pd.DataFrame(rows)
    for panel, title in titles.items():
        table[_name(panel, "title")] = title
    table["notes"] = "\n".join(notes(probes, sets, strengths, confidence))
    return table.assign(note=note) if note else table


def in_order(inits: Iterable[str]) -> list[str]:
    """The distinct initialisations, the paper's first and in its order."""
    found = list(dict.fromkeys(inits))
    return [*(init for init in PAPER if init in found), *(init for init in found if init not in PAPER)]


def notes(probes: pd.DataFrame, sets: Sequence[LabelledSet], strengths: tuple[float, float], confidence: float) -> list[str]:
    """The footnotes of the table, as plain sentences."""
    home, titles = sets[0], {each.name: each.title for each in sets}
    whole = probes[probes["share"] == 100]
    pictures = whole.groupby("dataset")["pictures"].max()
    own = " and ".join(titles[trained] for trained, tested in panels(probes, sets) if trained == tested != home.name)
    scenes = (
        f" Unseen scenes: probes trained on {own} itself, each evaluated on reference scenes that it was not trained on."
        if own
        else ""
    )
    folds = (
        f" {home.title}'s images are predicted in {home.folds} folds, each by the probe that was not trained on it."
        if home.folds
        else ""
    )
    numbers = " and ".join(f"{pictures[each.name]:,} {each.title}" for each in sets if each.name in pictures)
    lines = [
        "Ridge regression of the mean score on frozen features in inference mode, standardised on the training images; the "
        f"regularisation is chosen on the validation split.{folds}{scenes}",
        f"In brackets: {100 * confidence:g} % intervals over {numbers} images. "
        f"Differences are to {title_of(BASELINE)}'s probe of the same share. The intervals do not cover the variation between "
        "pretraining runs.",
    ]
    ends = {f"{end:.4g}" for end in strengths}
    at_end = [
        f"{title_of(row.init)} ({row.trained_on}, {row.share} %: {row.regularisation})"
        for row in probes[probes["metric"] == "srcc"].drop_duplicates(["init", "share", "trained_on"]).itertuples()
        if ends & set(row.regularisation.split())
    ]
    if at_end:
        lines.append(
            "The chosen regularisation is at an end of the range from probe.lowest to probe.highest for at least one probe of: "
            f"{', '.join(at_end)}."
        )
    problems = probes[probes["problem"] != ""].drop_duplicates(["init", "share", "trained_on", "dataset", "problem"])
    for (problem, dataset), group in problems.groupby(["problem", "dataset"], sort=False):
        labels = [title_of(init) for init in in_order(group["init"])]
        lines.append(f"{titles[dataset]}: {problem} ({', '.join(labels)}).")
    return lines


def read(path: Path) -> pd.DataFrame:
    """Read the frame from tables/probes.csv."""
    titles = [name for name in pd.read_csv(path, nrows=0).columns if name.endswith("_title")]
    texts = dict.fromkeys(["init", "label", "note", "notes", *titles], str)
    return pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=[""])


def write(table: pd.DataFrame, csv: Path, md: Path) -> None:
    """Write the table as CSV and as Markdown; equal tables give equal bytes."""
    with atomic_path(csv) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
    write_text(md, to_markdown(table))


def to_markdown(table: pd.DataFrame) -> str:
    """The table as GitHub Markdown: note, correlations with intervals, other metrics, the first set by share, footnotes."""
    lines = [f"**{escape_markdown(table['note'].iloc[0])}**", ""] if "note" in table else []
    for title, heads, body in parts(table):
        lines += [
            f"{escape_markdown(title)}:",
            "",
            f"| {' | '.join(map(escape_markdown, heads))} |",
            "|---|" + "---:|" * (len(heads) - 1),
        ]
        lines += ["| " + " | ".join([escape_markdown(label), *cells]) + " |" for label, *cells in body]
        lines.append("")
    return "\n".join([*lines, *(f"{escape_markdown(line)}\n" for line in footnotes(table))])


def footnotes(table: pd.DataFrame) -> list[str]:
    """The footnotes stored in the table."""
    return table["notes"].iloc[0].splitlines()


def parts(table: pd.DataFrame) -> list[tuple[str, list[str], list[list[str]]]]:
    """The printed tables, up to three of (title, heads, rows of text), common to all printed versions."""
    whole = table[table["share"] == 100]
    shares = sorted(table["share"].unique())
    titles = _titles(table)
    with_ends, plain = compared(titles), other(titles, _metrics_in(table, titles))
    found = [
        (
            "Spearman correlation, and its difference to ImageNet's",
            ["Linear probe of", *(head for column in with_ends for head in (f"{column.head} ↑", "difference"))],
            [[row["label"], *(text for column in with_ends for text in _compared(row, column))] for _, row in whole.iterrows()],
        ),
        (
            "Other metrics",
            ["Linear probe of", *(column.head for column in plain)],
            [[row["label"], *(_number(row[column.name]) for column in plain)] for _, row in whole.iterrows()],
        ),
    ]
    if len(shares) > 1:
        by_share = [
            [label, *(_with_ends(group.set_index("share").loc[share], with_ends[0]) for share in shares)]
            for label, group in table.groupby("label", sort=False)
        ]
        heads = ["Linear probe of", *(f"{share} % of the labels" for share in shares)]
        found.append((f"Spearman correlation on {with_ends[0].head} by share of the labels", heads, by_share))
    return found


def _titles(table: pd.DataFrame) -> dict[Panel, str]:
    """`panels` of the table, as it was built."""
    named = [name.split("_") for name in table.columns if name.endswith("_title")]
    return {(trained, tested): table[f"{trained}_{tested}_title"].iloc[0] for trained, tested, _ in named}


def _metrics_of(probes: pd.DataFrame) -> set[tuple[str, str, str]]:
    return set(probes[["trained_on", "dataset", "metric"]].itertuples(index=False, name=None))


def _metrics_in(table: pd.DataFrame, titles: Mapping[Panel, str]) -> set[tuple[str, str, str]]:
    return {(*panel, metric) for panel in titles for metric in METRICS if _name(panel, metric) in table}


def _name(panel: Panel, what: str) -> str:
    return f"{panel[0]}_{panel[1]}_{what}"


def _part(column: Shown, part: str) -> str:
    return column.name if part == "value" else f"{column.name}_{part}"


def _compared(row: pd.Series, column: Shown) -> Sequence[str]:
    difference = _number(row[f"{column.name}_difference"], "+")
    if not np.isnan(row[f"{column.name}_diff_low"]):
        difference += f" [{row[f'{column.name}_diff_low']:+.4f}, {row[f'{column.name}_diff_high']:+.4f}]"
    return _with_ends(row, column), MISSING if np.isnan(row[f"{column.name}_difference"]) else difference


def _with_ends(row: pd.Series, column: Shown) -> str:
    ends = (
        "" if np.isnan(row[f"{column.name}_low"]) else f" [{row[f'{column.name}_low']:.4f}, {row[f'{column.name}_high']:.4f}]"
    )
    return _number(row[column.name]) + ends


def _number(value: float, sign: str = "") -> str:
    return UNDEFINED if np.isnan(value) else f"{value:{sign}.4f}"
