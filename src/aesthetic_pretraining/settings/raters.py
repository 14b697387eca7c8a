"""What the rater model takes out of params.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class RaterConfig:
    """Votes on an image: how many, about which mean, with which spread; `weights` by measured property."""

    voters: Annotated[int, "simulate.voters"]
    mean: Annotated[float, "simulate.mean"]
    spread: Annotated[float, "simulate.spread"]
    disagreement: Annotated[float, "simulate.disagreement"]
    taste: Annotated[float, "simulate.taste"]
    weights: Annotated[Mapping[str, float], "simulate.weights"]
