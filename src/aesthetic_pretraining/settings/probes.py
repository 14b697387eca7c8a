"""What the linear probes take out of params.yaml, beside what the bootstrap does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np


@dataclass(frozen=True)
class ProbeConfig:
    """How probes are regularised, and on which labels they are fitted."""

    lowest: Annotated[float, "probe.lowest"]
    highest: Annotated[float, "probe.highest"]
    steps: Annotated[int, "probe.steps"]
    folds: Annotated[int, "probe.folds"]
    shares: Annotated[Sequence[int], "finetune.shares"]
    seeds: Annotated[Sequence[int], "finetune.seeds"]
    emd: Annotated[str, "finetune.emd"]
    emd_r: Annotated[int, "finetune.emd_r"]
    seed: Annotated[int, "seed"]

    @property
    def strengths(self) -> np.ndarray:
        """The regularisations to choose from, rising, each higher by the same factor."""
        return np.geomspace(self.lowest, self.highest, self.steps)
