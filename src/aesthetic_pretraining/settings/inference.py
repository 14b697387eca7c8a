"""What networks that are only asked, not trained, take out of params.yaml: for scores, for features, for answers to distortions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class PredictConfig:
    """Scores of labelled images; `batch` images pass a network at once. `values`: the score of each vote that it was trained on."""

    backbone: Annotated[str, "backbone.name"]
    batch: Annotated[int, "finetune.batch"]
    threads: Annotated[int, "finetune.threads"]
    values: Sequence[float]


@dataclass(frozen=True)
class FeaturesConfig:
    """Features of labelled images, in the precision of training; `batch` images pass a network at once."""

    backbone: Annotated[str, "backbone.name"]
    batch: Annotated[int, "finetune.batch"]
    threads: Annotated[int, "finetune.threads"]
    precision: Annotated[str, "compute.precision"] = "float32"
    tf32: Annotated[bool, "compute.tf32"] = False


@dataclass(frozen=True)
class RespondConfig:
    """Answers to distorted photos; `batch` images pass a network at once."""

    backbone: Annotated[str, "backbone.name"]
    batch: Annotated[int, "finetune.batch"]
    threads: Annotated[int, "finetune.threads"]
