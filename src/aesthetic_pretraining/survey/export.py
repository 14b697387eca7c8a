"""The answers as the CSV that rule `premise` reads (params.yaml, premise.survey)."""

import csv
import logging
from pathlib import Path

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.survey import schema

COLUMNS = [
    *("filter", "level", "prefers_original", "person", "photo", "pair", "original", "seconds", "checks", "checks_passed"),
]
ANSWERS = """
SELECT distortion, level, choice = 2 - original_first, person, photo, pair.id, original_first, answered_at - shown_at
FROM shown JOIN pair ON pair.id = shown.pair WHERE choice IS NOT NULL AND NOT is_check ORDER BY person, place
"""
CHECKS = """
SELECT person, count(*), sum(choice = 2 - original_first)
FROM shown JOIN pair ON pair.id = shown.pair WHERE choice IS NOT NULL AND is_check GROUP BY person
"""
log = logging.getLogger("aesthetic_pretraining")


def export(database: str | Path, out: str | Path, least_checks: float = 0) -> None:
    """Write every answer to `out`, a row each, columns `COLUMNS`; attention checks are counted, not written.

    person: p1, p2, ... in the order in which people began. original: first or second, the side on which it stood. seconds: from
    the page's way out to the answer's arrival. checks, checks_passed: of the person.

    Args:
        least_checks: share (0..1) of their checks that people must have passed for their answers to be written; who has seen none
            has passed.
    Raises: UserError if there is no answer.
    """
    with schema.reading(database) as db:
        answers, seen = db.execute(ANSWERS).fetchall(), {person: rest for person, *rest in db.execute(CHECKS)}
    if not answers:
        raise UserError(f"{database}: has no answers yet; export when somebody has answered")
    passed = {person for person, (count, right) in seen.items() if right >= least_checks * count}
    rows = [row for row in answers if row[3] in passed or row[3] not in seen]
    people = {row[3] for row in answers}
    if not rows:
        raise UserError(f"{database}: nobody has passed {least_checks:g} of their checks; export with a lower --least-checks")
    with atomic_path(out) as tmp, open(tmp, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for name, level, prefers, person, photo, pair, first, seconds in rows:
            side = "first" if first else "second"
            writer.writerow(
                [name, level, prefers, f"p{person}", photo, pair, side, f"{seconds:.1f}", *seen.get(person, (0, 0))]
            )
    kept = {row[3] for row in rows}
    log.info(
        "%s: %d answers of %d people; left out are %d answers of %d people who passed fewer checks",
        *(out, len(rows), len(kept), len(answers) - len(rows), len(people - kept)),
    )
