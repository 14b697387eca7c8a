"""What the benchmarks of training share: candidates in turns, in this process or in one each, and their peak memory."""

import ctypes
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

GIB = 2**30


class Peak:
    """The highest resident memory of this process inside a block, in GiB above that at its start."""

    def __enter__(self) -> "Peak":
        self.process, self.done = psutil.Process(), threading.Event()
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # what earlier blocks freed would otherwise count as there
        self.base = self.top = self.process.memory_info().rss
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()
        return self

    def watch(self) -> None:
        while not self.done.wait(0.02):
            self.top = max(self.top, self.process.memory_info().rss)

    def __exit__(self, *error: object) -> None:
        self.done.set()
        self.thread.join()
        self.gib = (self.top - self.base) / GIB


@dataclass
class Timed:
    """Seconds of one call of each candidate (lowest of the rounds), and the peak memory of its first call."""

    seconds: dict[str, float]
    peak: dict[str, float]


def in_turns(candidates: dict[str, Callable], rounds: int) -> Timed:
    """Call all candidates once to warm up and to see their memory, then `rounds` times in turns."""
    peaks = {name: measure(call)[1] for name, call in candidates.items()}
    times = [{name: cpu_seconds(call) for name, call in candidates.items()} for _ in range(rounds)]
    return Timed({name: min(time[name] for time in times) for name in candidates}, peaks)


def cpu_seconds(call: Callable) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def measure(call: Callable) -> tuple[float, float]:
    """(CPU seconds, peak memory in GiB) of one call."""
    with Peak() as peak:
        seconds = cpu_seconds(call)
    return seconds, peak.gib


class Child:
    """A candidate in a process of its own, where settings hold for a whole process: one call for each line that it is sent."""

    def __init__(self, *command: object, **environment: str):
        self.process = subprocess.Popen(
            [sys.executable, *map(str, command)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self) -> tuple[float, float]:
        """(CPU seconds, peak memory in GiB) of one call over there."""
        self.process.stdin.write("again\n")
        self.process.stdin.flush()
        seconds, gib = map(float, self.process.stdout.readline().split())
        return seconds, gib

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def serve(call: Callable) -> None:
    """The other end of `Child`: a measurement for each line of the input, until it ends."""
    for _ in sys.stdin:
        print(*measure(call), flush=True)


def children_in_turns(children: dict[str, Child], rounds: int) -> Timed:
    """As `in_turns`; the children are closed at the end."""
    peaks = {name: child()[1] for name, child in children.items()}
    times = [{name: child()[0] for name, child in children.items()} for _ in range(rounds)]
    for child in children.values():
        child.close()
    return Timed({name: min(time[name] for time in times) for name in children}, peaks)
