"""The definition of a distortion: a name, an aspect, and a ladder of levels with their values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

TABLES = ("published", "corrected", "corrected_wide")
ASPECTS = ("technical", "style", "composition")
ANCHORS = ("original", "crop", "rotation")


@dataclass(frozen=True)
class Distortion:
    """One distortion with its ladder of intensities.

    name: its key in `DISTORTIONS` and the name of its function in the module `aspect`
    aspect: one of `ASPECTS`
    values: {integer level: the value that its function takes}, ascending, without level 0
    anchor: the image that is level 0, one of `ANCHORS` (fidelity row 3)
    corrected: the values of both corrected tables for the same levels, if they differ (fidelity rows 17-19)
    make: its function if it is not in the aspect's module; `custom` documents its arguments
    excuse: why the distance from level 0 need not grow with the level; "" if it must
    """

    name: str
    aspect: str
    values: Mapping[int, float]
    anchor: str = "original"
    corrected: Mapping[int, float] | None = None
    make: Callable | None = None
    excuse: str = ""

    def __post_init__(self) -> None:
        if self.aspect not in ASPECTS or self.anchor not in ANCHORS:
            raise ValueError(f"{self.name}: unknown aspect {self.aspect!r} or anchor {self.anchor!r}")
        if 0 in self.values or list(self.values) != sorted(self.values):
            raise ValueError(f"{self.name}: levels must ascend and leave 0 out, not {list(self.values)}")
        if self.corrected is not None and list(self.corrected) != list(self.values):
            raise ValueError(f"{self.name}: both tables must have the same levels")
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))
        object.__setattr__(self, "corrected", MappingProxyType(dict(self.corrected or self.values)))

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels other than 0, ascending."""
        return tuple(self.values)

    def ladder(self, table: str) -> Mapping[int, float]:
        """{level: value} in one of `TABLES`. Raises: ValueError for another table."""
        if table not in TABLES:
            raise ValueError(f"unknown table of distortions {table!r}; known are {', '.join(TABLES)}")
        assert self.corrected is not None  # set by __post_init__
        return self.values if table == "published" else self.corrected


def ladder(below: Sequence[float] = (), above: Sequence[float] = ()) -> dict[int, float]:
    """Number the values: `below` becomes levels -n .. -1, `above` becomes 1 .. n, both in ascending level."""
    return dict(zip(range(-len(below), 0), below, strict=True)) | dict(enumerate(above, start=1))
