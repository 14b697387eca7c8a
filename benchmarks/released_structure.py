"""The structure of the released code, written anew: one variant of all photos at a time, losses by loops over pairs.

Each forward pass is under gradient checkpointing that reaches the whole network; as published it reached the last block alone
(docs/fidelity.md, row 26).
"""

from collections.abc import Callable

import torch
from fixtures import TASK
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint_sequential

from aesthetic_pretraining.distortions import DISTORTIONS, VARIANTS, anchor_index, indices, norm
from aesthetic_pretraining.models.network import Network


class Released(nn.Module):
    """A network of ours, called as the released code calls its own: one variant at a time, everything checkpointed.

    Its layers are the library's: torch's ReLU6 stands again where a backbone of ours has its own.
    """

    def __init__(self, network: Network):
        super().__init__()
        self.network = network
        for name, module in list(network.named_modules()):
            if isinstance(module, nn.ReLU6):
                network.set_submodule(name, nn.ReLU6(module.inplace))

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """uint8 (B, V, 3, S, S) -> {head: (B, V, width)}."""
        backbone, blocks = self.network.backbone, self.network.backbone.features.features  # MobileNetV2's
        outputs = []
        for k in range(pictures.shape[1]):
            x = pictures[:, k].float().div_(255).sub_(backbone.mean).div_(backbone.std)
            x = checkpoint_sequential(blocks, len(blocks), x, use_reentrant=False)
            outputs.append(self.network.on_features(x.mean(dim=(2, 3))))
        return {name: torch.stack([out[name] for out in outputs], dim=1) for name in outputs[0]}


def ladders() -> list[list[int]]:
    """Positions of each side's levels, level 0 first."""
    sides = []
    for name, distortion in DISTORTIONS.items():
        where = dict(zip(distortion.levels, indices(name), strict=True))
        for sign in (-1, 1):
            side = [where[level] for level in sorted(where, key=abs) if level * sign > 0]
            sides += [[anchor_index(name), *side]] if side else []
    return sides


def released_ranking(scores: list[Tensor], sides: list[list[int]]) -> Tensor:
    """Equation 1 as a double loop; scores: one (B,) for each variant."""
    criterion, one = nn.MarginRankingLoss(margin=TASK.margin), torch.ones(1)
    total = torch.zeros(())
    for side in sides:
        for j in range(len(side)):
            for i in range(j):
                total = total + criterion(scores[side[i]], scores[side[j]], one)
    return total


def released_loss(outputs: dict[str, Tensor]) -> Tensor:
    """Equations 1, 3 and 5 as loops over pairs and variants; outputs (B, 174, width)."""
    rank = released_ranking(list(outputs["rank"][..., 0].sigmoid().unbind(1)), ladders())
    channel, criterion, regression = {name: k for k, name in enumerate(DISTORTIONS)}, nn.MSELoss(), torch.zeros(())
    terms = [(i, v.distortion, norm(v.distortion, v.level)) for i, v in enumerate(VARIANTS) if v.distortion]
    terms += [(anchor_index(name), name, 0.0) for name in DISTORTIONS]
    wanted = {target: torch.full((len(outputs["rank"]),), target) for _, _, target in terms}
    for position, name, target in terms:
        regression = regression + criterion(outputs["intensity"][:, position, channel[name]], wanted[target])
    return torch.exp(rank / TASK.balance_temperature) + torch.exp(regression / TASK.balance_temperature)


def of_few(loss: Callable[[dict[str, Tensor]], Tensor], kept: tuple[int, ...]) -> Callable[[dict[str, Tensor]], Tensor]:
    """The loss for outputs (B, kept, width) of some variants alone; the others stand at 0."""

    def filled(outputs: dict[str, Tensor]) -> Tensor:
        whole = {
            k: x.new_zeros(len(x), len(VARIANTS), x.shape[2]).index_copy(1, torch.tensor(kept), x) for k, x in outputs.items()
        }
        return loss(whole)

    return filled


def released_step(model: Released, pictures: Tensor, loss_of: Callable[[dict[str, Tensor]], Tensor]) -> Tensor:
    model.zero_grad(set_to_none=True)
    loss = loss_of(model(pictures))
    loss.backward()
    return loss.detach()
