"""Teach a small network to rank the levels of a few distortions of one photo, and plot its scores.

usage: rank_distortions.py [--photo FILE] [--out FILE] [--distortions NAME ...] [--size N] [--steps N]

Shows the parts that this package offers for use in other programs: a transform, a dataset, networks and the ranking loss. One photo
and an untrained network learn nothing about other photos; pretraining is `make demo`.

Needs matplotlib, and scikit-image for its own photo.
"""

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from PIL import Image

from aesthetic_pretraining.distortions import DISTORTIONS, anchor_index, indices, rows
from aesthetic_pretraining.distortions.transforms import Distort
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import Network
from aesthetic_pretraining.training.datasets import VariantsDataset
from aesthetic_pretraining.training.losses import ranking_loss

MARGIN = 0.2  # as in the paper


def variants_of(photo: Image.Image, size: int, distortions: list[str]) -> torch.Tensor:
    """All levels of the distortions, and what counts as level 0: uint8 (V, 3, size, size)."""
    with tempfile.TemporaryDirectory() as folder:
        photo.save(Path(folder) / "photo.png")
        return VariantsDataset.of(folder, size, distortions=distortions)[0]


def train(network: Network, variants: torch.Tensor, distortions: list[str], steps: int) -> list[float]:
    """The loss before each step."""
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = ranking_loss(scores_of(network, variants), MARGIN, distortions)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def scores_of(network: Network, variants: torch.Tensor) -> torch.Tensor:
    """How good the network finds each variant of one photo, in 0..1: (1, V)."""
    return network(variants)["rank"][None, :, 0].sigmoid()


def ladder(scores: torch.Tensor, name: str, distortions: list[str]) -> dict[int, float]:
    """Level -> score of one distortion, level 0 included."""
    place = {position: k for k, position in enumerate(rows(distortions))}
    found = dict(zip(DISTORTIONS[name].levels, (scores[0, place[i]].item() for i in indices(name)), strict=True))
    return dict(sorted((found | {0: scores[0, place[anchor_index(name)]].item()}).items()))


def draw(photo: Image.Image, before: torch.Tensor, after: torch.Tensor, distortions: list[str], out: Path) -> None:
    """A row for each distortion: the photo under its strongest level, and the scores over the levels."""
    figure, axes = plt.subplots(len(distortions), 2, figsize=(8, 3 * len(distortions)), squeeze=False, layout="constrained")
    for (left, right), name in zip(axes, distortions, strict=True):
        strongest = DISTORTIONS[name].levels[-1]
        left.imshow(Distort(name, strongest)(photo))
        left.set_title(f"{name}, level {strongest}")
        left.axis("off")
        for scores, label in ((before, "before training"), (after, "after training")):
            levels = ladder(scores, name, distortions)
            right.plot(list(levels), list(levels.values()), marker="o", label=label)
        right.set(xlabel="level", ylabel="score", ylim=(0, 1))
        right.legend()
    figure.savefig(out)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photo", type=Path, help="an image; left out: one of scikit-image's")
    parser.add_argument("--out", type=Path, default=Path("rank_distortions.png"))
    parser.add_argument("--distortions", nargs="+", choices=DISTORTIONS, default=["defocus_blur", "brightness"], metavar="NAME")
    parser.add_argument("--size", type=int, default=64, help="side of the network's images in pixels")
    parser.add_argument("--steps", type=int, default=20)
    given = parser.parse_args()
    if given.photo is None:
        from skimage.data import chelsea

        photo = Image.fromarray(chelsea())
    else:
        photo = Image.open(given.photo).convert("RGB")
    torch.manual_seed(0)
    network = Network(build_backbone("torchvision:mobilenet_v2"), {"rank": 1})
    variants = variants_of(photo, given.size, given.distortions)
    with torch.no_grad():
        before = scores_of(network, variants)
    losses = train(network, variants, given.distortions, given.steps)
    with torch.no_grad():
        after = scores_of(network, variants)
    draw(photo, before, after, given.distortions, given.out)
    print(f"ranking loss {losses[0]:.3f} before the first step, {losses[-1]:.3f} before the last; plot: {given.out}")


if __name__ == "__main__":
    main()
