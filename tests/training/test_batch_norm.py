"""pretrain.batch_norm: frozen statistics stay the start's, make micro-batches exact, and need a backbone that has some."""

import copy

import pytest
import torch
from pretraining import TASK
from safetensors.torch import load_file

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import Network, batch_norms, save_weights, set_learning
from aesthetic_pretraining.training import gradient_cache
from aesthetic_pretraining.training.distributed import Alone
from aesthetic_pretraining.training.pretext import TASKS
from aesthetic_pretraining.training.pretrain import pretrain

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def moved(folder, start):
    """{name: whether it differs from the start} of the backbone's entries."""
    made, was = load_file(folder / "weights.safetensors"), load_file(start)
    return {name: not torch.equal(made[f"backbone.{name}"], value) for name, value in was.items()}


@pytest.mark.parametrize("task", ["ranking_regression", "rotnet"])
def test_frozen_statistics_are_the_starts_while_every_weight_learns(task, arguments, backbone_file, tmp_path):
    pretrain(**arguments(tmp_path, task=task, epochs=1, frozen_steps=0, batch_norm="frozen", learning_rate=1e-5))
    changed = moved(tmp_path, backbone_file)
    assert not any(changed[name] for name in changed if name.endswith(STATISTICS))
    learnt = [name for name in changed if not name.endswith(STATISTICS)]
    scales = [name for name in learnt if "bn" in name]
    assert scales and all(changed[name] for name in scales)
    assert all(changed[name] for name in learnt)


def test_the_statistics_of_the_batch_move(arguments, backbone_file, tmp_path):
    pretrain(**arguments(tmp_path, epochs=1, frozen_steps=0, batch_norm="batch"))
    changed = moved(tmp_path, backbone_file)
    assert all(changed[name] for name in changed if name.endswith(("running_mean", "running_var")))


@pytest.mark.parametrize("batch_norm", ["frozen", "batch"])
def test_micro_batches_are_exact_with_frozen_statistics_alone(batch_norm):
    torch.manual_seed(0)
    made = TASKS["ranking_regression"](TASK)
    network = Network(build_backbone("timm:test_efficientnet"), made.heads).double()
    pictures = torch.randint(0, 256, (2 * 174, 3, 32, 32), dtype=torch.uint8)
    results = []
    for micro_batch in (0, 50):
        one = copy.deepcopy(network)
        set_learning(one, "all", frozen=False, batch_norm=batch_norm)
        loss = gradient_cache.backward(
            one, pictures, gradient_cache.by_photo(made.loss, 174), micro_batch, Alone(torch.device("cpu"))
        )
        results.append((loss, torch.cat([w.grad.flatten() for w in one.parameters()])))
    (joint, slope), (parts, other) = results
    distance = max(abs(parts / joint - 1).item(), (other - slope).norm().item() / slope.norm().item())
    assert distance < 1e-10 if batch_norm == "frozen" else distance > 1e-4


def test_a_backbone_without_batch_normalisation_is_refused(arguments, tmp_path):
    save_weights(build_backbone("timm:test_convnext").state_dict(), tmp_path / "start.safetensors")
    with pytest.raises(
        UserError, match=r"pretrain\.batch_norm is 'frozen', but backbone\.name timm:test_convnext has no batch"
    ):
        pretrain(
            **arguments(tmp_path, backbone="timm:test_convnext", batch_norm="frozen")
            | {"start": tmp_path / "start.safetensors"}
        )


def test_set_learning_goes_back_to_the_batchs_statistics():
    network = Network(build_backbone("efficientnet_lite0"), {"rank": 1})
    set_learning(network, "all", frozen=False, batch_norm="frozen")
    assert not any(layer.training for layer in batch_norms(network))
    set_learning(network, "all", frozen=False)
    assert all(layer.training for layer in batch_norms(network))
