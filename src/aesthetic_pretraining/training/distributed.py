"""The processes that train one network together: who takes what of a batch, and how their parts become one step.

Several processes are started by torchrun and joined by Lightning Fabric, which also chooses device and precision. Together
they compute what one process would of the whole batch: the losses couple photos, so it is features that are exchanged, not
losses (gradient_cache.py).
"""

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, cast

import torch
from torch import Tensor

from aesthetic_pretraining.errors import UserError

PRECISIONS: dict[str, Literal["32-true", "bf16-mixed"]] = {
    "float32": "32-true",
    "bfloat16": "bf16-mixed",
}  # compute.precision -> Fabric's name


class Alone:
    """One process, which takes everything.

    Attributes:
        device: where the network is.
        rank, size: number of this process, from 0, and of all.
    """

    rank, size = 0, 1

    def __init__(self, device: torch.device):
        self.device = device

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """This process's positions among 0..count-1: consecutive, by rank, as equal as possible."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def gather(self, rows: Tensor) -> tuple[Tensor, slice]:
        """All processes' rows (N, ...) by rank, without a graph, and where in them this process's own stand."""
        return rows.detach(), slice(0, len(rows))

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its sum over the processes."""

    def total(self, count: int) -> int:
        """The sum of a whole number over the processes."""
        return count

    def wait(self) -> None:
        """Return when all processes are here."""

    def autocast(self) -> AbstractContextManager:
        """Inside, passes of a network run in the precision that was asked for."""
        return nullcontext()


class Team(Alone):
    """Processes joined by Fabric: gloo between CPUs, NCCL between GPUs, one GPU each."""

    def __init__(self, processes: int, precision: str):
        from lightning_fabric import Fabric  # here, because its import takes a second that most jobs need not spend

        self.fabric = Fabric(
            accelerator="cuda" if torch.cuda.is_available() else "cpu",
            strategy="ddp" if processes > 1 else "auto",
            devices=int(os.environ.get("LOCAL_WORLD_SIZE", 1)),
            num_nodes=int(os.environ.get("GROUP_WORLD_SIZE", 1)),
            precision=PRECISIONS[precision],
        )
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
        self.fabric.barrier()

    def _sum(self, tensor: Tensor) -> Tensor:
        return cast(Tensor, self.fabric.all_reduce(tensor, reduce_op="sum"))

    def autocast(self) -> AbstractContextManager:
        return self.fabric.autocast()


def open_team(device: torch.device, processes: int, precision: str) -> Alone:
    """The team of this process. Fabric is not loaded where it would have nothing to do: one process in float32.

    Args: as in params.yaml, compute.processes and compute.precision.
    Raises: UserError if the number of processes that torchrun started is another one, or the GPU has no bfloat16.
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
