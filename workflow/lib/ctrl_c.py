"""Ctrl-C: the first lets the jobs end, a second one ends the run at once, each with a sentence.

Without it a second one meets Snakemake while it clears up, and prints traces of several screens.
"""

import os
import signal
import sys
from types import FrameType


def heed() -> None:
    """From now on; not where SIGINT is ignored, as in a job in the background of a script."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _first)


def _first(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, _second)
    raise KeyboardInterrupt


def _second(number: int, frame: FrameType | None) -> None:
    """The jobs end with this process (guard.die_with_run), and the next run knows that it was broken off."""
    sys.stderr.write("\nstopped at once; nothing is lost: the same command goes on from here\n")
    sys.stderr.flush()
    os._exit(128 + signal.SIGINT)
