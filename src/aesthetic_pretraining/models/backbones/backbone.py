"""What every backbone is, whichever library its network comes from."""

import contextlib
import logging

import torch
from torch import Tensor, nn

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.models.backbones.recompute import Recompute
from aesthetic_pretraining.models.backbones.relu6 import replace_relu6

# layers that draw random numbers, torch's, torchvision's and timm's, and where each keeps its rate
CHANCE = {"Dropout": "p", "Dropout2d": "p", "StochasticDepth": "p", "DropPath": "drop_prob"}
ADAPTIVE = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
log = logging.getLogger("aesthetic_pretraining")


class Backbone(nn.Module):
    """A classification network without its last layer: uint8 pictures in, features out.

    Attributes:
        features: the network; float (N, 3, S, S), normalised -> (N, width).
        width: number of features.
        last_block: the modules that learn under `trainable: released` (fidelity row 26).
        mean, std: the normalisation that belongs to its ImageNet weights, (1, 3, 1, 1), for pictures in 0..1.
    """

    def __init__(self, name: str, network: nn.Module, width: int, mean: tuple, std: tuple):
        """name: as in params.yaml; network: gives (N, width), because an Identity stands where its last layer was."""
        super().__init__()
        settle(network)
        replace_relu6(network)
        self.name, self.features, self.width = name, network, width
        self.last_block = last_block(network)
        # buffers, so that they move with the network; not saved, because they belong to the name
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self._taken: set[int] = set()  # sizes of pictures that the network is known to take
        self._forward_pass = contextlib.nullcontext  # what a forward pass with a graph takes place in

    def prepare(self, device: torch.device, recompute: bool) -> None:
        """Make ready for a training on the device; once, before its first forward pass.

        Args: recompute: whether batch normalisation and its activation are computed again in the backward pass, not kept for it
            (params.yaml: compute.recompute); the log says if there is nothing to gain in this network.
        Raises: UserError if a GPU has no deterministic kernel for a layer of the network.
        """
        if device.type == "cuda" and (name := unrepeatable(self.features)):
            raise UserError(
                f"backbone.name: {self.name} cannot be trained on a GPU to the same result twice, because its layer {name} pools "
                "to more than one pixel, for which torch has no deterministic kernel; choose another, such as mobilenet_v2"
            )
        if recompute:
            again = Recompute(self.features)
            self._forward_pass = again.forward_pass
            if again.layers:
                log.info("compute.recompute: outputs of %d batch normalisations are computed twice, not kept", again.layers)
            else:
                log.warning(
                    "compute.recompute: %s has no batch normalisation of a known kind, so that nothing changes", self.name
                )

    def forward(self, pictures: Tensor) -> Tensor:
        """uint8 pictures (N, 3, S, S) in 0..255 -> features (N, width); pictures stay uint8 until here.

        Raises UserError if the network does not take pictures of S pixels.
        """
        self._check(pictures.shape[-1])
        x = pictures.to(self.mean.dtype).div_(255).sub_(self.mean).div_(self.std)
        with self._forward_pass():
            return self.features(x.contiguous(memory_format=torch.channels_last))

    @torch.no_grad()
    def _check(self, size: int) -> None:
        """Try one black picture the first time that a size comes; leaves no trace in the network."""
        if size in self._taken:
            return
        training = [module for module in self.features.modules() if module.training]
        self.features.eval()
        try:
            shape = tuple(self.features(self.mean.new_zeros(1, 3, size, size)).shape)
        except torch.OutOfMemoryError:
            raise
        except (AssertionError, RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0][:120]
            raise UserError(
                f"image.size: backbone.name {self.name} does not take pictures of {size} x {size} pixels ({reason}); "
                "change one of the two"
            ) from error
        finally:
            for module in training:
                module.training = True
        if shape != (1, self.width):
            raise UserError(f"backbone.name: {self.name} gives {shape}, not {self.width} features of a picture; choose another")
        self._taken.add(size)

    def __setattr__(self, name: str, value: object) -> None:
        # a plain list of modules that are already inside `features`: must not be registered twice
        if name == "last_block":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)


def settle(network: nn.Module) -> None:
    """Make all networks alike in what their libraries choose differently.

    No random numbers are drawn inside: `gradient_cache.backward` needs the same features in its two passes.
    """
    for module in network.modules():
        # ASSUME: no dropout and no skipped blocks before the features; heads have a dropout of their own (fidelity row 12)
        if (rate := CHANCE.get(type(module).__name__)) is not None:
            setattr(module, rate, 0.0)
        if isinstance(getattr(module, "drop_rate", None), float):  # dropout as a function, where a library has no layer for it
            module.drop_rate = 0.0
        # ASSUME: running statistics move by 0.1 a step, as in torchvision's MobileNetV2; with the 0.01 or less of some
        # networks a short training would be judged by the statistics of other weights
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 0.1


def unrepeatable(network: nn.Module) -> str | None:
    """The name of a layer whose gradient torch cannot compute deterministically on a GPU: pooling of any size to a given one.

    To one pixel it is a mean, or a maximum, over all pixels, with another kernel.
    """
    for name, module in network.named_modules():
        if isinstance(module, ADAPTIVE):
            size = module.output_size if isinstance(module.output_size, tuple) else (module.output_size,) * 2
            if size != (1, 1) or isinstance(module, nn.AdaptiveMaxPool2d):
                return name
    return None


def last_block(network: nn.Module) -> list[nn.Module]:
    """The last block of any network, and the normalisations behind it.

    ASSUME: fidelity row 26 is about MobileNetV2, whose last block is its last convolution with its normalisation. In general
    the last block is the last member with a weight matrix of the last sequence of such members; where networks are not
    built as sequences, the last part with a matrix.
    """
    path = [name for name, weight in network.named_parameters() if weight.ndim > 1][-1].split(".")[:-1]
    depth = 1
    for k in range(1, len(path)):
        if _is_sequence(network.get_submodule(".".join(path[:k]))):
            depth = k + 1
        elif depth > 1:
            break
    name, modules = ".".join(path[:depth]), dict(network.named_modules())
    behind = list(modules)[list(modules).index(name) + 1 :]
    return [modules[name]] + [
        modules[other]
        for other in behind
        if not other.startswith(f"{name}.") and any(True for _ in modules[other].parameters(recurse=False))
    ]


def blocks(network: nn.Module) -> list[list[nn.Parameter]]:
    """The weights of any network by block, from the input to the features; for layer-wise learning rates.

    ASSUME: a block is what shares a name up to its first number (features.3, layer1.0, _blocks.7), or the whole name of a layer
    that stands outside of any sequence; normalisations that stand alone belong to the block before them.
    """
    found: dict[str, list[nn.Parameter]] = {}
    for name, weight in network.named_parameters():
        parts = name.split(".")[:-1]
        number = next((k for k, part in enumerate(parts) if part.isdigit()), len(parts) - 1)
        found.setdefault(".".join(parts[: number + 1]), []).append(weight)
    result: list[list[nn.Parameter]] = []
    for weights in found.values():
        if result and all(weight.ndim < 2 for weight in weights):
            result[-1] += weights
        else:
            result.append(weights)
    return result


def _is_sequence(module: nn.Module) -> bool:
    """Whether it is a bare list of several members with weight matrices, not a block that is built as one."""
    with_matrix = [child for child in module.children() if any(weight.ndim > 1 for weight in child.parameters())]
    return type(module) in (nn.Sequential, nn.ModuleList) and len(with_matrix) > 1
