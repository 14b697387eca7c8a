"""What every rule's script does around its one call: log, end with the run, say user errors in one sentence."""

import contextlib
import ctypes
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import finished
import guard
import job_log
import launch
import on_node
import unchanged
from aesthetic_pretraining.errors import UserError, printable
from aesthetic_pretraining.settings import keys

RANK = os.environ.get("RANK", "0")  # torchrun's number of this process among those of one training
WORK = "work"  # checkpoints: outside of what Snakemake and DVC manage, because both delete what an unfinished job leaves


@contextlib.contextmanager
def job(snakemake) -> Iterator[None]:
    """Run the body of a script: log lines go to the rule's log and to the terminal, everything else to the log alone.

    UserError becomes one sentence on the terminal and at the end of the log; any other error leaves its trace in the log. Where a job
    fails on a file that was damaged since it was made, the sentence says so first. A job whose code or inputs change while it runs fails.
    Of several processes each has a log of its own, and only the first one says its progress on the terminal.
    """
    _less_page_faults()
    guard.die_with_run()
    on_node.end_when_asked()
    finished.sweep(WORK)
    before = unchanged.states(snakemake.input)
    terminal = sys.stderr
    path = Path(snakemake.log[0] + (f".{RANK}" if RANK != "0" else ""))
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        job_log.opened(path, terminal) as file,
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
    ):
        logging.basicConfig(level=logging.WARNING, handlers=[_said_in(file)])
        ours = logging.getLogger("aesthetic_pretraining")
        ours.setLevel(logging.INFO)
        if RANK == "0":
            ours.addHandler(_said_in(terminal))
        start = time.monotonic()
        try:
            with on_node.queued_again(snakemake.rule, first=RANK == "0"):
                on_node.check_packages()
                with _damage_named(snakemake.input):
                    yield
                unchanged.check(before)
        except (UserError, MemoryError) as error:
            sentence = str(error) or "out of memory; run fewer jobs at once or lower the batch size in params.yaml"
            file.write(f"error: {sentence}\n")
            terminal.write(f"\nerror in {snakemake.rule}: {sentence}\n\n")
            sys.exit(1)
        except KeyboardInterrupt:  # Ctrl-C reaches the jobs, too
            file.write("stopped by Ctrl-C\n")
            sys.exit(128 + signal.SIGINT)
        except ModuleNotFoundError as error:
            terminal.write(f"\nerror in {snakemake.rule}: the package {error.name} is not installed; run 'make setup'\n\n")
            raise
        except PermissionError as error:
            traceback.print_exc(file=file)
            named = printable(str(error.filename))
            terminal.write(f"\nerror in {snakemake.rule}: {named}: no permission; give this user access to it\n\n")
            sys.exit(1)
        file.write(f"done in {time.monotonic() - start:.1f} s\n")


def listed(files) -> list[str]:
    """A rule's named files as a list; Snakemake makes a list of one file a text."""
    return [files] if isinstance(files, str) else list(files)


@contextlib.contextmanager
def _damage_named(inputs) -> Iterator[None]:
    """Turn an error of the block into a sentence on the damaged input, if there is one."""
    try:
        yield
    except Exception as error:
        from aesthetic_pretraining.data.recorded import of_job

        if sentence := of_job(inputs):
            raise UserError(sentence) from error
        raise


class _Printable(logging.Formatter):
    """Messages alone; names of files in them cannot give orders to a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def _said_in(stream: TextIO) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Printable())
    return handler


def several(snakemake) -> None:
    """Start this script anew under torchrun, or on several nodes, if compute.processes asks for more than one; else do nothing."""
    processes, resources = snakemake.params.cfg["compute.processes"], snakemake.resources
    if processes > 1 and "TORCHELASTIC_RUN_ID" not in os.environ:
        before = launch.command(processes, resources.get("nodes", 1), resources.get("cpus_per_task"))
        os.execvp(before[0], [*before, sys.argv[0]])  # the same process, so that it ends when snakemake ends it


def live(snakemake) -> Path | None:
    """Where DVCLive's files go: logs/<scale>/live/..., if resource live is 1."""
    return Path(snakemake.log[0].replace("logs/", "logs/live/", 1)).with_suffix("") if snakemake.resources.live else None


def config(snakemake, cls, **own):
    """A frozen configuration from the rule's parameters, each field by its whole key; the fields `own` are given by the script."""
    return keys.build(cls, snakemake.params.cfg, **own)


def section(snakemake, name: str) -> dict:
    """The rule's parameters below a section, by their last names."""
    return keys.below(snakemake.params.cfg, name)


def root(snakemake) -> str | None:
    """The tar file of a simulated set, or None where the set is real."""
    return next(iter(snakemake.input.get("root", [])), None)


def note(snakemake) -> str:
    """The caveat that every table, figure and page carries where the votes are simulated; else nothing."""
    return f"{snakemake.wildcards.scale}: simulated votes" if snakemake.params.cfg["labels.source"] == "simulated" else ""


def _less_page_faults() -> None:
    """Let glibc keep freed memory: training on a CPU otherwise spends much of its time in page faults."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        for option, value in ((-4, 0), (-1, -1), (-2, 256 << 20)):  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD
            libc.mallopt(option, value)
