"""From a dataset to batches on the training device: their order, the processes that make them, their way to a GPU.

A torch DataLoader with groups of positions that are known before. So a resumed training, which asks for the groups that are left,
gets what it would have got, and no sampler draws from a generator of its own.
"""

import contextlib
import shutil
import signal
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.seeding import seeded_int

AHEAD = 2  # batches that each loader makes ahead
SHARED_MEMORY = "/dev/shm"  # where loaders put their batches
GIB = 2**30


def shuffled(ids: Sequence[str], *parts: object) -> list[str]:
    """The ids in an order that depends on `parts` alone."""
    order = np.random.default_rng(seeded_int("order", *parts)).permutation(len(ids))
    return [ids[i] for i in order]


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


def batches(
    dataset: Dataset[Tensor], groups: Sequence[Sequence[int]], workers: int, device: torch.device | None = None
) -> Iterable[Tensor]:
    """One batch (B, ...) of dataset[position] for each group of positions, on the device (None: left where it was made).

    Items are made in `workers` other processes (0: in this one) while the network works; what comes out is the same.
    Raises: UserError if the batches that wait do not fit into the machine's shared memory.
    """
    if workers and groups:
        item = dataset[groups[0][0]]
        enough_shared_memory(item.nbytes * max(map(len, groups)), min(workers * AHEAD, len(groups)), workers)
    loader = DataLoader(
        dataset,
        batch_sampler=[list(group) for group in groups],
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


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)
    # a cluster's SIGTERM goes to all processes, and the trainer still needs this one until its step is done
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
