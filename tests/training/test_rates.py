"""Learning rates of pretraining: blocks, warm-up and clipping."""

import dataclasses
import importlib

import pytest
import torch
from pretraining import CONFIG, TASK
from safetensors.torch import load_file

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.backbones.backbone import blocks
from aesthetic_pretraining.training.pretext import TASKS
from aesthetic_pretraining.training.pretrain import pretrain
from aesthetic_pretraining.training.pretrain_setup import set_rates, start_of

module = importlib.import_module("aesthetic_pretraining.training.pretrain")


# MobileNetV2: the 19 feature blocks that the released code counts. Lite0: its published stem, 16 blocks and last convolution.
# ResNet-18: stem and 8 blocks.
@pytest.mark.parametrize(("name", "count"), [("mobilenet_v2", 19), ("efficientnet_lite0", 18), ("resnet18", 9)])
def test_blocks_hold_every_weight_once_from_the_input_on(name, count):
    network = build_backbone(name).features
    found = blocks(network)
    assert len(found) == count
    assert [id(w) for block in found for w in block] == [id(w) for w in network.parameters()]


def test_rates_by_hand(backbone_file):
    config = dataclasses.replace(CONFIG, frozen_steps=3, warmup_steps=4, layer_decay=0.5)
    _, optimiser = start_of(TASKS["rotnet"](TASK), "rotnet", config, backbone_file, torch.device("cpu"))
    rates = []
    for updates in (0, 1, 3, 4, 20):
        set_rates(optimiser, 0.1, updates, config)
        last, before, heads = (optimiser.param_groups[k]["lr"] for k in (0, 1, -1))
        rates.append((last, before, heads))
    by_hand = [(0, 0, 0.025), (0, 0, 0.05), (0.025, 0.0125, 0.1), (0.05, 0.025, 0.1), (0.1, 0.05, 0.1)]
    for found, wanted in zip(rates, by_hand, strict=True):
        assert found == pytest.approx(wanted)


def test_the_first_group_is_the_last_block(backbone_file):
    network, optimiser = start_of(TASKS["rotnet"](TASK), "rotnet", CONFIG, backbone_file, torch.device("cpu"))
    last = {id(w) for part in network.backbone.last_block for w in part.parameters()}
    assert {id(w) for w in optimiser.param_groups[0]["params"]} == last
    in_groups = [id(w) for group in optimiser.param_groups for w in group["params"]]
    assert sorted(in_groups) == sorted(id(w) for w in network.parameters())


@pytest.mark.parametrize("clip_norm", [0, 1e-3])
def test_gradients_are_clipped_together(clip_norm, arguments, tmp_path, monkeypatch):
    norms, step = [], torch.optim.RMSprop.step

    def spy(self, *rest):
        slopes = [w.grad for group in self.param_groups for w in group["params"] if w.grad is not None]
        norms.append(torch.cat([slope.flatten() for slope in slopes]).norm().item())
        return step(self, *rest)

    monkeypatch.setattr(torch.optim.RMSprop, "step", spy)
    pretrain(**arguments(tmp_path, epochs=1, frozen_steps=0, clip_norm=clip_norm))
    if clip_norm:
        assert norms == pytest.approx([clip_norm] * len(norms), rel=1e-3)
    else:
        assert min(norms) > 1e-2


@pytest.mark.parametrize("learning_blocks", [1, 12])
def test_the_last_blocks_learn_and_those_before_stay_the_starts(learning_blocks, arguments, backbone_file, tmp_path):
    pretrain(**arguments(tmp_path, epochs=1, frozen_steps=0, learning_blocks=learning_blocks, batch_norm="frozen"))
    network = build_backbone("efficientnet_lite0")
    names = {id(weight): name for name, weight in network.named_parameters()}
    learnt = {names[id(w)] for block in blocks(network.features)[-learning_blocks:] for w in block}
    made, was = load_file(tmp_path / "weights.safetensors"), load_file(backbone_file)
    assert {name for name, value in was.items() if not torch.equal(made[f"backbone.{name}"], value)} == learnt


def test_more_blocks_than_there_are_are_refused(arguments, tmp_path):
    with pytest.raises(
        UserError, match=r"pretrain\.learning_blocks is 19, but backbone\.name efficientnet_lite0 has 18 blocks"
    ):
        pretrain(**arguments(tmp_path, learning_blocks=19))
