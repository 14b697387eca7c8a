"""A job fails if its code or what it reads changes while it runs; of a failed job the damaged input is named."""

import json
import logging
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

import job
from aesthetic_pretraining import code
from aesthetic_pretraining.files import sha256

LEDGER, MODULE = "data/smoke/photos/ledger.csv", "src/x.py"


@pytest.fixture
def script(tmp_path, monkeypatch):
    """What Snakemake hands to a script, with one table and one module as inputs."""
    monkeypatch.chdir(tmp_path)
    for name in (LEDGER, MODULE):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("a\nb\n")
    monkeypatch.setattr(job, "_less_page_faults", lambda: None)
    code.first_seen.cache_clear()
    handlers = list(logging.getLogger("aesthetic_pretraining").handlers)
    yield SimpleNamespace(rule="split", log=["logs/smoke/split.log"], input=[LEDGER, MODULE])
    logging.getLogger("aesthetic_pretraining").handlers[:] = handlers


def fails(script, body):
    """Run a body as a job that must fail with exit code 1; returns its log."""
    with pytest.raises(SystemExit) as left, job.job(script):
        body()
    assert left.value.code == 1
    return Path(script.log[0]).read_text()


@pytest.mark.parametrize("name", [LEDGER, MODULE])
@pytest.mark.parametrize("change", ["edit", "delete"])
def test_a_job_whose_code_or_input_changes_under_it_fails_with_a_sentence(name, change, script):
    body = (lambda: Path(name).write_text("a\nc\n\n")) if change == "edit" else Path(name).unlink
    said = fails(script, body)
    assert said == f"error: {name} was changed while this job ran, so what it made is not kept; run again\n"


def test_code_that_is_only_written_again_is_the_same_code(script):
    with job.job(script):
        Path(MODULE).write_text("a\nb\n")
        os.utime(MODULE, (1, 1))
    assert "done in" in Path(script.log[0]).read_text()


def record(**digests):
    path = Path("results/smoke/provenance/data.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({LEDGER: {"sha256": "sha256:" + sha256(LEDGER)}}))


def test_a_job_that_fails_on_a_damaged_input_names_it_and_how_to_make_it_anew(script):
    record()
    stamp = os.stat(LEDGER)
    Path(LEDGER).write_text("a\n")
    os.utime(LEDGER, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    said = fails(script, lambda: {}["votes"])
    assert said.count("\n") == 1
    assert f"{LEDGER} is not what was made" in said
    assert f"rm {LEDGER} && snakemake all --config scale=smoke" in said


def test_a_job_that_fails_on_whole_inputs_fails_as_ever(script):
    record()
    with pytest.raises(KeyError, match="votes"), job.job(script):
        {}["votes"]


def test_what_may_not_be_read_is_named_and_the_trace_stays_in_the_log(script, capsys):
    def read():
        raise PermissionError(13, "Permission denied", "labels/AVA.txt")

    assert "Traceback" in fails(script, read)
    assert capsys.readouterr().err == "\nerror in split: labels/AVA.txt: no permission; give this user access to it\n\n"


def test_ctrl_c_is_no_error_with_a_trace(script):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as left, job.job(script):
        stop()
    assert left.value.code == 130
    assert Path(script.log[0]).read_text() == "stopped by Ctrl-C\n"
