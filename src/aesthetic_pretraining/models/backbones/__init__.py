"""Backbones by name: networks from images to features, with pinned ImageNet weights.

A name of params.yaml (`backbone.name`) is one of

    mobilenet_v2, torchvision:resnet18        a classification network of torchvision, with or without its prefix
    torchvision:resnet50.IMAGENET1K_V2        the same with other weights than its first published ones
    timm:mobilenetv3_small_100                a network of timm
    timm:resnet18.a1_in1k                     the same with other weights than its default ones
    efficientnet_lite0                        EfficientNet-Lite0, whose weights come in a package

The libraries are imported on demand, because each takes seconds.
"""

import contextlib
import difflib
import pickle
from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError
from torch import Tensor

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.models.backbones.backbone import Backbone
from aesthetic_pretraining.models.backbones.classifier import DETECTOR, Classifier, Detector
from aesthetic_pretraining.models.sound import check_as_before, check_sound

__all__ = [
    *("DETECTOR", "Backbone", "Classifier", "Detector"),
    *("build_backbone", "imagenet_classifier", "imagenet_weights", "object_detector"),
]


def build_backbone(name: str) -> Backbone:
    """A backbone with random weights.

    Raises: UserError for an unknown name, with the known ones that are like it, and if the library of the name is not installed.
    """
    try:
        module, network = _known(name, "backbone.name")
        return module.build(name, network)
    except ModuleNotFoundError as error:
        raise UserError(
            f"backbone.name: {name} needs the package {error.name}; pip install 'aesthetic-pretraining[backbones]', "
            "or name a network of torchvision"
        ) from error


def imagenet_weights(name: str, remembered: str | Path | None = None) -> dict[str, Tensor]:
    """The backbone's ImageNet weights, from a package or downloaded by torchvision or timm; no pickled code is executed.

    Args:
        remembered: folder in which the SHA-256 of weights from timm, which publishes none, is kept and ever after compared; None: not.
    Raises: UserError for an unknown name, or if the weights are unavailable, do not fit, are not ImageNet's, hold values that are no
        weights, or are not those of the first use.
    """
    backbone = build_backbone(name)
    library, network = _split(name)
    with _having(f"ImageNet weights of {name}"):
        state = _module(library).imagenet(network)
        check_sound(state, backbone.state_dict(), f"ImageNet weights of {name}")
        backbone.load_state_dict(state)
    if remembered and library == "timm":
        check_as_before(backbone.state_dict(), name, remembered)
    return backbone.state_dict()


def imagenet_classifier(name: str, key: str = "backbone.name", remembered: str | Path | None = None) -> Classifier:
    """The whole network with its ImageNet weights, including the last layer; sources as for `imagenet_weights`.

    Args:
        key: the key of params.yaml with the name, for error messages. remembered: as for `imagenet_weights`.
    Raises: UserError as `imagenet_weights`.
    """
    module, network = _known(name, key)
    with _having(f"ImageNet weights of {name}"):
        classifier = module.classifier(network)
    state = classifier.state_dict()
    check_sound(state, state, f"ImageNet weights of {name}")
    if remembered and _split(name)[0] == "timm":
        check_as_before(state, f"{name} with its last layer", remembered)
    return classifier


def object_detector() -> Detector:
    """DETECTOR with its COCO weights, which torchvision downloads. Raises: UserError if they are unavailable."""
    with _having(f"COCO weights of {DETECTOR}"):
        return Detector()


@contextlib.contextmanager
def _having(what: str) -> Iterator[None]:
    """Turn the libraries' errors for missing or broken weights into UserError."""
    try:
        yield
    except (ImportError, OSError, RuntimeError, ValueError, pickle.UnpicklingError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{what} cannot be had ({reason}); connect to a network or run 'make setup'") from error


def _known(name: str, key: str):
    """The module for a name's library, and the library's name for the network. Raises: UserError for an unknown network."""
    library, network = _split(name)
    module = _module(library, key)
    if network not in module.names():
        raise UserError(f"{key}: {name!r} is unknown; {_near(name)}")
    return module, network


def _split(name: str) -> tuple[str, str]:
    """The library, and its name for the network."""
    if name == "efficientnet_lite0":
        return "packaged", name
    library, colon, network = name.partition(":")
    return (library, network) if colon else ("torchvision", name)


def _module(library: str, key: str = "backbone.name"):
    """The module for a library, with names() of its networks, build(name, network), imagenet(network), classifier(network)."""
    match library:
        case "packaged":
            from aesthetic_pretraining.models.backbones import packaged

            return packaged
        case "torchvision":
            from aesthetic_pretraining.models.backbones import from_torchvision

            return from_torchvision
        case "timm":
            from aesthetic_pretraining.models.backbones import from_timm

            return from_timm
    raise UserError(f"{key}: {library!r} is no library of networks; known are torchvision and timm")


def _near(name: str) -> str:
    """A hint at what the user may have meant."""
    known = ["efficientnet_lite0", *_module("torchvision").names(), *(f"timm:{n}" for n in _module("timm").names())]
    near = difflib.get_close_matches(name.removeprefix("torchvision:"), known, n=4)
    return f"near it are {', '.join(near)}" if near else "name a network of torchvision, or timm:<a network of timm>"
