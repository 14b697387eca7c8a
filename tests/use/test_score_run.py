"""Scoring folders: what is written, what is refused, and that a killed run goes on to the same bytes."""

import csv
import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from small_bundles import SIZE, VALUES

from aesthetic_pretraining.__main__ import main
from aesthetic_pretraining.data.letterbox import letterbox
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.use import photos, run
from aesthetic_pretraining.use.journal import Journal
from aesthetic_pretraining.use.run import Options, score_photos
from aesthetic_pretraining.use.scorer import load

OUTPUTS = ("scores.csv", "scores.jsonl", "broken.csv", "scores.html")


@pytest.fixture
def folder(make_folder, make_photo, encode):
    """Seven photos in two folders, and files that are none."""
    files = {f"{'sub/' if k % 2 else ''}photo {k}.png": encode(make_photo(k, 60, 48)) for k in range(7)}
    dark = encode(np.full((40, 40, 3), 12, np.uint8))
    others = {
        "notes.txt": "x",
        ".hidden.png": "x",
        "sub/cut.jpg": encode(make_photo(9), "JPEG")[:300],
        "no.jpg": "hello",
        "dark.png": dark,
    }
    return make_folder(files | others, "photos")


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def outputs(out):
    return {name: (out / name).read_bytes() for name in OUTPUTS}


def test_every_photo_below_a_folder_gets_a_row_and_every_other_file_a_reason(bundle, folder, tmp_path, votes_of, make_photo):
    out = tmp_path / "out"
    done = score_photos(load(bundle), photos.find([folder]), out, Options(batch=3, workers=2))
    rows, broken = table(out / "scores.csv"), table(out / "broken.csv")
    assert (done["photos"], done["scored"], done["broken"]) == (10, 8, 2)
    assert [row["file"] for row in rows] == sorted(row["file"] for row in rows)
    assert {row["file"].removeprefix(f"{folder}/") for row in broken} == {"no.jpg", "sub/cut.jpg"}
    assert "not an image in a known format" in next(row["reason"] for row in broken if row["file"].endswith("no.jpg"))
    for k in range(7):
        votes = votes_of(letterbox(make_photo(k, 60, 48), SIZE).mean(axis=(0, 1)) / 255)
        (row,) = (row for row in rows if row["file"].endswith(f"photo {k}.png"))
        assert float(row["score"]) == pytest.approx(votes @ VALUES, abs=1e-4)
        assert [float(row[f"vote_{value:g}"]) for value in VALUES] == pytest.approx(votes, abs=1e-6)
    assert {row["file"].removeprefix(f"{folder}/"): row["explanation"] for row in rows}[
        "dark.png"
    ] == "too dark, about level -4"


def test_json_lines_say_the_same_as_the_table_and_what_is_off_in_numbers(bundle, folder, tmp_path):
    score_photos(load(bundle), photos.find([folder]), tmp_path / "out", Options(batch=4))
    rows = table(tmp_path / "out/scores.csv")
    lines = [json.loads(line) for line in (tmp_path / "out/scores.jsonl").read_text().splitlines()]
    assert [(line["file"], f"{line['score']:.4f}", line["explanation"]) for line in lines] == [
        (row["file"], row["score"], row["explanation"]) for row in rows
    ]
    (dark,) = (line for line in lines if line["off"])
    assert (
        dark["off"][0]["distortion"] == "brightness" and dark["off"][0]["level"] == -4.0 and dark["off"][0]["probability"] > 0.9
    )
    assert "thumb" not in dark


def test_files_may_be_named_instead_and_none_counts_twice(bundle, folder, tmp_path):
    names = photos.find([folder / "dark.png", folder / "sub", folder / "dark.png", folder / "no.jpg"])
    assert [Path(name).name for name in names] == ["dark.png", "cut.jpg", "photo 1.png", "photo 3.png", "photo 5.png", "no.jpg"]


def test_workers_and_pages_do_not_change_the_numbers(bundle, folder, tmp_path):
    names = photos.find([folder])
    for k, options in enumerate((Options(3, 1), Options(3, 3), Options(3, 2, pages=False))):
        score_photos(load(bundle), names, tmp_path / str(k), options)
    assert outputs(tmp_path / "0") == outputs(tmp_path / "1")
    assert (tmp_path / "0/scores.csv").read_bytes() == (tmp_path / "2/scores.csv").read_bytes()
    assert not (tmp_path / "2/scores.html").exists()


SLOW = """
import sys, time
from aesthetic_pretraining.use import photos, run
from aesthetic_pretraining.use.scorer import load
plain = run.rows_of
def slowly(*args):
    time.sleep(0.05)
    return plain(*args)
run.rows_of = slowly
run.score_photos(load(sys.argv[1]), photos.find([sys.argv[2]]), sys.argv[3], run.Options(batch=2, workers=1))
"""


def test_a_run_killed_at_any_moment_goes_on_to_the_same_bytes(bundle, folder, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    score_photos(load(bundle), photos.find([folder]), whole, Options(batch=2))
    resumed = set()
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", SLOW, bundle, folder, killed])
        before = lines_of(killed)
        while process.poll() is None and lines_of(killed) < before + 2:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        resumed.add(lines_of(killed))
    assert len(resumed) > 1
    score_photos(load(bundle), photos.find([folder]), killed, Options(batch=2))
    assert outputs(killed) == outputs(whole)
    assert not (killed / run.JOURNAL).exists()


def lines_of(out):
    path = out / run.JOURNAL
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.parametrize("cut", [1, 3, 40, 200, 400, 700, 10**6])
def test_a_journal_cut_anywhere_begins_with_whole_batches(tmp_path, cut):
    path, rows = tmp_path / "journal", [{"file": f"photo {k}", "score": k} for k in range(20)]
    journal = Journal(path, {"run": 1}, 20, 3)
    for k in range(0, 20, 3):
        journal.append(rows[k : k + 3])
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    again = Journal(path, {"run": 1}, 20, 3)
    assert again.rows in (*range(0, 20, 3), 20) and again.rows * 20 <= cut
    for k in range(again.rows, 20, 3):
        again.append(rows[k : k + 3])
    assert path.read_bytes() == whole
    assert [row for _, row in again] == rows
    offsets = [offset for offset, _ in again]
    assert again.at(offsets[5:7]) == rows[5:7]


def test_a_finished_run_is_not_done_again_and_other_photos_are_not_mixed_in(bundle, folder, tmp_path, capsys):
    out, scorer = tmp_path / "out", load(bundle)
    score_photos(scorer, photos.find([folder]), out)
    first = outputs(out)
    (out / "scores.csv").write_text("mine")
    score_photos(scorer, photos.find([folder]), out)
    assert (out / "scores.csv").read_text() == "mine"
    (folder / "dark.png").unlink()
    with pytest.raises(UserError, match="holds scores of other photos.*--again"):
        score_photos(scorer, photos.find([folder]), out)
    score_photos(scorer, photos.find([folder]), out, Options(again=True))
    assert outputs(out)["scores.csv"] != first["scores.csv"]
    assert len(table(out / "scores.csv")) == 7


def test_an_unfinished_run_of_another_network_is_not_gone_on_with(bundle, folder, tmp_path, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(run, "write_outputs", stop)
        with pytest.raises(KeyboardInterrupt):
            score_photos(load(bundle), photos.find([folder]), out)
    assert (out / run.JOURNAL).exists()
    with pytest.raises(UserError, match="of another network"):
        score_photos(load(bundle, explain=False), photos.find([folder]), out)
    assert score_photos(load(bundle), photos.find([folder]), out)["scored"] == 8


def test_two_writers_into_one_folder(bundle, folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    holder = f"import fcntl, time; f = open({str(out / run.LOCK)!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        with pytest.raises(UserError, match=r"out: a scoring run is at work in this folder .* wait for its end"):
            score_photos(load(bundle), photos.find([folder]), out)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_disk_that_fills_is_said_and_nothing_is_lost(bundle, folder, tmp_path, monkeypatch):
    out, plain, calls = tmp_path / "out", os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        plain(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr("aesthetic_pretraining.use.journal.os.fsync", full)
        with pytest.raises(UserError, match="no space left"):
            score_photos(load(bundle), photos.find([folder]), out, Options(batch=2))
    assert not (out / "scores.csv").exists()
    score_photos(load(bundle), photos.find([folder]), out, Options(batch=2))
    score_photos(load(bundle), photos.find([folder]), tmp_path / "whole", Options(batch=2))
    assert outputs(out) == outputs(tmp_path / "whole")


def test_a_folder_without_photos_and_a_path_that_is_not_there(make_folder, tmp_path):
    with pytest.raises(UserError, match="no photo here or in the folders below"):
        photos.find([make_folder({"notes.txt": "x"})])
    with pytest.raises(UserError, match="no such file or folder"):
        photos.find([tmp_path / "nowhere"])


def test_files_that_must_not_be_opened_are_broken(bundle, make_folder, tmp_path, monkeypatch):
    folder = make_folder({"large.png": "x" * 2000, "secret.png": "x"})
    os.mkfifo(folder / "pipe.png")
    (folder / "gone.png").symlink_to(folder / "nothing.png")
    bad = os.fsdecode(os.fsencode(str(folder)) + b"/n\xff.png")
    with open(bad, "w") as file:
        file.write("x")
    monkeypatch.setattr(photos, "LARGEST", 1000)
    names = [*photos.find([folder]), str(folder / "pipe.png")]
    found = {Path(row["file"]).name: row["unreadable"] for row in run.rows_of(load(bundle), names)}
    assert found.pop("large.png").startswith("a file of 0 MiB")
    assert found.pop("secret.png").startswith("not an image")
    assert found == {
        "pipe.png": "not a regular file",
        "gone.png": "no such file",
        "n\\xff.png": "the file name is not valid UTF-8; rename the file",
    }


def test_the_command_line(bundle, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["score", str(folder), "--model", str(bundle), "--batch", "4"]) == 0
    said = capsys.readouterr().out
    assert said == "8 photos scored, 2 could not be: scores/broken.csv; see scores/scores.html\n"
    assert main(["score", str(folder)]) == 1
    assert "error: no network here: name one by --model" in capsys.readouterr().err
    assert main(["score", str(folder), "--model", str(folder)]) == 1
    assert capsys.readouterr().err.startswith(f"error: {folder}: is no bundle")


def test_without_a_name_the_best_bundle_here_is_taken(tmp_path, monkeypatch):
    from aesthetic_pretraining.use.cli import model_of

    monkeypatch.chdir(tmp_path)
    for place in ("demo/bundles/imagenet", "demo/bundles/ranking_regression", "oasis/bundles/imagenet"):
        (tmp_path / "models" / place).mkdir(parents=True)
        (tmp_path / "models" / place / "config.json").touch()
    assert model_of(None) == Path("models/oasis/bundles/imagenet")
    (tmp_path / "models/oasis/bundles/imagenet/config.json").unlink()
    assert model_of(None) == Path("models/demo/bundles/ranking_regression")
    assert model_of("mine") == Path("mine")
