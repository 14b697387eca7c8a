"""The common interface of backbones from any library."""

import contextlib
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.models.backbones.depthwise import replace_depthwise
from aesthetic_pretraining.models.backbones.recompute import Recompute
from aesthetic_pretraining.models.backbones.relu6 import replace_relu6

# random layers of torch, torchvision and timm, and the attribute with their rate
CHANCE = {"Dropout": "p", "Dropout2d": "p", "StochasticDepth": "p", "DropPath": "drop_prob"}
ADAPTIVE = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
log = logging.getLogger("aesthetic_pretraining")


class Backbone(nn.Module):
    """A classification network without its last layer: uint8 images in, features out.

    Attributes:
        features: the network; float (N, 3, S, S), normalised -> (N, width).
        width: number of features.
        last_block: the modules that are trained under `trainable: released` (fidelity row 26).
        mean, std: the normalisation of its ImageNet weights, (1, 3, 1, 1), for images in 0..1.
    """

    features: nn.Module
    last_block: list[nn.Module]
    mean: Tensor
    std: Tensor

    def __init__(self, name: str, network: nn.Module, width: int, mean: tuple, std: tuple):
        """name: as in params.yaml; network: outputs (N, width), because its last layer was replaced by an Identity."""
        super().__init__()
        settle(network)
        replace_relu6(network)
        replace_depthwise(network)
        self.name, self.features, self.width = name, network, width
        self.last_block = last_block(network)
        # buffers, so that they move with the network; not saved, because the name determines them
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self._taken: set[int] = set()  # image sizes that the network is known to accept
        # context manager for forward passes with a graph
        self._forward_pass: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext

    def prepare(self, device: torch.device, recompute: bool) -> None:
        """Prepare for training on the device; call once, before the first forward pass.

        Args:
            recompute: recompute batch normalisation and its activation in the backward pass instead of storing them (params.yaml:
                compute.recompute); logs a warning if the network has none.
        Raises: UserError if a layer has no deterministic kernel on a GPU.
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
        """uint8 images (N, 3, S, S) in 0..255 -> features (N, width).

        Raises: UserError if the network does not accept images of S pixels.
        """
        self._check(pictures.shape[-1])
        x = pictures.to(self.mean.dtype).div_(255).sub_(self.mean).div_(self.std)
        with self._forward_pass():
            return self.features(x.contiguous(memory_format=torch.channels_last))

    @torch.no_grad()
    def _check(self, size: int) -> None:
        """Try a black image the first time a size is seen, without side effects on the network."""
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
                f"image.size: backbone.name {self.name} does not take images of {size} x {size} pixels ({reason}); "
                "change one of the two"
            ) from error
        finally:
            for module in training:
                module.training = True
        if shape != (1, self.width):
            raise UserError(f"backbone.name: {self.name} gives {shape}, not {self.width} features of an image; choose another")
        self._taken.add(size)

    def __setattr__(self, name: str, value: Any) -> None:
        # last_block lists modules that are already in `features` and must not be registered twice
        if name == "last_block":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)


def settle(network: nn.Module) -> None:
    """Unify settings that differ between libraries.

    Forward passes must not be random, because `gradient_cache.backward` needs equal features in its two passes.
    """
    for module in network.modules():
        # ASSUME: no dropout or stochastic depth before the features; heads have their own dropout (fidelity row 12)
        if (rate := CHANCE.get(type(module).__name__)) is not None:
            setattr(module, rate, 0.0)
        if isinstance(getattr(module, "drop_rate", None), float):  # functional dropout, without a layer of its own
            module.drop_rate = 0.0  # type: ignore[assignment]  # a plain attribute
        # ASSUME: momentum 0.1 for running statistics, as in torchvision's MobileNetV2; with 0.01 or less, as in some networks,
        # short trainings would be evaluated with the statistics of older weights
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 0.1


def unrepeatable(network: nn.Module) -> str | None:
    """The name of a layer without a deterministic gradient on a GPU: adaptive pooling, or None.

    Adaptive average pooling to one pixel is a mean over all pixels, with another, deterministic kernel.
    """
    for name, module in network.named_modules():
        if isinstance(module, ADAPTIVE):
            size = module.output_size if isinstance(module.output_size, tuple) else (module.output_size,) * 2
            if size != (1, 1) or isinstance(module, nn.AdaptiveMaxPool2d):
                return name
    return None


def last_block(network: nn.Module) -> list[nn.Module]:
    """The last block of any network, and the normalisations after it.

    ASSUME: fidelity row 26 is about MobileNetV2, whose last block is its last convolution with its normalisation. In general, it
    is the last element with a weight matrix of the last sequence of such elements, or, in networks that are not built from
    sequences, the last module with a weight matrix.
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
    """The weights of any network by block, from the input to the features, for layer-wise learning rates.

    ASSUME: a block has a common name up to its first number (features.3, layer1.0, _blocks.7), or is a layer outside any sequence;
    normalisations on their own belong to the block before them.
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
    """Whether a module is a plain list of several elements with weight matrices, rather than one block built as a list."""
    with_matrix = [child for child in module.children() if any(weight.ndim > 1 for weight in child.parameters())]
    return type(module) in (nn.Sequential, nn.ModuleList) and len(with_matrix) > 1
