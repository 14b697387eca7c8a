"""What the bootstrap takes out of params.yaml."""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class IntervalConfig:
    """Resamples and confidence (0..1) of intervals."""

    resamples: Annotated[int, "report.resamples"]
    confidence: Annotated[float, "report.confidence"]
    interval: Annotated[str, "report.interval"]
    seed: Annotated[int, "seed"]
