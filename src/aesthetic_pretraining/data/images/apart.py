"""Decoding in a process of its own: bounded in time and memory, and a crash of a decoder ends nothing else."""

import json
import os
import signal
import subprocess
import sys

import numpy as np

from aesthetic_pretraining.data.images.limits import MEMORY
from aesthetic_pretraining.data.images.unreadable import Unreadable
from aesthetic_pretraining.errors import printable

START = f"""
import resource, sys
sys.path[:] = sys.argv[2:]
resource.setrlimit(resource.RLIMIT_DATA, ({MEMORY}, {MEMORY}))
from aesthetic_pretraining.data.images.reading import serve
serve(int(sys.argv[1]))
"""
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # each thread's stack counts as memory


def read(data: bytes, short_side: int, seconds: float) -> tuple[np.ndarray, int, int, str]:
    """The fields of a Picture, from a process that runs `reading.serve`.

    Raises: Unreadable with that process's reason, or if it takes more than `seconds` or MEMORY, or crashes.
    """
    command = [sys.executable, "-W", "ignore", "-c", START, str(short_side), *sys.path]
    try:
        ended = subprocess.run(command, input=data, capture_output=True, timeout=seconds, env=os.environ | ONE_THREAD)
    except subprocess.TimeoutExpired as error:
        raise Unreadable(f"takes longer than {seconds:g} s to decode") from error
    said = printable(" ".join(ended.stderr.decode(errors="replace").split())[-200:])
    if ended.returncode < 0:
        raise Unreadable(f"crashes its decoder ({signal.Signals(-ended.returncode).name})")
    if ended.returncode:
        raise Unreadable(f"ends its decoder ({said})")
    line, _, body = ended.stdout.partition(b"\n")
    head = json.loads(line)
    if reason := head.get("unreadable") or (head["warned"] and said and f"damaged or truncated image ({said})"):
        raise Unreadable(reason)
    return np.frombuffer(body, np.uint8).reshape(head["shape"]), head["width"], head["height"], head["format"]


def answer(picture: tuple[np.ndarray, int, int, str], warned: bool) -> None:
    """Write what `read` reads. Args: warned: whether what stands on standard error is a decoder's warning of damage."""
    pixels, width, height, form = picture
    head = {"shape": pixels.shape, "width": width, "height": height, "format": form, "warned": warned}
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + np.ascontiguousarray(pixels).data)


def refuse(reason: str) -> None:
    """Write why there is no picture."""
    sys.stdout.buffer.write(json.dumps({"unreadable": reason}).encode() + b"\n")
