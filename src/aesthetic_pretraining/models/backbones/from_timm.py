"""timm's networks. NAME or NAME.TAG of its weights, e.g. resnet18.a1_in1k."""

from functools import cache

import timm
from torch import Tensor, nn

from aesthetic_pretraining.models.backbones.backbone import Backbone
from aesthetic_pretraining.models.backbones.classifier import Classifier


@cache
def names() -> list[str]:
    return timm.list_models() + timm.list_pretrained()


def build(name: str, network: str) -> Backbone:
    built = timm.create_model(network, pretrained=False, num_classes=0)
    norm = built.pretrained_cfg
    return Backbone(name, built, built.head_hidden_size, tuple(norm["mean"]), tuple(norm["std"]))


def imagenet(network: str) -> dict[str, Tensor]:
    """Downloaded by timm as safetensors, or where there are none as a file that is unpickled as weights only.

    timm offers no hash to check against. Raises ValueError if the weights are not those of 1000 classes.
    """
    built = _pretrained(network)
    built.reset_classifier(0)
    return {f"features.{name}": value for name, value in built.state_dict().items()}


def classifier(network: str) -> Classifier:
    """With the last layer, and cut as its weights ask."""
    built = _pretrained(network)
    asked = built.pretrained_cfg
    crop = asked["input_size"][-1]
    return Classifier(built, asked["mean"], asked["std"], resize=int(crop / asked["crop_pct"]), crop=crop)


def _pretrained(network: str) -> nn.Module:
    """With its last layer, because timm loads the weights strictly only so. Raises ValueError unless it has 1000 classes."""
    classes = timm.create_model(network, pretrained=False, num_classes=0).pretrained_cfg["num_classes"]
    if classes != 1000:
        raise ValueError(f"they tell {classes} classes apart, not ImageNet's 1000: name others, e.g. of {_others(network)}")
    return timm.create_model(network, pretrained=True)


def _others(network: str) -> str:
    """The names of a network's weights."""
    return ", ".join(timm.list_pretrained(f"{network.partition('.')[0]}.*")) or "another network"
