"""The losses, one equation one function (docs/equations.md).

B photos, V images of each in the order of distortions.VARIANTS, D distortions. Every loss that sums over the
images of a photo is a sum of means over the photos of the batch (fidelity row 8), so that T means the same.

Losses of variants take `distortions`, names in any order: a subset that the variants are of. V are then the positions
`distortions.rows(distortions)`, which are what `native.render.render(..., only=distortions)` makes, and D counts the named ones,
in the registry's order. None, the default: all. An unknown name raises ValueError.

On a GPU no loss waits for the device or sends it anything after its first call: positions are kept on each device.
"""

from collections.abc import Iterable, Mapping
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from aesthetic_pretraining.distortions import ASPECTS, DISTORTIONS, VARIANTS, anchor_index, indices, norm, rows, selected

Names = tuple[str, ...] | None  # distortions in the registry's order; None: all


def ranking_loss(scores: Tensor, margin: float, distortions: Iterable[str] | None = None) -> Tensor:
    """Equation 1 with the sign corrected (fidelity row 1): sum over pairs of max(0, m - (f(I_i) - f(I_j))), |i| < |j|.

    Args:
        scores: f_rank after the sigmoid, (B, V) in 0..1.
        margin: m.
        distortions: see the module.
    """
    less, more = _pairs_on(scores.device, _names(distortions))
    difference = scores[:, less] - scores[:, more]
    return F.relu(margin - difference).mean(dim=0).sum()


def _names(distortions: Iterable[str] | None) -> Names:
    return None if distortions is None else selected(distortions)


def _places(names: Names) -> dict[int, int]:
    """{position in VARIANTS: position among the variants of the named distortions}."""
    return {position: place for place, position in enumerate(rows(names))}


@cache
def ranking_pairs(names: Names = None) -> tuple[list[int], list[int]]:
    """Positions (less distorted, more distorted) of all pairs of one distortion and sign; level 0 has both signs."""
    pairs = []
    places = _places(names)
    for name in selected(names):
        at = dict(zip(DISTORTIONS[name].levels, indices(name), strict=True))
        for sign in (-1, 1):
            side = sorted((level for level in at if level * sign > 0), key=abs)
            ladder = [places[anchor_index(name)], *(places[at[level]] for level in side)]
            pairs += [(ladder[i], ladder[j]) for j in range(len(ladder)) for i in range(j)]
    return [i for i, _ in pairs], [j for _, j in pairs]


@cache
def _pairs_on(device: torch.device, names: Names) -> tuple[Tensor, Tensor]:
    less, more = ranking_pairs(names)
    return torch.tensor(less, device=device), torch.tensor(more, device=device)


def ranking_loss_across_photos(scores: Tensor, margin: float, distortions: Iterable[str] | None = None) -> Tensor:
    """Section 6, ablation: equation 1 also between photos, max(0, m - (f(I_i of a) - f(I_j of b))), |i| < |j|.

    ASSUME: each term is the mean over all B * B pairs (a, b) of photos, a photo with itself among them, so that a batch of one
    photo costs what `ranking_loss` says, and exp(L / T) would mean the same.

    Args: as for `ranking_loss`.
    """
    less, more = _pairs_on(scores.device, _names(distortions))
    difference = scores[:, None, less] - scores[None, :, more]  # (B, B, pairs)
    return F.relu(margin - difference).mean(dim=(0, 1)).sum()


def consistency_loss(scores: Tensor) -> Tensor:
    """Section 6, ablation: sum over images of (f(I_i of a) - f(I_i of b))^2 for photos a, b under one distortion and level.

    ASSUME: the distance is squared, as in equation 3; it is the mean over all B * B pairs (a, b) of photos, as above, which is
    twice the variance over the photos; level 0 takes part, because all photos are taken to be about equally aesthetic; an image
    that is level 0 of many distortions counts once.

    Args:
        scores: f_rank after the sigmoid, (B, V) in 0..1.
    """
    return 2 * scores.var(dim=0, correction=0).sum()


def aspect_ranking_loss(scores: Tensor, margin: float, distortions: Iterable[str] | None = None) -> Tensor:
    """Equation 1 with a score for each aspect, ablation: a pair is ranked by the score of its distortion's aspect alone.

    Args:
        scores: f_rank^a after the sigmoid, (B, V, aspects in the order of ASPECTS), in 0..1.
        margin: m.
        distortions: see the module.
    """
    names = _names(distortions)
    less, more = _pairs_on(scores.device, names)
    aspect = _ranked_aspects_on(scores.device, names)
    return F.relu(margin - (scores[:, less, aspect] - scores[:, more, aspect])).mean(dim=0).sum()


@cache
def ranked_aspects(names: Names = None) -> list[int]:
    """The position in ASPECTS of the distortion of each of `ranking_pairs`; told by the second image, which is never level 0."""
    shown = rows(names)
    aspect = {i: ASPECTS.index(DISTORTIONS[name].aspect) for name in selected(names) for i in indices(name)}
    return [aspect[shown[j]] for j in ranking_pairs(names)[1]]


@cache
def _ranked_aspects_on(device: torch.device, names: Names) -> Tensor:
    return torch.tensor(ranked_aspects(names), device=device)


def classification_loss(logits: Mapping[str, Tensor], distortions: Iterable[str] | None = None) -> Tensor:
    """Equation 2: sum over distorted images of the cross-entropy of their aspect's head; level 0 takes no part (row 10).

    Args:
        logits: {aspect: (B, V, number of the aspect's distortions)}, before the softmax; an aspect without a named distortion
            is not read.
        distortions: see the module.
    """
    names = _names(distortions)
    aspects = [aspect for aspect in ASPECTS if aspect_distortions(aspect, names)]
    total = logits[aspects[0]].new_zeros(())
    for aspect in aspects:
        positions, classes = _class_targets_on(aspect, logits[aspect].device, names)
        chosen = logits[aspect][:, positions]  # (B, P, C)
        target = classes.expand(chosen.shape[0], -1)
        # "none": with another reduction a GPU has no deterministic kernel for logits of three dimensions
        total = total + F.cross_entropy(chosen.transpose(1, 2), target, reduction="none").mean(dim=0).sum()
    return total


def aspect_distortions(aspect: str, names: Names = None) -> list[str]:
    """The names that an aspect's head tells apart, in the order of its outputs."""
    return [name for name in selected(names) if DISTORTIONS[name].aspect == aspect]


@cache
def class_targets(aspect: str, names: Names = None) -> tuple[list[int], list[int]]:
    """(positions of the aspect's distorted images, class of each)."""
    places = _places(names)
    targets = [
        (places[position], label) for label, name in enumerate(aspect_distortions(aspect, names)) for position in indices(name)
    ]
    return [p for p, _ in targets], [c for _, c in targets]


@cache
def _class_targets_on(aspect: str, device: torch.device, names: Names) -> tuple[Tensor, Tensor]:
    positions, classes = class_targets(aspect, names)
    return torch.tensor(positions, device=device), torch.tensor(classes, device=device)


def regression_loss(outputs: Tensor, distortions: Iterable[str] | None = None) -> Tensor:
    """Equation 3: squared error of the applied distortion's output alone against norm(i).

    Each distortion's level-0 image is regressed to 0 on that distortion's output (fidelity row 9).

    Args:
        outputs: (B, V, D), one output per distortion in the registry's order.
        distortions: see the module.
    """
    images, channels, targets = _regression_targets_on(outputs.device, _names(distortions))
    chosen = outputs[:, images, channels]  # (B, P)
    return (chosen - targets).square().mean(dim=0).sum()


@cache
def regression_targets(names: Names = None) -> tuple[list[int], list[int], list[float]]:
    """(position of the image, output, norm(i)) of every term of equation 3, as three lists."""
    channel = {name: k for k, name in enumerate(selected(names))}
    shown, places = [VARIANTS[position] for position in rows(names)], _places(names)
    terms = [(i, channel[v.distortion], norm(v.distortion, v.level)) for i, v in enumerate(shown) if v.distortion]
    terms += [(places[anchor_index(name)], channel[name], 0.0) for name in channel]
    return [t[0] for t in terms], [t[1] for t in terms], [t[2] for t in terms]


@cache
def _regression_targets_on(device: torch.device, names: Names) -> tuple[Tensor, Tensor, Tensor]:
    images, channels, targets = regression_targets(names)
    return torch.tensor(images, device=device), torch.tensor(channels, device=device), torch.tensor(targets, device=device)


def balanced(loss: Tensor, temperature: float) -> Tensor:
    """h(L) = exp(L / T) of equations 4 and 5."""
    return torch.exp(loss / temperature)


def earth_movers_distance(predicted: Tensor, target: Tensor, r: int, variant: str) -> Tensor:
    """Earth mover's distance of NIMA between distributions (N, bins) over ordered scores (section 4.5, fidelity row 13).

    Args:
        r: norm; 2 in NIMA.
        variant: "per_image": the r-th root per image, then the mean; "per_batch": the root of the mean, as released.
    """
    gaps = (predicted.cumsum(dim=1) - target.cumsum(dim=1)).abs().pow(r).mean(dim=1)
    # the root's slope is infinite at 0, where a perfect prediction would turn its gradient into NaN
    if variant == "per_batch":
        return gaps.mean().clamp_min(1e-12).pow(1 / r)
    return gaps.clamp_min(1e-12).pow(1 / r).mean()


def nt_xent(views: Tensor, temperature: float) -> Tensor:
    """SimCLR's normalised, temperature-scaled cross-entropy: each view has to find its partner among all others.

    Args:
        views: projections (B, 2, width) of two views of each photo.
    """
    z = F.normalize(views.transpose(0, 1).flatten(0, 1), dim=1)  # all first views, then all second ones
    similarity = z @ z.T / temperature
    similarity = similarity.masked_fill(torch.eye(len(z), dtype=torch.bool, device=z.device), float("-inf"))
    return F.cross_entropy(similarity, torch.arange(len(z), device=z.device).roll(len(z) // 2))


def rotation_loss(logits: Tensor) -> Tensor:
    """RotNet: cross-entropy of which of the four quarter turns was applied; logits (B, 4 turns, 4 classes)."""
    # two dimensions: for three, a mean has no deterministic kernel on a GPU (nll_loss2d)
    return F.cross_entropy(logits.flatten(0, 1), torch.arange(4, device=logits.device).repeat(len(logits)))
