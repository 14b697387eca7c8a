"""Distributed training: ranks, their shares of a batch, and the collective operations on them.

torchrun starts the processes and Lightning Fabric joins them, and also sets device and precision. A step of all ranks equals a step
of one process on the whole batch. The losses couple photos, so ranks exchange features, not losses (gradient_cache.py).
"""

import ctypes
import os
import re
import signal
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal, cast

import torch
from torch import Tensor

from aesthetic_pretraining.errors import UserError

PRECISIONS: dict[str, Literal["32-true", "bf16-mixed"]] = {
    "float32": "32-true",
    "bfloat16": "bf16-mixed",
}  # compute.precision -> Fabric's name
# what gloo, NCCL and torch's store say where the process at the other end is gone
GONE = re.compile(
    r"closed by peer|reset by peer|broken pipe|connection refused|connection was|timed? ?out|remote process exited", re.I
)
PR_SET_PDEATHSIG = 1  # of Linux's prctl


class Alone:
    """A single process: rank 0 of a world of size 1.

    Attributes:
        device: the device of the network.
        rank: the rank of this process, from 0.
        size: the world size.
    """

    rank, size = 0, 1

    def __init__(self, device: torch.device):
        self.device = device

    @property
    def first(self) -> bool:
        """Whether this is rank 0, which writes the files."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """This rank's positions among 0..count-1: consecutive, in rank order, shares as equal as possible."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def gather(self, rows: Tensor) -> tuple[Tensor, slice]:
        """All ranks' rows (N, ...) in rank order, detached from the graph, and the slice of them that is this rank's own."""
        return rows.detach(), slice(0, len(rows))

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its sum over the ranks (all-reduce)."""

    def total(self, count: int) -> int:
        """The sum of an integer over the ranks."""
        return count

    def wait(self) -> None:
        """Barrier: return when all ranks have called it."""

    def autocast(self) -> AbstractContextManager:
        """A context in which the network runs in the configured precision."""
        return nullcontext()


class Team(Alone):
    """Several ranks, joined by Fabric: gloo on CPUs, NCCL on GPUs, one GPU for each rank."""

    def __init__(self, processes: int, precision: str):
        # here, because its import takes a second that most jobs need not spend
        from lightning_fabric import Fabric
        from lightning_fabric.plugins.environments import LightningEnvironment, TorchElasticEnvironment

        torchrun = "TORCHELASTIC_RUN_ID" in os.environ
        self.fabric = Fabric(
            accelerator="cuda" if torch.cuda.is_available() else "cpu",
            strategy="ddp" if processes > 1 else "auto",
            devices=int(os.environ.get("LOCAL_WORLD_SIZE", 1)),
            num_nodes=int(os.environ.get("GROUP_WORLD_SIZE", 1)),
            precision=PRECISIONS[precision],
            # named, or Fabric takes a job of Slurm, whose tasks are not these processes, for the team, and advises srun where it is installed
            plugins=TorchElasticEnvironment() if torchrun else LightningEnvironment(),
        )
        if torchrun:
            _end_with_agent()
        with _others_there():
            self.fabric.launch()
        super().__init__(self.fabric.device)
        self.rank, self.size = self.fabric.global_rank, self.fabric.world_size

    def gather(self, rows: Tensor) -> tuple[Tensor, slice]:
        if self.size == 1:
            return super().gather(rows)
        counts = torch.zeros(self.size, dtype=torch.int64, device=self.device)
        counts[self.rank] = len(rows)
        lengths = self._sum(counts).tolist()
        start = sum(lengths[: self.rank])
        mine = slice(start, start + len(rows))
        joint = rows.new_zeros(sum(lengths), *rows.shape[1:])  # a sum of rows and zeros: gathering wants equal numbers of rows
        joint[mine] = rows.detach()
        return self._sum(joint), mine

    @torch.no_grad()
    def add_up(self, tensors: Iterable[Tensor]) -> None:
        tensors = list(tensors)
        if self.size == 1 or not tensors:
            return
        total = self._sum(torch.cat([t.flatten() for t in tensors]))
        for tensor, part in zip(tensors, total.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view(tensor.shape))

    def total(self, count: int) -> int:
        return int(self._sum(torch.tensor(count, device=self.device)))

    def wait(self) -> None:
        with _others_there():
            self.fabric.barrier()

    def _sum(self, tensor: Tensor) -> Tensor:
        with _others_there():
            return cast(Tensor, self.fabric.all_reduce(tensor, reduce_op="sum"))

    def autocast(self) -> AbstractContextManager:
        return self.fabric.autocast()


@contextmanager
def _others_there() -> Iterator[None]:
    """Turn the error of a collective operation whose other ranks are gone into a sentence. None of them waits longer than half an hour."""
    try:
        yield
    except RuntimeError as error:
        if GONE.search(str(error)):
            raise UserError(
                "another process of this training was lost, or its node; start it again, and it goes on from its checkpoint"
            ) from error
        raise


def _end_with_agent() -> None:
    """Get SIGTERM when torchrun's agent is gone: a training then saves and ends in all ranks, or nobody would end this process."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))


def open_team(device: torch.device, processes: int, precision: str) -> Alone:
    """The ranks of this training. One process in float32 does without Fabric, whose import is slow.

    Args:
        device: the device of a single process.
        processes: the world size, params.yaml: compute.processes.
        precision: "float32" or "bfloat16", params.yaml: compute.precision.
    Raises: UserError if torchrun started another number of processes, or the GPU does not support bfloat16.
    """
    started = int(os.environ.get("WORLD_SIZE", 1))
    if started != processes:
        raise UserError(
            f"compute.processes is {processes}, but {started} are at work; let snakemake start them, "
            f"or torchrun with --nproc_per_node {processes}"
        )
    if precision == "bfloat16" and device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise UserError(
            f"compute.precision is bfloat16, which {torch.cuda.get_device_name()} does not have; set it to float32 in params.yaml"
        )
    return Alone(device) if processes == 1 and precision == "float32" else Team(processes, precision)
