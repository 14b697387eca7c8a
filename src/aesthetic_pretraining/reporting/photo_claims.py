"""Checks of the claims about the photos themselves and about features under style distortions.

Separate from `claim_checks` because they use other tables; `COMPUTE` has the same form.
"""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pandas as pd

from aesthetic_pretraining.distortions import DISTORTIONS
from aesthetic_pretraining.evaluation.photos.shares import ALL, MEAN
from aesthetic_pretraining.evaluation.runs import UNTRAINED
from aesthetic_pretraining.evaluation.statistics.proportions import mean_interval, wilson
from aesthetic_pretraining.evaluation.statistics.training_luck import Trainings, known_luck, next_training
from aesthetic_pretraining.initialisations import BASELINE
from aesthetic_pretraining.reporting import verdicts
from aesthetic_pretraining.reporting.claim_checks import UNKNOWN, Finding
from aesthetic_pretraining.reporting.claim_evidence import Evidence

SHARE_RESOLUTION = 0.05  # ASSUME: an interval wider than ±0.05 is too wide to confirm a fraction, as in Table 2
MANY = 0.5  # ASSUME: "many classes": at least half of a network's classes (or of the number of photos, if that is smaller)
SPREAD = 0.5  # ASSUME: "spread": no class is the top-1 prediction for more than half of the photos


def high_quality(evidence: Evidence, published: float) -> Finding:
    """The fraction of photos that score above the set's threshold (`LabelledSet.above`), averaged over seeds, against the published one.

    The published number comes from one training run. With three or more seeds, the interval is for another training run: Student's
    prediction interval over seeds (`training_luck.next_training`) with Wilson's over photos added in quadrature. With fewer, it is
    Wilson's alone, and there is no verdict.
    """
    rows = evidence.photo_scores
    if rows is None or rows.empty:
        return Finding(*UNKNOWN, "", verdicts.NOT_MEASURED)
    rows = rows[(rows["split"] == ALL) & (rows["seed"].astype(str) != MEAN)]
    photos, share = rows["photos"].iloc[0], rows["share"].mean()
    trainings = Trainings(BASELINE, tuple((UNTRAINED, int(seed)) for seed in rows["seed"]), np.arange(len(rows)))
    low, high = map(float, wilson(share * photos, photos, evidence.confidence))
    words = f"{share:.1%} of {photos:,} photos score above {evidence.home.above:g} [{low:.1%}, {high:.1%}]"
    _, end = next_training(trainings, rows["share"], evidence.confidence)
    if np.isnan(end):
        return Finding(share, low, high, f"{words}, interval over photos only", verdicts.FEW_SEEDS)
    down, up = np.hypot(end - share, share - low), np.hypot(end - share, high - share)
    low, high = max(0.0, float(share - down)), min(1.0, float(share + up))
    words = (
        f"{share:.1%} of {photos:,} photos score above {evidence.home.above:g}; another training run [{low:.1%}, {high:.1%}]"
    )
    return Finding(share, low, high, words, verdicts.of_value(published, low, high, SHARE_RESOLUTION, known_luck(trainings)))


def spread_over_classes(evidence: Evidence, published: str) -> Finding:
    """Whether every network finds many classes in the photos, and no class in most of them.

    The claim is about these photos, all of which were classified, so there is no interval.
    """
    rows = evidence.diversity
    if rows is None or rows.empty:
        return Finding(*UNKNOWN, "", verdicts.NOT_MEASURED)
    known = np.minimum(rows["classes"], rows["photos"])
    diverse = (rows["seen"] >= MANY * known) & (rows["most_share"] <= SPREAD)
    words = "; ".join(
        f"{r.network}: {r.seen} of {r.classes} {'kinds of objects' if r.kind == 'object' else 'classes'}, as diverse as "
        f"{r.effective:.0f} equally frequent ones; most frequent: {r.most} ({r.most_share:.0%} of the photos)"
        for r in rows.itertuples()
    )
    verdict = verdicts.REPRODUCED if diverse.all() else verdicts.NOT_REPRODUCED
    return Finding(*UNKNOWN, words, verdict)


def moved_less(evidence: Evidence, published: str, inits: Sequence[str], others: Sequence[str], aspect: str) -> Finding:
    """Whether the distortions of an aspect move the features of each of `inits` less than those of each of `others`.

    Differences of the mean distance over the aspect's distortions are paired by photo, with Student's t intervals.
    `reproduced`: all intervals are above 0. `not reproduced`: one is below 0 at a confidence corrected for the number of
    differences (Bonferroni), so that one of nine does not refute the claim by chance.
    ASSUME: "hardly" is read as less than in the networks whose tasks ask for it; the paper gives no threshold.
    """
    if evidence.sensitivity is None:
        return Finding(*UNKNOWN, "", verdicts.NOT_MEASURED)
    names = [name for name, distortion in DISTORTIONS.items() if distortion.aspect == aspect]
    moved = evidence.sensitivity.set_index(["photo", "init"])[names].mean(axis=1).unstack("init")
    if missing := [init for init in (*inits, *others) if init not in moved]:
        return Finding(*UNKNOWN, f"not trained: {', '.join(missing)}", verdicts.NOT_MEASURED)
    gaps = np.stack([moved[other] - moved[init] for init, other in product(inits, others)])
    count, photos = gaps.shape
    numbers = gaps.mean(axis=1), gaps.std(axis=1, ddof=1), photos
    value, low, _ = mean_interval(*numbers, evidence.confidence)
    _, _, high = mean_interval(*numbers, 1 - (1 - evidence.confidence) / count)
    words = (
        f"{_range(moved[list(inits)])} of the distance between two photos; {_range(moved[list(others)])} with the ranking tasks; "
        f"{(value > 0).sum()} of {count} less, {(low > 0).sum()} beyond noise ({photos} photos)"
    )
    if (high < 0).any():
        return Finding(*UNKNOWN, f"{words}; {(high < 0).sum()} more beyond noise", *[verdicts.NOT_REPRODUCED] * 2)
    return Finding(*UNKNOWN, words, *[verdicts.REPRODUCED if (low > 0).all() else verdicts.WITHIN_NOISE] * 2)


def _range(moved: pd.DataFrame) -> str:
    means = moved.mean()
    return f"{means.min():.2f} to {means.max():.2f}"


COMPUTE: dict[str, Callable[..., Finding]] = {
    function.__name__: function for function in (high_quality, spread_over_classes, moved_less)
}


PRETEXT = (spread_over_classes.__name__, moved_less.__name__)  # as in `claim_checks`: independent of votes
