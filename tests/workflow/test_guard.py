"""Who may run, who may write records, and whose end ends what: processes of the guard, without Snakemake."""

import os
import signal
import subprocess
import sys
import time

import pytest
from limits import limit

import guard
from aesthetic_pretraining.errors import UserError
from projects import ROOT

HEAD = f"import sys; sys.path[:0] = [{str(ROOT / 'src')!r}, {str(ROOT / 'workflow/lib')!r}]\nimport os, time, guard\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty project; this process holds nothing in it, as at its start."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".snakemake").mkdir()
    for name, value in {"_held": None, "_was_taken": False, "_last_seen": {}}.items():
        monkeypatch.setattr(guard, name, value)
    monkeypatch.setattr(guard.atexit, "register", lambda function: None)
    monkeypatch.delenv(guard.RUN, raising=False)
    return tmp_path


@pytest.fixture
def other():
    """other(code) starts a process that runs it and then waits for its input to end; returns it once it says "ready"."""
    started = []

    def start(code, **env):
        process = subprocess.Popen(
            [sys.executable, "-c", f"{HEAD}{code}\nprint('ready', flush=True)\nsys.stdin.read()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | env,
        )  # fmt: skip
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def look():
    with guard.free() as may_write:
        return may_write


def test_a_run_at_work_is_named_and_no_records_are_written(other):
    run = other("with guard.free(): pass\nguard.enter()")
    assert not look()
    with pytest.raises(UserError, match=f"another run is at work in this folder: process {run.pid} on"):
        guard.enter()
    run.kill()
    run.wait()
    with pytest.raises(UserError, match="another run has just ended"):
        guard.enter()  # what this process read of the folder is old


def test_a_run_that_came_and_went_since_the_workflow_was_read_is_noticed(other):
    assert look()
    other("with guard.free(): pass\nguard.enter()").communicate()
    with pytest.raises(UserError, match="another run has just ended in this folder: process .*; start again"):
        guard.enter()


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"5", b"\xff\xfe", b'{"since": 1.0}', b'{"pid": 1, "since": 1.0, "ended": null}']
)
def test_what_is_no_name_of_a_run_stops_nobody(content, folder):
    (folder / guard.HOLDER).write_bytes(content)
    assert look()
    assert guard.holder() == "a process that has not yet said its name" and guard.run_at(1.0) == ""
    guard.enter()
    guard._held.close()


def test_of_two_starts_at_once_the_second_waits_until_the_first_has_restored_its_records(other):
    restoring = other("block = guard.free(); block.__enter__()")
    looking = subprocess.Popen(
        [sys.executable, "-c", f"{HEAD}with guard.free() as free: print(free, time.monotonic())"],
        stdout=subprocess.PIPE,
        text=True,
    )
    entering = subprocess.Popen(
        [sys.executable, "-c", f"{HEAD}guard.enter(); print(time.monotonic())"], stdout=subprocess.PIPE, text=True
    )
    time.sleep(0.5)
    ended = time.monotonic()
    restoring.communicate()
    at = looking.communicate(timeout=limit(30))[0].split()[1]  # free or not, as the other one came second or first
    assert float(at) >= ended
    assert float(entering.communicate(timeout=limit(30))[0]) >= ended


def test_a_look_at_the_folder_does_not_turn_a_run_away(other, folder):
    (folder / guard.HOLDER).write_text("")
    looking = other("import fcntl; file = open(guard.HOLDER); fcntl.flock(file, fcntl.LOCK_SH)")
    assert look()
    subprocess.Popen(["sleep", "0.3"]).wait()
    os.kill(looking.pid, signal.SIGKILL)
    guard.enter()
    guard._held.close()


@pytest.mark.parametrize("reaped", [True, False])
def test_a_job_ends_with_its_run_even_where_nobody_reaps_the_dead(reaped, other):
    run = other("with guard.free(): pass\nguard.enter()")
    start = guard._start_of(run.pid)
    assert start
    job = other("guard.die_with_run()", **{guard.RUN: f"{guard.socket.gethostname()} {run.pid} {start}"})
    run.kill()
    if reaped:
        run.wait()
    assert job.wait(timeout=limit(30)) == 1


def test_a_job_whose_run_has_given_its_number_to_another_process_ends(other):
    run = f"{guard.socket.gethostname()} {os.getpid()} 1"
    job = subprocess.Popen(
        [sys.executable, "-c", f"{HEAD}guard.die_with_run(); time.sleep(600)"], env=os.environ | {guard.RUN: run}
    )
    assert job.wait(timeout=limit(30)) == 1


def test_a_run_ends_with_the_dvc_that_started_it_by_way_of_a_shell(folder):
    (folder / "run.py").write_text(f"{HEAD}guard.die_with_dvc()\nprint(os.getpid(), flush=True)\ntime.sleep(600)\n")
    (folder / "dvc").write_text(
        f"import subprocess\nsubprocess.run({sys.executable + ' run.py; true'!r}, shell=True, env={{'DVC_STAGE': 'data'}})\n"
    )
    dvc = subprocess.Popen([sys.executable, "dvc"], stdout=subprocess.PIPE, text=True)
    run = int(dvc.stdout.readline())
    dvc.kill()
    end = time.monotonic() + limit(30)
    while guard._start_of(run):
        assert time.monotonic() < end, "the run outlives its dvc"
        time.sleep(0.05)
    dvc.wait()
    dvc.stdout.close()
