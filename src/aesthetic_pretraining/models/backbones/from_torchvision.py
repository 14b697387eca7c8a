"""torchvision's classification networks: NAME, or NAME.WEIGHTS for particular weights, e.g. resnet50.IMAGENET1K_V2."""

import re
from functools import cache

from torch import Tensor, nn
from torchvision import models

from aesthetic_pretraining.models.backbones.backbone import Backbone
from aesthetic_pretraining.models.backbones.classifier import Classifier

# the weights come with a second normalisation inside, and with auxiliary classifiers, which are left out
_INCEPTION = {"transform_input": True, "aux_logits": False, "init_weights": False}
OPTIONS = {"googlenet": _INCEPTION, "inception_v3": _INCEPTION}


@cache
def names() -> list[str]:
    plain = models.list_models(module=models)
    return plain + [f"{name}.{weights.name}" for name in plain for weights in models.get_model_weights(name)]


def build(name: str, network: str) -> Backbone:
    built = _plain(network)
    norm = _weights(network).transforms()
    return Backbone(name, built, _take_last_layer(built), tuple(norm.mean), tuple(norm.std))


def imagenet(network: str) -> dict[str, Tensor]:
    """Downloaded; torch verifies the part of the SHA-256 that is in the file's name."""
    wanted = build(network, network).state_dict()
    return {f"features.{name}": value for name, value in _state(network).items() if f"features.{name}" in wanted}


def classifier(network: str) -> Classifier:
    """The network with its last layer and with the crop of its weights."""
    built, asked = _plain(network), _weights(network).transforms()
    wanted = built.state_dict()  # without the auxiliary classifiers of GoogLeNet and Inception
    built.load_state_dict({name: value for name, value in _state(network).items() if name in wanted})
    return Classifier(built, asked.mean, asked.std, resize=asked.resize_size[0], crop=asked.crop_size[0])


def _plain(network: str) -> nn.Module:
    """The network with random weights."""
    name = network.partition(".")[0]
    return models.get_model(name, weights=None, **OPTIONS.get(name, {}))


def _state(network: str) -> dict[str, Tensor]:
    """The downloaded weights, unpickled with weights_only."""
    state = _weights(network).get_state_dict(progress=False, check_hash=True, weights_only=True)
    # DenseNet's files have names of an old version, with a dot in "norm.1"
    return {re.sub(r"(denselayer\d+\.(?:norm|relu|conv))\.(\d)", r"\1\2", name): value for name, value in state.items()}


def _weights(network: str):
    """The weights of a name. ASSUME: by default the first published ones, which the paper of 2021 must have used."""
    name, _, tag = network.partition(".")
    known = {weights.name: weights for weights in models.get_model_weights(name)}
    return known[tag] if tag else known.get("IMAGENET1K_V1") or known["IMAGENET1K_SWAG_LINEAR_V1"]


def _take_last_layer(network: nn.Module) -> int:
    """Replace the last layer by an Identity; return its number of input features."""
    name, layer = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)][-1]
    network.set_submodule(name, nn.Identity())
    return layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
