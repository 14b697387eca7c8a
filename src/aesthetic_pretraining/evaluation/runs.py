"""Which networks a run makes, and whose a file is: initialisation, share of the labels, seed of pretraining, seed of fine-tuning."""

import re
from collections.abc import Collection, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.initialisations import BASELINE

UNTRAINED = 0  # the one "pretraining" of ImageNet's weights, which no run makes; seeds of pretrainings begin at 1
PLACE = "<init>/share<percent>_pretraining<seed>_seed<seed>"


class Training(NamedTuple):
    """One fine-tuning: initialisation, percent of the labels, seed of the pretraining (`UNTRAINED`: ImageNet), its own seed."""

    init: str
    share: int
    pretraining: int
    seed: int


class Run(NamedTuple):
    """One fine-tuned model on one test set: a `Training` and the name of the set."""

    init: str
    share: int
    pretraining: int
    seed: int
    dataset: str


def pretrainings_of(init: str, seeds: Sequence[int]) -> Sequence[int]:
    """The pretrainings of one initialisation: pretrain.seeds, for ImageNet's weights `UNTRAINED` alone."""
    return (UNTRAINED,) if init == BASELINE else seeds


def runs_of(
    inits: Sequence[str], compared: Collection[str], shares: Sequence[int], pretrainings: Sequence[int], seeds: Sequence[int]
) -> list[Training]:
    """Every fine-tuning that params.yaml asks for: all shares of the labels for the initialisations in `compared`, else 100 %."""
    return [
        Training(init, share, pretraining, seed)
        for init, share in product(inits, shares)
        if share == 100 or init in compared
        for pretraining, seed in product(pretrainings_of(init, pretrainings), seeds)
    ]


def training_of(path: Path) -> Training:
    """Whose a file or folder `PLACE` is, whatever its suffix; UserError for any other path."""
    path = Path(path)
    match = re.fullmatch(r"share(\d+)_pretraining(\d+)_seed(\d+)", path.stem)
    if not match:
        raise UserError(
            f"{path} is not named {PLACE}{path.suffix}; fine-tuned networks and their predictions need such a place"
        )
    return Training(path.parent.name, *map(int, match.groups()))


def run_of(path: Path, datasets: Collection[str]) -> Run:
    """Which run a path `PLACE`/<dataset>.parquet belongs to; UserError for any other path."""
    path = Path(path)
    if path.stem not in datasets or path.suffix != ".parquet":
        raise UserError(f"{path} is not named {PLACE}/<{'|'.join(datasets)}>.parquet; predictions need such a place")
    return Run(*training_of(path.parent), path.stem)


def pretraining_of(path: Path) -> tuple[str, int]:
    """(initialisation, seed) of a pretrained network's file `<init>/seed<seed>.*`; UserError for any other path."""
    path = Path(path)
    match = re.fullmatch(r"seed(\d+)", path.stem)
    if not match:
        raise UserError(f"{path} is not named <init>/seed<seed>{path.suffix}; pretrained networks need such a place")
    return path.parent.name, int(match[1])
