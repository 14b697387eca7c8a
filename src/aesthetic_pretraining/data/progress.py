"""How far a long job has come, as lines of the log: a bar would be drawn where nobody sees it."""

import logging
import time

SECONDS = 10.0  # that lie between two lines at least
log = logging.getLogger("aesthetic_pretraining")


class Progress:
    """A line at every tenth of the way, so that a job has at most ten of them, and a short one none."""

    def __init__(self, name: str, total: int, unit: str):
        """Args: name: what is worked on; total: how many there are of it; unit: what they are, in the plural."""
        self.name, self.total, self.unit = name, total, unit
        self.done = 0
        self.start = self.said = time.monotonic()

    def step(self, count: int = 1) -> None:
        """`count` more are done."""
        before, self.done = self.done, self.done + count
        now = time.monotonic()
        if 10 * self.done // self.total == 10 * before // self.total or now - self.said < SECONDS:
            return
        self.said, rate = now, self.done / (now - self.start)
        log.info(
            "%s: %d of %d %s  %.3g/s  %.0f s left",
            *(self.name, self.done, self.total, self.unit, rate, (self.total - self.done) / rate),
        )
