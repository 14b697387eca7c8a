"""timm's networks: NAME, or NAME.TAG for particular weights, e.g. resnet18.a1_in1k."""

from functools import cache
from typing import Any

import timm
from torch import Tensor

from aesthetic_pretraining.models.backbones.backbone import Backbone
from aesthetic_pretraining.models.backbones.classifier import Classifier


@cache
def names() -> list[str]:
    return timm.list_models() + timm.list_pretrained()


def build(name: str, network: str) -> Backbone:
    built: Any = timm.create_model(network, pretrained=False, num_classes=0)
    norm = built.pretrained_cfg
    return Backbone(name, built, built.head_hidden_size, tuple(norm["mean"]), tuple(norm["std"]))


def imagenet(network: str) -> dict[str, Tensor]:
    """Downloaded by timm as safetensors, or, if there are none, unpickled with weights_only. timm publishes no hash; see `remembered`.

    Raises: ValueError if the weights are not for 1000 classes.
    """
    built = _pretrained(network)
    built.reset_classifier(0)
    return {f"features.{name}": value for name, value in built.state_dict().items()}


def classifier(network: str) -> Classifier:
    """The network with its last layer and with the crop of its weights."""
    built = _pretrained(network)
    asked = built.pretrained_cfg
    crop = asked["input_size"][-1]
    return Classifier(built, asked["mean"], asked["std"], resize=int(crop / asked["crop_pct"]), crop=crop)


def _pretrained(network: str) -> Any:
    """The module with its last layer, without which timm does not load strictly. Raises: ValueError unless it has 1000 classes."""
    plain: Any = timm.create_model(network, pretrained=False, num_classes=0)
    classes = plain.pretrained_cfg["num_classes"]
    if classes != 1000:
        raise ValueError(f"they tell {classes} classes apart, not ImageNet's 1000: name others, e.g. of {_others(network)}")
    return timm.create_model(network, pretrained=True)


def _others(network: str) -> str:
    """The names of a network's weights, as text."""
    return ", ".join(timm.list_pretrained(f"{network.partition('.')[0]}.*")) or "another network"
