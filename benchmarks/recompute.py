"""compute.recompute beside the plain step: what stays between the passes, the peak, and the time; gradients are compared to the bit.

Three measures of memory. Between the passes: what the system sees of this process. At the peak: the tensors that are alive by
torch's own count, which is what a GPU has to hold, and what the system sees. The latter hardly falls: glibc keeps the holes.
"""

import os
from collections.abc import Callable
from itertools import accumulate

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # torch's profiler says on each start that there is no GPU

from fixtures import ALONE, TASK, pretraining_network  # first: sets the allocator

# isort: split
import psutil
import torch
from timing import GIB, give_back, in_turns
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from aesthetic_pretraining.models.network import Network
from aesthetic_pretraining.training import gradient_cache
from aesthetic_pretraining.training.pretext import TASKS

COUNT = 16  # pictures: below that torch does 1 x 1 convolutions on one thread by a slower way
MIB = 2**20


def resident() -> int:
    """Bytes that this process holds, less what is free for its next tensors."""
    give_back()
    return psutil.Process().memory_info().rss


def held(network: Network, pictures: Tensor) -> float:
    """MiB a picture that a forward pass leaves for the backward pass, as the system sees it."""
    before = resident()
    features = network.backbone(pictures)
    found = (resident() - before) / MIB / len(pictures)
    features.sum().backward()  # frees the graph in the way of a training
    network.zero_grad(set_to_none=True)
    return found


def alive(call: Callable[[], None]) -> float:
    """MiB of tensors that one call makes and holds at its peak."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        call()
    # not seen.events(): that leaves out what belongs to an operation
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    return max(accumulate(event.nbytes() for event in sorted(events, key=lambda event: event.start_ns()))) / MIB


def recomputation(size: int, rounds: int) -> tuple[float, float]:
    """Print both ways of one step; return memory between the passes and time, of recomputing over plain."""
    task = TASKS["ranking_regression"](TASK)
    pictures = torch.randint(0, 256, (COUNT, 3, size, size), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)

    def step(network: Network) -> Callable[[], None]:
        def run() -> None:
            network.zero_grad(set_to_none=True)
            gradient_cache.backward(network, pictures, lambda outputs: sum(out.sum() for out in outputs.values()), 0, ALONE)

        return run

    networks = {"plain": pretraining_network(task), "recompute": pretraining_network(task)}
    networks["recompute"].backbone.prepare(ALONE.device, True)
    steps = {name: step(network) for name, network in networks.items()}
    for call in steps.values():
        call()
    gradients = [[weight.grad for weight in network.parameters()] for network in networks.values()]
    assert all(map(torch.equal, *gradients)), "gradients differ"
    for network in networks.values():
        network.zero_grad(set_to_none=True)
    between = {name: held(network, pictures) for name, network in networks.items()}
    peak = {name: alive(call) / COUNT for name, call in steps.items()}
    timed = in_turns(steps, rounds)
    print(f"\ncompute.recompute, {size} px, {COUNT} pictures, float32: gradients equal to the bit")
    print(f"{'':14}{'pictures/s':>12}{'MiB a picture: between the passes':>36}{'tensors at the peak':>22}{'resident then':>16}")
    for name, seconds in timed.seconds.items():
        resident_peak = timed.peak[name] * GIB / MIB / COUNT
        print(f"{name:14}{COUNT / seconds:12.1f}{between[name]:36.1f}{peak[name]:22.1f}{resident_peak:16.1f}")
    return between["recompute"] / between["plain"], timed.seconds["recompute"] / timed.seconds["plain"]
