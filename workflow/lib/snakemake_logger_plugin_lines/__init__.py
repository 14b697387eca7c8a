"""What a run says on the terminal: one line for each finished job, with a bar and the time left for all of them.

A logger plugin of Snakemake, found by its name where this folder is on PYTHONPATH: `snakemake --logger lines` (make demo). Errors
and warnings are said as they are; everything, as ever, is in .snakemake/log.
"""

import csv
import logging
import sys
import time
from collections import Counter
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

WIDTH = 20  # characters of the bar
SAID = ("Nothing to be done",)  # beginnings of what is told without an event and worth a line
BENCHMARK = "logs/{scale}/benchmark"


class Estimate:
    """The seconds that are left, from the jobs of each rule that ended in this run and in the last one.

    ASSUME: a job takes as long as the mean of its rule: in this run, else in the last one, else of all rules; and so many jobs
    run at once as did so far.
    """

    def __init__(self, left: Counter):
        self.left = Counter(left)  # jobs that have not ended, by rule
        self.before: dict[str, float] = {}  # mean seconds of a rule's jobs in the last run
        self.taken: dict[str, list[float]] = {}

    def finish(self, rule: str, seconds: float) -> None:
        """Count a job that has ended."""
        self.left[rule] -= 1
        self.taken.setdefault(rule, []).append(seconds)

    def seconds(self, elapsed: float) -> float:
        """The seconds that are left, `elapsed` after the start of the run; at least one job has ended."""
        every = [seconds for each in self.taken.values() for seconds in each]
        at_once = max(1.0, sum(every) / elapsed)
        usual = sum(every) / len(every)
        mean = {rule: sum(each) / len(each) for rule, each in self.taken.items()}
        return sum(n * mean.get(rule, self.before.get(rule, usual)) for rule, n in self.left.items() if n > 0) / at_once


def last_run(folder: Path) -> dict[str, float]:
    """{rule: mean seconds of a job} from the benchmarks in logs/<scale>/benchmark, <rule>.tsv or <rule>/....tsv."""
    found: dict[str, list[float]] = {}
    for path in folder.rglob("*.tsv"):
        with open(path) as file:
            rule = path.relative_to(folder).parts[0].removesuffix(".tsv")
            found.setdefault(rule, []).extend(float(row["s"]) for row in csv.DictReader(file, delimiter="\t"))
    return {rule: sum(each) / len(each) for rule, each in found.items() if each}


def in_words(seconds: float) -> str:
    """About 2 h 5 min, 5 min, 20 s."""
    if seconds >= 5400:
        return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(seconds, 1):.0f} s"


class LogHandler(LogHandlerBase):
    """Writes the lines to the standard error."""

    def __post_init__(self) -> None:
        """Begin without knowing any job."""
        self.jobs: dict[int, tuple[str, str, float]] = {}  # id: rule, message, start
        self.began = time.monotonic()
        self.total = self.done = 0
        self.estimate: Estimate | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Say what a reader has to know of a record."""
        try:
            self._take(record, getattr(record, "event", None))
        except Exception:  # a line on the terminal must not end a run
            self.handleError(record)

    def _take(self, record: logging.LogRecord, event: str | None) -> None:
        if event == LogEvent.RUN_INFO:
            counts = Counter({rule: n for rule, n in record.stats.items() if rule != "total"})  # type: ignore[attr-defined]
            self.total, self.estimate = sum(counts.values()), Estimate(counts)
        elif event == LogEvent.JOB_INFO:
            self._begin(record)
        elif event == LogEvent.JOB_FINISHED:
            self._finish(record.job_id)  # type: ignore[attr-defined]
        elif event == LogEvent.JOB_ERROR:
            logs = ", ".join(record.log) if getattr(record, "log", None) else "none"
            self._say(f"failed: {record.rule_name} (log: {logs})")  # type: ignore[attr-defined]
        elif event is None and (record.levelno >= logging.WARNING or record.getMessage().startswith(SAID)):
            self._say(record.getMessage())

    def _begin(self, record: logging.LogRecord) -> None:
        job, rule = record.jobid, record.rule_name  # type: ignore[attr-defined]
        message = (getattr(record, "rule_msg", None) or rule).strip()
        self.jobs[job] = (rule, message, time.monotonic())
        log = next(iter(getattr(record, "log", None) or []), "")
        if self.estimate and not self.estimate.before and log.startswith("logs/"):
            self.estimate.before = last_run(Path(BENCHMARK.format(scale=log.split("/")[1])))

    def _finish(self, job: int) -> None:
        if job not in self.jobs or self.estimate is None:
            return
        rule, message, start = self.jobs.pop(job)
        now = time.monotonic()
        self.estimate.finish(rule, now - start)
        self.done += 1
        filled = round(WIDTH * self.done / max(self.total, 1))
        left = self.estimate.seconds(now - self.began)
        rest = f", about {in_words(left)} left" if self.done < self.total else f", done in {in_words(now - self.began)}"
        bar = "#" * filled + "." * (WIDTH - filled)
        self._say(f"[{bar}] {self.done:>{len(str(self.total))}} of {self.total}{rest}: {message} ({in_words(now - start)})")

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    @property
    def writes_to_stream(self) -> bool:
        """It does, instead of Snakemake's own handler."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """It does not."""
        return False

    @property
    def has_filter(self) -> bool:
        """It chooses records itself, whatever --quiet says."""
        return True

    @property
    def has_formatter(self) -> bool:
        """It words its lines itself."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """It does not."""
        return False
