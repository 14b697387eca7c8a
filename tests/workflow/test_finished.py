"""The last state of a finished training stays until Snakemake has recorded its outputs, and no longer."""

import json
import os
from pathlib import Path

import pytest

import finished
import records

OUT = "models/smoke/pretrained/rotnet/seed1.safetensors"
RECORD = {"input": [], "input_checksums": {}}


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """A training that has just written its output and its name."""
    monkeypatch.chdir(tmp_path)
    for name in (OUT, "work/smoke/pretrain_rotnet_seed1.pt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("x")
    Path("work/smoke/pretrain_rotnet_seed1.done").write_text(json.dumps([OUT]))


def left():
    finished.sweep("work")
    return sorted(path.suffix for path in Path("work/smoke").iterdir())


def test_until_the_outputs_are_recorded():
    assert left() == [".done", ".pt"]
    records.write_record(OUT, RECORD | {"endtime": 1.0})  # of an earlier making
    assert left() == [".done", ".pt"]
    records.write_record(OUT, RECORD | {"endtime": os.stat(OUT).st_mtime})
    assert left() == []


def test_while_snakemake_will_make_them_again():
    records.write_record(OUT, RECORD | {"endtime": os.stat(OUT).st_mtime})  # by the saved records, whose content it has
    mark = records.record_path(OUT, below=records.UNFINISHED)
    mark.parent.mkdir(parents=True)
    mark.touch()
    assert left() == [".done", ".pt"]
    mark.unlink()
    assert left() == []


@pytest.mark.parametrize("content", ["", '["models', "[]x"])
def test_a_name_that_was_cut_off_is_no_error(content):
    Path("work/smoke/pretrain_rotnet_seed1.done").write_text(content)
    assert left() == [".done", ".pt"]


def test_outputs_that_are_gone_are_not_recorded():
    records.write_record(OUT, RECORD | {"endtime": os.stat(OUT).st_mtime})
    Path(OUT).unlink()
    assert left() == [".done", ".pt"]
