"""One run at a time in a folder: who holds it is known, and what a killed run left behind is no obstacle.

Snakemake's own lock files say neither who wrote them nor whether that process still lives, so profiles/default turns them
off. Instead, every run that executes jobs holds an flock on a file that names it; the kernel releases it when the process
ends, however it ends. Snakemake calls `enter` from its `onstart` handler: after it has found out that there is something to
do, before the first job, and never in a dry run or a call that only shows something.
"""

import atexit
import contextlib
import fcntl
import json
import os
import shlex
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from aesthetic_pretraining.errors import UserError

HOLDER = Path(".snakemake/run.json")  # who runs here, or ran here last
RECORDS = Path(".snakemake/records.lock")  # held while the records are made to fit the files
RUN = (
    "AESTHETIC_PRETRAINING_RUN"  # environment: host, pid and start of the run that a job belongs to, and the batch job it is in
)
BATCH = "SLURM_JOB_ID"  # environment: of a process in a job of Slurm
PATIENCE = 1.0  # seconds that `enter` tries for: another process may look whether the folder is free
_held: TextIO | None = None
_was_taken = False
_last_seen: dict = {}


def enter(sends: bool = False) -> bool:
    """Take the folder for this process until it ends. Returns whether the last run here sent its jobs to a cluster, where they outlive it.

    Args: sends: whether this one does.

    Raises: UserError that names the holder if the folder is taken, or was taken when this process read the workflow, or has been
        since: it would then act on the state of files that the other run has changed.
    """
    global _held
    if _held is not None:
        return False
    file = open(HOLDER, "a+")  # noqa: SIM115 - stays open as long as the process lives
    with _records():
        taken = not _lock(file, PATIENCE)
    if taken or _was_taken or _last() != _last_seen:
        file.close()
        if taken:
            raise UserError(f"another run is at work in this folder: {holder()}; wait for it, or stop it and start again")
        raise UserError(f"another run has just ended in this folder: {holder()}; start again")
    last = _last()
    if last and "ended" not in last:
        print("a run was killed here: its checkpoints are used", file=sys.stderr)
    _held = file
    run = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time(), "command": shlex.join(sys.argv)}
    run |= {"sends": True} if sends else {}
    _say(run)
    atexit.register(lambda: _say(run | {"ended": time.time()}))
    os.environ[RUN] = f"{socket.gethostname()} {os.getpid()} {_start_of(os.getpid())} {os.environ.get(BATCH, '')}".strip()
    return bool(last.get("sends"))


@contextlib.contextmanager
def free() -> Iterator[bool]:
    """Whether this process holds the folder or nobody does: then records may be written inside of the block.

    No other run begins before the block ends. What was found is remembered for `enter`.
    """
    global _was_taken, _last_seen
    with _records():
        if _held is None and HOLDER.exists():
            with open(HOLDER) as file:
                _was_taken = not _lock(file, 0, fcntl.LOCK_SH)  # a file open for reading alone
        _last_seen = _last()
        yield not _was_taken


@contextlib.contextmanager
def _records() -> Iterator[None]:
    """Hold the records: waits for whoever holds them. In a folder that cannot be written to nobody changes any."""
    try:
        RECORDS.parent.mkdir(exist_ok=True)
        file = open(RECORDS, "a")  # noqa: SIM115 - closed below
    except OSError:
        yield
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _lock(file: TextIO, seconds: float, kind: int = fcntl.LOCK_EX) -> bool:
    """Try to get the lock for so long; returns whether it was got."""
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.05)
        else:
            return True


def since() -> float:
    """When this run began, or the last one here (seconds since 1970); 0 if there was none."""
    return _last().get("since", 0.0)


def run_at(moment: float) -> str:
    """The command of the run that made a file then (seconds since 1970), if that was the last run here; else empty."""
    last = _last()
    return last["command"] if last and last["since"] <= moment <= last.get("ended", moment) else ""


def _say(run: dict) -> None:
    _held.truncate(0)
    json.dump(run, _held)
    _held.flush()


def _last() -> dict:
    """What the run that is or was here last says of itself; empty if there was none, or it has not yet said it."""
    try:
        run = json.loads(HOLDER.read_text())
        whole = (
            isinstance(run["since"], float)
            and isinstance(run.get("ended", 0.0), float)
            and {"pid", "host", "command"} <= run.keys()
        )
        return run if whole else {}
    except (OSError, ValueError, KeyError, TypeError):  # cut off, or other content than ours
        return {}


def refuse_other_scales(scale: str, known: Iterable[str]) -> None:
    """Raise UserError if a file of another scale is asked for: its parameters would be those of this one."""
    for argument in sys.argv[1:]:
        parts = argument.split("/")
        if len(parts) > 2 and parts[0] in ("data", "models", "results") and parts[1] in known and parts[1] != scale:
            raise UserError(
                f"{argument} is of the scale {parts[1]}, but this run is of the scale {scale}: add --config scale={parts[1]}"
            )


def holder() -> str:
    """The run that holds the folder, or did last, in words."""
    if not (run := _last()):
        return "a process that has not yet said its name"
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run["since"]))
    return f"process {run['pid']} on {run['host']} since {since} ({run['command']})"


def die_with_run() -> None:
    """End this job when the run that started it is gone, however it went: its outputs would meet those of the next run.

    Not a job that was sent to a cluster: there is no such process on its node, or it is another's. The next run ends what is left of
    those (cluster.end_leftovers).
    """
    host, pid, start, batch = (os.environ.get(RUN, "") + "    ").split(" ")[:4]
    if host == socket.gethostname() and batch == os.environ.get(BATCH, ""):
        _die_with({int(pid): start})


def die_with_dvc() -> None:
    """End this run when the dvc that started it is gone: with the run, its jobs end. DVC starts it by way of a shell."""
    if "DVC_STAGE" not in os.environ:
        return
    above, pid = {}, os.getppid()
    while pid > 1:
        above[pid] = _start_of(pid)
        if any(Path(word).name == "dvc" for word in _command(pid)[:3]):
            _die_with(above)
            return
        pid = _parent_of(pid)


def _die_with(processes: dict[int, str]) -> None:
    threading.Thread(target=_watch, args=(processes,), daemon=True).start()


def _watch(processes: dict[int, str]) -> None:
    """End this process when one of {pid: start} has ended; it may be a zombie still, or its number be another's."""
    while all(_start_of(pid) == start for pid, start in processes.items()):
        time.sleep(0.5)
    os._exit(1)


def _start_of(pid: int) -> str:
    """When a living process began, as the kernel counts; empty if it has ended, or where there is no /proc."""
    fields = _stat(pid)
    return "" if not fields or fields[0] in "ZX" else fields[19]


def _parent_of(pid: int) -> int:
    return int((_stat(pid) or "S0")[1])


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat behind the name, which may hold spaces: state, parent, ..."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return []
