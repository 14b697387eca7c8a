"""What both trainers share: determinism, order and loading of pictures, and what a training that cannot go on says."""

import contextlib
import logging
import math
import os
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.seeding import seeded_int

NAMED = 16  # pictures of a batch that an error names; the log names all
AHEAD = 2  # batches that each loader makes ahead
SHARED_MEMORY = "/dev/shm"  # where loaders put their batches
GIB = 2**30
Key = TypeVar("Key")  # what a picture is asked for by: an id, or an id with a side
log = logging.getLogger("aesthetic_pretraining")


def set_up(threads: int, training: bool = True, tf32: bool = False) -> torch.device:
    """Make results depend on nothing but the inputs: fixed threads, deterministic kernels. Returns the device.

    The number of threads is a parameter, not the machine's: sums over other numbers of threads differ in the last bit.

    Args: tf32: whether float32 convolutions and matrix products of a GPU may round their factors to 10 bits (fidelity row 31).
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    if device.type == "cuda":
        allow_tf32(tf32)
    if training or device.type == "cuda":
        # the flag of use_deterministic_algorithms, which would import the compiler for seconds to tell it, too
        torch.set_deterministic_debug_mode("error")
        # that mode writes NaN into every new tensor before a layer fills it, which took a sixth of a step on a CPU
        torch.utils.deterministic.fill_uninitialized_memory = False
    return device


def allow_tf32(allowed: bool) -> None:
    """Say it for convolutions and matrix products alike: torch's defaults are TF32 for the former and float32 for the latter."""
    # not by backends.cuda.matmul.fp32_precision: torch.get_float32_matmul_precision, which Fabric calls, raises after that
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    # rnn as well, although there is none: torch raises at some questions if the two differ
    torch.backends.cudnn.conv.fp32_precision = torch.backends.cudnn.rnn.fp32_precision = "tf32" if allowed else "ieee"


def seed_step(*parts: object) -> None:
    """Seed torch's generator for one step: so a resumed run needs no generator's state to go on as it would have."""
    torch.manual_seed(seeded_int(*parts))


def shuffled(ids: Sequence[str], *parts: object) -> list[str]:
    """The ids in an order that depends on `parts` alone."""
    order = np.random.default_rng(seeded_int("order", *parts)).permutation(len(ids))
    return [ids[i] for i in order]


def batches(
    groups: Sequence[Sequence[Key]], load: Callable[[Key], Tensor], workers: int, device: torch.device | None = None
) -> Iterable[Tensor]:
    """One batch (B, ...) of load(key) for each group of keys, on the device (None: left where it was made).

    Pictures are made in `workers` other processes (0: in this one) while the network works; what comes out is the same.
    Raises: UserError if the batches that wait do not fit into the machine's shared memory.
    """
    keys = [key for group in groups for key in group]
    ends = np.cumsum([len(group) for group in groups]).tolist()
    if workers and keys:
        enough_shared_memory(load(keys[0]).nbytes * max(map(len, groups)), min(workers * AHEAD, len(groups)), workers)
    loader = DataLoader(
        _Mapped(keys, load),
        batch_sampler=[list(range(end - len(group), end)) for group, end in zip(groups, ends, strict=True)],
        num_workers=workers,
        prefetch_factor=AHEAD if workers else None,
        worker_init_fn=_one_thread,
        pin_memory=torch.cuda.is_available(),
    )
    return loader if device is None else ahead(loader, device)


def ahead(source: Iterable[Tensor], device: torch.device) -> Iterable[Tensor]:
    """The tensors on the device. On a GPU the next one is on its way while the network works on the one before.

    On a CPU this is `source`: nothing is made or held ahead.
    """
    return source if device.type != "cuda" else _ahead(source, device)


def _ahead(source: Iterable[Tensor], device: torch.device) -> Iterator[Tensor]:
    copies = torch.cuda.Stream(device)  # beside the stream of the network's kernels
    sent: Tensor | None = None
    for tensor in source:
        with torch.cuda.stream(copies):
            upcoming = send(tensor, device)
        if sent is not None:
            yield _arrived(sent, copies, device)
        sent = upcoming
    if sent is not None:
        yield _arrived(sent, copies, device)


def _arrived(tensor: Tensor, copies: "torch.cuda.Stream", device: torch.device) -> Tensor:
    """The tensor, for kernels that are started from here on."""
    network = torch.cuda.current_stream(device)
    network.wait_stream(copies)
    tensor.record_stream(network)  # or the copy of a later batch could be given its memory
    return tensor


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device, without waiting for a GPU: from memory that the system never moves. A CPU's stays as it is."""
    if device.type != "cuda":
        return tensor
    return (tensor if tensor.is_pinned() else tensor.pin_memory()).to(device, non_blocking=True)


def enough_shared_memory(batch: int, count: int, workers: int) -> None:
    """Raise UserError if `count` batches of `batch` bytes from loading processes have no room; the system would kill them.

    Says nothing where there is no SHARED_MEMORY.
    """
    with contextlib.suppress(OSError):
        free = shutil.disk_usage(SHARED_MEMORY).free
        if count * batch > free:
            raise UserError(
                f"{SHARED_MEMORY} has {free / GIB:.2f} GiB free, but {workers} loaders with {AHEAD} batches each need "
                f"{count * batch / GIB:.2f} GiB there; give it more (docker run --shm-size), or lower the resource loaders "
                "(snakemake --set-resources <rule>:loaders=2) or the batch in params.yaml"
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

    Also where a GPU has no deterministic kernel for a layer that `Backbone.prepare` does not know of.

    Args: lower: the keys of params.yaml, in words.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
        # torch's allocator on the CPU raises a bare RuntimeError, known by its text alone
        text = str(error).lower()
        if "deterministic implementation" in text:
            kernel = str(error).split()[0]
            raise UserError(
                f"backbone.name: the network cannot be trained on this GPU to the same result twice ({kernel} is not deterministic); "
                "choose another"
            ) from error
        if isinstance(error, RuntimeError) and "out of memory" not in text and "can't allocate memory" not in text:
            raise
        if isinstance(error, torch.OutOfMemoryError) or "cuda" in text:
            held, advice = gpu_memory()
            raise UserError(f"out of memory of the GPU{held}; {advice}lower {lower} in params.yaml") from error
        raise UserError(f"out of memory of the machine; lower {lower} in params.yaml") from error


def gpu_memory() -> tuple[str, str]:
    """Who holds the memory of the GPU, and what to do about other programs there, both as parts of a sentence or empty."""
    try:
        free, total = torch.cuda.mem_get_info()
        ours = torch.cuda.memory_reserved()
    except (RuntimeError, AssertionError):  # no answer from a GPU in trouble; or torch was built without CUDA
        return "", ""
    others = max(total - free - ours, 0)  # the driver's own share among it, less than a GiB
    held = f" ({total / GIB:.1f} GiB: this job holds {ours / GIB:.1f}, other programs {others / GIB:.1f}, {free / GIB:.1f} are free)"
    return held, "end the other programs (nvidia-smi names them), or " if others > GIB else ""
