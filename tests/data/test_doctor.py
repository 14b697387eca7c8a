"""The doctor: sets as they look after a bad afternoon, each named with what to do; and whole ones."""

import copy
import re

import numpy as np
import pandas as pd
import pytest

import doctor as script
from aesthetic_pretraining.config import resolve
from aesthetic_pretraining.data import doctor
from aesthetic_pretraining.data.labelled.facts import SETS
from aesthetic_pretraining.data.sources import Folder
from aesthetic_pretraining.data.store import build_shard

ROW = "{row} {id} 0 1 5 17 38 36 15 6 5 {last} 1 22 1396\n"
VOTES = ",0,1,5,17,38,36,15,6,5,1\n"


@pytest.fixture
def ava(make_folder, make_photo, encode):
    """Factory: more files, and names to leave out -> a folder with twelve images in AVA's layout."""

    def make(more=(), without=()):
        files = {f"images/{k}.jpg": encode(make_photo(k), "JPEG") for k in range(12)}
        files["AVA.txt"] = "".join(ROW.format(row=k, id=k, last=1 + k) for k in range(12))
        files |= {f"splits/{s}.csv": f"{k}{VOTES}" for k, s in enumerate(("train", "val", "test"))}
        files |= dict(more)
        return make_folder({name: data for name, data in files.items() if name not in without})

    return make


@pytest.fixture
def cfg(params):
    """Factory: AVA's folder -> the scale paper as params.yaml has it."""

    def make(root):
        values = copy.deepcopy(resolve(params | {"scale": "paper"}))
        values["sets"]["ava"]["folder"] = str(root)
        return values

    return make


def look(cfg, root, tmp_path, deep=False):
    return script.labelled(cfg(root), "ava", tmp_path / "ledger.csv", deep)


def problems(findings):
    return [(f.text, f.do) for f in findings if f.level == "problem"]


def test_a_whole_set_has_no_problem_but_says_that_it_is_small(cfg, ava, tmp_path):
    findings = look(cfg, ava(), tmp_path)
    assert problems(findings) == []
    text = doctor.render({"ava": findings})
    assert "12 images are listed, but the set was published with 255530" in text
    assert "split paper; lists found: splits/test.csv, splits/train.csv, splits/val.csv" in text
    assert "no ledger yet" in text


@pytest.mark.parametrize(
    ("change", "part", "do"),
    [
        ({"without": ["AVA.txt"]}, "AVA.txt: is missing", "docs/data.md"),
        ({"without": ["AVA.txt"], "more": {"AVA.7z.001": "", "AVA.7z.002": ""}}, "there are archives: AVA.7z.001", "unpack"),
        ({"more": {"AVA.txt": "<!DOCTYPE html><title>Sign in</title>"}}, "AVA.txt is a web page", "fetch"),
        ({"more": {"AVA.txt": "1 2 3\n"}}, "AVA.txt, row 1", ""),
        ({"without": [f"images/{k}.jpg" for k in range(5, 12)]}, "7 of 12 listed images are missing: images/5.jpg", "unpack"),
        ({"more": {f"images/{k}.jpg": "<html>log in</html>" for k in range(3)}}, "3 of 12 sampled files are not images", "fetch"),
        ({"more": {"images/4.jpg": ""}}, "images/4.jpg (empty)", "fetch"),
        ({"without": ["splits/val.csv"]}, "split paper: splits/val.csv is missing", "another split"),
    ],
    ids=["no labels", "not unpacked", "web page", "malformed", "half unpacked", "login pages", "empty file", "half a split"],
)  # fmt: skip
def test_what_is_wrong_is_named_with_what_to_do(cfg, ava, tmp_path, change, part, do):
    ((text, what),) = problems(look(cfg, ava(**change), tmp_path))
    assert part in text
    assert do in what


def test_missing_empty_and_wrong_folders(make_folder, tmp_path, cfg):
    (tmp_path / "empty").mkdir()
    deep = make_folder({"AVA_dataset/AVA.txt": ROW.format(row=1, id=1, last=1), "AVA_dataset/images/1.jpg": b""}, "outer")
    for root, part, what in [
        (tmp_path / "gone", "gone: no such folder", "or name its folder in params.yaml"),
        (tmp_path / "empty", "empty: is empty", "fetch the set as docs/data.md says"),
        (deep, f"AVA.txt is in {deep / 'AVA_dataset'}", "name that folder"),
        (deep / "AVA_dataset/images", f"AVA.txt is in {deep / 'AVA_dataset'}", "name that folder"),
    ]:
        ((text, do),) = problems(look(cfg, root, tmp_path))
        assert part in text
        assert what in do


@pytest.mark.parametrize(
    ("split", "names", "level", "part"),
    [
        ("paper", ["splits/pred.txt"], "note", "test from splits/pred.txt"),
        ("paper", [], "problem", "splits/train.csv is missing; lists found: none"),
        ("official", ["aesthetics_image_lists/generic_test.jpgl"], "ok", "split official"),
        ("official", ["splits/pred.txt"], "problem", "generic_test.jpgl is missing"),
        ("random", [], "ok", "split random"),
    ],
)
def test_the_lists_of_the_chosen_split(make_folder, split, names, level, part):
    root = make_folder({"AVA.txt": ""} | dict.fromkeys(names, "1\n"))
    (finding,) = doctor.check_ava_lists(root, split)
    assert finding.level == level
    assert part in finding.text


@pytest.mark.parametrize(
    ("form", "sizes", "kilobytes", "level", "part"),
    [
        ("ava", [(640, 427), (800, 600), (480, 640)], 130, "ok", "looks like the originals"),
        ("ava", [(640, 427), (800, 600), (480, 640)], 62, "note", "re-encoded"),
        ("ava", [(256, 256)] * 20, 15, "note", "a copy resized to 256 pixels"),
        ("ava", [(384, 256), (256, 384)] * 20, 15, "note", "a copy resized to 256 pixels"),
        ("koniq10k", [(512, 384)] * 20, 60, "note", "half the size"),
        ("koniq10k", [(1024, 768)] * 20, 200, "ok", "looks like the originals"),
        ("tid2013", [(512, 384)] * 20, 590, "ok", "looks like the originals"),
        ("tid2013", [(256, 192)] * 20, 150, "note", "the originals have 512 x 384"),
    ],
)
def test_which_copy_it_looks_like(form, sizes, kilobytes, level, part):
    (finding,) = doctor.describe_copy(np.array(sizes), kilobytes, SETS[form])
    assert finding.level == level
    assert part in finding.text


def test_a_changed_file_is_found_by_hashing_only(cfg, ava, tmp_path):
    root = ava(more={"images/11.jpg": "no image"})
    listing = pd.DataFrame({"id": [str(k) for k in range(12)], "file": [f"images/{k}.jpg" for k in range(12)]})
    build_shard(listing, Folder(root), 0, 1, lambda pixels: pixels, 95, tmp_path / "0.tar", tmp_path / "ledger.csv")
    assert "ledger: 11 of 12 images usable; 1 not an image" in doctor.render({"": look(cfg, root, tmp_path)})
    assert "all 11 usable images have the SHA-256" in doctor.render({"": look(cfg, root, tmp_path, deep=True)})
    data = bytearray((root / "images/3.jpg").read_bytes())
    data[-30] ^= 1
    (root / "images/3.jpg").write_bytes(data)
    (root / "images/7.jpg").unlink()
    (root / "images/7.jpg").symlink_to("nowhere.jpg")  # listed by its folder, not there
    shallow = problems(look(cfg, root, tmp_path))
    assert "changed" not in str(shallow)
    ((text, do),) = [p for p in problems(look(cfg, root, tmp_path, deep=True)) if "changed" in p[0]]
    assert text.startswith("2 of 11 images changed")
    assert "images/3.jpg, images/7.jpg" in text
    assert "--forcerun" in do


def test_names_that_would_break_a_line_are_shown_escaped(make_folder):
    root = make_folder({"a\nb é.jpg": b"", "c.jpg": b"x"})
    findings = doctor.check_pictures(Folder(root), Folder(root).names(), None)
    text = doctor.render({"photos": findings})
    assert "a\\nb \\xe9.jpg (empty)" in text
    assert len(text.splitlines()) == 3


@pytest.mark.parametrize(("scale", "missing"), [("demo", []), ("paper", ["pexels", "ava", "tid2013"])])
def test_the_whole_visit(monkeypatch, tmp_path, capsys, scale, missing):
    """In an empty folder: the demo needs nothing that is not installed, the scale paper lacks all of its sets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["doctor.py", "--scale", scale])
    assert script.main() == bool(missing)
    said = capsys.readouterr().out
    assert re.findall(r"problem  data/raw/(\w+): no such folder", said) == missing
    assert said.rstrip().endswith(f"{len(missing)} problems" if missing else "all that the scale demo needs is there")


def test_what_this_user_cannot_read_is_a_finding_of_its_set(tmp_path, params, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = resolve(params) | {"photos": {"sources": ["folder"], "folder": "mine", "limit": 0, "max_unusable": 0}}
    (tmp_path / "mine").mkdir()

    def refuse(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(script.doctor.Path, "iterdir", refuse)  # root may read everywhere
    reports = list(script.examine(cfg, deep=False).values())
    assert reports[0] == [doctor.Finding("problem", "mine: this user cannot read it", "give this user access")]
    assert len(reports) > 2 and reports[-1][0].level == "ok"


def test_a_wrong_scale_ends_with_a_sentence(monkeypatch):
    monkeypatch.setattr("sys.argv", ["doctor.py", "--scale", "huge"])
    with pytest.raises(SystemExit, match="error: params.yaml: scale is 'huge'"):
        script.main()


@pytest.mark.parametrize("source", ["pexels", "unsplash_lite", "bsds500"])
@pytest.mark.parametrize("others", [[], ["packaged"]])
def test_a_published_set_that_was_not_fetched_says_how(source, others, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photos = {"sources": [*others, source], "folder": "", "limit": 0, "max_unusable": 0}
    (finding,) = script.photos({"photos": photos, "seed": 1}, tmp_path / "ledger.csv", deep=False)
    assert finding.level == "problem" and f"data/raw/{source}/photos: no such folder" in finding.text
    assert finding.do == f"fetch it: snakemake --cores 1 data/raw/{source}/download.csv"


def test_oasis_that_was_not_fetched_says_how(params, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (finding,) = script.labelled(resolve(params), "oasis", tmp_path / "ledger.csv", deep=False)
    assert (finding.level, finding.text) == ("problem", "data/raw/oasis: no such folder")
    assert finding.do == "fetch it: snakemake --cores 1 data/raw/oasis/download.csv"
