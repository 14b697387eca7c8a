"""Where a distortion's level stands among a photo's 174 pictures, written from Table 1, and the losses by name."""

import torch

from aesthetic_pretraining.distortions import DISTORTIONS, VARIANTS
from aesthetic_pretraining.training import losses

COUNT = {"technical": 6, "style": 9, "composition": 6}  # Table 1
RANGES = {"shadows": (5, 3), "highlights": (3, 5), "temperature": (4, 5), "vibrance": (2, 4)}  # the others: 0 or 5, 5


def place(name, level):
    """Position of one distortion's level in VARIANTS; level 0 by fidelity row 3."""
    if level:
        return next(i for i, v in enumerate(VARIANTS) if v.distortion == name and v.level == level)
    anchor = "crop" if name.endswith("_crop") else "rotation" if name == "rotation" else "original"
    return next(i for i, v in enumerate(VARIANTS) if v.distortion is None and v.anchor == anchor)


def ladder(name):
    below, above = RANGES.get(name, (0 if DISTORTIONS[name].aspect == "technical" else 5, 5))
    return range(-below, above + 1)


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


LOSSES = {
    "ranking": (lambda x: losses.ranking_loss(x, 0.2), (174,)),
    "regression": (losses.regression_loss, (174, 21)),
    "classification": (
        lambda x: losses.classification_loss(dict(zip(COUNT, x.split(list(COUNT.values()), dim=2), strict=True))),
        (174, 21),
    ),
    "aspect_ranking": (lambda x: losses.aspect_ranking_loss(x, 0.2), (174, 3)),
}
BETWEEN_PHOTOS = {
    "across_photos": (lambda x: losses.ranking_loss_across_photos(x, 0.2), (174,)),
    "consistency": (losses.consistency_loss, (174,)),
}
