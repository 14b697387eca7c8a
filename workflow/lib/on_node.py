"""A job on a node of a cluster: whether the node has the packages of the run, and its place in the queue after a preemption."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError

import machine
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.preemption import PREEMPTED, moved_on
from slurm_time import minutes_of

VERSIONS = "AESTHETIC_PRETRAINING_VERSIONS"  # environment: the versions of the run that sent the job
BEFORE_THE_END = 120  # seconds before its time is over that a job is asked to end
EARLIER = 60  # seconds by which Slurm may ask before that
RESTARTS = 2  # of a job that keeps nothing: a preempted one may have better luck, but not for ever


def announce() -> None:
    """Let jobs that are sent know what this run's packages are, and when they are to end."""
    os.environ[VERSIONS] = machine.versions()
    os.environ.setdefault("SBATCH_SIGNAL", f"TERM@{BEFORE_THE_END}")


def end_when_asked() -> None:
    """Let SIGTERM end a job that was sent with PREEMPTED, wherever it is; within a training, the training's own handler saves first."""
    if VERSIONS in os.environ:
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(PREEMPTED))


def check_packages() -> None:
    """Raise UserError on a node whose packages are others than those of the run, or not there: its results would be others, too."""
    wanted = os.environ.get(VERSIONS)
    if wanted is None:
        return
    advice = "make the project's folder with its .venv the same there (a shared file system), or run 'make setup' there"
    try:
        found = machine.versions()
    except PackageNotFoundError as error:
        raise UserError(f"the node {socket.gethostname()} has no package {error.name}; {advice}") from None
    if differing := [
        f"{new}, this run {old}" for new, old in zip(found.split(", "), wanted.split(", "), strict=True) if new != old
    ]:
        raise UserError(f"the node {socket.gethostname()} has {differing[0]}; {advice}")


@contextlib.contextmanager
def queued_again(rule: str, first: bool) -> Iterator[None]:
    """Inside, a job that was sent and is asked to end by its cluster goes back into the queue if that helps, and ends with PREEMPTED.

    Args:
        first: whether this is the first of the job's processes, which does so for all.

    Raises: UserError that says what to change where it does not help.
    """
    try:
        yield
    except SystemExit as left:
        if left.code == PREEMPTED and first and VERSIONS in os.environ:
            queue_again(rule)
        raise


def queue_again(rule: str) -> None:
    """Put this job into the queue again, unless its user cancelled it: then it is not running any more.

    Slurm does so itself for jobs that it kills, but not for one that has ended in time, and for none whose time is over.

    Raises: UserError if the job would do the same again: its time is over and no checkpoint has moved on, or it was preempted too often.
    """
    number = os.environ.get("SLURM_JOB_ID")
    if not number or not shutil.which("scontrol"):
        return
    command = ["squeue", "--noheader", f"--jobs={number}", "--Format=State,RestartCnt,TimeUsed,TimeLimit"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    if said[:1] != ["RUNNING"]:
        return
    restarts, used, limit = int(said[1]), minutes_of(said[2]), minutes_of(said[3])
    if not moved_on.is_set():
        if limit - used <= (BEFORE_THE_END + EARLIER) / 60:
            raise UserError(
                f"its time of {limit:.0f} minutes is over, and nothing is saved that it could go on from; raise its resource runtime: "
                f"--set-resources {rule}:runtime=..., or the same under set-resources in profiles/slurm/config.yaml"
            )
        if restarts >= RESTARTS:
            raise UserError(
                f"it was preempted {restarts + 1} times, and nothing is saved that it could go on from; send it where jobs are not "
                f"preempted: --set-resources {rule}:slurm_partition=..."
            )
    subprocess.run(["scontrol", "requeue", number], check=False)
