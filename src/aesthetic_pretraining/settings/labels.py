"""What the labelled sets are, as rules hand them over: `Labels.of` a rule's parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RAW = Path("data/raw")  # where rule download puts public sets
SCALE = ("low", "high", "bins")  # of an entry of `sets`: what the votes on a set are
SOURCE_FIELDS = ("reader", "source", "folder", *SCALE)  # of an entry of `sets`, for reading it
FIELDS = ("title", "low", "high", "bins", "above", "folds")  # of an entry of `sets`, for everything after the split


def steps(low: float, high: float, bins: int) -> tuple[float, ...]:
    """The scores of `bins` votes at equal steps from low to high."""
    step = (high - low) / (bins - 1)
    return tuple(low + k * step for k in range(bins))


def values_of(name: str, cfg: Mapping[str, Any]) -> tuple[float, ...]:
    """The scores of the votes of the set `name`, from a rule's parameters. Raises KeyError for one that the rule lacks."""
    return steps(*(cfg[f"sets.{name}.{field}"] for field in SCALE))


@dataclass(frozen=True)
class SetSource:
    """A labelled set before its split: where it lies and how it is read.

    Attributes:
        name: in paths and columns.
        reader: how it is laid out, one of `data.listing.READERS`.
        low, high, bins: as for `LabelledSet`.
        source: "folder", or the public set of this name. folder: of the user, for source "folder".
    """

    name: str
    reader: str
    low: float
    high: float
    bins: int
    source: str = "folder"
    folder: str = ""

    @property
    def root(self) -> Path:
        """Its folder."""
        return Path(self.folder) if self.source == "folder" else RAW / self.source

    @property
    def values(self) -> tuple[float, ...]:
        """The score of each bin, ascending."""
        return steps(self.low, self.high, self.bins)

    @classmethod
    def of(cls, name: str, cfg: Mapping[str, Any]) -> "SetSource":
        """The set `name` from a rule's parameters, {"sets.<name>.<field>": value}. Raises KeyError for one that the rule lacks."""
        return cls(name, **{field: cfg[f"sets.{name}.{field}"] for field in SOURCE_FIELDS})


@dataclass(frozen=True)
class LabelledSet:
    """A labelled set after its split.

    Attributes:
        name: in paths and columns. title: as printed.
        low, high: ends of the scale of its scores. bins: votes at equal steps from low to high.
        above: mean score above which an image counts as aesthetic.
        folds: 0, or the number of trainings that share its images as test splits.
    """

    name: str
    title: str
    low: float
    high: float
    bins: int
    above: float
    folds: int = 0

    @property
    def values(self) -> tuple[float, ...]:
        """The score of each bin, ascending."""
        return steps(self.low, self.high, self.bins)

    @classmethod
    def of(cls, name: str, cfg: Mapping[str, Any]) -> "LabelledSet":
        """The set `name` from a rule's parameters, {"sets.<name>.<field>": value}. Raises KeyError for one that the rule lacks."""
        return cls(name, **{field: cfg[f"sets.{name}.{field}"] for field in FIELDS})


@dataclass(frozen=True)
class Labels:
    """The sets of a run.

    Attributes:
        home: the set that networks are trained on.
        tested: the sets of Table 2's columns, `home` first.
        simulated: whether the votes are simulated.
    """

    home: LabelledSet
    tested: tuple[LabelledSet, ...]
    simulated: bool

    @property
    def by_name(self) -> dict[str, LabelledSet]:
        """{name: set} of `tested`."""
        return {each.name: each for each in self.tested}

    @classmethod
    def of(cls, cfg: Mapping[str, Any]) -> "Labels":
        """From a rule's parameters, which `labels_params()` of common.smk lists."""
        tested = tuple(LabelledSet.of(name, cfg) for name in cfg["labels.test_on"])
        return cls(tested[0], tested, cfg["labels.source"] == "simulated")
