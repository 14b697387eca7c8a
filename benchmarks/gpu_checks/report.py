"""What a run found: lines `name = value` as they come, checks against bounds, and all of it as Markdown and JSON."""

import contextlib
import json
import math
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path


class OutOfTime(BaseException):
    """A block has used its time up. No Exception, so that nothing on the way takes it for an error of its own."""


@dataclass(frozen=True)
class Row:
    """One line. state: "passed" or "failed" of a check, "skipped", or "" of a plain figure."""

    block: str
    name: str
    value: str
    bound: str = ""
    state: str = ""


class Report:
    """Lines as they come.

    Attributes:
        rows: all lines. figures: {name: number} for blocks that need an earlier one's.
        cpu: whether time is that of this process on the CPU, which other programs cannot use up, or that of the clock.
    """

    def __init__(self, cpu: bool = False) -> None:
        self.cpu = cpu
        self.rows: list[Row] = []
        self.figures: dict[str, float] = {}
        self.block = ""

    def say(self, name: str, value: object, bound: str = "", state: str = "") -> None:
        """Print `name = value`."""
        text = f"{value:.4g}" if isinstance(value, float) else str(value)
        if isinstance(value, int | float):
            self.figures[name] = float(value)
        self.rows.append(Row(self.block, name, text, bound, state))
        print(f"{name} = {text}", flush=True)

    def check(self, name: str, value: float, bound: float) -> None:
        """A figure that has to be at most `bound`; NaN never passes."""
        good = math.isfinite(value) and value <= bound
        self.say(name, float(value), f"<= {bound:g}", "passed" if good else "failed")
        if not good:
            print(f"{name}_error = {value:.4g} is above its bound of {bound:g}", flush=True)

    def same(self, name: str, equal: bool) -> None:
        """Whether two runs gave the same bytes."""
        self.say(name, "equal" if equal else "differs", "equal", "passed" if equal else "failed")
        if not equal:
            print(f"{name}_error = the same work done twice gave other numbers", flush=True)

    def fail(self, name: str, sentence: str) -> None:
        """Print `name_error = sentence`."""
        self.say(f"{name}_error", sentence, state="failed")

    def skip(self, name: str, sentence: str) -> None:
        """Print `name_skipped = sentence`: what cannot be looked at here, and is no failure."""
        self.say(f"{name}_skipped", sentence, state="skipped")

    @contextlib.contextmanager
    def guarded(self, name: str) -> Iterator[None]:
        """Inside, an error becomes a line, and what follows goes on; a missing package is no failure."""
        try:
            yield
        except Exception as error:
            if (package := missing(error)) is not None:
                self.skip(name, f"needs the package {package}, which is not installed")
            else:
                traceback.print_exc(file=sys.stderr)
                self.fail(name, sentence(error))

    def run(self, name: str, block: Callable[[], None], seconds: float) -> None:
        """One block, broken off after so many seconds, which is a failure: what was not looked at did not pass."""
        self.block, start = name, self.now()
        if seconds <= 0:
            self.fail(name, "no time was left for it; raise --seconds")
            return
        try:
            with self.guarded(name), _limit(seconds, self.cpu):
                block()
        except OutOfTime:
            self.fail(name, f"out of time after {seconds:.0f} s; raise --seconds")
        self.say(f"{name}_seconds", round(self.now() - start, 1))

    def now(self) -> float:
        """Seconds by this report's clock."""
        return time.process_time() if self.cpu else time.monotonic()

    def named(self, state: str) -> list[str]:
        """The names of all lines in a state."""
        return [row.name for row in self.rows if row.state == state]

    def close(self) -> None:
        """The last lines: how many checks passed, which failed, what was skipped."""
        self.block = "sum"
        passed, failed, skipped = self.named("passed"), self.named("failed"), self.named("skipped")
        self.say("checks", f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped")
        if failed:
            self.say("failed", ", ".join(failed))

    def write_json(self, path: str | Path) -> None:
        """{"rows": [...]}, each row as `Row` has it."""
        Path(path).write_text(json.dumps({"rows": [asdict(row) for row in self.rows]}, indent=1) + "\n")

    def write_markdown(self, path: str | Path) -> None:
        """A section for docs/gpu.md: the device as its heading, one table for each block."""
        device = next((row.value for row in self.rows if row.name == "card"), "a machine without a GPU")
        lines = [f"## {device}", ""]
        for block in dict.fromkeys(row.block for row in self.rows):
            lines += [f"### {block}", "", "| name | value | bound | |", "|---|---|---|---|"]
            for row in self.rows:
                if row.block == block:
                    cells = (f"`{row.name}`", row.value.replace("|", "\\|"), row.bound, row.state)
                    lines.append(f"| {' | '.join(cells)} |")
            lines.append("")
        Path(path).write_text("\n".join(lines))


def missing(error: BaseException | None) -> str | None:
    """The package whose want led to an error, or None. A stand-in in an `except` clause hides it behind a TypeError."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError):
            return error.name
        error = error.__cause__ or error.__context__
    return None


def sentence(error: BaseException) -> str:
    """An error in one line."""
    text = str(error).strip()
    return f"{type(error).__name__}: {' '.join(text.split())[:300]}" if text else type(error).__name__


@contextlib.contextmanager
def _limit(seconds: float, cpu: bool) -> Iterator[None]:
    """Raise OutOfTime in the block after so many seconds, as soon as Python has the word again."""

    def ring(number: int, frame: object) -> None:
        raise OutOfTime

    timer, number = (signal.ITIMER_PROF, signal.SIGPROF) if cpu else (signal.ITIMER_REAL, signal.SIGALRM)
    before = signal.signal(number, ring)
    signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        signal.setitimer(timer, 0)
        signal.signal(number, before)
