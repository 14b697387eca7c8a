"""The 21 distortions of the paper's Table 1, and the 174 variants that they make of one photo.

Everything that counts, names or orders distortions (losses, heads, figures, docs) derives from `DISTORTIONS`.
Each has a function of the same name in its aspect's module (`technical`, `style`, `composition`). To add one, see `custom`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from aesthetic_pretraining.distortions.custom import OWN
from aesthetic_pretraining.distortions.ladder import ANCHORS, Distortion, ladder

# Level -> value, as the released code passes it to each library (the paper's Table 1 gives only the levels).
_SEVERITY = ladder(above=(1, 2, 3, 4, 5))
_COLISA = ladder(below=(-1.0, -0.8, -0.6, -0.4, -0.2), above=(0.2, 0.4, 0.6, 0.8, 1.0))
_STEPS = ladder(below=(-5, -4, -3, -2, -1), above=(1, 2, 3, 4, 5))

WINDOW = "what a window shows further out may happen to look more like the centre"
NO_OP_ELSEWHERE = "published: the filter does nothing at another value than the one that counts as level 0"

DISTORTIONS: dict[str, Distortion] = {
    distortion.name: distortion
    for distortion in (
        Distortion("jpeg_compression", "technical", _SEVERITY),
        Distortion("defocus_blur", "technical", _SEVERITY),
        Distortion("motion_blur", "technical", _SEVERITY, excuse="the direction is drawn anew for every level"),
        Distortion("pixelate", "technical", ladder(above=(0.6, 0.5, 0.4, 0.3, 0.25))),
        Distortion("gaussian_noise", "technical", _SEVERITY),
        Distortion("impulse_noise", "technical", _SEVERITY),
        Distortion("brightness", "style", _COLISA),
        Distortion("contrast", "style", _COLISA),
        Distortion("saturation", "style", _COLISA),
        Distortion("exposure", "style", ladder((-3.0, -2.4, -1.8, -1.2, -0.6), (0.6, 1.2, 1.8, 2.4, 3.0))),
        # Level 0 is the photo itself, where these three ladders would have 50, -50 and 25, although each filter's true no-op is 0:
        # the published ladders are not monotone (fidelity rows 17-19).
        Distortion(
            "shadows",
            "style",
            ladder((-100, -60, -20, 20, 40), (60, 80, 100)),
            corrected=ladder((-100, -80, -60, -40, -20), (20, 60, 100)),
            excuse=NO_OP_ELSEWHERE,
        ),
        Distortion(
            "highlights",
            "style",
            ladder((-100, -80, -60), (-40, -20, 20, 60, 100)),
            corrected=ladder((-100, -60, -20), (20, 40, 60, 80, 100)),
            excuse=NO_OP_ELSEWHERE,
        ),
        Distortion("temperature", "style", ladder((2000, 3000, 5000, 6000), (7000, 8000, 10000, 14000, 18000))),
        Distortion("tint", "style", ladder((0.75, 0.8, 0.85, 0.9, 0.95), (1.05, 1.1, 1.15, 1.2, 1.25))),
        Distortion(
            "vibrance",
            "style",
            ladder((0, 20), (40, 60, 80, 100)),
            corrected=ladder((-100, -50), (25, 50, 75, 100)),
            excuse=NO_OP_ELSEWHERE,
        ),
        Distortion("rotation", "composition", ladder((-10, -8, -6, -4, -2), (2, 4, 6, 8, 10)), "rotation"),
        Distortion("horizontal_crop", "composition", _STEPS, "crop", excuse=WINDOW),
        Distortion("vertical_crop", "composition", _STEPS, "crop", excuse=WINDOW),
        Distortion("left_diagonal_crop", "composition", _STEPS, "crop", excuse=WINDOW),
        Distortion("right_diagonal_crop", "composition", _STEPS, "crop", excuse=WINDOW),
        Distortion("image_ratio", "composition", _STEPS),
        *OWN,
    )
}


@dataclass(frozen=True)
class Variant:
    """One variant of a photo: a distortion at a level, or (distortion None, level 0) the anchor named `anchor`."""

    distortion: str | None
    level: int
    anchor: str


VARIANTS: tuple[Variant, ...] = tuple(Variant(None, 0, anchor) for anchor in ANCHORS) + tuple(
    Variant(distortion.name, level, distortion.anchor) for distortion in DISTORTIONS.values() for level in distortion.levels
)


def norm(distortion: str, level: int) -> float:
    """norm(i) of equation (3): the level divided by the number of levels on its side, in [-1, 1] (fidelity row 9).

    Raises: KeyError for an unknown distortion, ValueError for a level that it does not have (0 is allowed).
    """
    levels = DISTORTIONS[distortion].levels
    if level and level not in levels:
        raise ValueError(f"{distortion} has no level {level}, only {levels}")
    return level / sum(other * level > 0 for other in levels) if level else 0.0


def anchor_index(distortion: str) -> int:
    """Position in `VARIANTS` of the distortion's level 0."""
    return ANCHORS.index(DISTORTIONS[distortion].anchor)


def indices(distortion: str) -> tuple[int, ...]:
    """Positions in `VARIANTS` of the distortion's levels, ascending."""
    if distortion not in DISTORTIONS:
        raise KeyError(distortion)
    return tuple(i for i, variant in enumerate(VARIANTS) if variant.distortion == distortion)


def rows(only: Iterable[str] | None = None) -> tuple[int, ...]:
    """Positions in `VARIANTS` of the anchors and of the named distortions' levels: what `native.render.render` makes of a photo.

    Always ascending, whatever the order of `only`; None: all distortions. Raises KeyError for an unknown name.
    """
    names = DISTORTIONS if only is None else only
    return tuple(range(len(ANCHORS))) + tuple(sorted(i for name in set(names) for i in indices(name)))


def selected(names: Iterable[str] | None = None) -> tuple[str, ...]:
    """The names in the registry's order; None: all distortions.

    Raises: ValueError for an unknown name, or if there is none.
    """
    chosen = set(DISTORTIONS if names is None else names)
    if unknown := sorted(chosen - set(DISTORTIONS)):
        raise ValueError(f"unknown distortion {unknown[0]!r}; known are {', '.join(DISTORTIONS)}")
    if not chosen:
        raise ValueError(f"no distortion is named; name at least one of {', '.join(DISTORTIONS)}")
    return tuple(name for name in DISTORTIONS if name in chosen)
