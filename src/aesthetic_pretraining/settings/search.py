"""What the searches of learning rates take out of params.yaml, beside what the trainings do."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any

HEAD, ALL = "head", "all"  # phases of the search of fine-tuning's parameters
TRIED = {HEAD: ["learning_rate_head", "dropout"], ALL: ["learning_rate_features", "halve_after", "stop_after"]}
SEARCHED = [*TRIED[HEAD], *TRIED[ALL]]  # fields of FinetuneConfig


@dataclass(frozen=True)
class SearchConfig:
    """The learning rates of pretraining that are tried."""

    lowest: Annotated[float, "search.lowest"]
    highest: Annotated[float, "search.highest"]
    steps: Annotated[int, "search.steps"]


@dataclass(frozen=True)
class FinetuneSearchConfig:
    """The grid of the search of fine-tuning's parameters; patiences are pairs (halve_after, stop_after)."""

    learning_rates_head: Annotated[Sequence[float], "search.finetune.learning_rates_head"]
    dropouts: Annotated[Sequence[float], "search.finetune.dropouts"]
    learning_rates_features: Annotated[Sequence[float], "search.finetune.learning_rates_features"]
    patiences: Annotated[Sequence[Sequence[int]], "search.finetune.patiences"]
    seeds: Annotated[Sequence[int], "search.finetune.seeds"]

    @property
    def combinations(self) -> dict[str, list[tuple[Any, ...]]]:
        """{phase: [values of what is tried in it, in the order of TRIED]}."""
        return {
            HEAD: list(product(self.learning_rates_head, self.dropouts)),
            ALL: [(rate, *patience) for rate, patience in product(self.learning_rates_features, self.patiences)],
        }
