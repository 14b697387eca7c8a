"""Micro-batches against the joint batch: gradients, running statistics, and what is exactly the same."""

import copy

import pytest
import torch
from torch import nn

from aesthetic_pretraining.models.network import Network
from aesthetic_pretraining.training import gradient_cache
from aesthetic_pretraining.training.distributed import Alone
from aesthetic_pretraining.training.pretext import TASKS, TaskConfig

ALONE = Alone(torch.device("cpu"))

TASK = TaskConfig(margin=0.2, balance_temperature=50, simclr_temperature=0.5, simclr_projection=8)


class Tiny(nn.Module):
    """A backbone in float64: a convolution, a normalisation of the given kind, another convolution."""

    width = 5

    def __init__(self, norm):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), norm, nn.ReLU(), nn.Conv2d(6, self.width, 3, stride=2))

    def forward(self, pictures):
        return self.body(pictures.double() / 255).mean(dim=(2, 3))


def tiny(task="ranking_regression", norm=None):
    torch.manual_seed(3)
    made = TASKS[task](TASK)
    return Network(Tiny(norm or nn.BatchNorm2d(6)), made.heads, made.hidden).double().train(), made


def pictures(task, photos=2):
    count = {"rotnet": 4, "simclr": 2}.get(task, 174)
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (photos, count, 3, 12, 12), generator=generator, dtype=torch.uint8)


def forward(network, x, micro_batch=0):
    """{head: (B, n, width)} of pictures (B, n, 3, S, S)."""
    outputs = gradient_cache.forward(network, x.flatten(0, 1), micro_batch, ALONE)
    return {name: out.unflatten(0, x.shape[:2]) for name, out in outputs.items()}


def with_graph(network, x, size=10**9):
    """The same written anew, in parts of `size` pictures, with one graph over all of them."""
    features = torch.cat([network.backbone(part) for part in x.flatten(0, 1).split(size)])
    return {name: head(features).unflatten(0, x.shape[:2]) for name, head in network.heads.items()}


def backward(network, x, loss, micro_batch=0, kept=0):
    return gradient_cache.backward(
        network, x.flatten(0, 1), gradient_cache.by_photo(loss, x.shape[1]), micro_batch, ALONE, kept
    )


def gradients(network):
    return {name: weight.grad.clone() for name, weight in network.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize("micro_batch", [2, 50, 174, 200])
@pytest.mark.parametrize("task", TASKS)
def test_loss_and_gradients_are_those_of_the_joint_batch_where_statistics_are_fixed(task, micro_batch):
    network, made = tiny(task, nn.BatchNorm2d(6).eval())
    network.backbone.body[1].eval()
    other, x = copy.deepcopy(network), pictures(task)
    joint = made.loss(with_graph(network, x))
    joint.backward()
    loss = backward(other, x, made.loss, micro_batch)
    assert not loss.requires_grad
    assert loss.item() == pytest.approx(joint.item(), rel=1e-12)
    wanted, got = gradients(network), gradients(other)
    assert wanted.keys() == got.keys()
    for name in wanted:
        torch.testing.assert_close(got[name], wanted[name], rtol=1e-9, atol=1e-12)
    with torch.no_grad():
        for name, out in forward(network, x).items():
            torch.testing.assert_close(forward(network, x, micro_batch)[name], out, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("micro_batch", [0, 348, 1000])
def test_a_batch_that_fits_is_exactly_the_plain_step(micro_batch):
    network, made = tiny()
    other, x = copy.deepcopy(network), pictures("ranking_regression")
    loss = made.loss({name: out.unflatten(0, (2, 174)) for name, out in network(x.flatten(0, 1)).items()})
    loss.backward()
    assert backward(other, x, made.loss, micro_batch).item() == loss.item()
    assert all(torch.equal(a, gradients(other)[name]) for name, a in gradients(network).items())
    assert all(torch.equal(a, other.state_dict()[name]) for name, a in network.state_dict().items())


@pytest.mark.parametrize("kept", [1, 3, 7, 100])
def test_kept_graphs_change_nothing(kept):
    network, made = tiny()
    other, x = copy.deepcopy(network), pictures("ranking_regression")
    assert backward(network, x, made.loss, 50).item() == backward(other, x, made.loss, 50, kept).item()
    for name, wanted in gradients(network).items():
        torch.testing.assert_close(gradients(other)[name], wanted, rtol=1e-10, atol=1e-13)
    for name, wanted in network.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], wanted, rtol=1e-12, atol=0)


def test_a_kept_micro_batch_passes_once():
    network, made = tiny()
    passes = []
    network.backbone.register_forward_hook(lambda *args: passes.append(1))
    backward(network, pictures("ranking_regression"), made.loss, 58, kept=2)
    assert len(passes) == 6 + 4  # six parts, four of them twice


def test_gradients_are_those_of_normalisation_by_micro_batch():
    """With one graph over all micro-batches, which needs the memory that the two passes save."""
    network, made = tiny()
    other, x = copy.deepcopy(network), pictures("ranking_regression", photos=1)
    network.backbone.body[1].track_running_stats = False
    made.loss(with_graph(network, x, 58)).backward()
    backward(other, x, made.loss, 58)
    for name, wanted in gradients(network).items():
        torch.testing.assert_close(gradients(other)[name], wanted, rtol=1e-9, atol=1e-12)


def test_running_statistics_move_once_towards_the_mean_over_the_micro_batches():
    network, made = tiny()
    norm, x = network.backbone.body[1], pictures("ranking_regression")
    with torch.no_grad():
        norm.running_mean += 1
        maps = [network.backbone.body[0](part.double() / 255) for part in x.flatten(0, 1).split([116, 116, 116])]
    before = norm.running_mean.clone(), norm.running_var.clone()
    backward(network, x, made.loss, 120)
    for got, old, values in (
        (norm.running_mean, before[0], [m.mean(dim=(0, 2, 3)) for m in maps]),
        (norm.running_var, before[1], [m.var(dim=(0, 2, 3)) for m in maps]),
    ):
        torch.testing.assert_close(got, 0.9 * old + 0.1 * torch.stack(values).mean(dim=0))
    assert norm.num_batches_tracked == 1
    assert norm.momentum == 0.1 and norm.track_running_stats


def test_a_frozen_backbone_is_neither_moved_nor_given_gradients_and_the_heads_are():
    network, made = tiny()
    network.backbone.eval().requires_grad_(False)
    joint, x = copy.deepcopy(network), pictures("ranking_regression")
    before = copy.deepcopy(network.backbone.state_dict())
    backward(network, x, made.loss, 30)
    backward(joint, x, made.loss)
    assert gradients(network).keys() == {name for name, _ in network.named_parameters() if name.startswith("heads")}
    for name, wanted in gradients(joint).items():
        torch.testing.assert_close(gradients(network)[name], wanted, rtol=1e-9, atol=1e-12)
    assert all(torch.equal(a, before[name]) for name, a in network.backbone.state_dict().items())


@pytest.mark.parametrize(
    ("count", "micro_batch", "sizes"), [(348, 0, [348]), (348, 120, [116] * 3), (4, 3, [2, 2]), (6, 5, [3, 3])]
)
def test_parts_are_few_and_equal(count, micro_batch, sizes):
    parts = gradient_cache.split(torch.arange(count), micro_batch)
    assert [len(part) for part in parts] == sizes
    assert torch.cat(parts).tolist() == list(range(count))


def test_no_even_batch_leaves_a_single_picture_over():
    for count in range(2, 120, 2):
        for micro_batch in range(2, count + 2):
            sizes = [len(part) for part in gradient_cache.split(torch.arange(count), micro_batch)]
            assert min(sizes) >= 2 and max(sizes) <= micro_batch
