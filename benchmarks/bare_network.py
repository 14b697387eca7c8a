"""The limit: forward and backward pass of the network alone, and how near a whole step with live input comes to it."""

from collections.abc import Callable
from pathlib import Path

import torch
from fixtures import ALONE, TASK, photo_store, pretraining_network
from released_structure import of_few
from timing import in_turns

from aesthetic_pretraining.distortions.native.render import rows
from aesthetic_pretraining.distortions.variants import Variants
from aesthetic_pretraining.models.network import Network, set_learning
from aesthetic_pretraining.training import gradient_cache, loader
from aesthetic_pretraining.training.datasets import VariantsDataset
from aesthetic_pretraining.training.pretext import TASKS


def plain(network: Network, count: int, size: int) -> Callable[[], None]:
    """Forward and backward pass on ready random pictures, float and in the network's memory format."""
    x = torch.randn(count, 3, size, size).contiguous(memory_format=torch.channels_last)

    def step() -> None:
        network.zero_grad(set_to_none=True)
        features = network.backbone.features(x)
        sum(out.sum() for out in network.on_features(features).values()).backward()

    return step


def against_plain(folder: Path, size: int, rounds: int, only: tuple[str, ...] | None) -> tuple[float, float]:
    """Print the parts of a whole step of one photo with live input; return its rate over the plain one, and the plain rate."""
    task, kept = TASKS["ranking_regression"](TASK), rows(only)
    joint = gradient_cache.by_photo(of_few(task.loss, kept) if only else task.loss, len(kept))
    variants = Variants(photo_store(folder, size), size, "published")
    network, bare = pretraining_network(task), pretraining_network(task)
    optimiser = torch.optim.RMSprop(network.parameters(), lr=1e-12, alpha=0.9, momentum=0.9, weight_decay=4e-5)
    dataset = VariantsDataset(variants, ["photo1"], 1, only)
    ready = variants.pictures("photo0", 1, only)[None]

    def load() -> None:
        for pictures in loader.batches(dataset, [[0]], workers=0):
            assert pictures.shape == ready.shape

    def step() -> None:
        for pictures in loader.batches(dataset, [[0]], workers=0):
            set_learning(network, "all", frozen=False)
            optimiser.zero_grad(set_to_none=True)
            gradient_cache.backward(network, pictures.flatten(0, 1), joint, 0, ALONE).item()
            optimiser.step()

    def backward() -> None:
        network.zero_grad(set_to_none=True)
        gradient_cache.backward(network, ready.flatten(0, 1), joint, 0, ALONE).item()

    calls = {"plain": plain(bare, len(kept), size), "whole step": step, "  loading": load, "  loss and gradients": backward}
    timed = in_turns(calls, rounds)
    print(f"\n{size} px, 1 photo x {len(kept)} variants, joint, live input")
    print(f"{'':28}{'pictures/s':>12}{'ms':>8}{'GiB':>8}")
    for name, seconds in timed.seconds.items():
        print(f"{name:28}{len(kept) / seconds:12.1f}{seconds * 1e3:8.0f}{timed.peak[name]:8.2f}")
    rest = timed.seconds["whole step"] - timed.seconds["  loading"] - timed.seconds["  loss and gradients"]
    print(f"{'  optimiser and the rest':40}{rest * 1e3:8.0f}")
    return timed.seconds["plain"] / timed.seconds["whole step"], len(kept) / timed.seconds["plain"]
