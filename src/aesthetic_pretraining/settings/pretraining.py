"""What pretraining takes out of params.yaml."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any


@dataclass(frozen=True)
class TaskConfig:
    """What defines the pretext tasks."""

    margin: Annotated[float, "pretrain.margin"]
    balance_temperature: Annotated[float, "pretrain.balance_temperature"]
    simclr_temperature: Annotated[float, "pretrain.simclr_temperature"]
    simclr_projection: Annotated[int, "pretrain.simclr_projection"]
    balance_ranking_alone: Annotated[bool, "pretrain.balance_ranking_alone"] = False


@dataclass(frozen=True)
class PretrainConfig:
    """How a task is trained. `seed` is the training's own."""

    backbone: Annotated[str, "backbone.name"]
    engine: Annotated[str, "distortions.engine"]
    table: Annotated[str, "distortions.table"]
    seed: int
    epochs: Annotated[int, "pretrain.epochs"]
    batch_photos: Annotated[int, "pretrain.batch_photos"]
    contrast_batch: Annotated[int, "pretrain.contrast_batch"]
    micro_batch: Annotated[int, "pretrain.micro_batch"]
    frozen_steps: Annotated[int, "pretrain.frozen_steps"]
    learning_rate: Annotated[float, "pretrain.learning_rate"]
    learning_rate_decay: Annotated[float, "pretrain.learning_rate_decay"]
    rmsprop_decay: Annotated[float, "pretrain.rmsprop_decay"]
    momentum: Annotated[float, "pretrain.momentum"]
    weight_decay: Annotated[float, "pretrain.weight_decay"]
    trainable: Annotated[str, "pretrain.trainable"]
    threads: Annotated[int, "pretrain.threads"]
    batch_norm: Annotated[str, "pretrain.batch_norm"] = "batch"
    warmup_steps: Annotated[int, "pretrain.warmup_steps"] = 0
    layer_decay: Annotated[float, "pretrain.layer_decay"] = 1.0
    clip_norm: Annotated[float, "pretrain.clip_norm"] = 0.0
    augment: Annotated[str, "pretrain.augment"] = "none"
    learning_blocks: Annotated[int, "pretrain.learning_blocks"] = 0
    processes: Annotated[int, "compute.processes"] = 1
    precision: Annotated[str, "compute.precision"] = "float32"
    kept_micro_batches: Annotated[int, "pretrain.kept_micro_batches"] = 0
    edited_width: Annotated[int, "distortions.edited_width"] = 1000
    head_dropout: Annotated[float, "pretrain.head_dropout"] = 0.0
    head_init: Annotated[str, "pretrain.head_init"] = "torch"
    contrast_updates: Annotated[str, "pretrain.contrast_updates"] = "epochs"
    contrast_micro_batch: Annotated[int, "pretrain.contrast_micro_batch"] = 0
    tf32: Annotated[bool, "compute.tf32"] = False
    recompute: Annotated[bool, "compute.recompute"] = False
    kernels: Annotated[str, "distortions.kernels"] = "torch"


def comparisons_of(cfg: Mapping[str, Any]) -> dict[str, str]:
    """{comparison row: its pretext task} of the rows whose tasks, "comparisons.<row>.task", are among a rule's parameters."""
    found = {key: re.fullmatch(r"comparisons\.(\w+)\.task", key) for key in cfg}
    return {match[1]: cfg[key] for key, match in found.items() if match}
