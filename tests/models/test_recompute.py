"""Recomputed batch normalisation against kept: gradients equal to the bit, what is held by hand, what must not be forgotten."""

import contextlib
import copy
import gc

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef

from aesthetic_pretraining.models.backbones import Backbone, build_backbone
from aesthetic_pretraining.models.backbones.recompute import Recompute, Saved, _statistics
from aesthetic_pretraining.models.backbones.relu6 import ReLU6
from aesthetic_pretraining.models.network import Network, set_learning
from aesthetic_pretraining.training import gradient_cache
from aesthetic_pretraining.training.distributed import Alone

CPU = torch.device("cpu")
ALONE = Alone(CPU)


def pictures(count=4, size=32):
    return torch.randint(0, 256, (count, 3, size, size), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def backbone(name, recompute):
    torch.manual_seed(0)
    built = build_backbone(name).to(memory_format=torch.channels_last).train()
    with torch.no_grad():
        for layer in built.modules():
            if isinstance(layer, nn.BatchNorm2d):  # as after some learning: at the start all weights are 1 and all biases 0
                layer.weight.uniform_(0.3, 2)
                layer.bias.uniform_(-0.5, 1)
    built.prepare(CPU, recompute)
    return built


def learned(built, x, precision=contextlib.nullcontext):
    """Everything that one pass leaves: features, gradients, state."""
    with precision():
        features = built(x)
    features.float().square().sum().backward()
    return [features.detach(), *(w.grad for w in built.parameters() if w.grad is not None), *built.state_dict().values()]


def assert_equal(one, other):
    assert len(one) == len(other) > 50
    for a, b in zip(one, other):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_lite0", "resnet18", "timm:resnet10t"])
@pytest.mark.parametrize("kind", ["training", "bfloat16", "frozen statistics"])
def test_features_gradients_and_statistics_are_equal_to_the_bit(name, kind):
    found = []
    for recompute in (False, True):
        built = backbone(name, recompute)
        if kind == "frozen statistics":
            built.eval()
            for layer in built.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.running_mean.normal_(0, 0.1, generator=torch.Generator().manual_seed(2))
        autocast = (lambda: torch.autocast("cpu", torch.bfloat16)) if kind == "bfloat16" else contextlib.nullcontext
        found.append(learned(built, pictures(), autocast))
    assert_equal(*found)


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_lite0"])
def test_where_the_batchs_statistics_are_not_found_they_are_computed_again(name, monkeypatch):
    """As on a GPU, whose kernels round in another order."""
    asked = []
    plain = learned(backbone(name, False), pictures())
    monkeypatch.setattr("aesthetic_pretraining.models.backbones.recompute._statistics", lambda *args: asked.append(1))
    assert_equal(plain, learned(backbone(name, True), pictures()))
    assert len(asked) > 40


@pytest.mark.parametrize("affine", [True, False])
def test_the_statistics_are_the_batchs_by_hand(affine):
    norm, seen = nn.BatchNorm2d(4, affine=affine), []
    again = Recompute(nn.Sequential(norm))
    x = torch.rand(3, 4, 5, 5, requires_grad=True)
    with pytest.MonkeyPatch.context() as patch, again.forward_pass():
        patch.setattr(
            "aesthetic_pretraining.models.backbones.recompute._statistics", lambda *args: seen.append(_statistics(*args))
        )
        norm(x * 1)
    mean, scale = seen[0]
    torch.testing.assert_close(mean, x.mean((0, 2, 3)))
    torch.testing.assert_close(scale, (x.var((0, 2, 3), correction=0) + norm.eps).rsqrt())


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_micro_batches_with_recomputation_are_those_without_and_statistics_move_once(kept):
    found = []
    for recompute in (False, True):
        network = Network(backbone("mobilenet_v2", recompute), {"rank": 1})
        loss = gradient_cache.backward(network, pictures(6, 32), lambda out: out["rank"].exp().sum(), 2, ALONE, kept)
        found.append([loss, *(w.grad for w in network.parameters()), *network.state_dict().values()])
        assert {int(v) for k, v in network.state_dict().items() if k.endswith("num_batches_tracked")} == {1}
    assert_equal(*found)


@pytest.mark.parametrize(("trainable", "frozen"), [("released", False), ("all", True)])
def test_where_little_learns_nothing_is_different(trainable, frozen):
    found = []
    for recompute in (False, True):
        network = Network(backbone("efficientnet_lite0", recompute), {"rank": 1})
        set_learning(network, trainable, frozen)
        gradient_cache.backward(network, pictures(4, 32), lambda out: out["rank"].sum(), 0, ALONE)
        found.append([w.grad for w in network.parameters() if w.grad is not None] + list(network.state_dict().values()))
    assert_equal(*found)


def held(call):
    """(bytes that the pass keeps for the backward pass, each piece of memory once; what the pass gave)."""
    pieces, kept = {}, []

    def see(saved):
        tensor = saved
        while not isinstance(tensor, torch.Tensor):
            tensor = (
                getattr(tensor, "recipe", None) or getattr(tensor, "tensor", None)
                if isinstance(tensor, Saved)
                else tensor.source
            )
        pieces[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()

    class Watched(saved_tensors_hooks):
        def __init__(self, pack, unpack):
            super().__init__(lambda tensor: kept.append(pack(tensor)) or kept[-1], unpack)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aesthetic_pretraining.models.backbones.recompute.saved_tensors_hooks", Watched)
        with Watched(lambda tensor: tensor, lambda tensor: tensor):
            result = call()
    for saved in kept:
        see(saved)
    return sum(pieces.values()), result


def unit(channels, inplace=True):
    return [nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace)]


def small(layers):
    torch.manual_seed(0)
    network = nn.Sequential(*layers, nn.Flatten(1), nn.Linear(4 * 50 * 50, 3))
    return Backbone("small", network, 3, (0.0,) * 3, (1.0,) * 3)


@pytest.mark.parametrize("inplace", [True, False])
def test_of_each_unit_one_map_is_kept_by_hand(inplace):
    x = torch.randint(0, 256, (2, 3, 50, 50), dtype=torch.uint8)
    parts = [nn.Conv2d(3, 4, 1), *(layer for _ in range(3) for layer in unit(4, inplace))]
    plain, again = small(copy.deepcopy(parts)), small(copy.deepcopy(parts))
    again.prepare(CPU, True)
    before, features = held(lambda: plain(x))
    after, same = held(lambda: again(x))
    assert torch.equal(features, same)
    size = 2 * 4 * 50 * 50 * 4
    assert before - after == 3 * size


def test_of_mobilenet_half_is_kept():
    x, found = pictures(2, 96), []
    for recompute in (False, True):
        built = backbone("mobilenet_v2", recompute)
        built._check(96)
        found.append(held(lambda built=built: built(x))[0])
    weights = sum(w.nbytes for w in build_backbone("mobilenet_v2").parameters())
    assert (found[1] - weights) / (found[0] - weights) < 0.6


def test_an_output_that_was_changed_since_is_kept_as_it_is():
    class Shortcut(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.norm, self.relu = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(True)
            self.last = nn.Conv2d(4, 3, 1)

        def forward(self, x):
            start = self.first(x)
            out = self.norm(start)
            out += start
            out = self.relu(out)
            out = self.last(out).mean((2, 3))
            return out

    found = []
    for recompute in (False, True):
        torch.manual_seed(0)
        built = Backbone("shortcut", Shortcut(), 3, (0.0,) * 3, (1.0,) * 3)
        built.prepare(CPU, recompute)
        features = built(pictures())
        features.square().sum().backward()
        found.append([features.detach(), *(w.grad for w in built.parameters())])
    assert all(map(torch.equal, *found))


def test_an_input_changed_before_the_backward_pass_is_an_error():
    convolution, norm, relu, last = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(True), nn.Conv2d(4, 3, 1)
    again = Recompute(nn.ModuleList([norm, relu]))
    with again.forward_pass():
        maps = convolution(torch.rand(2, 3, 8, 8))
        out = last(relu(norm(maps)))
    with torch.no_grad():
        maps.add_(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        out.sum().backward()


def test_a_graph_can_be_used_twice():
    built = backbone("mobilenet_v2", True)
    loss = built(pictures(2, 32)).square().sum()
    loss.backward(retain_graph=True)
    first = [w.grad.clone() for w in built.parameters()]
    built.zero_grad()
    loss.backward()
    assert all(map(torch.equal, first, (w.grad for w in built.parameters())))


def outputs_of(built, kind):
    """A list that fills with weak references to the memory of what layers of a kind give."""
    seen = []
    for layer in built.modules():
        if type(layer) is kind:
            layer.register_forward_hook(lambda module, args, out: seen.append(StorageWeakRef(out.untyped_storage())))
    return seen


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_lite0"])
def test_the_memory_is_free_between_the_passes_and_all_of_it_after_them(name):
    gc.disable()  # nothing may wait for the collector
    try:
        for recompute in (False, True):
            built = backbone(name, recompute)
            built._check(32)  # passes the network, too
            activated, convolved = outputs_of(built, ReLU6), outputs_of(built, nn.Conv2d)
            features = built(pictures(2, 32))
            assert [reference.expired() for reference in activated] == [recompute] * len(activated)
            features.sum().backward()
            del features
            assert all(reference.expired() for reference in activated + convolved)
        assert len(activated) > 30
    finally:
        gc.enable()


def test_without_a_graph_it_does_nothing():
    built = backbone("mobilenet_v2", True)
    with torch.no_grad():
        size, features = held(lambda: built(pictures(2, 32)))
    assert size == 0 and not features.requires_grad


def test_a_copied_network_recomputes_its_own(tmp_path):
    one = backbone("mobilenet_v2", True)
    other = copy.deepcopy(one)
    learned(one, pictures(2, 32))
    with torch.no_grad():
        for weight in other.parameters():
            weight.add_(0.01)
    plain = backbone("mobilenet_v2", False)
    plain.load_state_dict(other.state_dict())
    assert_equal(learned(other, pictures(2, 32)), learned(plain, pictures(2, 32)))


@pytest.mark.parametrize(
    ("name", "said"), [("mobilenet_v2", "52 batch norm"), ("timm:test_convnext", "test_convnext has no batch norm")]
)
def test_the_log_says_what_is_recomputed(name, said, caplog):
    with caplog.at_level("INFO", "aesthetic_pretraining"):
        backbone(name, True)
    assert said in caplog.text
    caplog.clear()
    with caplog.at_level("INFO", "aesthetic_pretraining"):
        backbone(name, False)
    assert not caplog.text
