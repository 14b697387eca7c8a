"""What a pretraining starts with: its parameters, the network under new heads, the optimiser and its learning rates (section 4.3)."""

from pathlib import Path

import torch

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.models.backbones.backbone import blocks
from aesthetic_pretraining.models.network import Network, new_backbone, require_batch_norms
from aesthetic_pretraining.seeding import seeded_int
from aesthetic_pretraining.settings.pretraining import PretrainConfig
from aesthetic_pretraining.training.pretext import Task


def start_of(
    task: Task, task_name: str, config: PretrainConfig, start: str | Path, device: torch.device
) -> tuple[Network, torch.optim.Optimizer]:
    """The network with the `start` weights under new heads, and its optimiser (section 4.3).

    The optimiser has a group for each block of the backbone, whose `scale` is its factor on the learning rate, and one for the heads.
    Raises: UserError if the batch normalisation of a backbone that has none shall be frozen, or more blocks shall learn than it has.
    """
    torch.manual_seed(seeded_int("init", config.seed, task_name))
    backbone = new_backbone(config.backbone, start)
    if config.batch_norm == "frozen":
        require_batch_norms(backbone, "pretrain", config.backbone)
    parts = blocks(backbone.features)
    if config.learning_blocks > len(parts):
        raise UserError(
            f"pretrain.learning_blocks is {config.learning_blocks}, but backbone.name {config.backbone} has "
            f"{len(parts)} blocks; lower it, or set it to 0 for all"
        )
    backbone.prepare(device, config.recompute)
    network = Network(backbone, task.heads, task.hidden, config.head_dropout, config.head_init)
    network = network.to(device).to(memory_format=torch.channels_last)
    # ASSUME: rates fall from block to block towards the input by the factor layer_decay; heads and last block have the full rate
    groups = [{"params": weights, "scale": config.layer_decay**k, "heads": False} for k, weights in enumerate(reversed(parts))]
    groups.append({"params": list(network.heads.parameters()), "scale": 1.0, "heads": True})
    # ASSUME: RMSprop's epsilon is torch's, and RotNet and SimCLR are trained by the same optimiser, rate and frozen start
    optimiser = torch.optim.RMSprop(
        groups,
        lr=config.learning_rate,
        alpha=config.rmsprop_decay,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
    )
    return network, optimiser


def set_rates(optimiser: torch.optim.Optimizer, rate: float, updates: int, config: PretrainConfig) -> None:
    """Set each group's learning rate for the update after `updates` ones.

    ASSUME: the warm-up is linear and begins where a group's weights begin to learn, because the first steps of RMSprop are its
    largest: 1 / sqrt(1 - rmsprop_decay) times the rate at every weight, whatever the gradient's size.
    """
    for group in optimiser.param_groups:
        learnt = updates - (0 if group["heads"] else config.frozen_steps)
        warm = min(1.0, (learnt + 1) / config.warmup_steps) if config.warmup_steps else 1.0
        group["lr"] = rate * group["scale"] * max(warm, 0.0)


def batch_of(task: Task, config: PretrainConfig) -> int:
    """Photos in a batch of the task."""
    return config.contrast_batch if task.contrast else config.batch_photos


def micro_batch_of(task: Task, config: PretrainConfig) -> int:
    """Images of the task that pass the network at once; 0: all of a batch."""
    return config.contrast_micro_batch if task.contrast else config.micro_batch
