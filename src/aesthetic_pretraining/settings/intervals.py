"""What the bootstrap takes out of params.yaml."""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class IntervalConfig:
    """Resamples and confidence (0..1) of intervals. `source` of the labels, because simulated images come many from one photo."""

    resamples: Annotated[int, "report.resamples"]
    confidence: Annotated[float, "report.confidence"]
    interval: Annotated[str, "report.interval"]
    seed: Annotated[int, "seed"]
    source: Annotated[str, "labels.source"] = "folder"
