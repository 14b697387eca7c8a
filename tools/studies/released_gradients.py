"""Which weights get a gradient in the construction of the released code (fidelity row 26; make released-gradients).

MobileNetV2's 19 blocks under `checkpoint_sequential`, one segment each, on pictures that need no gradient, a new layer behind
them, as the released classes are built; written anew. With reentrant checkpointing, the only kind there was in 2021, the first
18 segments are cut off. Weights are random, which changes nothing here.
"""

import argparse
import warnings

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint_sequential
from torchvision.models import mobilenet_v2


def learning(reentrant: bool | None) -> dict[str, int]:
    """{block of the features or "new layer": weights with a gradient} after one backward pass.

    Args: reentrant: kind of checkpointing; None: none.
    """
    torch.manual_seed(1)
    blocks, new = mobilenet_v2(weights=None).features, nn.Linear(1280, 1)
    x = torch.randn(2, 3, 64, 64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of just this
        maps = blocks(x) if reentrant is None else checkpoint_sequential(blocks, len(blocks), x, use_reentrant=reentrant)
    new(maps.mean(dim=(2, 3))).sum().backward()
    parts = {f"block {k}": block for k, block in enumerate(blocks)} | {"new layer": new}
    return {name: sum(w.numel() for w in part.parameters() if w.grad is not None) for name, part in parts.items()}


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    kinds = {"as released (reentrant)": True, "not reentrant": False, "no checkpointing": None}
    counts = {name: learning(kind) for name, kind in kinds.items()}
    print(f"{'weights with a gradient':28}" + "".join(f"{name:>26}" for name in kinds))
    for part in counts["no checkpointing"]:
        print(f"{part:28}" + "".join(f"{counts[name][part]:>26,}" for name in kinds))
    print(f"{'together':28}" + "".join(f"{sum(counts[name].values()):>26,}" for name in kinds))


if __name__ == "__main__":
    main()
