"""The paper's claims (`resources/claims.yaml`) checked against this run's saved tables.

`claim_checks` and `photo_claims` have one function per kind of claim; docs/statistics.md defines the verdicts.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import write_text
from aesthetic_pretraining.initialisations import PAPER_RANKING, title_of
from aesthetic_pretraining.reporting import claim_checks, photo_claims, verdicts
from aesthetic_pretraining.reporting.claim_checks import UNKNOWN, Finding
from aesthetic_pretraining.reporting.claim_evidence import Evidence
from aesthetic_pretraining.reporting.markup import escape_markdown
from aesthetic_pretraining.reporting.table2 import Column, columns, tested
from aesthetic_pretraining.settings.labels import LabelledSet

CLAIM_COLUMNS = ["id", "place", "claim", "published", "value", "low", "high", "ours", "verdict", "reason", "detectable"]
WAYS = claim_checks.COMPUTE | photo_claims.COMPUTE
PRETEXT = (*claim_checks.PRETEXT, *photo_claims.PRETEXT)  # independent of votes
SHOWN = ("claim", "place", "published", "ours")  # before the verdict; reasons are printed below the table
HOME = "home_"  # start of a column of the set that networks are trained on, whichever it is
WITHOUT_VERDICT = (verdicts.NOT_TRAINED, verdicts.NOT_MEASURED, verdicts.HAS_NO_VALUE)


def check(claims: Sequence[Mapping], evidence: Evidence, *, simulated: bool = False) -> pd.DataFrame:
    """One row per claim with what this run found, columns `CLAIM_COLUMNS`; none for a claim on a set that is not tested.

    If the run is not the paper's experiment (its Table 2 says so), a claim is not compared with the paper's numbers, and `reason`
    says why. A claim that compares rows with each other is then judged by this run's own differences (`verdicts.HERE`), and for one
    that is not seen `detectable` says which difference the test could have shown; all others get no verdict.
    For claims that do not depend on votes (`PRETEXT`), other labelled sets are no such reason.

    Args:
        claims: resources/claims.yaml.
        simulated: whether votes are simulated, so that even this run's own differences say nothing about the claims.
    Raises: UserError naming a claim that appears twice or has no known check.
    """
    rows = []
    for claim in _expanded(claims, evidence):
        reason = ""
        if "needs" in claim:
            finding = Finding(*UNKNOWN, "", f"needs {claim['needs']}")
        elif claim.get("compute") in WAYS:
            finding = WAYS[claim["compute"]](evidence, claim["published"], **claim.get("with", {}))
            reason = verdicts.reason_of(evidence.table, "pretext" if claim["compute"] in PRETEXT else "votes")
            if reason and finding.verdict not in WITHOUT_VERDICT:
                own = "" if simulated or not claim.get("here", True) else finding.own
                finding = finding._replace(verdict=verdicts.HERE.get(own, verdicts.ANOTHER))
        else:
            raise UserError(f"claims: {claim['id']} has neither 'needs' nor a known 'compute'; known: {', '.join(WAYS)}")
        number = _printed(claim, finding.value, finding.low, finding.high)
        published = claim["published"] if isinstance(claim["published"], str) else _printed(claim, claim["published"])
        words = claim["id"], claim["place"], claim["claim"], published
        judged = finding.verdict in (verdicts.ANOTHER, *verdicts.HERE.values())
        unseen = finding.verdict == verdicts.HERE[verdicts.WITHIN_NOISE]
        why = reason if judged else "", finding.detectable if unseen else ""
        rows.append((*words, *finding[:3], finding.words or number, finding.verdict, *why))
    frame = pd.DataFrame(rows, columns=CLAIM_COLUMNS)
    if frame["id"].duplicated().any():
        raise UserError(f"claims: {frame['id'][frame['id'].duplicated()].iloc[0]} appears twice; rename one")
    return frame.round(6)


def shown_verdict(row: Mapping) -> str:
    """A claim's verdict as it is printed, with the smallest difference that the test could show, if the row has it."""
    detectable = row.get("detectable")
    known = isinstance(detectable, str) and detectable
    return f"{row['verdict']}; smallest difference that this test could show: {detectable}" if known else row["verdict"]


def to_markdown(frame: pd.DataFrame, note: str = "", cells: bool = True) -> str:
    """The claims as GitHub Markdown: those in prose, counts of verdicts on Table 2, and, with `cells`, Table 2 number by number."""
    single = frame["id"].str.startswith("table2.")
    lines = [f"**{escape_markdown(note)}**", ""] if note else []
    lines += _table(frame[~single])
    if single.any():
        lines += ["", counted(frame)]
    lines += [f"\n{line}" for line in map(escape_markdown, footnotes(frame))]
    return "\n".join([*lines, *(["", *_table(frame[single])] if cells and single.any() else []), ""])


def counted(frame: pd.DataFrame) -> str:
    """A sentence that counts the verdicts on single numbers of Table 2; "" if there are none."""
    single = frame["verdict"][frame["id"].str.startswith("table2.")]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in single.value_counts().items())
    return f"Table 2, number by number and dagger by dagger ({len(single)}): {counts}." if len(single) else ""


def footnotes(frame: pd.DataFrame) -> list[str]:
    """Why this is another experiment than the paper's, and what the verdicts of such a run mean."""
    reasons = frame["reason"].fillna("").unique() if "reason" in frame else ()
    lines = [f"{verdicts.ANOTHER.capitalize()} than the paper's: {reason}." for reason in reasons if reason]
    holds, unseen, reversed_ = verdicts.HERE.values()
    if frame["verdict"].isin(verdicts.HERE.values()).any():
        lines.append(
            f"Verdicts on this run's own rows, without the paper's numbers: {holds}: every difference that the claim is about is "
            f"beyond noise and as claimed; {reversed_}: at least one is beyond noise the other way, corrected for the number of "
            f"comparisons; {unseen}: neither. A claim of a saving holds here if anything is saved."
        )
    return lines


def write(frame: pd.DataFrame, csv: Path, markdown: Path, note: str = "") -> None:
    """Write the claims as CSV (with a column for the note, if any) and as Markdown."""
    noted = frame.assign(note=note) if note else frame
    write_text(csv, noted.to_csv(index=False, lineterminator="\n"))
    write_text(markdown, to_markdown(frame, note))


def _expanded(claims: Sequence[Mapping], evidence: Evidence) -> Iterator[Mapping]:
    """The claims on this run's sets, with each `each` expanded to one claim per published number or per test of Table 2."""
    table = evidence.table
    for claim in claims:
        if "each" not in claim:
            if (mine := _on_sets(claim, evidence.sets)) is not None:
                yield mine
            continue
        for column, (_, row) in product(columns(table), table.iterrows()):
            single = _cell(row, column) if claim["each"] == "cell" else _dagger(row, column, tested(table))
            if single is not None:
                arguments = {"init": row["init"], "column": column.name}
                yield {"place": claim["place"], "compute": claim["each"], "with": arguments} | single


def _on_sets(claim: Mapping, sets: Mapping[str, LabelledSet]) -> Mapping | None:
    """The claim with this run's columns and titles in place of `HOME`, {home} and {sets}; None if it is on other sets alone."""
    home, arguments = next(iter(sets.values())), dict(claim.get("with", {}))
    asked = arguments.get("columns", [arguments["column"]] if "column" in arguments else [])
    named = dict.fromkeys(re.sub(f"^{HOME}", f"{home.name}_", name) for name in asked)
    there = [name for name in named if name.rpartition("_")[0] in sets]
    if asked and not there:
        return None
    if "columns" in arguments:
        arguments["columns"] = there
    elif "column" in arguments:
        arguments["column"] = there[0]
    which = dict.fromkeys(name.rpartition("_")[0] for name in there)
    words = {"{home}": home.title, "{sets}": "both test sets" if len(which) > 1 else home.title}
    text = claim["claim"]
    for mark, title in words.items():
        text = text.replace(mark, title)
    return {**claim, "claim": text} | ({"with": arguments} if arguments else {})


def _cell(row: pd.Series, column: Column) -> dict | None:
    """The claim that one number of Table 2 makes; None if the paper has no such number."""
    if np.isnan(published := row[f"{column.name}_published"]):
        return None
    return {
        "id": f"table2.{row['init']}.{column.name}",
        "claim": _subject(row, column),
        "published": published,
        "decimals": column.decimals,
    }


def _dagger(row: pd.Series, column: Column, with_tests: Collection[str]) -> dict | None:
    """The claim that a dagger or its absence makes; None if the paper made no test."""
    # only the paper's own tasks can have daggers
    if (
        column.name not in with_tests
        or row["init"] not in PAPER_RANKING
        or pd.isna(row[f"{column.name}_significant_published"])
    ):
        return None
    return {
        "id": f"table2.{row['init']}.{column.name}.dagger",
        "claim": f"{_subject(row, column)}: smaller errors than ImageNet",
        "published": "significant" if row[f"{column.name}_significant_published"] else "not significant",
    }


def _subject(row: pd.Series, column: Column) -> str:
    return f"{title_of(row['init'])}: {column.group} {column.title}".replace(":  ", ": ")


def _printed(claim: Mapping, value: float, low: float = np.nan, high: float = np.nan) -> str:
    """A number with its interval, in percent if the claim is; "" for NaN."""
    percent = claim.get("unit") == "%"
    scale, decimals = (100, 0) if percent else (1, claim.get("decimals", 2))

    def text(number: float) -> str:
        return f"{scale * number:.{decimals}f}" + (" %" if percent else "")

    if np.isnan(value):
        return ""
    return text(value) if np.isnan(low) else f"{text(value)} [{text(low)}, {text(high)}]"


def _table(frame: pd.DataFrame) -> list[str]:
    head = ["| Claim | Place | Published | Ours | Verdict |", "|---|---|---:|---:|---|"]
    return head + [
        "| " + " | ".join(map(escape_markdown, (*(row[name] for name in SHOWN), shown_verdict(row)))) + " |"
        for _, row in frame.iterrows()
    ]
