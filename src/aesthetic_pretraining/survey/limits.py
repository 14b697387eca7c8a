"""How much one address or one person may ask for, and the sentence that refuses more."""

import time
from collections import OrderedDict
from collections.abc import Callable

KEPT = 10_000  # keys of one limiter, so that many addresses do not fill the memory

# ASSUME: (per second, at once). A room full of people may share one address; a person needs a second for a pair.
REQUESTS = (500.0, 2000)  # from one address
NEWCOMERS = (1.0, 100)  # people who begin, from one address
GUESSES = (0.1, 20)  # codes that were never issued, from one address
ANSWERS = (5.0, 30)  # of one person


class Refused(Exception):
    """A request that is not carried out: a status of HTTP and one sentence for the person."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class Limiter:
    """Token buckets by key: `at_once` requests, refilled at `per_second`."""

    def __init__(self, per_second: float, at_once: int, clock: Callable[[], float] = time.monotonic):
        self.per_second, self.at_once, self.clock = per_second, float(at_once), clock
        self.left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # key -> tokens, time

    def take(self, key: str) -> None:
        """One more request. Raises: Refused (429) if there were too many."""
        now = self.clock()
        tokens, then = self.left.pop(key, (self.at_once, now))
        tokens = min(self.at_once, tokens + (now - then) * self.per_second)
        self.left[key] = (max(0.0, tokens - 1), now)
        if len(self.left) > KEPT:
            self.left.popitem(last=False)
        if tokens < 1:
            raise Refused(429, "Too many requests in a short time; please wait a minute and try again.")
