"""A job on a node of a cluster: whether the node has the packages of the run, and its place in the queue after a preemption."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import machine
from aesthetic_pretraining.errors import UserError

VERSIONS = "AESTHETIC_PRETRAINING_VERSIONS"  # environment: the versions of the run that sent the job
PREEMPTED = 128 + signal.SIGTERM  # exit status of a job that was asked to end; a training has saved its checkpoint by then
BEFORE_THE_END = 120  # seconds before its time is over that a job is asked to end


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


def queue_again() -> None:
    """Put a job that was asked to end by its cluster, and not by its user, back into the queue.

    Slurm does so itself for jobs that it kills, but not for one that has ended in time, and for none whose time is over. One that
    its user cancelled is not running any more.
    """
    number = os.environ.get("SLURM_JOB_ID")
    if VERSIONS not in os.environ or not number or not shutil.which("scontrol"):
        return
    state = subprocess.run(
        ["squeue", "--noheader", f"--jobs={number}", "--format=%T"], capture_output=True, text=True, check=False
    )
    if state.stdout.strip() == "RUNNING":
        subprocess.run(["scontrol", "requeue", number], check=False)
