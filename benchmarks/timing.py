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
        give_back()  # what earlier blocks freed would otherwise count as there
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


def give_back() -> None:
    """Return freed memory to the system, which job.py's settings of the allocator keep."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)


@dataclass
class Timed:
    """Seconds of one call of each candidate (lowest of the rounds), and the peak memory of its first call."""

    seconds: dict[str, float]
    peak: dict[str, float]


def in_turns(candidates: dict[str, Callable], rounds: int) -> Timed:
    """Call all candidates once to warm up and to see their memory, then `rounds` times in turns."""
    peaks = {name: peak_gib(call) for name, call in candidates.items()}
    times = [{name: cpu_seconds(call) for name, call in candidates.items()} for _ in range(rounds)]
    return Timed({name: min(time[name] for time in times) for name in candidates}, peaks)


def cpu_seconds(call: Callable) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def peak_gib(call: Callable) -> float:
    """The peak memory of one call in GiB."""
    with Peak() as peak:
        call()
    return peak.gib


class Child:
    """A candidate in a process of its own, where settings hold for a whole process: one call for each word that it is sent.

    Memory and time are not taken in one call: what is given back to the system costs page faults to get again.
    """

    def __init__(self, *command: object, **environment: str):
        self.process = subprocess.Popen(
            [sys.executable, *map(str, command)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, what: str) -> float:
        """The CPU "seconds" of one call over there, or its peak memory in "gib"."""
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def serve(call: Callable) -> None:
    """The other end of `Child`: a measurement for each line of the input, until it ends."""
    for line in sys.stdin:
        if line.strip() == "seconds":
            call()  # takes the memory that a long run has already
            print(cpu_seconds(call), flush=True)
        else:
            print(peak_gib(call), flush=True)
        give_back()  # to the other children


def children_in_turns(children: dict[str, Child], rounds: int) -> Timed:
    """As `in_turns`; the children are closed at the end."""
    peaks = {name: child("gib") for name, child in children.items()}
    times = [{name: child("seconds") for name, child in children.items()} for _ in range(rounds)]
    for child in children.values():
        child.close()
    return Timed({name: min(time[name] for time in times) for name in children}, peaks)
