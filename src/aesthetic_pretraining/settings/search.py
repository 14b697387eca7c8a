"""What the search of the learning rate takes out of params.yaml, beside what pretraining does."""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class SearchConfig:
    """The learning rates that are tried."""

    lowest: Annotated[float, "search.lowest"]
    highest: Annotated[float, "search.highest"]
    steps: Annotated[int, "search.steps"]
