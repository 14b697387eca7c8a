"""The paper's claims (`resources/claims.yaml`) checked against this run's saved tables.

`claim_checks` and `photo_claims` have one function per kind of claim; docs/statistics.md defines the verdicts.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import write_text
from aesthetic_pretraining.initialisations import LABELS, PAPER_RANKING
from aesthetic_pretraining.reporting import claim_checks, photo_claims, verdicts
from aesthetic_pretraining.reporting.claim_checks import UNKNOWN, Evidence, Finding
from aesthetic_pretraining.reporting.markup import escape_markdown
from aesthetic_pretraining.reporting.table2 import TABLE2_COLUMNS, TESTED, Column

CLAIM_COLUMNS = ["id", "place", "claim", "published", "value", "low", "high", "ours", "verdict", "reason"]
WAYS = claim_checks.COMPUTE | photo_claims.COMPUTE
PRETEXT = (*claim_checks.PRETEXT, *photo_claims.PRETEXT)  # independent of votes
WITHOUT_VERDICT = (verdicts.NOT_TRAINED, verdicts.NOT_MEASURED, verdicts.HAS_NO_VALUE)


def check(claims: Sequence[Mapping], evidence: Evidence) -> pd.DataFrame:
    """One row per claim with what this run found, columns `CLAIM_COLUMNS`.

    If the run is not the paper's experiment (its Table 2 says so), rows have numbers but no verdict, and `reason` says why.
    For claims that do not depend on votes (`PRETEXT`), simulated votes are no such reason.

    Args:
        claims: resources/claims.yaml.
    Raises: UserError naming a claim that appears twice or has no known check.
    """
    rows = []
    for claim in _expanded(claims, evidence.table):
        reason = ""
        if "needs" in claim:
            finding = Finding(*UNKNOWN, "", f"needs {claim['needs']}")
        elif claim.get("compute") in WAYS:
            finding = WAYS[claim["compute"]](evidence, claim["published"], **claim.get("with", {}))
            reason = verdicts.reason_of(evidence.table, "pretext" if claim["compute"] in PRETEXT else "votes")
            if reason and finding.verdict not in WITHOUT_VERDICT:
                finding = finding._replace(verdict=verdicts.ANOTHER)
        else:
            raise UserError(f"claims: {claim['id']} has neither 'needs' nor a known 'compute'; known: {', '.join(WAYS)}")
        number = _printed(claim, finding.value, finding.low, finding.high)
        published = claim["published"] if isinstance(claim["published"], str) else _printed(claim, claim["published"])
        rows.append(
            (
                *(
                    claim["id"],
                    claim["place"],
                    claim["claim"],
                    published,
                    *finding[:3],
                    finding.words or number,
                    finding.verdict,
                ),
                reason if finding.verdict == verdicts.ANOTHER else "",
            )
        )
    frame = pd.DataFrame(rows, columns=CLAIM_COLUMNS)
    if frame["id"].duplicated().any():
        raise UserError(f"claims: {frame['id'][frame['id'].duplicated()].iloc[0]} appears twice; rename one")
    return frame.round(6)


def to_markdown(frame: pd.DataFrame, note: str = "", cells: bool = True) -> str:
    """The claims as GitHub Markdown: those in prose, counts of verdicts on Table 2, and, with `cells`, Table 2 number by number."""
    single = frame["id"].str.startswith("table2.")
    counts = frame[single]["verdict"].value_counts()
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    lines = [f"**{escape_markdown(note)}**", ""] if note else []
    lines += [*_table(frame[~single]), "", f"Table 2, number by number and dagger by dagger ({single.sum()}): {summary}."]
    reasons = frame["reason"].dropna().unique() if "reason" in frame else ()
    lines += [f"\n{verdicts.ANOTHER.capitalize()} than the paper's: {escape_markdown(reason)}." for reason in reasons if reason]
    return "\n".join([*lines, *(["", *_table(frame[single])] if cells else []), ""])


def write(frame: pd.DataFrame, csv: Path, markdown: Path, note: str = "") -> None:
    """Write the claims as CSV (with a column for the note, if any) and as Markdown."""
    noted = frame.assign(note=note) if note else frame
    write_text(csv, noted.to_csv(index=False, lineterminator="\n"))
    write_text(markdown, to_markdown(frame, note))


def _expanded(claims: Sequence[Mapping], table: pd.DataFrame) -> Iterator[Mapping]:
    """The claims, with each `each` expanded to one claim per published number or per test of Table 2."""
    for claim in claims:
        if "each" not in claim:
            yield claim
            continue
        for column, (_, row) in product(TABLE2_COLUMNS, table.iterrows()):
            single = (_cell if claim["each"] == "cell" else _dagger)(row, column)
            if single is not None:
                arguments = {"init": row["init"], "column": column.name}
                yield {"place": claim["place"], "compute": claim["each"], "with": arguments} | single


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


def _dagger(row: pd.Series, column: Column) -> dict | None:
    """The claim that a dagger or its absence makes; None if the paper made no test."""
    # only the paper's own tasks can have daggers
    if column.name not in TESTED or row["init"] not in PAPER_RANKING or pd.isna(row[f"{column.name}_significant_published"]):
        return None
    return {
        "id": f"table2.{row['init']}.{column.name}.dagger",
        "claim": f"{_subject(row, column)}: smaller errors than ImageNet",
        "published": "significant" if row[f"{column.name}_significant_published"] else "not significant",
    }


def _subject(row: pd.Series, column: Column) -> str:
    return f"{LABELS.get(row['init'], row['init'])}: {column.group} {column.title}".replace(":  ", ": ")


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
    columns = ["claim", "place", "published", "ours", "verdict"]  # reasons are printed below the table
    return head + ["| " + " | ".join(map(escape_markdown, row)) + " |" for row in frame[columns].itertuples(index=False)]
