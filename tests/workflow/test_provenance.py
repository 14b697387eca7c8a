"""Records of how outputs were made: content alone for DVC, times and machine beside it, and back into Snakemake's form."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.persistence import MetadataRecord

import dvc_stages
import machine
import provenance
import records
import same_results
from projects import ENV, ROOT

OUT = "data/demo/photos/split.csv"
MAKING = {
    "rule": "split",
    "code": '        "../scripts/data/split.py"\n',
    "input": ["data/demo/photos/ledger.csv", "src/x.py"],
    "input_checksums": {"data/demo/photos/ledger.csv": "sha256:aa", "src/x.py": "sha256:bb"},
    "log": ["logs/demo/split/photos.log"],
    "params": ["{'seed': 1}"],
    "record_format_version": 6,
    "shellcmd": None,
    "software_stack_hash": "d41d8cd98f00b204e9800998ecf8427e",
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty project with one output that is known to Snakemake."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dvc_stages, "outs_of", lambda dag: {})
    make(seconds=3.0, job_hash=5)
    yield tmp_path
    provenance.digest.cache_clear()


def make(seconds, **more):
    """Make the output, as Snakemake would."""
    Path(OUT).parent.mkdir(parents=True, exist_ok=True)
    Path(OUT).write_text("id,split\n")
    ended = os.stat(OUT).st_mtime
    run = {"starttime": ended - seconds, "endtime": ended, "incomplete": False, "external_jobid": None}
    provenance.write_record(OUT, MAKING | run | more)


def save():
    """Save the stage as a run would; returns the bytes of the record."""
    dag = SimpleNamespace(scale="demo", jobs=[SimpleNamespace(stage="data", output=[OUT])], stage_of={"split": "data"}, pending=[])
    provenance.save(["data"], dag)
    return Path("results/demo/provenance/data.json").read_bytes()


def test_the_program_finds_its_modules_by_itself(folder):
    """As DVC calls it: without PYTHONPATH."""
    done = subprocess.run(
        [sys.executable, ROOT / "workflow/lib/provenance.py"], env=ENV, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "usage: provenance.py save" in done.stderr, done.stderr


def test_two_makings_at_other_times_give_the_same_record(monkeypatch):
    first = save()
    provenance.made_path("demo", "data").unlink()
    Path("results/demo/provenance/data.json").unlink()
    os.utime(OUT, (1e9, 1e9))
    make(seconds=400.0, job_hash=-7, external_jobid="slurm 12")
    monkeypatch.setattr(machine, "description", lambda: "an abacus")
    monkeypatch.setenv("LOGNAME", "ada")
    assert save() == first
    made = json.loads(provenance.made_path("demo", "data").read_text())[OUT]
    assert (made["machine"], made["user"], round(made["seconds"])) == ("an abacus", "ada", 400)


def test_a_record_holds_content_and_no_time_machine_or_user():
    (entry,) = json.loads(save()).values()
    assert set(entry) == {"sha256", "inputs", "record", "versions"}
    assert entry["inputs"] == MAKING["input_checksums"]
    assert set(entry["record"]) == {"rule", "code", "log", "params", "record_format_version", "software_stack_hash"}


def test_versions_stay_those_of_the_first_making_with_this_content(monkeypatch):
    first = save()
    monkeypatch.setattr(machine, "versions", lambda: "torch 99")
    make(seconds=1.0)
    assert save() == first
    make(seconds=1.0, params=["{'seed': 2}"])
    assert json.loads(save())[OUT]["versions"] == "torch 99"


def test_snakemake_reads_a_restored_record_as_the_one_it_wrote():
    before = MetadataRecord.model_validate(provenance.read_record(OUT))
    save()
    records.record_path(OUT).unlink()
    os.utime(OUT, (2e9, 2e9))
    provenance._see("demo", "data", "")
    assert provenance.restore("demo") == {"kept": 0, "restored": 1, "unknown": 0}
    after = MetadataRecord.model_validate(provenance.read_record(OUT))
    content = set(before.keys()) - set(provenance.RUN_OF)
    assert {key: after[key] for key in content} == {key: before[key] for key in content}
    assert after.endtime == 2e9 == os.stat(OUT).st_mtime  # so that it describes the file
    assert after.endtime - after.starttime == pytest.approx(3)  # this machine remembers
    assert isinstance(after.job_hash, int)


def test_what_was_restored_was_not_made_here():
    save()
    made = provenance.made_path("demo", "data")
    known = made.read_bytes()
    records.record_path(OUT).unlink()
    os.utime(OUT, (2e9, 2e9))
    provenance.restore("demo")
    save()
    assert made.read_bytes() == known  # restored here: still the time of its making
    made.unlink()
    save()
    assert not made.exists()  # restored elsewhere: nobody here knows


def test_the_kind_of_machine_is_noted_only_where_the_record_is_another_than_dvc_locks():
    record = save()
    assert provenance.MACHINE.read_text() == machine.kind()
    provenance.MACHINE.write_text("another\n")
    md5 = hashlib.md5(record).hexdigest()
    out = f"    - path: results/demo/provenance/data.json\n      md5: {md5}\n"
    Path("dvc.lock").write_text(f"stages:\n  data:\n    outs:\n{out}")
    save()
    assert provenance.MACHINE.read_text() == "another\n"  # the same bytes on this machine: the record stands
    make(seconds=1.0, params=["{'seed': 2}"])
    save()
    assert provenance.MACHINE.read_text() == machine.kind()


def test_a_lock_that_was_not_written_after_the_run_is_noticed(folder):
    md5 = hashlib.md5(save()).hexdigest()
    lock = "stages:\n  data:\n    outs:\n    - path: results/demo/provenance/data.json\n      md5: {}\n"
    assert same_results.unrecorded(lock.format(md5), folder) == []
    assert same_results.unrecorded(lock.format("f" * 32), folder) == ["data: results/demo/provenance/data.json"]
    Path("results/demo/provenance/data.json").unlink()
    assert same_results.unrecorded(lock.format(md5), folder) == ["data: results/demo/provenance/data.json"]


LOCK = """
stages:
  data:
    deps:
    - path: src/x.py
      md5: {dep}
    outs:
    - path: data/demo
      md5: {out}
  report:
    deps:
    - path: data/demo
      md5: {out}
    outs:
    - path: results/demo/report.html
      md5: same
"""


def test_other_results_fail_on_the_kind_of_machine_that_recorded_them_alone():
    before, now = LOCK.format(dep=1, out=1), LOCK.format(dep=1, out=2)
    here = machine.kind()
    assert same_results.verdict(before, before, "", here)[1] is False
    lines, failed = same_results.verdict(before, now, here, here)
    assert failed and "  data: data/demo" in lines and "  report: data/demo" in lines
    assert not [line for line in lines if "report.html" in line]
    lines, failed = same_results.verdict(before, now, here.replace("GPU: ", "GPU: a big one, not "), here)
    assert not failed and any(line.startswith("  GPU: a big one, not") for line in lines)
    assert len([line for line in lines if " -> " in line]) == 1
    lines, failed = same_results.verdict(before, now, "", here)
    assert not failed and "  system: not recorded -> " in "\n".join(lines)
