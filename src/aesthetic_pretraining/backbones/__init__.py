"""Backbones by name: from pictures to features, with their ImageNet weights from a pinned place.

A name of params.yaml (`backbone.name`) is one of

    mobilenet_v2, torchvision:resnet18        a classification network of torchvision, with or without its prefix
    torchvision:resnet50.IMAGENET1K_V2        the same with other weights than its first ones
    timm:mobilenetv3_small_100                a network of timm
    timm:resnet18.a1_in1k                     the same with other weights than its default ones
    efficientnet_lite0                        EfficientNet-Lite0, whose weights come in a package

The libraries are imported where a name asks for them: each costs seconds.
"""

import difflib
import pickle

from safetensors import SafetensorError
from torch import Tensor

from aesthetic_pretraining.backbones.backbone import Backbone
from aesthetic_pretraining.errors import UserError

__all__ = ["Backbone", "build_backbone", "imagenet_weights"]


def build_backbone(name: str) -> Backbone:
    """A backbone with random weights. Raises UserError for an unknown name, with the known ones that are like it."""
    library, network = _split(name)
    module = _module(library)
    if network not in module.names():
        raise UserError(f"backbone.name: {name!r} is unknown; {_near(name)}")
    return module.build(name, network)


def imagenet_weights(name: str) -> dict[str, Tensor]:
    """The backbone's ImageNet weights: from a package, or downloaded by torchvision or timm; nothing is unpickled as code.

    Raises UserError for an unknown name, and if the weights cannot be had, do not fit, or are not ImageNet's.
    """
    backbone = build_backbone(name)
    library, network = _split(name)
    try:
        backbone.load_state_dict(_module(library).imagenet(network))
    except (ImportError, OSError, RuntimeError, ValueError, pickle.UnpicklingError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"ImageNet weights of {name} cannot be had ({reason}); connect to a network or run 'make setup'"
        ) from error
    return backbone.state_dict()


def _split(name: str) -> tuple[str, str]:
    """The library and its name of the network."""
    if name == "efficientnet_lite0":
        return "packaged", name
    library, colon, network = name.partition(":")
    return (library, network) if colon else ("torchvision", name)


def _module(library: str):
    """The module that knows a library: names() of its networks, build(name, network), imagenet(network)."""
    match library:
        case "packaged":
            from aesthetic_pretraining.backbones import packaged as module
        case "torchvision":
            from aesthetic_pretraining.backbones import from_torchvision as module
        case "timm":
            from aesthetic_pretraining.backbones import from_timm as module
        case _:
            raise UserError(f"backbone.name: {library!r} is no library of networks; known are torchvision and timm")
    return module


def _near(name: str) -> str:
    """What a user may have meant, in words."""
    known = ["efficientnet_lite0", *_module("torchvision").names(), *(f"timm:{n}" for n in _module("timm").names())]
    near = difflib.get_close_matches(name.removeprefix("torchvision:"), known, n=4)
    return f"near it are {', '.join(near)}" if near else "name a network of torchvision, or timm:<a network of timm>"
