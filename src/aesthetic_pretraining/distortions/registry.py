"""The 21 distortions of the paper's Table 1, and the 174 pictures that they make of one photo.

Everything that counts, names or orders distortions (losses, heads, figures, docs) derives from `DISTORTIONS`.
To add one: an entry here, and a function of the same name in its aspect's module (`technical`, `style`, `composition`).
"""

from collections.abc import Mapping, Sequence
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
    values: integer level -> the value that its function takes; ascending, without level 0
    anchor: which picture stands for level 0, one of `ANCHORS` (fidelity row 3)
    corrected: the values of both corrected tables for the same levels, where they differ (fidelity rows 17-19)
    """

    name: str
    aspect: str
    values: Mapping[int, float]
    anchor: str = "original"
    corrected: Mapping[int, float] | None = None

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
        """Level -> value in one of `TABLES`. Raises ValueError for another."""
        if table not in TABLES:
            raise ValueError(f"unknown table of distortions {table!r}; known are {', '.join(TABLES)}")
        return self.values if table == "published" else self.corrected


def _ladder(below: Sequence[float] = (), above: Sequence[float] = ()) -> dict[int, float]:
    """Number the values: `below` becomes levels -n .. -1, `above` becomes 1 .. n, both in ascending level."""
    return dict(zip(range(-len(below), 0), below, strict=True)) | dict(enumerate(above, start=1))


# Level -> value as the authors' released code hands it to each library (paper Table 1 gives only the levels).
_SEVERITY = _ladder(above=(1, 2, 3, 4, 5))
_COLISA = _ladder(below=(-1.0, -0.8, -0.6, -0.4, -0.2), above=(0.2, 0.4, 0.6, 0.8, 1.0))
_STEPS = _ladder(below=(-5, -4, -3, -2, -1), above=(1, 2, 3, 4, 5))

DISTORTIONS: dict[str, Distortion] = {
    distortion.name: distortion
    for distortion in (
        Distortion("jpeg_compression", "technical", _SEVERITY),
        Distortion("defocus_blur", "technical", _SEVERITY),
        Distortion("motion_blur", "technical", _SEVERITY),
        Distortion("pixelate", "technical", _ladder(above=(0.6, 0.5, 0.4, 0.3, 0.25))),
        Distortion("gaussian_noise", "technical", _SEVERITY),
        Distortion("impulse_noise", "technical", _SEVERITY),
        Distortion("brightness", "style", _COLISA),
        Distortion("contrast", "style", _COLISA),
        Distortion("saturation", "style", _COLISA),
        Distortion("exposure", "style", _ladder((-3.0, -2.4, -1.8, -1.2, -0.6), (0.6, 1.2, 1.8, 2.4, 3.0))),
        # The photo itself stands where these three call 50, -50 and 25 their level 0, although the
        # true no-op of each filter is 0: the published ladders are not monotone (fidelity rows 17-19).
        Distortion(
            "shadows",
            "style",
            _ladder((-100, -60, -20, 20, 40), (60, 80, 100)),
            corrected=_ladder((-100, -80, -60, -40, -20), (20, 60, 100)),
        ),
        Distortion(
            "highlights",
            "style",
            _ladder((-100, -80, -60), (-40, -20, 20, 60, 100)),
            corrected=_ladder((-100, -60, -20), (20, 40, 60, 80, 100)),
        ),
        Distortion("temperature", "style", _ladder((2000, 3000, 5000, 6000), (7000, 8000, 10000, 14000, 18000))),
        Distortion("tint", "style", _ladder((0.75, 0.8, 0.85, 0.9, 0.95), (1.05, 1.1, 1.15, 1.2, 1.25))),
        Distortion("vibrance", "style", _ladder((0, 20), (40, 60, 80, 100)), corrected=_ladder((-100, -50), (25, 50, 75, 100))),
        Distortion("rotation", "composition", _ladder((-10, -8, -6, -4, -2), (2, 4, 6, 8, 10)), "rotation"),
        Distortion("horizontal_crop", "composition", _STEPS, "crop"),
        Distortion("vertical_crop", "composition", _STEPS, "crop"),
        Distortion("left_diagonal_crop", "composition", _STEPS, "crop"),
        Distortion("right_diagonal_crop", "composition", _STEPS, "crop"),
        Distortion("image_ratio", "composition", _STEPS),
    )
}


@dataclass(frozen=True)
class Variant:
    """One picture of a photo: a distortion at a level, or (distortion None, level 0) the anchor named `anchor`."""

    distortion: str | None
    level: int
    anchor: str


VARIANTS: tuple[Variant, ...] = tuple(Variant(None, 0, anchor) for anchor in ANCHORS) + tuple(
    Variant(distortion.name, level, distortion.anchor) for distortion in DISTORTIONS.values() for level in distortion.levels
)


def norm(distortion: str, level: int) -> float:
    """norm(i) of equation (3): the level over the number of levels on its side, in [-1, 1] (fidelity row 9).

    Raises KeyError for an unknown distortion, ValueError for a level that it does not have (0 is allowed).
    """
    levels = DISTORTIONS[distortion].levels
    if level and level not in levels:
        raise ValueError(f"{distortion} has no level {level}, only {levels}")
    return level / sum(other * level > 0 for other in levels) if level else 0.0


def anchor_index(distortion: str) -> int:
    """Position in `VARIANTS` of the picture that stands for the distortion's level 0."""
    return ANCHORS.index(DISTORTIONS[distortion].anchor)


def indices(distortion: str) -> tuple[int, ...]:
    """Positions in `VARIANTS` of the distortion's levels, ascending."""
    if distortion not in DISTORTIONS:
        raise KeyError(distortion)
    return tuple(i for i, variant in enumerate(VARIANTS) if variant.distortion == distortion)
