"""What fine-tuning takes out of params.yaml."""

from dataclasses import dataclass
from typing import Annotated

from aesthetic_pretraining.settings.labels import steps


@dataclass(frozen=True)
class FinetuneConfig:
    """How a network is fine-tuned. `seed` is the training's own; `low`, `high` and `bins` are the votes of the set (`sets`)."""

    backbone: Annotated[str, "backbone.name"]
    seed: int
    low: float
    high: float
    bins: int
    batch: Annotated[int, "finetune.batch"]
    learning_rate_features: Annotated[float, "finetune.learning_rate_features"]
    learning_rate_head: Annotated[float, "finetune.learning_rate_head"]
    weight_decay: Annotated[float, "finetune.weight_decay"]
    halving: Annotated[float, "finetune.halving"]
    halve_after: Annotated[int, "finetune.halve_after"]
    stop_after: Annotated[int, "finetune.stop_after"]
    max_epochs: Annotated[int, "finetune.max_epochs"]
    min_improvement: Annotated[float, "finetune.min_improvement"]
    dropout: Annotated[float, "finetune.dropout"]
    flip: Annotated[bool, "finetune.flip"]
    emd: Annotated[str, "finetune.emd"]
    emd_r: Annotated[int, "finetune.emd_r"]
    trainable: Annotated[str, "finetune.trainable"]
    threads: Annotated[int, "finetune.threads"]
    micro_batch: Annotated[int, "finetune.micro_batch"] = 0
    processes: Annotated[int, "compute.processes"] = 1
    precision: Annotated[str, "compute.precision"] = "float32"
    at_unfreezing: Annotated[str, "finetune.at_unfreezing"] = "continue"
    tf32: Annotated[bool, "compute.tf32"] = False
    recompute: Annotated[bool, "compute.recompute"] = False
    batch_norm: Annotated[str, "finetune.batch_norm"] = "batch"

    @property
    def values(self) -> tuple[float, ...]:
        """The score of each vote, ascending."""
        return steps(self.low, self.high, self.bins)
