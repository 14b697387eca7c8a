"""One joint step in the released structure beside ours, each in a process of its own.

usage, by `against_released` alone: joint_step.py STRUCTURE SIZE PHOTOS MICRO_BATCH KEPT

The allocator's settings hold for a whole process, so candidates that differ in them cannot share one.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from fixtures import ALONE, FEW, TASK, few_pictures, pretraining_network  # first: sets the allocator

# isort: split
import torch
from released_structure import Released, of_few, released_loss, released_step
from timing import Child, children_in_turns, serve
from torch import Tensor

from aesthetic_pretraining.distortions.native.render import rows
from aesthetic_pretraining.models.network import Network
from aesthetic_pretraining.training import gradient_cache
from aesthetic_pretraining.training.pretext import TASKS

RELEASED, OUR_ALLOCATOR = "released structure", "the same, our allocator settings"
# (pictures, kept): below 16 pictures torch does 1 x 1 convolutions on one thread by a slower way
MICRO_BATCHES = ((16, 0), (16, 4), (16, 9))


def step_of(structure: str, pictures: Tensor, micro_batch: int, kept: int = 0) -> tuple[Network, Callable[[], Tensor]]:
    """The network, and a call that leaves the gradients of one step in it and returns the loss."""
    task, few = TASKS["ranking_regression"](TASK), rows(FEW)
    if structure == "released":
        model, loss = Released(pretraining_network(task, torch.contiguous_format)), of_few(released_loss, few)
        return model.network, lambda: released_step(model, pictures, loss)
    network = pretraining_network(task)
    loss = gradient_cache.by_photo(of_few(task.loss, few), len(few))

    def ours() -> Tensor:
        network.zero_grad(set_to_none=True)
        return gradient_cache.backward(network, pictures.flatten(0, 1), loss, micro_batch, ALONE, kept)

    return network, ours


def difference(folder: Path, size: int) -> float:
    """Of the two structures' gradients for two photos, relative; statistics stand, because each normalises other pictures."""
    pictures, losses, slopes = few_pictures(folder, size, 2), [], []
    for structure in ("released", "ours"):
        network, step = step_of(structure, pictures, *MICRO_BATCHES[0])
        network.backbone.eval()
        losses.append(step())
        slopes.append(torch.cat([w.grad.flatten() for w in network.parameters()]))
    torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-4)
    found = ((slopes[0] - slopes[1]).norm() / slopes[0].norm()).item()
    assert found < 1e-3, found
    return found


def against_released(folder: Path, size: int, rounds: int, limit: float, photos: int) -> tuple[float, float, float]:
    """Print the rates of one joint step in both structures, from decoded pictures.

    Returns: our best rate within `limit` GiB over the released structure's with glibc's default allocator, which is how it was
        published; the same over the structure with our settings of the allocator; our rate in pictures/s.
    """
    equal = difference(folder, size)

    def child(structure: str, micro_batch: int = 0, kept: int = 0, allocator: str = "ours") -> Child:
        return Child(__file__, structure, size, photos, micro_batch, kept, **os.environ | {"BENCHMARK_ALLOCATOR": allocator})

    children = {RELEASED: child("released", allocator="default"), OUR_ALLOCATOR: child("released")}
    timed = children_in_turns(
        children | {f"micro-batches of {n}, {k} kept": child("ours", n, k) for n, k in MICRO_BATCHES}, rounds
    )
    count = photos * len(rows(FEW))
    print(
        f"\n{size} px, {photos} photos x {len(rows(FEW))} of 174 variants, float32, ranking + regression; "
        f"gradients differ by {equal:.0e}"
    )
    print(f"{'':34}{'pictures/s':>12}{'GiB':>8}")
    for name, seconds in timed.seconds.items():
        late = "  above --memory-gib" if timed.peak[name] > limit else ""
        print(f"{name:34}{count / seconds:12.1f}{timed.peak[name]:8.2f}{late}")
    allowed = [name for name in timed.seconds if name.startswith("micro") and timed.peak[name] <= limit]
    if not allowed:
        sys.exit(f"no step fits into {limit} GiB; raise --memory-gib")
    best = min(timed.seconds[name] for name in allowed)
    return timed.seconds[RELEASED] / best, timed.seconds[OUR_ALLOCATOR] / best, count / best


if __name__ == "__main__":
    structure, size, photos, *parts = sys.argv[1], *map(int, sys.argv[2:])
    with tempfile.TemporaryDirectory() as temporary:
        serve(step_of(structure, few_pictures(Path(temporary), size, photos), *parts)[1])
