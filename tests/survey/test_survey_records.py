"""What the database holds: leases, places of checks, first answers, withdrawals; and files that are no such database."""

import sqlite3

import pytest

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.survey import records, schema
from aesthetic_pretraining.survey.plan import Pair
from aesthetic_pretraining.survey.records import Nothing, Rules, Shown

RULES = Rules(per_person=4, seed=1)  # too few for a check
ALICE, BOB = b"alice", b"bob"
CONSENT = ("5e", "I agree")


@pytest.fixture
def db_of(tmp_path):
    """Factory: pairs, checks -> a connection to a database in which Alice and Bob have begun."""

    def make(pairs, checks=()):
        path = tmp_path / "survey.sqlite"
        schema.create(path, {"seed": 1}, pairs, checks, {"broken.jpg": "cut off"})
        db = schema.connect(path)
        for token in (ALICE, BOB):
            records.enrol(db, token, CONSENT, 10, 0.0)
        return db

    return make


def pairs_of(photos, levels=(1, 2)):
    return [Pair(photo, "tint", level, level == 1) for photo in photos for level in levels]


def test_nobody_gets_a_pair_that_stands_before_another_until_its_time_is_over(db_of):
    db = db_of(pairs_of("a", [1]))
    first = records.current(db, ALICE, RULES, 100.0)
    assert first[1:] == (1, 4, 1, "a", "tint", 1, True)
    assert records.current(db, ALICE, RULES, 200.0) == first  # reloaded
    assert records.current(db, BOB, RULES, 100.0 + records.LEASE - 1) == Nothing(False, 0)
    second = records.current(db, BOB, RULES, 100.0 + records.LEASE)
    assert second.pair == first.pair and second.key != first.key
    assert records.answer(db, BOB, second.key, 2, 2000.0) == records.STORED
    # Alice comes back late: her answer is one more, and no pair is left
    assert records.answer(db, ALICE, first.key, 1, 3000.0) == records.STORED
    assert db.execute("SELECT answers FROM pair").fetchall() == [(2,)]
    assert records.current(db, ALICE, RULES, 9e9) == Nothing(False, 1)


def test_the_first_answer_stays(db_of):
    db = db_of(pairs_of("a"))
    key = records.current(db, ALICE, RULES, 1.0).key
    said = [records.answer(db, ALICE, key, choice, 2.0 + k) for k, choice in enumerate((2, 2, 1))]
    assert said == [records.STORED, records.REPEATED, records.OTHER]
    assert db.execute("SELECT choice, answered_at FROM shown").fetchall() == [(2, 2.0)]
    assert db.execute("SELECT sum(answers) FROM pair").fetchone() == (1,)


def test_nobody_answers_for_another_or_without_a_code(db_of):
    db = db_of(pairs_of("a"))
    key = records.current(db, ALICE, RULES, 1.0).key
    for call in (records.shown, lambda db, token, key: records.answer(db, token, key, 1, 1.0)):
        with pytest.raises(records.NotShown):
            call(db, BOB, key)
        with pytest.raises(records.Unknown):
            call(db, b"eve", key)
    assert records.shown(db, ALICE, key) == ("a", "tint", 1, True)


def test_a_person_sees_each_photo_once_before_one_twice(db_of):
    db = db_of(pairs_of("aabbccdd", [1]) + pairs_of("abcd", [2]))
    seen = []
    for _ in range(4):
        shown = records.current(db, ALICE, RULES, 1.0)
        seen.append(shown.photo)
        records.answer(db, ALICE, shown.key, 1, 1.0)
    assert seen == ["a", "b", "c", "d"]
    assert records.current(db, ALICE, RULES, 1.0) == Nothing(True, 4)


def test_one_check_to_every_twenty_pairs(db_of):
    rules = Rules(85, 7)
    for person in range(1, 200):
        places = records.places_of(rules, person)
        assert places.count(False) == 85
        assert all(places[start : start + 21].count(True) == 1 for start in (0, 21, 42, 63))
        assert places.count(True) in (4, 5) and not any(places[:2])
    assert len({records.places_of(rules, person) for person in range(1, 50)}) == 49
    checks = [Pair("c", "impulse_noise", 5, True), Pair("c", "gaussian_noise", 5, False)]
    db = db_of(pairs_of([f"p{k}" for k in range(60)]), checks)
    shown = []
    while isinstance(found := records.current(db, ALICE, rules, 1.0), Shown):
        shown.append(found)
        records.answer(db, ALICE, found.key, 1, 1.0)
    assert tuple(s.photo == "c" for s in shown) == records.places_of(rules, 1)
    assert len({s.pair for s in shown if s.photo != "c"}) == 85
    # both checks once before either is repeated
    assert len(set([s.pair for s in shown if s.photo == "c"][:2])) == 2


def test_a_withdrawal_leaves_nothing_but_that_somebody_began(db_of):
    db = db_of(pairs_of("ab"))
    for token in (ALICE, BOB):
        shown = records.current(db, token, RULES, 1.0)
        records.answer(db, token, shown.key, 1, 1.0)
        records.current(db, token, RULES, 1.0)
    records.withdraw(db, ALICE)
    assert db.execute("SELECT DISTINCT person FROM shown").fetchall() == [(2,)]
    assert db.execute("SELECT id, answers FROM pair ORDER BY id").fetchall() == [(1, 0), (2, 1), (3, 0), (4, 0)]
    assert db.execute("SELECT token FROM person ORDER BY id").fetchall() == [(None,), (BOB,)]
    with pytest.raises(records.Unknown):
        records.current(db, ALICE, RULES, 2.0)
    for _ in range(2):  # what Alice had is free again, Bob's is not
        shown = records.current(db, BOB, RULES, 3.0)
        records.answer(db, BOB, shown.key, 1, 3.0)
    assert db.execute("SELECT pair FROM shown ORDER BY place").fetchall() == [(2,), (4,), (1,)]
    assert records.upcoming(db, 10, 3.0) == [("b", "tint", 1)]


def test_a_photo_that_is_gone_is_shown_to_nobody(db_of):
    db = db_of(pairs_of("ab", [1]))
    shown = records.current(db, ALICE, RULES, 1.0)
    assert records.upcoming(db, 10, 1.0) == [("b", "tint", 1)]
    records.leave_out(db, "a", "no such file")
    assert db.execute("SELECT * FROM left_out ORDER BY photo").fetchall() == [("a", "no such file"), ("broken.jpg", "cut off")]
    after = records.current(db, ALICE, RULES, 1.0)
    assert (shown.photo, after.photo, after.place) == ("a", "b", 1)
    with pytest.raises(records.NotShown):
        records.answer(db, ALICE, shown.key, 1, 1.0)


def test_no_more_people_than_are_wanted(db_of):
    db = db_of(pairs_of("a"))
    with pytest.raises(records.Full):
        records.enrol(db, b"carol", CONSENT, 2, 0.0)


def test_an_acknowledged_answer_is_synced_to_the_disk(db_of):
    db = db_of(pairs_of("a"))
    modes = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "user_version")]
    assert modes == ["wal", 2, schema.VERSION]  # 2: FULL


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"this is a letter, and no database at all", "is no database of a survey"),
        ({"application_id": 0, "user_version": 1}, "is no database of a survey"),
        ({"application_id": schema.APPLICATION, "user_version": 7}, "is a survey of version 7, and this code reads version 1"),
        (None, "no such file"),
    ],
)
def test_another_file_is_one_sentence_and_stays_as_it_is(content, sentence, tmp_path):
    path = tmp_path / "other.sqlite"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE kept (x)")
        for name, value in content.items():
            db.execute(f"PRAGMA {name} = {value}")
        db.close()
    before = path.read_bytes() if content else b""
    for read in (schema.connect, lambda path: schema.reading(path).__enter__()):
        with pytest.raises(UserError, match=sentence) as error:
            read(path)
        assert str(path) in str(error.value)
    assert (path.read_bytes() if path.exists() else b"") == before
