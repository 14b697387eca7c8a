"""How far a survey has come, for the researcher: counts alone, so that nobody stops it because of what it seems to find."""

import time
from pathlib import Path

from aesthetic_pretraining.survey import schema

COUNTS = {
    "pairs": "SELECT count(*) FROM pair WHERE NOT is_check AND (usable OR answers)",
    "answered": "SELECT count(*) FROM pair WHERE NOT is_check AND answers",
    "answers": "SELECT count(*) FROM shown JOIN pair ON pair.id = pair WHERE choice IS NOT NULL AND NOT is_check",
    "recent": "SELECT count(*) FROM shown JOIN pair ON pair.id = pair WHERE answered_at > :now - 3600 AND NOT is_check",
    "people": "SELECT count(*) FROM person",
    "active": "SELECT count(DISTINCT person) FROM shown WHERE answered_at > :now - 600",
    "withdrawn": "SELECT count(*) FROM person WHERE token IS NULL",
    "checks": "SELECT count(*) FROM shown JOIN pair ON pair.id = pair WHERE choice IS NOT NULL AND is_check",
    "passed": "SELECT count(*) FROM shown JOIN pair ON pair.id = pair WHERE is_check AND choice = 2 - original_first",
    "left_out": "SELECT count(*) FROM left_out",
}


def counts(database: str | Path) -> dict[str, int]:
    """The numbers of `COUNTS`."""
    with schema.reading(database) as db:
        return {name: db.execute(query, {"now": time.time()}).fetchone()[0] for name, query in COUNTS.items()}


def sentences(database: str | Path) -> list[str]:
    """The numbers in words. Raises: UserError for a file that is no survey of this version."""
    n = counts(database)
    lines = [
        f"{n['answered']} of {n['pairs']} pairs are answered, by {n['answers']} answers.",
        f"{n['people']} people have begun; {n['active']} have answered in the last ten minutes; {n['withdrawn']} have withdrawn.",
        f"{n['passed']} of {n['checks']} attention checks were passed.",
        f"{n['left_out']} photos are left out because they cannot be shown.",
    ]
    if n["recent"] and n["answered"] < n["pairs"]:
        hours = (n["pairs"] - n["answered"]) / n["recent"]
        lines.append(f"At the last hour's {n['recent']} answers, the rest takes {hours:.1f} hours.")
    return lines
