"""What differs between runs with equal results, put into a copy of the report page: commit, dates, machine, duration."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from typing import NamedTuple

PLACE = re.compile(r"<!--run-->.*?<!--/run-->", re.S)  # of the template


class Making(NamedTuple):
    """How one output was made: when its job ended (seconds since 1970), how long it took, on which machine."""

    ended: float
    seconds: float
    machine: str


def terms(commit: str, makings: Iterable[Making]) -> list[tuple[str, str]]:
    """(term, words) on a run.

    Args:
        commit: the commit of its code, with a word on changes that are in none.
        makings: of all of its outputs that were made in this folder; the outputs of one job share their times.
    """
    makings = list(makings)
    if not makings:
        return [("Commit", commit), ("Dates, machine, duration", "not known on this machine, where nothing of it was made")]
    first, last = min(m.ended - m.seconds for m in makings), max(m.ended for m in makings)
    machines = dict.fromkeys(m.machine for m in makings)
    return [
        ("Commit", commit),
        ("Dates", f"{_date(first)} to {_date(last)} (UTC)"),
        ("Duration", f"{in_words(busy(makings))} in which at least one job ran"),
        ("Machine", "; ".join(machines)),
    ]


def busy(makings: Iterable[Making]) -> float:
    """Seconds in which at least one job ran: the length of the union of all jobs' times."""
    total, until = 0.0, float("-inf")
    for start, end in sorted((m.ended - m.seconds, m.ended) for m in makings):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def in_words(seconds: float) -> str:
    """2 h 5 min, 5 min 3 s, 3 s."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def fill(page: str, found: Iterable[tuple[str, str]]) -> str:
    """The report page with these terms in the place that it keeps for them.

    Raises: ValueError if the page has no such place.
    """
    rows = "\n".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in found)
    filled, number = PLACE.subn(lambda _: rows, page)
    if number != 1:
        raise ValueError(f"a report page has one place for details of its run, not {number}")
    return filled


def _date(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M")
