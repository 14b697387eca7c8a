"""Fine-tuning beside the plain network, and its frozen phase beside a full step."""

from functools import partial
from pathlib import Path

import torch
from bare_network import plain
from fixtures import ALONE, BACKBONE, BATCH_PHOTOS, photo_store
from timing import in_turns

from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import save_weights, score_network, set_learning
from aesthetic_pretraining.training import gradient_cache, runtime
from aesthetic_pretraining.training.datasets import LabelledImages
from aesthetic_pretraining.training.features import FeaturesConfig, features
from aesthetic_pretraining.training.features_file import Features
from aesthetic_pretraining.training.finetune import FinetuneConfig, votes_loss
from aesthetic_pretraining.training.inputs import epoch_inputs

FROZEN_EPOCHS = 6  # of fine-tuning at the scale paper: the first, and five without improvement


def fine_tuning(folder: Path, size: int, rounds: int) -> tuple[float, float, float]:
    """Print fine-tuning's rates; return full over plain, the frozen phase with its features over full, and the full rate."""
    config = FinetuneConfig(
        backbone=BACKBONE, seed=1, low=1, high=10, bins=10, batch=16, learning_rate_features=1e-12, learning_rate_head=1e-12, weight_decay=4e-5, halving=0.5,
        halve_after=5, stop_after=10, max_epochs=500, min_improvement=1e-4, dropout=0.75, flip=True, emd="per_image", emd_r=2,
        trainable="all", threads=1,
    )  # fmt: skip
    store = photo_store(folder, size, short=False)
    ids = [f"photo{k % BATCH_PHOTOS}" for k in range(2 * config.batch)]
    images = LabelledImages(store, ids, [k % 2 == 0 for k in range(len(ids))])
    parts = [range(config.batch), range(config.batch, len(ids))]
    torch.manual_seed(1)
    network, bare = (score_network(build_backbone(BACKBONE), 0.75, 10).to(memory_format=torch.channels_last) for _ in range(2))
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-12, weight_decay=4e-5)
    target = torch.full((10,), 0.1)

    def epoch(known: Features | None) -> None:
        set_learning(network, "all", frozen=known is not None)
        for inputs in epoch_inputs(images, parts, known, ALONE, 0):
            loss_of = partial(votes_loss, wanted=torch.stack([target] * len(inputs)), config=config)
            optimiser.zero_grad(set_to_none=True)
            if known is None:
                loss = gradient_cache.backward(network, inputs, loss_of, 0, ALONE)
            else:
                loss = loss_of(network.on_features(inputs))
                loss.backward()
            runtime.finite(loss.item(), "benchmark")
            optimiser.step()

    save_weights(network.state_dict(), folder / "start.safetensors")
    once = list(dict.fromkeys(ids))

    def build() -> Features:
        files = [folder / "plain.npy", folder / "mirrored.npy"]
        for side, file in enumerate(files):
            features(FeaturesConfig(BACKBONE, config.batch, 1), store, once, folder / "start.safetensors", file, bool(side))
        return Features(once, *files)

    step = plain(bare.train(), config.batch, size)
    calls = {"plain": lambda: [step() for _ in range(2)], "full": lambda: epoch(None), "compute the features": build}
    timed = in_turns(calls | {"frozen, from the file": partial(epoch, build())}, rounds)
    print(f"\nfine-tuning, {size} px, batches of {config.batch}")
    print(f"{'':28}{'pictures/s':>12}{'GiB':>8}")
    for name, seconds in timed.seconds.items():
        print(f"{name:28}{len(ids) / seconds:12.1f}{timed.peak[name]:8.2f}")
    full, frozen = (
        timed.seconds["full"],
        timed.seconds["compute the features"] / FROZEN_EPOCHS + timed.seconds["frozen, from the file"],
    )
    print(f"{f'frozen, {FROZEN_EPOCHS} epochs and features':28}{len(ids) / frozen:12.1f}")
    return timed.seconds["plain"] / full, full / frozen, len(ids) / full
