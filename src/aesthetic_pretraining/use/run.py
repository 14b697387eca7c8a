"""Scoring many photos: from files on disk to tables and pages, in flat memory, resumable."""

import base64
import contextlib
import io
import json
import logging
import os
import sys
import time
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aesthetic_pretraining import __version__
from aesthetic_pretraining.data.images import Unreadable
from aesthetic_pretraining.files import enough_space, locked, writable, write_json
from aesthetic_pretraining.use import photos
from aesthetic_pretraining.use.journal import Journal, other_run
from aesthetic_pretraining.use.outputs import write_outputs
from aesthetic_pretraining.use.scorer import Score, Scorer

JOURNAL, LOCK, SUMMARY = ".scores.journal", ".scores.lock", "run.json"
THUMB = 200  # pixels of a thumbnail's long side
SECONDS = 5.0  # between two lines of progress
log = logging.getLogger("aesthetic_pretraining")


@dataclass(frozen=True)
class Options:
    """How photos are scored.

    Attributes:
        batch: photos that pass the networks at once. workers: threads that decode and score; 0: one for each core.
        pages: whether to write pages to look at. again: whether to replace what another run left.
    """

    batch: int = 32
    workers: int = 0
    pages: bool = True
    again: bool = False

    @property
    def threads(self) -> int:
        return self.workers or len(os.sched_getaffinity(0))


def score_photos(scorer: Scorer, names: Sequence[str], out: str | Path, options: Options = Options()) -> dict[str, Any]:
    """Write the scores of photos to a folder: what `outputs.write_outputs` lists, and run.json.

    A run that was killed goes on where it was when it is called again with the same photos, network and options, and makes the same
    bytes as one that was not. Batches are made from the order of `names` alone, because sums differ in the last digit between batches.

    Args: names: files, as of `photos.find`.
    Returns: what run.json holds: photos, scored, broken, the bundle.
    Raises: UserError for a folder that another run writes to, holds other results, or is on a full disk.
    """
    out = Path(out)
    run = {
        **{
            "version": __version__,
            "bundle": scorer.bundle.digest,
            "engine": scorer.networks.engine,
            "explains": scorer.explains,
        },
        **{"batch": options.batch, "pages": options.pages, "photos": photos.identity(names)},
    }
    with writable(out), enough_space(out / JOURNAL), locked(out / LOCK, "a scoring run"):
        if options.again:
            for name in (SUMMARY, JOURNAL):
                (out / name).unlink(missing_ok=True)
        if (done := _finished(out, run)) is not None:
            log.info("%s: all %d photos are scored already", out, done["photos"])
            return done
        journal = Journal(out / JOURNAL, run, len(names), options.batch)
        if journal.rows:
            log.info("%s: goes on after %d of %d photos", out, journal.rows, len(names))
        _score(scorer, names, journal, options)
        summary = write_outputs(journal, out, scorer.bundle, options.pages) | {"run": run, "name": scorer.bundle.name}
        write_json(out / SUMMARY, summary)
        journal.path.unlink()
    return summary


def _finished(out: Path, run: dict[str, Any]) -> dict[str, Any] | None:
    """What the finished run in this folder said, if it is this one. Raises: UserError if it is another."""
    path = out / SUMMARY
    if not path.is_file():
        return None
    try:
        done: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        same = done["run"] == run
    except (ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise other_run(out)
    return None if (out / JOURNAL).exists() else done


def _score(scorer: Scorer, names: Sequence[str], journal: Journal, options: Options) -> None:
    """Append every photo that the journal lacks, in order; as many batches at a time as there are threads, and one more."""
    starts = range(journal.rows, len(names), options.batch)
    progress = Progress(len(names), journal.rows)
    waiting: deque[Future[list[dict[str, Any]]]] = deque()
    with _quiet(), ThreadPoolExecutor(options.threads) as pool:
        try:
            for start in starts:
                waiting.append(pool.submit(rows_of, scorer, names[start : start + options.batch], options.pages))
                if len(waiting) > options.threads:
                    _take(waiting, journal, progress)
            while waiting:
                _take(waiting, journal, progress)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    progress.end()


def _take(waiting: "deque[Future[list[dict[str, Any]]]]", journal: Journal, progress: "Progress") -> None:
    rows = waiting.popleft().result()
    journal.append(rows)
    progress.step(len(rows))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No warnings of decoders: each switches them off for itself, but threads would switch them on for one another."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def rows_of(scorer: Scorer, names: Sequence[str], thumbs: bool = True) -> list[dict[str, Any]]:
    """The journal's rows of some photos: scores, or the reason why there are none."""
    rows: list[dict[str, Any]] = []
    images, places = [], []
    for name in names:
        row: dict[str, Any] = {"file": photos.shown(name)}
        try:
            image, pixels = scorer.letterboxed(photos.read(name))
        except Unreadable as error:
            row["unreadable"] = str(error)
        else:
            if thumbs:
                row["thumb"] = thumbnail(pixels)
            images.append(image)
            places.append(len(rows))
        rows.append(row)
    if images:
        for place, score in zip(places, scorer.scores(images), strict=True):
            rows[place] = rows[place] | row_of(score)
    return rows


def row_of(score: Score) -> dict[str, Any]:
    """A score as it is written: four digits of scores, six of votes."""
    return {
        "score": round(score.score, 4),
        "spread": round(score.spread, 4),
        "votes": [round(vote, 6) for vote in score.votes],
        "explanation": score.explanation,
        "off": [
            {"distortion": each.distortion, "level": each.level, "probability": each.probability} for each in score.statements
        ],
    }


def thumbnail(pixels: np.ndarray) -> str:
    """A JPEG of at most THUMB pixels a side, base64."""
    small = Image.fromarray(pixels)
    small.thumbnail((THUMB, THUMB), Image.Resampling.BILINEAR, reducing_gap=1.5)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=70)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


class Progress:
    """How far the photos are, on standard error: one line that changes on a terminal, a new one every few seconds elsewhere."""

    def __init__(self, total: int, done: int):
        self.total, self.done, self.before = total, done, done
        self.start = self.said = time.monotonic()
        self.terminal = sys.stderr.isatty()

    def step(self, count: int) -> None:
        """`count` more are done."""
        self.done += count
        now = time.monotonic()
        if now - self.said < (0.2 if self.terminal else SECONDS):
            return
        self.said, rate = now, (self.done - self.before) / (now - self.start)
        line = f"{self.done} of {self.total} photos  {rate:.3g}/s  {_clock((self.total - self.done) / rate)} left"
        if self.terminal:
            sys.stderr.write(f"\r{line}\x1b[K")
            sys.stderr.flush()
        else:
            log.info("%s", line)

    def end(self) -> None:
        """Leave the line."""
        if self.terminal and self.said != self.start:
            sys.stderr.write("\n")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
