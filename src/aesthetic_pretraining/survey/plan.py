"""Which pairs people see: a photo, a distortion, its level and the original's side, balanced and drawn by a seed."""

from collections.abc import Sequence
from math import lcm
from typing import NamedTuple

import numpy as np

from aesthetic_pretraining.distortions import ASPECTS, DISTORTIONS
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.seeding import seeded_int

# ASSUME: distortions whose strongest level nobody prefers and that are seen at any size, on a phone as well
OBVIOUS = ("gaussian_noise", "impulse_noise")
CHECK_PHOTOS = 20  # ASSUME: photos that attention checks are made of; a person sees about four checks


class Pair(NamedTuple):
    """An original and a distorted version of one photo.

    Attributes: original_first: whether the original stands on the left, on a narrow screen above.
    """

    photo: str
    distortion: str
    level: int
    original_first: bool


def named(text: str) -> tuple[str, ...]:
    """The distortions that `text` asks for, in the registry's order: names and aspects between commas, or "all".

    Raises: UserError for an unknown name.
    """
    chosen = set()
    for part in (part.strip() for part in text.split(",")):
        of_aspect = {name for name, distortion in DISTORTIONS.items() if part in (distortion.aspect, "all")}
        if not of_aspect and part not in DISTORTIONS:
            raise UserError(
                f"--distortions: unknown name {part!r}; known are all, {', '.join(ASPECTS)} and {', '.join(DISTORTIONS)}"
            )
        chosen |= of_aspect or {part}
    return tuple(name for name in DISTORTIONS if name in chosen)


def plan(photos: Sequence[str], distortions: Sequence[str], pairs: int, seed: int) -> list[Pair]:
    """As many different pairs, in the order in which people get them.

    Photos differ by at most one in how often they are used, and so do the levels of all distortions together, of each of which the
    original stands first in half of the pairs. ASSUME: the paper does not say how its pairs were drawn; every level of every
    filter weighs the same here.

    Raises: UserError if there are not so many.
    """
    filters = [(name, level) for name in distortions for level in DISTORTIONS[name].levels]
    most = len(photos) * len(filters)
    if not 1 <= pairs <= most:
        raise UserError(
            f"--pairs {pairs}: {len(photos)} photos in {len(filters)} filter levels make 1 to {most} different pairs; "
            "ask for fewer, or give more photos or distortions"
        )
    rng = np.random.default_rng(seeded_int("survey", seed))
    photos = [sorted(photos)[k] for k in rng.permutation(len(photos))]
    filters = [filters[k] for k in rng.permutation(len(filters))]
    # Both run round together, and after a whole turn one moves on by one, so that no two pairs are equal.
    turn = lcm(len(photos), len(filters))
    found = [(k % len(photos), (k + k // turn) % len(filters)) for k in range(pairs)]
    sides = [_sides(count, k % 2, rng) for k, count in enumerate(np.bincount([j for _, j in found], minlength=len(filters)))]
    made = [Pair(photos[i], *filters[j], bool(sides[j].pop())) for i, j in found]
    return [made[k] for k in rng.permutation(pairs)]


def checks(photos: Sequence[str], seed: int) -> list[Pair]:
    """Attention checks: the strongest levels of `OBVIOUS` on a few photos, sides in halves."""
    rng = np.random.default_rng(seeded_int("survey checks", seed))
    chosen = [sorted(photos)[k] for k in rng.permutation(len(photos))[:CHECK_PHOTOS]]
    sides = _sides(len(OBVIOUS) * len(chosen), 0, rng)
    return [Pair(photo, name, max(DISTORTIONS[name].levels), bool(sides.pop())) for photo in chosen for name in OBVIOUS]


def _sides(count: int, odd: int, rng: np.random.Generator) -> list[int]:
    """So many zeros and ones in random order, half of each; one more of `odd` if their number is odd."""
    return rng.permutation([*[0, 1] * (count // 2), *[odd] * (count % 2)]).tolist()
