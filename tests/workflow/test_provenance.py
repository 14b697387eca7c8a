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


def save(pending=(), **how):
    """Save the stage as a run would; returns the bytes of the record."""
    dag = SimpleNamespace(
        scale="demo", jobs=[SimpleNamespace(stage="data", output=[OUT])], stage_of={"split": "data"}, pending=list(pending)
    )
    provenance.save(["data"], dag, **how)
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


def damage(content="id,spl\n"):
    """Other content, and the time stamp of before."""
    stamp = os.stat(OUT)
    Path(OUT).write_text(content)
    os.utime(OUT, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    provenance.digest.cache_clear()


def test_damage_is_never_saved_as_what_was_made():
    first = save()
    damage()
    with pytest.raises(SystemExit, match=rf"{OUT} is not what it was when it was made: damaged; delete it and run again"):
        save()
    assert Path("results/demo/provenance/data.json").read_bytes() == first
    make(seconds=2.0)
    provenance.digest.cache_clear()
    assert save() == first


def test_damage_of_what_was_restored_is_never_saved_either():
    save()
    records.record_path(OUT).unlink()
    os.utime(OUT, (2e9, 2e9))
    provenance.restore("demo")
    provenance.made_path("demo", "data").unlink()
    damage()
    with pytest.raises(SystemExit, match="damaged; delete it"):
        save()


def test_a_stage_that_is_out_of_date_when_it_ends_is_not_saved():
    """Its parameters, code or inputs were changed while it ran: DVC would lock old results under new parameters."""
    with pytest.raises(SystemExit, match="the rule split depends on was changed while stage data was at work; run again"):
        save(pending=["split"])
    assert not Path("results/demo/provenance/data.json").exists()


def test_of_a_run_of_a_part_what_is_known_is_saved_and_the_rest_stays():
    other = {"data/demo/ava/split.csv": {"sha256": "sha256:aa", "versions": ""}}
    path = Path("results/demo/provenance/data.json")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(other))
    saved = json.loads(save(partly=True, pending=["ledger"]))
    assert set(saved) == {OUT, *other}
    os.utime(OUT, (3e9, 3e9))
    assert set(json.loads(save(partly=True))) == {OUT, *other}
    assert not provenance.MACHINE.exists()


def test_an_output_that_nobody_saved_and_that_changed_since_its_making_is_made_again():
    assert provenance.restore("demo") == {"kept": 0, "restored": 0, "unknown": 0}
    os.utime(OUT, (2e9, 2e9))
    assert provenance.restore("smoke")["unknown"] == 0  # another scale
    assert provenance.restore("demo")["unknown"] == 1
    assert MetadataRecord.model_validate(provenance.read_record(OUT)).params == provenance.UNKNOWN
    assert provenance.restore("demo")["unknown"] == 0  # known to be unknown


@pytest.mark.parametrize("content", ["", '{"rule": "spl', "[1, 2]", '{"endtime": 3}', '"x"'])
def test_a_local_record_that_is_cut_off_or_no_record_vouches_for_nothing(content):
    records.record_path(OUT).write_text(content)
    assert provenance.restore("demo")["unknown"] == 1
    assert MetadataRecord.model_validate(provenance.read_record(OUT)).params == provenance.UNKNOWN


@pytest.mark.parametrize("content", ["", '{"data/demo/', "[]", "null"])
def test_saved_records_that_are_cut_off_are_said_and_not_used(content, capsys):
    save()
    path = Path("results/demo/provenance/data.json")
    path.write_text(content)
    provenance.digest.cache_clear()
    assert provenance.restore("demo")["unknown"] == 0  # this folder's own record still vouches for the output
    assert f"{path} is damaged and is not used" in capsys.readouterr().err
    assert OUT in json.loads(save())


def test_every_record_is_found_by_its_name_however_long():
    long = "data/demo/" + "x/" * 200 + "y.csv"
    records.write_record(long, MAKING)
    assert set(records.recorded()) == {OUT, long}
    assert records.read_record(long) == MAKING
