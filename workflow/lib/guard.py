"""One run at a time in a folder: who holds it is known, and what a killed run left behind is no obstacle.

Snakemake's own lock files say neither who wrote them nor whether that process still lives, so profiles/default turns them
off. Instead, every run that executes jobs holds an flock on a file that names it; the kernel releases it when the process
ends, however it ends. Snakemake calls `enter` from its `onstart` handler: after it has found out that there is something to
do, before the first job, and never in a dry run or a call that only shows something.
"""

import atexit
import fcntl
import json
import os
import shlex
import socket
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from aesthetic_pretraining.errors import UserError

HOLDER = Path(".snakemake/run.json")  # who runs here, or ran here last
RUN = "AESTHETIC_PRETRAINING_RUN"  # environment: host and pid of the run that a job belongs to
_held: TextIO | None = None
_was_taken = False


def enter() -> None:
    """Take the folder for this process until it ends.

    Raises: UserError that names the holder if the folder is taken, or was taken when this process read the workflow: it would
        then act on the state of files that the other run has changed since.
    """
    global _held
    if _held is not None:
        return
    file = open(HOLDER, "a+")  # noqa: SIM115 - stays open as long as the process lives
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UserError(
            f"another run is at work in this folder: {holder()}; wait for it, or stop it and start again"
        ) from error
    if _was_taken:
        raise UserError(f"another run has just ended in this folder: {holder()}; start again")
    if _last() and "ended" not in _last():
        print("a run was killed here: its checkpoints are used", file=sys.stderr)
    _held = file
    run = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time(), "command": shlex.join(sys.argv)}
    _say(run)
    atexit.register(lambda: _say(run | {"ended": time.time()}))
    os.environ[RUN] = f"{socket.gethostname()} {os.getpid()}"


def free() -> bool:
    """Whether this process holds the folder or nobody does: then records may be written. Remembers the answer for `enter`."""
    global _was_taken
    if _held is not None or not HOLDER.exists():
        return True
    with open(HOLDER) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            _was_taken = True
    return not _was_taken


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
        return run if isinstance(run["since"], float) else {}
    except (OSError, ValueError, KeyError):
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
    """End this job when the run that started it is gone, however it went: its outputs would meet those of the next run."""
    host, _, pid = os.environ.get(RUN, "").partition(" ")
    if host == socket.gethostname():
        threading.Thread(target=_watch, args=(int(pid),), daemon=True).start()


def _watch(pid: int) -> None:
    while os.path.exists(f"/proc/{pid}") or not os.path.isdir("/proc/self"):
        time.sleep(0.5)
    os._exit(1)
