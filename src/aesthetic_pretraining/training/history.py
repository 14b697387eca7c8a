"""Progress of a training: log lines, the history as CSV, and DVCLive's files."""

import logging
import time
from pathlib import Path

import pandas as pd

from aesthetic_pretraining.files import atomic_path

PROGRESS_SECONDS = 10.0
log = logging.getLogger("aesthetic_pretraining")


class Progress:
    """Log lines: one per epoch with losses, images per second and time left if all epochs are run; some inside of an epoch.

    Rates are those of the epoch at hand, not of all: while a backbone is frozen its features are cached, and such epochs take a
    hundredth of the time of those that follow.
    """

    def __init__(self, name: str, epochs: int):
        self.name, self.epochs = name, epochs
        self.began = self.said = time.monotonic()  # of the epoch, of the last line
        self.before = 0  # images of this process before the epoch

    def step(self, epoch: int, step: int, steps: int, pictures: int, pictures_left: int) -> None:
        """A line if the last one is PROGRESS_SECONDS old.

        Args: epoch, step: from 1; steps: of the epoch; pictures: of this process so far; pictures_left: of the epoch.
        """
        now = time.monotonic()
        if now - self.said >= PROGRESS_SECONDS:
            rate, self.said = (pictures - self.before) / (now - self.began), now
            log.info(
                "%s epoch %d step %d of %d  %.0f pictures/s  %.0f s left in the epoch",
                *(self.name, epoch, step, steps, rate, pictures_left / rate),
            )

    def epoch(self, epoch: int, pictures: int, **values: float) -> None:
        """Args: epoch: just finished, from 1; pictures: of this process so far; values: losses."""
        now = time.monotonic()
        seconds, shown = now - self.began, pictures - self.before
        text = "  ".join(f"{k} {v:.4f}" for k, v in values.items())
        log.info(
            "%s epoch %d of at most %d  %s  %.0f pictures/s  %.0f s left at this rate",
            *(self.name, epoch, self.epochs, text, shown / seconds, seconds * (self.epochs - epoch)),
        )
        self.began, self.said, self.before = now, now, pictures


def write_history(rows: list[dict], path: str | Path) -> None:
    """One row per epoch as CSV."""
    with atomic_path(path) as tmp:
        pd.DataFrame(rows).to_csv(tmp, index=False, float_format="%.8g")


def show(history: list[dict], folder: str | Path | None) -> None:
    """Write the history so far as DVCLive's files (metrics.json and one table for each column), if there is a folder.

    All rows are written again at each epoch, so that a resumed training shows its whole course.
    """
    if folder is None:
        return
    from dvclive import Live  # here, because it is imported only where somebody watches

    with Live(str(folder), dvcyaml=None, save_dvc_exp=False) as live:
        for row in history:
            live.step = row["epoch"]
            for name, value in row.items():
                live.log_metric(name, value, timestamp=False)
        live.make_summary()
