"""The claims as the report page shows them: in the order of claims.csv, sortable by verdict, long texts folded."""

from typing import NamedTuple

import pandas as pd

from aesthetic_pretraining.reporting import claims, verdicts
from aesthetic_pretraining.reporting.experiment import SIMULATED

LONG = 110  # characters of a text that is shown whole
ORDER = (  # of verdicts when sorted: what speaks for a claim first, then what speaks against it, then what says nothing
    *(verdicts.REPRODUCED, verdicts.HERE[verdicts.REPRODUCED]),
    *(verdicts.NOT_REPRODUCED, verdicts.HERE[verdicts.NOT_REPRODUCED]),
    *(verdicts.WITHIN_NOISE, verdicts.HERE[verdicts.WITHIN_NOISE]),
    *(verdicts.ANOTHER, verdicts.NO_INTERVAL),
)


class Text(NamedTuple):
    """A text in two parts: what is always shown, and what is folded ("" if nothing is)."""

    shown: str
    folded: str


class Claim(NamedTuple):
    """A claim on the page.

    Attributes:
        verdict, detail: what comes before and behind the colon. rank: place of the verdict in `ORDER`.
        votes: whether simulated votes enter what the run found.
    """

    claim: Text
    place: str
    published: str
    ours: Text
    verdict: str
    detail: str
    rank: int
    votes: bool


def rows(frame: pd.DataFrame) -> tuple[list[Claim], list[Claim]]:
    """(claims in prose, claims that single numbers of Table 2 make) of the frame of claims.csv, read as text."""
    single = frame["id"].str.startswith("table2.")
    return [_claim(row) for _, row in frame[~single].iterrows()], [_claim(row) for _, row in frame[single].iterrows()]


def fold(text: str, long: int = LONG) -> Text:
    """A long text in two parts: cut behind a semicolon or comma if one comes early enough, else between words."""
    if len(text) <= long:
        return Text(text, "")
    at = text.rfind("; ", 0, long) + 1 or text.rfind(", ", 0, long) + 1 or text.rfind(" ", 0, long)
    return Text(text[:at], text[at:].strip()) if at > 0 else Text(text, "")


def _claim(row: pd.Series) -> Claim:
    printed = claims.shown_verdict(row)
    verdict, _, detail = (part.strip() for part in printed.replace("; ", ": ", 1).partition(":"))
    rank = ORDER.index(verdict) if verdict in ORDER else len(ORDER)
    votes = SIMULATED in row.get("reason", "")
    return Claim(fold(row["claim"]), row["place"], row["published"], fold(row["ours"]), verdict, detail, rank, votes)
