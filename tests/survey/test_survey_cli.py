"""survey serve, status and export: what they refuse, that a survey goes on, and that rule `premise` reads its answers."""

import csv
import json
import logging
import socket
import sqlite3
import subprocess
import sys

import pandas as pd
import pytest
from people import Person

from aesthetic_pretraining.__main__ import main
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.premise import premise
from aesthetic_pretraining.survey import records, schema
from aesthetic_pretraining.survey.export import COLUMNS, export
from aesthetic_pretraining.survey.plan import Pair
from aesthetic_pretraining.survey.status import counts, sentences


@pytest.fixture
def refused(tmp_path, photos, capsys):
    """Factory: options of `survey serve` -> the one sentence with which it ends."""

    def call(**options):
        given = {"photos": photos, "pairs": 20, "database": tmp_path / "survey.sqlite"} | options
        assert main(["survey", "serve", *(f"--{name.replace('_', '-')}={value}" for name, value in given.items())]) == 1
        said = capsys.readouterr().err
        assert said.startswith("error: ") and said.count("\n") == 1, said
        return said

    return call


def test_a_port_in_use(refused, monkeypatch):
    monkeypatch.setattr("aesthetic_pretraining.survey.images.Images.render", lambda *args: b"")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert refused(port=port) == f"error: --port {port}: the port is in use on 127.0.0.1; choose another one\n"


def test_what_is_refused_before_anything_is_written(refused, tmp_path, make_folder):
    empty = make_folder({"readme.txt": "no photo"}, "empty")
    broken = make_folder({"a.jpg": "no photo"}, "broken")
    consent = tmp_path / "consent.txt"
    consent.write_bytes(b" \n")
    for options, sentence in (
        ({"photos": empty}, f"{empty}: no photo here"),
        ({"photos": tmp_path / "missing"}, "missing: no such folder"),
        ({"photos": broken}, "none of the 1 photos can be shown; the first: not an image in a known format"),
        ({"pairs": 1000}, "6 photos in 81 filter levels make 1 to 486 different pairs"),
        ({"distortions": "sepia"}, "unknown name 'sepia'"),
        ({"table": "wrong"}, "--table wrong: must be one of published, corrected, corrected_wide"),
        ({"host": "0.0.0.0"}, "would open the survey to the network without encryption"),
        ({"public_url": "survey.example.org"}, "must be an address without a path"),
        ({"public_url": "https://example.org/survey"}, "must be an address without a path"),
        ({"consent": consent}, "has 2 bytes; a consent has some text"),
        ({"consent": tmp_path / "none.txt"}, "none.txt: cannot be read (No such file or directory)"),
    ):
        assert sentence in refused(**options), options
        assert not list(tmp_path.glob("survey.sqlite")) and not list(tmp_path.glob(".survey*"))


@pytest.mark.parametrize("option", ["--pairs=0", "--pairs=many", "--port=70000", "--short-side=4000", "--per-person=-1"])
def test_numbers_that_cannot_be(option, capsys):
    with pytest.raises(SystemExit):
        main(["survey", "serve", "--photos=x", option])
    assert option.split("=")[0] in capsys.readouterr().err.splitlines()[-1]


def test_a_survey_that_has_begun_keeps_its_design_its_photos_and_its_only_server(server_of, refused, photos, make_folder):
    server = server_of()
    given = {"database": server.database, "pairs": 300, "per_person": 30}
    assert "another survey server is at work" in refused(**given)
    assert server.stop() == 130
    assert "this survey began with --pairs 300, not 301; give the same" in refused(**given | {"pairs": 301})
    assert "--distortions brightness,contrast" in refused(**given, distortions="tint")
    other = make_folder({f"photo{k}.jpg": (photos / f"photo{k}.jpg").read_bytes() for k in (0, 1, 2, 3, 5)})
    assert "1 photos of the survey in" in (said := refused(**given, photos=other)) and "'photo4.jpg'" in said
    db = sqlite3.connect(server.database)
    db.execute("PRAGMA user_version = 9")
    db.close()
    assert "is a survey of version 9, and this code reads version 1" in refused(**given)


def test_stopped_and_begun_again_people_go_on_where_they_were(server_of, tmp_path):
    consent = tmp_path / "ours.txt"
    consent.write_text("First <b>paragraph</b> & more.\n\nSecond.\n")
    server = server_of(consent=consent)
    person = Person(server.url)
    assert "<p>First &lt;b&gt;paragraph&lt;/b&gt; &amp; more.</p>\n<p>Second.</p>" in person.get("/").text
    person.begin().answer(2)
    key, images = person.key, person.images()
    assert server.stop() == 130
    server.start()
    person.page = person.get("/pair")
    assert person.key == key and person.images() == images
    assert counts(server.database)["answers"] == 1


@pytest.fixture
def answered(tmp_path):
    """A survey in which two people have answered three pairs and a check each; one of them chose the noise."""
    path = tmp_path / "done.sqlite"
    pairs = [Pair("a,b.jpg", "tint", -2, True), Pair("c.jpg", "tint", 3, False), Pair("d.jpg", "contrast", 5, True)]
    schema.create(path, {}, pairs, [Pair("e.jpg", "impulse_noise", 5, False)], {"f.jpg": "cut off"})
    db = schema.connect(path)
    for token, choices in ((b"one", (1, 2, 2, 2)), (b"two", (1, 1, 1, 1))):
        records.enrol(db, token, ("5e", "yes"), 9, 0.0)
        person = records.person_of(db, token)
        for pair, choice in enumerate(choices, start=1):
            shown = records._show(db, person, pair, pair, 10.0)
            records.answer(db, token, shown[0], choice, 12.5)
    db.close()
    return path


def test_the_exported_answers_by_hand(answered, tmp_path, caplog):
    """Original first, and the first chosen: preferred; original second, and the second chosen: preferred, too."""
    caplog.set_level(logging.INFO)
    out = tmp_path / "answers.csv"
    export(answered, out)
    rows = list(csv.reader(out.read_text().splitlines()))
    assert rows[0] == COLUMNS and [row[:8] for row in rows[1:]] == [
        ["tint", "-2", "1", "p1", "a,b.jpg", "1", "first", "2.5"],
        ["tint", "3", "1", "p1", "c.jpg", "2", "second", "2.5"],
        ["contrast", "5", "0", "p1", "d.jpg", "3", "first", "2.5"],
        ["tint", "-2", "1", "p2", "a,b.jpg", "1", "first", "2.5"],
        ["tint", "3", "0", "p2", "c.jpg", "2", "second", "2.5"],
        ["contrast", "5", "1", "p2", "d.jpg", "3", "first", "2.5"],
    ]
    assert {tuple(row[3:4] + row[8:]) for row in rows[1:]} == {("p1", "1", "1"), ("p2", "1", "0")}
    assert "6 answers of 2 people; left out are 0 answers of 0 people" in caplog.text
    export(answered, out, least_checks=0.5)
    assert set(pd.read_csv(out)["person"]) == {"p1"}
    assert "3 answers of 1 people; left out are 3 answers of 1 people" in caplog.text


def test_rule_premise_reads_the_export_and_clusters_by_person_and_photo(answered, tmp_path):
    out = tmp_path / "answers.csv"
    export(answered, out)
    table = premise(survey=out).set_index(["distortion", "level"])
    assert table["pairs"].to_dict() == {
        ("all", "all"): 6, ("contrast", 5): 2, ("contrast", "all"): 2, ("tint", -2): 2, ("tint", 3): 2, ("tint", "all"): 4,
    }  # fmt: skip
    assert table.loc[("all", "all"), ["agree", "over"]].tolist() == [4, "people and photos"]


def test_status_in_words(answered):
    assert sentences(answered) == [
        "3 of 3 pairs are answered, by 6 answers.",
        "2 people have begun; 0 have answered in the last ten minutes; 0 have withdrawn.",
        "1 of 2 attention checks were passed.",
        "1 photos are left out because they cannot be shown.",
    ]


def test_nothing_to_export(tmp_path, capsys):
    path = tmp_path / "new.sqlite"
    for sentence in ("no such file", "has no answers yet"):
        assert main(["survey", "export", f"--database={path}", f"--out={tmp_path / 'out.csv'}"]) == 1
        assert sentence in capsys.readouterr().err
        assert not (tmp_path / "out.csv").exists()
        schema.create(path, {}, [Pair("a", "tint", 1, True)], [], {}) if not path.exists() else None
    assert main(["survey", "status", f"--database={path}"]) == 0
    assert "0 of 1 pairs are answered" in capsys.readouterr().out


def test_a_check_that_nobody_passed(answered, tmp_path):
    db = sqlite3.connect(answered)
    db.execute("UPDATE shown SET choice = 1 WHERE place = 4")
    db.commit()
    db.close()
    with pytest.raises(UserError, match="nobody has passed 1 of their checks"):
        export(answered, tmp_path / "out.csv", least_checks=1)


def test_without_the_extra_one_sentence_and_other_commands_do_not_load_it():
    code = """
import json, sys
sys.modules["starlette"] = None
from aesthetic_pretraining.__main__ import main
status = main(["survey", "serve", "--photos", "x"])
print(json.dumps([status, sorted({"torch", "pandas", "uvicorn", "jinja2"} & set(sys.modules))]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "error: the survey needs the package starlette; pip install 'aesthetic-pretraining[survey]'\n"
    assert json.loads(done.stdout) == [1, []]
