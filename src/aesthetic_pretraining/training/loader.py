"""Data loading: the order of samples, batches from worker processes, and their transfer to a GPU.

A torch DataLoader whose batches are given as positions. Therefore a resumed training, which asks for the remaining batches, gets
the same ones, and no sampler needs a random state.
"""

import contextlib
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from aesthetic_pretraining.distortions.batched.parcel import Parcels
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.seeding import seeded_int
from aesthetic_pretraining.settings.loading import AHEAD, SHARED_MEMORY

Batch = TypeVar("Batch", Tensor, Parcels)

GIB = 2**30


def shuffled(ids: Sequence[str], *parts: object) -> list[str]:
    """The ids in a random order that is a function of `parts`."""
    order = np.random.default_rng(seeded_int("order", *parts)).permutation(len(ids))
    return [ids[i] for i in order]


def cut(count: int, size: int, least: int = 1) -> list[range]:
    """Positions 0..count-1 in batches of `size`; the last one is smaller and kept (fidelity row 15).

    Args:
        least: fewer than so many left over join the batch before them. Needed where several processes share a batch, and
            where a single one would be one image: batch normalisation of a single image whose last maps are 1 x 1
            pixel is undefined.
    """
    parts = [range(start, min(start + size, count)) for start in range(0, count, size)]
    if size >= least and len(parts) > 1 and len(parts[-1]) < least:
        parts[-2:] = [range(parts[-2].start, count)]
    return parts


def batches(
    dataset: Dataset[Any], groups: Sequence[Sequence[int]], workers: int, device: torch.device | None = None
) -> Iterable[Tensor]:
    """A batch (B, ...) for each group of positions, in their order.

    Args:
        dataset: position -> tensor; all of one batch have the same shape, unless it has a `collate` of its own.
        groups: positions of each batch.
        workers: processes that make the items while the network computes; 0: this process. It does not change the batches.
        device: where the batches go; None: they stay on the CPU. A dataset's own `collate` makes a batch of items, and its
            `finish` makes the tensor of the batch there.
    Raises: UserError if prefetched batches do not fit into the machine's shared memory.
    """
    if workers and groups:
        # the variants of a photo take a second to render: a dataset that knows the size of its items is not asked for one
        item = getattr(dataset, "nbytes", None) or dataset[groups[0][0]].nbytes
        enough_shared_memory(item * max(map(len, groups)), min(workers * AHEAD, len(groups)), workers)
    loader = DataLoader(
        dataset,
        batch_sampler=[list(group) for group in groups],
        num_workers=workers,
        prefetch_factor=AHEAD if workers else None,
        worker_init_fn=_one_thread,
        pin_memory=torch.cuda.is_available(),
        collate_fn=getattr(dataset, "collate", None),
    )
    sent = loader if device is None else ahead(loader, device)
    finish = getattr(dataset, "finish", None)
    return sent if finish is None else map(finish, sent)


def ahead(source: Iterable[Batch], device: torch.device) -> Iterable[Batch]:
    """The batches on the device. On a GPU the next one is transferred while the network computes on the current one.

    On a CPU this is `source` itself.
    """
    return source if device.type != "cuda" else _ahead(source, device)


def _ahead(source: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    copies = torch.cuda.Stream(device)  # beside the stream of the network's kernels
    sent: Batch | None = None
    for batch in source:
        with torch.cuda.stream(copies):
            upcoming = send(batch, device)
        if sent is not None:
            yield _arrived(sent, copies, device)
        sent = upcoming
    if sent is not None:
        yield _arrived(sent, copies, device)


def _arrived(batch: Batch, copies: "torch.cuda.Stream", device: torch.device) -> Batch:
    """The batch, safe to use by kernels launched after this call."""
    network = torch.cuda.current_stream(device)
    network.wait_stream(copies)

    def used(tensor: Tensor) -> Tensor:
        tensor.record_stream(network)  # or the copy of a later batch could be given its memory
        return tensor

    return _each(batch, used)


def send(batch: Batch, device: torch.device) -> Batch:
    """The batch on the device, transferred asynchronously to a GPU from pinned memory; unchanged on a CPU."""

    def transferred(tensor: Tensor) -> Tensor:
        return (tensor if tensor.is_pinned() else tensor.pin_memory()).to(device, non_blocking=True)

    return batch if device.type != "cuda" else _each(batch, transferred)


def _each(batch: Batch, function: Callable[[Tensor], Tensor]) -> Batch:
    """The batch with `function` applied to its tensors."""
    return batch.each(function) if isinstance(batch, Parcels) else function(batch)  # type: ignore[redundant-expr]


def enough_shared_memory(batch: int, count: int, workers: int) -> None:
    """Check that `count` batches of `batch` bytes fit into shared memory; nothing is checked where there is none.

    Raises: UserError if they do not fit: the system would kill the workers.
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
