"""The networks that a run trains, and their files: initialisation, share of the labels, pretraining seed, fine-tuning seed."""

import re
from collections.abc import Collection, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.initialisations import BASELINE

UNTRAINED = 0  # the "pretraining seed" of ImageNet's weights, which are not trained here; real ones start at 1
NAME = r"share(?P<share>\d+)_pretraining(?P<pretraining>\d+)_seed(?P<seed>\d+)(?:_fold(?P<fold>[1-9]\d*))?"
PLACE = "<init>/share<percent>_pretraining<seed>_seed<seed>"


class Training(NamedTuple):
    """One fine-tuning run: initialisation, share (percent) of the labels, pretraining seed (`UNTRAINED`: ImageNet), fine-tuning seed.

    Where the labelled set is split by folds, a run is one network for each fold.
    """

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

    @property
    def training(self) -> Training:
        """The fine-tuning run of the model."""
        return Training(self.init, self.share, self.pretraining, self.seed)


def pretrainings_of(init: str, seeds: Sequence[int]) -> Sequence[int]:
    """The pretraining seeds of one initialisation: pretrain.seeds, or only `UNTRAINED` for ImageNet's weights."""
    return (UNTRAINED,) if init == BASELINE else seeds


def runs_of(
    inits: Sequence[str], compared: Collection[str], shares: Sequence[int], pretrainings: Sequence[int], seeds: Sequence[int]
) -> list[Training]:
    """Every fine-tuning run that params.yaml asks for: all shares of the labels for initialisations in `compared`, else 100 %."""
    return [
        Training(init, share, pretraining, seed)
        for init, share in product(inits, shares)
        if share == 100 or init in compared
        for pretraining, seed in product(pretrainings_of(init, pretrainings), seeds)
    ]


def training_of(path: str | Path) -> Training:
    """The fine-tuning run of a file or folder `PLACE` or `PLACE`_fold<k>, with any suffix. Raises: UserError for any other path."""
    path, match = Path(path), _parts(path)
    return Training(path.parent.name, *(int(match[name]) for name in Training._fields[1:]))


def fold_of(path: str | Path) -> int:
    """The fold of a network's file `PLACE`_fold<k>, from 1; 0 for a file `PLACE`, of a set without folds. Errors as `training_of`."""
    return int(_parts(path)["fold"] or 0)


def _parts(path: str | Path) -> re.Match[str]:
    path = Path(path)
    if not (match := re.fullmatch(NAME, path.stem)):
        raise UserError(f"{path} is not named {PLACE}{path.suffix}; fine-tuned networks and their predictions need such a path")
    return match


def run_of(path: str | Path, datasets: Collection[str]) -> Run:
    """The run of a path `PLACE`/<dataset>.parquet. Raises: UserError for any other path."""
    path = Path(path)
    if path.stem not in datasets or path.suffix != ".parquet" or "_fold" in path.parent.name:
        raise UserError(f"{path} is not named {PLACE}/<{'|'.join(datasets)}>.parquet; predictions need such a path")
    return Run(*training_of(path.parent), path.stem)


def pretraining_of(path: str | Path) -> tuple[str, int]:
    """(initialisation, seed) of a pretrained network's file `<init>/seed<seed>.*`. Raises: UserError for any other path."""
    path = Path(path)
    match = re.fullmatch(r"seed(\d+)", path.stem)
    if not match:
        raise UserError(f"{path} is not named <init>/seed<seed>{path.suffix}; pretrained networks need such a path")
    return path.parent.name, int(match[1])
