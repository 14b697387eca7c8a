"""One run at a time in a folder: who holds it is known, and what a killed run left behind is cleared.

Snakemake's own lock files say neither who wrote them nor whether that process still lives. So every run that executes
jobs holds an flock on a file that names it; the kernel lets go of it when the process ends, however it ends.
"""

import fcntl
import json
import os
import re
import shlex
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from aesthetic_pretraining.errors import UserError

HOLDER = Path(".snakemake/run.json")
RUN = "AESTHETIC_PRETRAINING_RUN"  # environment: host and pid of the run that a job belongs to
# calls of snakemake that execute nothing, and so may look on while a run is at work
LOOKING = {
    "-n", "--dry-run", "--dryrun", "--lint", "--report", "--summary", "-S", "--detailed-summary", "-D", "--dag", "--d3dag",
    "--rulegraph", "--filegraph", "--unlock", "--list", "--list-rules", "-l", "--list-target-rules", "--lt", "--list-changes",
    "--list-input-changes", "--list-params-changes", "--print-compilation", "--generate-unit-tests", "--containerize", "--archive",
}  # fmt: skip
_held = None


def enter(root: Path) -> None:
    """Take the folder for this process until it ends. Raises UserError, which names the holder, if it is taken.

    Locks of Snakemake that are there although nobody holds the folder come from a killed run and are removed.
    """
    global _held
    os.environ["PYTHONPATH"] = os.pathsep.join([str(root / "src"), str(root / "workflow/lib")])  # for the jobs
    if _held is not None or looks_on(sys.argv):
        return
    try:
        HOLDER.parent.mkdir(exist_ok=True)
        file = open(HOLDER, "a+")  # noqa: SIM115 - stays open as long as the process lives
    except OSError as error:
        raise UserError(
            f"{Path.cwd()}: no permission to write here; give this user write access or clone to another folder"
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UserError(
            f"another run is at work in this folder: {holder()}; wait for it, or stop it and start again"
        ) from error
    if Path(".snakemake/locks").exists():
        if any(Path(".snakemake/locks").iterdir()):
            print("a run was killed here: its lock is cleared, its checkpoints are used", file=sys.stderr)
        shutil.rmtree(".snakemake/locks")
    file.truncate(0)
    json.dump(
        {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
            "command": shlex.join(sys.argv),
        },
        file,
    )
    file.flush()
    _held = file
    os.environ[RUN] = f"{socket.gethostname()} {os.getpid()}"


def looks_on(argv: list[str]) -> bool:
    """Whether this process executes no jobs: another program that reads the workflow, or a call that only shows something."""
    if Path(argv[0]).name not in ("snakemake", "__main__.py"):
        return True
    return any(a.split("=")[0] in LOOKING or re.fullmatch(r"-[A-Za-z]*n[A-Za-z]*", a) for a in argv[1:])


def free() -> bool:
    """Whether this process holds the folder or nobody does: then records may be written."""
    if _held is not None or not HOLDER.exists():
        return True
    with open(HOLDER) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def refuse_other_scales(scale: str, known: Iterable[str]) -> None:
    """Raise UserError if a file of another scale is asked for: its parameters would be those of this one."""
    for argument in sys.argv[1:]:
        parts = argument.split("/")
        if len(parts) > 2 and parts[0] in ("data", "models", "results") and parts[1] in known and parts[1] != scale:
            raise UserError(
                f"{argument} is of the scale {parts[1]}, but this run is of the scale {scale}: add --config scale={parts[1]}"
            )


def holder() -> str:
    """The run that holds the folder, in words."""
    try:
        run = json.loads(HOLDER.read_text())
        return f"process {run['pid']} on {run['host']} since {run['since']} ({run['command']})"
    except (OSError, ValueError, KeyError):
        return "a process that has not yet said its name"


def die_with_run() -> None:
    """End this job when the run that started it is gone, however it went: its outputs would meet those of the next run."""
    host, _, pid = os.environ.get(RUN, "").partition(" ")
    if host == socket.gethostname():
        threading.Thread(target=_watch, args=(int(pid),), daemon=True).start()


def _watch(pid: int) -> None:
    while os.path.exists(f"/proc/{pid}") or not os.path.isdir("/proc/self"):
        time.sleep(0.5)
    os._exit(1)
