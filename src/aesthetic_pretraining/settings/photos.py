"""What the looks at the unlabelled photos take out of params.yaml; `batch` images pass a network at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class ScoresConfig:
    """Scores of the photos, which are shown as labelled images are: `size` pixels square. A photo counts as aesthetic from a mean
    score above `above`, where `values` are the scores of the votes."""

    backbone: Annotated[str, "backbone.name"]
    size: Annotated[int, "image.size"]
    batch: Annotated[int, "finetune.batch"]
    threads: Annotated[int, "finetune.threads"]
    values: Sequence[float]
    above: float


@dataclass(frozen=True)
class ClassesConfig:
    """Classes and objects in the photos; an object counts from a score of `object_score` (0..1)."""

    backbone: Annotated[str, "backbone.name"]
    networks: Annotated[Sequence[str], "photo_check.networks"]
    object_score: Annotated[float, "photo_check.object_score"]
    batch: Annotated[int, "finetune.batch"]
    threads: Annotated[int, "finetune.threads"]


@dataclass(frozen=True)
class SensitivityConfig:
    """How far distortions move features, with intervals of `confidence` (0..1)."""

    backbone: Annotated[str, "backbone.name"]
    batch: Annotated[int, "finetune.batch"]
    threads: Annotated[int, "finetune.threads"]
    confidence: Annotated[float, "report.confidence"]
