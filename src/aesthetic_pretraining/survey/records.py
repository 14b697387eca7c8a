"""What a survey writes and reads: people, pairs that they were shown, answers. Each function is a part of one transaction."""

import secrets
import sqlite3
from functools import lru_cache
from typing import NamedTuple

from aesthetic_pretraining.seeding import seeded_int

EVERY = 20  # ASSUME: pairs to one attention check
LEASE = 15 * 60.0  # ASSUME: seconds after which a pair that was shown and not answered is shown to somebody else
NEARBY = 50  # free pairs among which one is chosen whose photo a person has seen least
STORED, REPEATED, OTHER = "stored", "repeated", "other"


class Unknown(Exception):
    """A code that was never issued, or whose person withdrew."""


class NotShown(Exception):
    """A pair that does not stand before this person: another's, or one that was taken back because its photo is gone."""


class Full(Exception):
    """As many people as are wanted have begun."""


class Rules(NamedTuple):
    """Pairs for one person, and the seed that places the checks between them."""

    per_person: int
    seed: int


class Shown(NamedTuple):
    """A pair that stands before a person.

    Attributes: key: its name in the browser. place: 1 to `places`.
    """

    key: str
    place: int
    places: int
    pair: int
    photo: str
    distortion: str
    level: int
    original_first: bool


class Nothing(NamedTuple):
    """There is no pair for a person: they have finished, or (not `finished`) all that is left is with others."""

    finished: bool
    answered: int


SHOWN = (
    "SELECT key, place, pair.id, photo, distortion, level, original_first FROM shown JOIN pair ON pair.id = shown.pair "
    "WHERE person = ?"
)
FREE = """
WITH free AS (
    SELECT id, photo FROM pair WHERE answers = 0 AND usable AND NOT is_check AND taken_until <= :now
    AND id NOT IN (SELECT pair FROM shown WHERE person = :person) ORDER BY id LIMIT :nearby
)
SELECT id FROM free ORDER BY (
    SELECT count(*) FROM shown JOIN pair ON pair.id = shown.pair WHERE shown.person = :person AND pair.photo = free.photo
), id LIMIT 1
"""


def enrol(db: sqlite3.Connection, token: bytes, consent: tuple[str, str], most: int, now: float) -> None:
    """A new person, who agreed to the consent (SHA-256, text). Raises: Full."""
    if db.execute("SELECT count(*) FROM person").fetchone()[0] >= most:
        raise Full
    db.execute("INSERT OR IGNORE INTO consent VALUES (?, ?)", consent)
    db.execute("INSERT INTO person (token, consent, began) VALUES (?, ?, ?)", (token, consent[0], now))


def person_of(db: sqlite3.Connection, token: bytes) -> int:
    """The person with this hash. Raises: Unknown."""
    row = db.execute("SELECT id FROM person WHERE token = ?", (token,)).fetchone()
    if row is None:
        raise Unknown
    return int(row[0])


def current(db: sqlite3.Connection, token: bytes, rules: Rules, now: float) -> Shown | Nothing:
    """The pair that a person has not answered yet, or else the next one, which is then theirs for a while. Raises: Unknown."""
    person = person_of(db, token)
    places = places_of(rules, person)
    row = db.execute(f"{SHOWN} AND choice IS NULL ORDER BY place LIMIT 1", (person,)).fetchone()
    if row is None:
        (last,) = db.execute("SELECT coalesce(max(place), 0) FROM shown WHERE person = ?", (person,)).fetchone()
        pair = _next_pair(db, person, last + 1, rules, now) if last < len(places) else None
        if pair is None:
            return Nothing(last >= len(places), last)
        row = _show(db, person, last + 1, pair, now)
    key, place, pair, photo, distortion, level, original_first = row
    return Shown(key, place, len(places), pair, photo, distortion, level, bool(original_first))


def answer(db: sqlite3.Connection, token: bytes, key: str, choice: int, now: float) -> str:
    """Write down which version (1 or 2) a person likes better. The first answer to a pair stays.

    Returns: STORED, REPEATED (the same answer was there) or OTHER (another one was there).
    Raises: Unknown, NotShown.
    """
    person = person_of(db, token)
    row = db.execute("SELECT pair, choice FROM shown WHERE key = ? AND person = ?", (key, person)).fetchone()
    if row is None:
        raise NotShown
    if row[1] is not None:
        return REPEATED if row[1] == choice else OTHER
    db.execute("UPDATE shown SET choice = ?, answered_at = ? WHERE key = ?", (choice, now, key))
    db.execute("UPDATE pair SET answers = answers + 1 WHERE id = ?", (row[0],))
    return STORED


def shown(db: sqlite3.Connection, token: bytes, key: str) -> tuple[str, str, int, bool]:
    """photo, distortion, level and original_first of a pair that was shown to this person. Raises: Unknown, NotShown."""
    row = db.execute(f"{SHOWN} AND key = ?", (person_of(db, token), key)).fetchone()
    if row is None:
        raise NotShown
    return (*row[3:6], bool(row[6]))


def withdraw(db: sqlite3.Connection, token: bytes) -> None:
    """Forget a person's answers and their code; that somebody began stays. Raises: Unknown."""
    person = person_of(db, token)
    db.execute(
        "UPDATE pair SET answers = answers - (SELECT count(choice) FROM shown WHERE pair = pair.id AND person = ?1), taken_until = 0 "
        "WHERE id IN (SELECT pair FROM shown WHERE person = ?1)",
        (person,),
    )
    db.execute("DELETE FROM shown WHERE person = ?", (person,))
    db.execute("UPDATE person SET token = NULL WHERE id = ?", (person,))


def leave_out(db: sqlite3.Connection, photo: str, reason: str) -> None:
    """Show no pair of a photo any more, and take back those that wait for an answer."""
    db.execute("INSERT OR IGNORE INTO left_out VALUES (?, ?)", (photo, reason))
    db.execute("UPDATE pair SET usable = 0 WHERE photo = ?", (photo,))
    db.execute("DELETE FROM shown WHERE choice IS NULL AND pair IN (SELECT id FROM pair WHERE photo = ?)", (photo,))


def upcoming(db: sqlite3.Connection, count: int, now: float) -> list[tuple[str, str, int]]:
    """photo, distortion and level of the pairs that people get next, and of all checks."""
    return (
        db.execute(
            "SELECT photo, distortion, level FROM pair WHERE answers = 0 AND usable AND NOT is_check AND taken_until <= ? "
            "ORDER BY id LIMIT ?",
            (now, count),
        ).fetchall()
        + db.execute("SELECT photo, distortion, level FROM pair WHERE is_check AND usable").fetchall()
    )


@lru_cache(maxsize=4096)
def places_of(rules: Rules, person: int) -> tuple[bool, ...]:
    """Whether each of a person's places is an attention check: one after every `EVERY` pairs or so, at a random place among them."""
    found: list[bool] = []
    while (left := rules.per_person - found.count(False)) > 0:
        # not among the first two, where people still learn what to do
        place = 2 + seeded_int("survey check", rules.seed, person, len(found)) % (EVERY - 1)
        block = [k == place for k in range(EVERY + 1)]
        found += block[: left + (place < left)]
    return tuple(found)


def _next_pair(db: sqlite3.Connection, person: int, place: int, rules: Rules, now: float) -> int | None:
    if not places_of(rules, person)[place - 1]:
        row = db.execute(FREE, {"person": person, "now": now, "nearby": NEARBY}).fetchone()
        return row and int(row[0])
    new = "AND id NOT IN (SELECT pair FROM shown WHERE person = ?)"
    ids = [row[0] for row in db.execute(f"SELECT id FROM pair WHERE is_check AND usable {new} ORDER BY id", (person,))] or [
        row[0] for row in db.execute("SELECT id FROM pair WHERE is_check AND usable ORDER BY id")
    ]
    return ids[seeded_int("survey check pair", rules.seed, person, place) % len(ids)] if ids else None


def _show(db: sqlite3.Connection, person: int, place: int, pair: int, now: float) -> tuple:
    key = secrets.token_urlsafe(16)
    db.execute("INSERT INTO shown (key, person, place, pair, shown_at) VALUES (?, ?, ?, ?, ?)", (key, person, place, pair, now))
    db.execute("UPDATE pair SET taken_until = ? WHERE id = ? AND NOT is_check", (now + LEASE, pair))
    return db.execute(f"{SHOWN} AND key = ?", (person, key)).fetchone()
