"""What both trainers share: determinism, loading, checkpoints, history, progress."""

import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import atomic_path, seeded_int, sha256

CHECKPOINT_SECONDS = 60.0
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


class Checkpoint:
    """The state of an unfinished training in a file that is always whole.

    It lies outside of what Snakemake and DVC manage, because both delete the outputs of an unfinished job, and its
    name holds a digest of everything that the training depends on, so that it never meets other parameters.
    """

    def __init__(self, folder: str | Path, files: Iterable[str | Path], *depends_on: object):
        """Args: files: whose contents the training depends on; depends_on: everything else, this package's code aside."""
        contents = [sha256(path) for path in (*files, *sorted(Path(__file__).parent.rglob("*.py")))]
        self.path = Path(folder) / f"{seeded_int(*contents, *depends_on):016x}.pt"
        self.saved = time.monotonic()

    def load(self) -> dict | None:
        """The last saved state, or None."""
        if not self.path.exists():
            return None
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:
            log.warning("checkpoint %s is damaged (%s): starting over", self.path.name, type(error).__name__)
            return None
        log.info("going on from checkpoint %s", self.path.name)
        return state

    def save(self, state: Callable[[], dict], always: bool = False) -> None:
        """Save if the last save is long ago, or always."""
        if always or time.monotonic() - self.saved >= CHECKPOINT_SECONDS:
            with atomic_path(self.path) as tmp:
                torch.save(state(), tmp)
            self.saved = time.monotonic()

    def remove(self) -> None:
        """The training is done and its outputs are in place."""
        for left in [self.path, *self.path.parent.glob(f".{self.path.stem}.*")]:  # the latter from a kill while saving
            left.unlink(missing_ok=True)


class Progress:
    """One log line per epoch: losses, pictures per second, time left if all epochs are run."""

    def __init__(self, name: str, epochs: int):
        self.name, self.epochs = name, epochs
        self.start = time.monotonic()

    def epoch(self, epoch: int, pictures: int, done: int, **values: float) -> None:
        """Args: epoch: just finished, from 1; pictures, done: pictures and epochs of this process so far."""
        seconds = time.monotonic() - self.start
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


def finite(loss: float, what: str) -> float:
    """The loss, if it is a number. Raises UserError otherwise: no weights of a training that broke down are ever written."""
    if not math.isfinite(loss):
        raise UserError(f"{what}: the loss is {loss}; lower the learning rate in params.yaml")
    return loss


def write_history(rows: list[dict], path: str | Path) -> None:
    """One row per epoch as CSV."""
    with atomic_path(path) as tmp:
        pd.DataFrame(rows).to_csv(tmp, index=False, float_format="%.8g")
