"""What both trainers share: determinism, order and loading of pictures, and what a training that cannot go on says."""

import contextlib
import logging
import math
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import seeded_int

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
        # that mode writes NaN into every new tensor before a layer fills it, which took a sixth of a step on a CPU
        torch.utils.deterministic.fill_uninitialized_memory = False
    return device


def seed_step(*parts: object) -> None:
    """Seed torch's generator for one step: so a resumed run needs no generator's state to go on as it would have."""
    torch.manual_seed(seeded_int(*parts))


def shuffled(ids: Sequence[str], *parts: object) -> list[str]:
    """The ids in an order that depends on `parts` alone."""
    order = np.random.default_rng(seeded_int("order", *parts)).permutation(len(ids))
    return [ids[i] for i in order]


def batches(groups: Sequence[Sequence[str]], load: Callable[[str], Tensor], workers: int) -> Iterable[Tensor]:
    """One batch (B, ...) of load(id) for each group of ids.

    Pictures are made in `workers` other processes (0: in this one) while the network works; what comes out is the same.
    """
    ids = [i for group in groups for i in group]
    ends = np.cumsum([len(group) for group in groups]).tolist()
    return DataLoader(
        _Mapped(ids, load),
        batch_sampler=[list(range(end - len(group), end)) for group, end in zip(groups, ends, strict=True)],
        num_workers=workers,
        worker_init_fn=_one_thread,
        pin_memory=torch.cuda.is_available(),
    )


def cut(count: int, size: int, least: int = 1) -> list[range]:
    """Positions 0..count-1 in batches of `size`; the last one is smaller and kept (fidelity row 15).

    Args:
        least: fewer than so many left over join the batch before them. Needed where several processes share a batch, and
            where a single one would be one picture: batch normalisation of a single picture whose last maps are 1 x 1
            pixel is undefined.
    """
    parts = [range(start, min(start + size, count)) for start in range(0, count, size)]
    if size >= least and len(parts) > 1 and len(parts[-1]) < least:
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


def finite(loss: float, what: str, photos: Sequence[str] = (), checkpoint: object = None) -> float:
    """The loss, if it is a number. Raises UserError otherwise: no weights of a training that broke down are ever written.

    Args:
        what: the training, and where in it.
        photos: ids of the batch's pictures; the error names the first of them, the log all.
        checkpoint: the training's `Checkpoint`; the error names its last state.
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
