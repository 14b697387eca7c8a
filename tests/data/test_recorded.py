"""Damaged outputs are found by their content, whatever their time stamps say, and how to make them anew is said."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from aesthetic_pretraining.data import doctor, recorded
from aesthetic_pretraining.errors import UserError

FILES = {
    "data/smoke/photos/store/0.tar": b"tar" * 1000,
    "models/smoke/pretrained/rotnet/seed1.safetensors": bytes(range(256)) * 9,
    "results/smoke/tables/table2.csv": b"method,ava_lcc\nimagenet,0.5\n",
}
SAVED = Path("results/smoke/provenance/data.json")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A project with three outputs and their records, as a run leaves it."""
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)
    entries = {name: {"sha256": "sha256:" + hashlib.sha256(content).hexdigest()} for name, content in FILES.items()}
    SAVED.parent.mkdir(parents=True)
    SAVED.write_text(json.dumps(entries))
    seen = Path(".snakemake/provenance-seen/smoke/data")
    seen.parent.mkdir(parents=True)
    seen.write_text("sha256:" + hashlib.sha256(SAVED.read_bytes()).hexdigest())


def flip(data):
    return data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]


def test_whole_outputs_are_whole():
    assert doctor.check_outputs("smoke") == [doctor.Finding("ok", "all 3 recorded outputs are as they were made")]
    assert doctor.check_outputs("demo") == [doctor.Finding("ok", "no run is recorded yet")]


@pytest.mark.parametrize("name", [*FILES, str(SAVED)])
@pytest.mark.parametrize("damage", [flip, lambda data: data[: len(data) // 2], lambda data: b"", lambda data: data + b"x"])
def test_one_damaged_file_is_named_with_how_to_make_it_anew(name, damage):
    stamp = os.stat(name)
    Path(name).write_bytes(damage(Path(name).read_bytes()))
    os.utime(name, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    found = doctor.check_outputs("smoke")
    assert [finding.level for finding in found] == ["problem"]
    assert found[0].text.startswith(name)
    assert f"rm {name} && snakemake all --config scale=smoke" in found[0].do


def test_a_file_that_is_gone_is_named():
    name = next(iter(FILES))
    Path(name).unlink()
    (found,) = doctor.check_outputs("smoke")
    assert found.level == "problem" and f"{name} is missing" in found.text


def test_records_that_dvc_brought_are_whole_and_others_are_not():
    SAVED.write_text(SAVED.read_text() + "\n")
    assert doctor.check_outputs("smoke")[0].level == "problem"
    md5 = hashlib.md5(SAVED.read_bytes()).hexdigest()
    Path("dvc.lock").write_text(f"stages:\n  data:\n    outs:\n    - path: {SAVED}\n      md5: {md5}\n")
    assert doctor.check_outputs("smoke")[0].level == "ok"


def test_of_a_jobs_inputs_the_damaged_one_is_told():
    store, network, table = FILES
    assert recorded.of_job([store, network, "src/x.py"]) == ""
    Path(network).write_bytes(b"")
    assert recorded.of_job([store, table]) == ""
    assert recorded.of_job([store, network]).startswith(f"{network} is not what was made: damaged or edited; delete it")


def test_a_ledger_that_cannot_be_read_is_a_finding(tmp_path):
    ledger = tmp_path / "ledger.csv"
    for content in ("", "id,fi", 'id,state\n"x'):
        ledger.write_text(content)
        (found,) = doctor.check_ledger(ledger, None, False)
        assert found.level == "problem" and f"rm {ledger}" in found.do


@pytest.mark.parametrize("content", ["stages: [1", "- 1", "stages: {data: 3}", "a: \xff"])
def test_a_lock_that_cannot_be_read_is_one_sentence(content):
    Path("dvc.lock").write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=r"dvc\.lock: is damaged; take it back"):
        doctor.check_outputs("smoke")
    assert recorded.of_job(FILES) == ""


def test_what_a_later_run_made_and_did_not_save_is_no_damage():
    name = next(iter(FILES))
    Path(name).write_bytes(b"made of other photos")
    later = os.stat(".snakemake/provenance-seen/smoke/data").st_mtime + 9
    os.utime(name, (later, later))
    assert doctor.check_outputs("smoke")[0].level == "problem"  # nobody knows who wrote this
    record = recorded.record_path(name)
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"endtime": later}))
    assert doctor.check_outputs("smoke") == [doctor.Finding("ok", "all 2 recorded outputs are as they were made")]
    assert recorded.of_job([name]) == ""
    os.utime(name, (later + 1, later + 1))
    assert name in recorded.of_job([name])
