"""Pretext tasks: what a photo is turned into, which heads the network gets, and the loss (sections 3.3, 3.4, 4.4, 6).

To add one: a subclass of Task, an entry in TASKS, and its name in params.yaml and in config.training. Ablations are tasks, too.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from aesthetic_pretraining.data.letterbox import resize
from aesthetic_pretraining.distortions import ASPECTS, DISTORTIONS, VARIANTS
from aesthetic_pretraining.distortions.batched.parcel import Parcel
from aesthetic_pretraining.distortions.variants import Variants
from aesthetic_pretraining.seeding import seeded_int
from aesthetic_pretraining.settings.pretraining import TaskConfig
from aesthetic_pretraining.training import losses


class Task:
    """A pretext task.

    Attributes:
        heads: {name: outputs}; hidden: those with a hidden layer.
        contrast: whether photos are batched as for RotNet and SimCLR, not as for the ranking tasks.
        views: images of one photo.
    """

    heads: Mapping[str, int] = {}
    hidden: frozenset[str] = frozenset()
    contrast = False
    views = len(VARIANTS)

    def __init__(self, config: TaskConfig):
        self.config = config

    def pictures(self, variants: Variants, photo_id: str, seed: int) -> Tensor | Parcel:
        """What the network sees of one photo, uint8 (n, 3, size, size), or what the device engine makes that of."""
        return variants.sent(photo_id, seed)

    def loss(self, outputs: Mapping[str, Tensor]) -> Tensor:
        """{head: raw outputs (B, n, width)} -> the loss that is minimised; of ranking alone here (fidelity row 29)."""
        loss = self.rank(outputs)
        return losses.balanced(loss, self.config.balance_temperature) if self.config.balance_ranking_alone else loss

    def rank(self, outputs: Mapping[str, Tensor]) -> Tensor:
        """Equation 1 on the sigmoid of the ranking head."""
        return losses.ranking_loss(outputs["rank"][..., 0].sigmoid(), self.config.margin)

    def balanced_sum(self, first: Tensor, second: Tensor) -> Tensor:
        """Equations 4 and 5."""
        temperature = self.config.balance_temperature
        return losses.balanced(first, temperature) + losses.balanced(second, temperature)


class Ranking(Task):
    heads = {"rank": 1}


class RankingClassification(Task):
    heads = {"rank": 1} | {aspect: len(losses.aspect_distortions(aspect)) for aspect in ASPECTS}

    def loss(self, outputs: Mapping[str, Tensor]) -> Tensor:
        """Equation 4."""
        return self.balanced_sum(self.rank(outputs), losses.classification_loss(outputs))


class RankingRegression(Task):
    heads = {"rank": 1, "intensity": len(DISTORTIONS)}

    def loss(self, outputs: Mapping[str, Tensor]) -> Tensor:
        """Equation 5."""
        return self.balanced_sum(self.rank(outputs), losses.regression_loss(outputs["intensity"]))


class RotNet(Task):
    """Which quarter turn was applied (fidelity row 22)."""

    heads = {"rotation": 4}
    contrast = True
    views = 4

    def pictures(self, variants: Variants, photo_id: str, seed: int) -> Tensor:
        # A letterboxed photo would tell its turn by the black bars, so a square is turned.
        # ASSUME: a square of the stored photo, its side drawn evenly from the network's size to the whole short side, its place
        # likewise; another one in each epoch, the same one in every validation
        photo, size = variants.photo(photo_id), variants.size
        rng = np.random.default_rng(seeded_int("rotnet", photo_id, seed))
        side = int(rng.integers(size, min(photo.shape[:2]), endpoint=True))
        top, left = (int(rng.integers(0, length - side, endpoint=True)) for length in photo.shape[:2])
        square = resize(photo[top : top + side, left : left + side], size, size)
        upright = torch.from_numpy(square.copy()).permute(2, 0, 1)
        return torch.stack([upright.rot90(k, (1, 2)) for k in range(4)])

    def loss(self, outputs: Mapping[str, Tensor]) -> Tensor:
        return losses.rotation_loss(outputs["rotation"])


class SimCLR(Task):
    """Two random views of a photo have to find each other (fidelity row 22)."""

    hidden = frozenset({"projection"})
    contrast = True
    views = 2

    def __init__(self, config: TaskConfig):
        super().__init__(config)
        self.heads = {"projection": config.simclr_projection}

    def pictures(self, variants: Variants, photo_id: str, seed: int) -> Tensor:
        from torchvision.transforms import v2  # here, because only SimCLR needs it and its import takes seconds

        # ASSUME: SimCLR's published augmentations at strength 1, from the stored photo: a letterboxed one has black bars, which two
        # views of a photo share and others do not
        size = variants.size
        photo = torch.from_numpy(variants.photo(photo_id).copy()).permute(2, 0, 1)
        view = v2.Compose(
            [
                v2.RandomResizedCrop(size, scale=(0.08, 1.0), antialias=True),
                v2.RandomHorizontalFlip(),
                v2.RandomApply([v2.ColorJitter(0.8, 0.8, 0.8, 0.2)], p=0.8),
                v2.RandomGrayscale(0.2),
                v2.RandomApply([v2.GaussianBlur(max(3, size // 10 // 2 * 2 + 1), (0.1, 2.0))], p=0.5),
            ]
        )
        with torch.random.fork_rng(devices=[]):  # the views depend on the photo and the seed, never on the order
            torch.manual_seed(seeded_int("simclr", photo_id, seed))
            return torch.stack([view(photo), view(photo)])

    def loss(self, outputs: Mapping[str, Tensor]) -> Tensor:
        return losses.nt_xent(outputs["projection"], self.config.simclr_temperature)


class RankingAcrossPhotos(Ranking):
    """Section 6: ranked against other photos, too."""

    def rank(self, outputs: Mapping[str, Tensor]) -> Tensor:
        return losses.ranking_loss_across_photos(outputs["rank"][..., 0].sigmoid(), self.config.margin)


class RankingConsistency(Ranking):
    """Section 6: the same distortion and level shall score alike in all photos."""

    def loss(self, outputs: Mapping[str, Tensor]) -> Tensor:
        # ASSUME: balanced with the ranking as the second losses of equations 4 and 5 are
        return self.balanced_sum(self.rank(outputs), losses.consistency_loss(outputs["rank"][..., 0].sigmoid()))


class RankingAspects(Ranking):
    """Three scores instead of one."""

    heads = {"rank": len(ASPECTS)}

    def rank(self, outputs: Mapping[str, Tensor]) -> Tensor:
        return losses.aspect_ranking_loss(outputs["rank"].sigmoid(), self.config.margin)


class RankingMargin04(Ranking):
    """Equation 1 with a margin of 0.4, whatever `pretrain.margin` is."""

    def __init__(self, config: TaskConfig):
        super().__init__(replace(config, margin=0.4))


class RankingMargin06(Ranking):
    """Equation 1 with a margin of 0.6, whatever `pretrain.margin` is."""

    def __init__(self, config: TaskConfig):
        super().__init__(replace(config, margin=0.6))


TASKS = {
    "ranking": Ranking,
    "ranking_classification": RankingClassification,
    "ranking_regression": RankingRegression,
    "rotnet": RotNet,
    "simclr": SimCLR,
    # pretrain.ablations
    "ranking_across_photos": RankingAcrossPhotos,
    "ranking_consistency": RankingConsistency,
    "ranking_aspects": RankingAspects,
    "ranking_margin_04": RankingMargin04,
    "ranking_margin_06": RankingMargin06,
}
