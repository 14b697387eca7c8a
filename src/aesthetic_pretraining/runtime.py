"""What both trainers share: determinism, loading, checkpoints, history, progress, and how a training ends early."""

import contextlib
import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import atomic_path, seeded_int, sha256

CHECKPOINT_SECONDS = 60.0
PROGRESS_SECONDS = 10.0
PREEMPTED = 128 + signal.SIGTERM  # 143, what shells report of a process that SIGTERM ended
NAMED = 16  # pictures of a batch that an error names; the log names all
log = logging.getLogger("aesthetic_pretraining")


def set_up(threads: int, training: bool = True) -> torch.device:
    """Make results depend on nothing but the inputs: fixed threads, deterministic kernels. Returns the device.

    The number of threads is a parameter, not the machine's: sums over other numbers of threads differ in the last bit.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    if training or device.type == "cuda":  # costs seconds of imports, and forward passes on a CPU do not need it
        torch.use_deterministic_algorithms(True)
    return device


def seed_step(*parts: object) -> None:
    """Seed torch's generator for one step: so a resumed run needs no generator's state to go on as it would have."""
    torch.manual_seed(seeded_int(*parts))


def shuffled(ids: Sequence[str], *parts: object) -> list[str]:
    """The ids in an order that depends on `parts` alone."""
    order = np.random.default_rng(seeded_int("order", *parts)).permutation(len(ids))
    return [ids[i] for i in order]


def batches(
    ids: Sequence[str], load: Callable[[str], Tensor], size: int, workers: int, join_single: bool = False
) -> Iterable[Tensor]:
    """Batches (B, ...) of load(id) in the order of `ids`, cut as `cut` says.

    Pictures are made in `workers` other processes (0: in this one) while the network works; what comes out is the same.
    """
    return DataLoader(
        _Mapped(ids, load),
        batch_sampler=[list(part) for part in cut(len(ids), size, join_single)],
        num_workers=workers,
        worker_init_fn=_one_thread,
        pin_memory=torch.cuda.is_available(),
    )


def cut(count: int, size: int, join_single: bool = False) -> list[range]:
    """Positions 0..count-1 in batches of `size`; the last one is smaller and kept (fidelity row 15).

    Args:
        join_single: a single one that is left over joins the batch before it. Needed where it would be one picture:
            batch normalisation of a single picture whose last maps are 1 x 1 pixel is undefined.
    """
    parts = [range(start, min(start + size, count)) for start in range(0, count, size)]
    if join_single and size > 1 and len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [range(parts[-2].start, count)]
    return parts


class _Mapped(Dataset):
    def __init__(self, ids: Sequence[str], load: Callable[[str], Tensor]):
        self.ids, self.load = ids, load

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Tensor:
        return self.load(self.ids[index])


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)
    # a cluster's SIGTERM goes to all processes, and the trainer still needs this one until its step is done
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


class Checkpoint:
    """The state of an unfinished training in a file that is always whole.

    It lies outside of what Snakemake and DVC manage, because both delete the outputs of an unfinished job, and its
    name holds a digest of everything that the training depends on, so that it never meets other parameters.

    Attributes:
        at: (epochs done, steps done in the epoch after them) of the last saved or loaded state, None if there is none.
    """

    def __init__(self, folder: str | Path, files: Iterable[str | Path], *depends_on: object):
        """Args: files: whose contents the training depends on; depends_on: everything else, this package's code aside."""
        contents = [sha256(path) for path in (*files, *sorted(Path(__file__).parent.rglob("*.py")))]
        self.path = Path(folder) / f"{seeded_int(*contents, *depends_on):016x}.pt"
        self.saved = time.monotonic()
        self.at: tuple[int, int] | None = None

    def load(self) -> dict | None:
        """The last saved state, or None."""
        if not self.path.exists():
            return None
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:
            log.warning("checkpoint %s is damaged (%s): starting over", self.path.name, type(error).__name__)
            return None
        self.at = state.get("at", (0, 0))[:2]
        log.info("going on from %s", self)
        return state

    def save(self, state: Callable[[], dict], always: bool = False) -> None:
        """Save if the last save is long ago, or always. To be called where a training may be broken off: between steps.

        Raises SystemExit(PREEMPTED) after the save if SIGTERM came.
        """
        if always or _preempted.is_set() or time.monotonic() - self.saved >= CHECKPOINT_SECONDS:
            values = state()
            with atomic_path(self.path) as tmp:
                torch.save(values, tmp)
            self.saved, self.at = time.monotonic(), values.get("at", (0, 0))[:2]
        if _preempted.is_set():
            log.warning("SIGTERM: stopped, to be gone on with from %s", self)
            raise SystemExit(PREEMPTED)

    def leave(self, state: Callable[[], dict]) -> None:
        """Save and raise SystemExit(PREEMPTED) if SIGTERM came, else nothing."""
        if _preempted.is_set():
            self.save(state)

    def __str__(self) -> str:
        return f"checkpoint {self.path} ({self.at[0]} epochs and {self.at[1]} steps)" if self.at else "no checkpoint"

    def remove(self) -> None:
        """The training is done and its outputs are in place."""
        for left in [self.path, *self.path.parent.glob(f".{self.path.stem}.*")]:  # the latter from a kill while saving
            left.unlink(missing_ok=True)


_preempted = threading.Event()


@contextlib.contextmanager
def preemptible() -> Iterator[None]:
    """Inside, SIGTERM (a cluster's preemption) ends a training at its next call of `Checkpoint.save` or `leave`, not at once."""
    _preempted.clear()
    if threading.current_thread() is not threading.main_thread():  # Python refuses handlers elsewhere
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: _preempted.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        _preempted.clear()


class Progress:
    """Log lines: one per epoch with losses, pictures per second and time left if all epochs are run; some inside of an epoch."""

    def __init__(self, name: str, epochs: int):
        self.name, self.epochs = name, epochs
        self.start = self.said = time.monotonic()

    def step(self, epoch: int, step: int, steps: int, pictures: int, pictures_left: int) -> None:
        """A line if the last one is PROGRESS_SECONDS old.

        Args: epoch, step: from 1; steps: of the epoch; pictures: of this process so far; pictures_left: of the epoch.
        """
        now = time.monotonic()
        if now - self.said >= PROGRESS_SECONDS:
            rate, self.said = pictures / (now - self.start), now
            log.info(
                "%s epoch %d step %d of %d  %.0f pictures/s  %.0f s left in the epoch",
                *(self.name, epoch, step, steps, rate, pictures_left / rate),
            )

    def epoch(self, epoch: int, pictures: int, done: int, **values: float) -> None:
        """Args: epoch: just finished, from 1; pictures, done: pictures and epochs of this process so far."""
        self.said = time.monotonic()
        seconds = self.said - self.start
        text = "  ".join(f"{k} {v:.4f}" for k, v in values.items())
        left = seconds / done * (self.epochs - epoch)
        log.info(
            "%s epoch %d of at most %d  %s  %.0f pictures/s  %.0f s left",
            self.name,
            epoch,
            self.epochs,
            text,
            pictures / seconds,
            left,
        )


def finite(loss: float, what: str, photos: Sequence[str] = (), checkpoint: Checkpoint | None = None) -> float:
    """The loss, if it is a number. Raises UserError otherwise: no weights of a training that broke down are ever written.

    Args:
        what: the training, and where in it.
        photos: ids of the batch's pictures; the error names the first of them, the log all.
        checkpoint: the error names its last state.
    """
    if math.isfinite(loss):
        return loss
    log.error("%s: the loss is %s for %s", what, loss, ", ".join(photos))
    named = ", ".join(photos[:NAMED]) + (f" and {len(photos) - NAMED} more" if len(photos) > NAMED else "")
    raise UserError(
        f"{what}: the loss is {loss}"
        + (f" for the pictures {named}" if photos else "")
        + (f"; last good state: {checkpoint}" if checkpoint else "")
        + "; nothing was written; lower the learning rate in params.yaml"
    )


@contextlib.contextmanager
def out_of_memory(lower: str) -> Iterator[None]:
    """Raise UserError that says what to lower where memory runs out, the GPU's or the machine's.

    Args: lower: the keys of params.yaml, in words.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
        # torch's allocator on the CPU raises a bare RuntimeError, known by its text alone
        text = str(error).lower()
        if isinstance(error, RuntimeError) and "out of memory" not in text and "can't allocate memory" not in text:
            raise
        device = "GPU" if isinstance(error, torch.OutOfMemoryError) or "cuda" in text else "machine"
        raise UserError(f"out of memory of the {device}; lower {lower} in params.yaml") from error


def write_history(rows: list[dict], path: str | Path) -> None:
    """One row per epoch as CSV."""
    with atomic_path(path) as tmp:
        pd.DataFrame(rows).to_csv(tmp, index=False, float_format="%.8g")
