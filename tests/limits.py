"""How long a test waits for a program before it takes it for hung. No test passes or fails by the machine's speed."""

import os
import time
from functools import cache


def limit(seconds: float) -> float:
    """What `seconds` on an idle machine with fast cores are on this one as it is now."""
    return seconds * max(1.0, _slowness(), os.getloadavg()[0] / (os.cpu_count() or 1))


@cache
def _slowness() -> float:
    """Times as long as a fast idle core a small piece of work takes here."""
    start = time.perf_counter()
    sum(k * k for k in range(1_000_000))
    return (time.perf_counter() - start) / 0.05
