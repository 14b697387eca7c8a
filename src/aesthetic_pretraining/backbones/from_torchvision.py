"""Torchvision's classification networks. NAME or NAME.WEIGHTS, e.g. resnet50.IMAGENET1K_V2."""

import re
from functools import cache

from torch import Tensor, nn
from torchvision import models

from aesthetic_pretraining.backbones.backbone import Backbone

# with the weights come a second normalisation inside, and classifiers at the side, which are left out
_INCEPTION = {"transform_input": True, "aux_logits": False, "init_weights": False}
OPTIONS = {"googlenet": _INCEPTION, "inception_v3": _INCEPTION}


@cache
def names() -> list[str]:
    plain = models.list_models(module=models)
    return plain + [f"{name}.{weights.name}" for name in plain for weights in models.get_model_weights(name)]


def build(name: str, network: str) -> Backbone:
    built = models.get_model(network.partition(".")[0], weights=None, **OPTIONS.get(network.partition(".")[0], {}))
    norm = _weights(network).transforms()
    return Backbone(name, built, _take_last_layer(built), tuple(norm.mean), tuple(norm.std))


def imagenet(network: str) -> dict[str, Tensor]:
    """Downloaded; torch checks the part of the SHA-256 that is in the file's name."""
    state = _weights(network).get_state_dict(progress=False, check_hash=True, weights_only=True)
    # DenseNet's files have the names of an old version, with a dot in "norm.1"
    state = {re.sub(r"(denselayer\d+\.(?:norm|relu|conv))\.(\d)", r"\1\2", name): value for name, value in state.items()}
    wanted = build(network, network).state_dict()
    return {f"features.{name}": value for name, value in state.items() if f"features.{name}" in wanted}


def _weights(network: str):
    """The weights that a name asks for. ASSUME: without a word the first published ones, as the paper's of 2021 must be."""
    name, _, tag = network.partition(".")
    known = {weights.name: weights for weights in models.get_model_weights(name)}
    return known[tag] if tag else known.get("IMAGENET1K_V1") or known["IMAGENET1K_SWAG_LINEAR_V1"]


def _take_last_layer(network: nn.Module) -> int:
    """Put an Identity in the place of the last layer; return how many features went into it."""
    name, layer = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)][-1]
    network.set_submodule(name, nn.Identity())
    return layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
