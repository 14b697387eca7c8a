"""Fifty people at once, a server that is killed under them, and a disk that is full."""

import asyncio
import random
import shutil
import sqlite3
import threading
from collections import Counter

import requests
from people import Person, sentence

from aesthetic_pretraining.survey import schema
from aesthetic_pretraining.survey.plan import Pair
from aesthetic_pretraining.survey.writer import Writer

PEOPLE, EACH = 50, 6


def answers(database):
    """{key: choice} of what is on the disk."""
    db = sqlite3.connect(database)
    found = dict(db.execute("SELECT key, choice FROM shown WHERE choice IS NOT NULL").fetchall())
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    return found


def at_once(calls):
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_fifty_people_at_once_get_different_pairs_and_every_answer_is_kept(server_of):
    server = server_of(pairs=PEOPLE * EACH, **{"per-person": EACH})
    given, errors = {}, []

    def take_part(seed):
        rng, person = random.Random(seed), Person(server.url)
        try:
            person.begin()
            while not person.finished:
                choice = rng.choice((1, 2))
                given[person.answer(choice)] = choice
        except Exception as error:
            errors.append(error)
        person.session.close()

    at_once([lambda k=k: take_part(k) for k in range(PEOPLE)])
    assert not errors
    assert answers(server.database) == given and len(given) >= PEOPLE * EACH
    db = sqlite3.connect(server.database)
    assert db.execute("SELECT count(*), min(answers), max(answers) FROM pair WHERE NOT is_check").fetchone() == (300, 1, 1)
    each = Counter(
        person for (person,) in db.execute("SELECT person FROM shown JOIN pair ON pair.id = pair WHERE NOT is_check")
    )
    db.close()
    assert set(each.values()) == {EACH} and len(each) == PEOPLE


def test_kill_9_under_load_loses_no_acknowledged_answer(server_of):
    """People go on with the same cookie as soon as the server is there again, with the pair that they had before them."""
    server = server_of(pairs=480, **{"per-person": 400})
    acknowledged, over = {}, threading.Event()

    def take_part(seed):
        rng, person = random.Random(seed), Person(server.url)
        while not over.is_set():
            try:
                if person.page is None:
                    person.begin()
                key, fields, choice = person.key, person.fields, rng.choice((1, 2))
                told = person.session.post(
                    f"{server.url}/answer", fields | {"choice": choice}, allow_redirects=False, timeout=60
                )
                if told.status_code == 303:
                    acknowledged[key] = choice
                person.page = person.get("/pair")
            except requests.RequestException:  # killed; the answer may or may not have been written, and was not acknowledged
                if person.page is not None and over.wait(0.05):
                    break
                try:
                    person.page = person.get("/pair") if person.page is not None else None
                except requests.RequestException:
                    over.wait(0.1)
        person.session.close()

    people = [threading.Thread(target=take_part, args=(k,)) for k in range(8)]
    for thread in people:
        thread.start()
    rng = random.Random(1)
    for _ in range(3):
        before = len(acknowledged)
        while len(acknowledged) < before + 10:
            assert any(thread.is_alive() for thread in people)
            over.wait(0.01)
        over.wait(rng.uniform(0, 0.1))  # in the midst of whatever comes next
        server.kill()
        server.start()
    over.set()
    for thread in people:
        thread.join()
    kept = answers(server.database)
    assert len(acknowledged) >= 30
    assert {key: kept.get(key) for key in acknowledged} == acknowledged


def test_what_a_full_disk_refuses_is_not_told_as_written(tmp_path):
    """The disk is full when the database may not grow any more."""
    path = tmp_path / "small.sqlite"
    schema.create(path, {}, [Pair("a", "tint", 1, True)], [], {})
    db = schema.connect(path)
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages + 4}")
    writer = Writer(db)

    def put(db, name):
        db.execute("INSERT INTO setting VALUES (?, ?)", (name, "x" * 2000))
        return name

    async def fill():
        return [(await asyncio.gather(writer.do(put, f"s{k}"), return_exceptions=True))[0] for k in range(20)]

    results = asyncio.run(fill())
    writer.close()
    told = [name for name in results if isinstance(name, str)]
    assert 1 < len(told) < 20
    assert {str(error) for error in results if not isinstance(error, str)} == {"database or disk is full"}
    db = sqlite3.connect(path)
    assert [name for (name,) in db.execute("SELECT name FROM setting WHERE name GLOB 's[0-9]*' ORDER BY rowid")] == told
    db.close()


def test_of_those_that_share_a_transaction_one_that_fails_undoes_itself_alone(tmp_path):
    path = tmp_path / "s.sqlite"
    schema.create(path, {}, [Pair("a", "tint", 1, True)], [], {})
    writer = Writer(schema.connect(path))

    def put(db, name, wrong):
        db.execute("INSERT INTO setting VALUES (?, 'x')", (name,))
        if wrong:
            raise KeyError(name)
        return name

    async def all_at_once():
        return await asyncio.gather(*(writer.do(put, f"s{k}", k % 3 == 0) for k in range(60)), return_exceptions=True)

    told = asyncio.run(all_at_once())
    writer.close()
    assert [isinstance(result, KeyError) for result in told] == [k % 3 == 0 for k in range(60)]
    db = sqlite3.connect(path)
    assert db.execute("SELECT count(*) FROM setting WHERE name GLOB 's[0-9]*'").fetchone() == (40,)
    db.close()


def test_a_disk_that_refuses_answers_is_told_to_the_person_and_the_pair_stays(server_of):
    """Somebody else holds the database's lock for longer than the server waits, which is as if the disk took no more."""
    server = server_of()
    person = Person(server.url).begin()
    key = person.key
    other = sqlite3.connect(server.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    refused = person.post("/answer", person.fields | {"choice": "1"})
    assert refused.status_code == 503 and sentence(refused).startswith("Your answer could not be stored")
    other.execute("ROLLBACK")
    other.close()
    assert "make room on its disk" in server.log.read_text()
    person.page = person.get("/pair")
    assert person.key == key and person.answer(1) == key


def test_a_photo_that_vanishes_is_left_out_and_people_go_on(server_of, tmp_path, photos):
    gone = "photo2.jpg"
    folder = shutil.copytree(photos, tmp_path / "copy")
    server = server_of(photos=folder, pairs=24, distortions="tint", **{"per-person": 24})
    (folder / gone).unlink()
    person = Person(server.url).begin()
    while not person.finished:
        person.answer(1)
    db = sqlite3.connect(server.database)
    assert db.execute("SELECT photo FROM left_out").fetchall() == [(gone,)]
    assert db.execute("SELECT count(*) FROM pair WHERE photo != ? AND answers = 0 AND NOT is_check", (gone,)).fetchone() == (0,)
    db.close()
    assert f"{gone}: is left out, because it cannot be shown" in server.log.read_text()
