"""Networks: a backbone with the heads of a task, and which of its weights are trained."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.models.backbones import Backbone, build_backbone
from aesthetic_pretraining.models.backbones.backbone import blocks
from aesthetic_pretraining.models.sound import check_sound


class Network(nn.Module):
    """A backbone with one head per output (section 3.3: "the last layer is replaced").

    Args:
        heads: {name: number of outputs}; each head is one linear layer.
        hidden: heads with a hidden layer as wide as the features (SimCLR's projection).
        dropout: before every head, drawn independently per head.
        init: of linear layers; "torch": torch's default; "xavier": as in the released code (fidelity row 30).
    """

    def __init__(
        self,
        backbone: Backbone,
        heads: Mapping[str, int],
        hidden: frozenset[str] = frozenset(),
        dropout: float = 0.0,
        init: str = "torch",
    ):
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        width = backbone.width
        self.heads = nn.ModuleDict(
            {
                name: nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, n))
                if name in hidden
                else nn.Linear(width, n)
                for name, n in heads.items()
            }
        )
        if init == "xavier":
            for layer in self.heads.modules():
                if isinstance(layer, nn.Linear):
                    nn.init.xavier_uniform_(layer.weight)  # ASSUME: the uniform variant, with zero biases
                    nn.init.zeros_(layer.bias)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """uint8 (N, 3, S, S) -> {head: raw outputs (N, n)}."""
        return self.on_features(self.backbone(pictures))

    def on_features(self, features: Tensor) -> dict[str, Tensor]:
        """Features (N, width) -> {head: raw outputs (N, n)}."""
        return {name: head(self.dropout(features)) for name, head in self.heads.items()}


def score_network(backbone: Backbone, dropout: float, bins: int) -> Network:
    """The NIMA network of section 4.5: one raw output for each of `bins` votes, ten in AVA; `distribution` applies the softmax."""
    return Network(backbone, {"votes": bins}, dropout=dropout)


def distribution(outputs: Mapping[str, Tensor]) -> Tensor:
    """Raw outputs of a score network -> probabilities (N, bins) of the votes."""
    return outputs["votes"].softmax(dim=1)


def set_learning(network: Network, trainable: str, frozen: bool, batch_norm: str = "batch", learning_blocks: int = 0) -> None:
    """Set which weights get gradients, and which batch normalisations use and update running statistics.

    Args:
        trainable: "all", or "released": the last block and the heads (fidelity row 26); with `batch_norm` "batch", the statistics of
            all blocks are updated, as in the released code.
        frozen: train only the heads, with the backbone in inference mode.
        batch_norm: "batch": normalise by batch statistics; "frozen": by the initial running statistics, which are not updated,
            while the layers' weights and biases are trained (fidelity row 42).
        learning_blocks: for `trainable` "all": train only this many last blocks of the backbone; 0: all.
    """
    network.train()
    learns = trainable == "all" and not frozen
    for weight in network.backbone.parameters():
        weight.requires_grad_(learns)
    if frozen:
        network.backbone.eval()
    elif trainable == "released":
        for module in network.backbone.last_block:
            module.requires_grad_(True)
    elif learning_blocks:
        for block in blocks(network.backbone.features)[:-learning_blocks]:
            for weight in block:
                weight.requires_grad_(False)
    if batch_norm == "frozen":
        for layer in batch_norms(network.backbone):
            layer.eval()


def batch_norms(module: nn.Module) -> list[nn.modules.batchnorm._BatchNorm]:
    """The batch normalisations inside a module."""
    return [layer for layer in module.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]


def require_batch_norms(backbone: Backbone, section: str, name: str) -> None:
    """Raise UserError if `<section>.batch_norm` is "frozen" for a backbone without any, called `name` in params.yaml."""
    if not batch_norms(backbone):
        raise UserError(
            f"{section}.batch_norm is 'frozen', but backbone.name {name} has no batch normalisation; set it to 'batch'"
        )


def new_backbone(name: str, weights: str | Path) -> Backbone:
    """A backbone with weights from a safetensors file of a backbone or of a whole network, whose heads are ignored."""
    backbone = build_backbone(name)
    load_into(backbone, weights, prefix="backbone.")
    return backbone


def load_into(module: nn.Module, path: str | Path, prefix: str = "") -> None:
    """Load a safetensors file (no unpickling).

    Args:
        prefix: if any names in the file start with it, load only those, with the prefix removed.
    Raises: UserError naming the file if it is broken, does not fit, or holds values that are no weights.
    """
    try:
        state = load_file(path)
        inside = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)} or state
        check_sound(inside, module.state_dict(), path)
        module.load_state_dict(inside)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such weights; let snakemake make them") from error
    except (SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]  # joined, because torch names the differing weights on a later line
        raise UserError(
            f"{path}: does not hold the weights of this network ({reason}); if backbone.name is the one that it was made with, "
            "delete it and run again"
        ) from error


def save_weights(state: Mapping[str, Tensor], path: str | Path) -> None:
    """Write weights as safetensors, atomically; equal weights give equal bytes."""
    with atomic_path(path) as tmp:
        save_file({k: v.detach().cpu().contiguous() for k, v in state.items()}, tmp)
