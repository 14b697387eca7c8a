"""The survey's database: SQLite with a write-ahead log, synced at every commit, so that an answer that was acknowledged stays."""

import contextlib
import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.survey.plan import Pair

VERSION = 1
APPLICATION = 0x61707376  # "apsv": what kind of SQLite database this is
SCHEMA = """
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE consent (sha256 TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE pair (
    id INTEGER PRIMARY KEY,  -- in the order in which people get them
    photo TEXT NOT NULL, distortion TEXT NOT NULL, level INTEGER NOT NULL, original_first INTEGER NOT NULL,
    is_check INTEGER NOT NULL,
    usable INTEGER NOT NULL DEFAULT 1,
    answers INTEGER NOT NULL DEFAULT 0,
    taken_until REAL NOT NULL DEFAULT 0  -- shown to somebody, who has until then to answer
);
CREATE INDEX free_pair ON pair (id) WHERE answers = 0 AND usable AND NOT is_check;
CREATE TABLE person (
    id INTEGER PRIMARY KEY,
    token BLOB UNIQUE,  -- SHA-256; NULL: withdrawn
    consent TEXT NOT NULL REFERENCES consent,
    began REAL NOT NULL
);
CREATE TABLE shown (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,  -- what the browser knows
    person INTEGER NOT NULL REFERENCES person,
    place INTEGER NOT NULL,  -- 1, 2, ... of this person
    pair INTEGER NOT NULL REFERENCES pair,
    shown_at REAL NOT NULL,
    choice INTEGER,  -- 1: the first version, 2: the second
    answered_at REAL,
    UNIQUE (person, place)
);
CREATE INDEX shown_pair ON shown (pair);
CREATE TABLE left_out (photo TEXT PRIMARY KEY, reason TEXT NOT NULL);
"""
INSERT_PAIR = "INSERT INTO pair (photo, distortion, level, original_first, is_check) VALUES (?, ?, ?, ?, ?)"


def create(
    path: str | Path, settings: Mapping[str, object], pairs: Sequence[Pair], checks: Sequence[Pair], left_out: Mapping[str, str]
) -> None:
    """Write a new database, whole or not at all.

    Args:
        settings: what `open_database` compares; values as JSON has them.
        left_out: {photo: why it is in no pair}.
    Raises: UserError where it cannot be written.
    """
    with atomic_path(path) as tmp:
        tmp.unlink(missing_ok=True)  # of a process of the same number that was killed
        tmp.touch(0o600)  # it knows what people answered, and the secret of the forms
        with contextlib.closing(sqlite3.connect(tmp, isolation_level=None)) as db:
            db.executescript(f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; BEGIN; {SCHEMA}")
            values = {"secret": secrets.token_hex(32), **settings}
            db.executemany("INSERT INTO setting VALUES (?, ?)", ((name, json.dumps(value)) for name, value in values.items()))
            db.executemany(INSERT_PAIR, ((*pair, 0) for pair in pairs))
            db.executemany(INSERT_PAIR, ((*pair, 1) for pair in checks))
            db.executemany("INSERT INTO left_out VALUES (?, ?)", left_out.items())
            db.execute("COMMIT")


def connect(path: str | Path) -> sqlite3.Connection:
    """A connection for the one thread that writes; transactions are begun and ended by hand. Raises: UserError as `check`."""
    check(path)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    return db


@contextlib.contextmanager
def reading(path: str | Path) -> Iterator[sqlite3.Connection]:
    """One consistent view of a survey, also while it is being served. Raises: UserError as `check`."""
    check(path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA query_only = ON")
        db.execute("BEGIN")
        yield db


def check(path: str | Path) -> None:
    """Raises: UserError for a file that is no database of a survey, or one of another version."""
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file; 'survey serve' makes it, or name another with --database")
    try:
        with contextlib.closing(sqlite3.connect(path)) as db:
            ((kind,), (version,)) = (db.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version"))
    except sqlite3.DatabaseError as error:
        raise UserError(f"{path}: is no database of a survey ({error}); name another with --database") from error
    if kind != APPLICATION:
        raise UserError(f"{path}: is no database of a survey; name another with --database")
    if version != VERSION:
        raise UserError(
            f"{path}: is a survey of version {version}, and this code reads version {VERSION}; use the code that it was made with"
        )


def settings_of(db: sqlite3.Connection) -> dict[str, object]:
    """What the survey was made with, and its secret."""
    return {name: json.loads(value) for name, value in db.execute("SELECT name, value FROM setting")}
