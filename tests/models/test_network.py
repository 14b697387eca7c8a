"""Which weights learn, which statistics move, and weights in files."""

import importlib.util
import pickle
import re

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import (
    Network,
    distribution,
    load_into,
    new_backbone,
    save_weights,
    score_network,
    set_learning,
)

BACKBONE = 4_652_008 - 1_281_000
LAST_BLOCK = 412_160
HEAD = 1280 * 10 + 10


@pytest.fixture(scope="module")
def start():
    torch.manual_seed(0)
    return score_network(build_backbone("efficientnet_lite0"), dropout=0.0, bins=10)


@pytest.fixture(scope="module")
def pictures():
    return torch.randint(0, 256, (6, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def copy(module):
    return {key: value.clone(memory_format=torch.contiguous_format) for key, value in module.state_dict().items()}


def is_statistic(key):
    return key.rsplit(".", 1)[1] in ("running_mean", "running_var", "num_batches_tracked")


@pytest.fixture
def step(start, pictures):
    """step(trainable, frozen) -> network after two steps, its state before, {weight: size} of those with a gradient."""

    def run(trainable, frozen):
        network = score_network(build_backbone("efficientnet_lite0"), dropout=0.0, bins=10)
        network.load_state_dict(start.state_dict())
        optimiser = torch.optim.Adam(network.parameters(), lr=1e-2, weight_decay=0.1)
        # an earlier phase must leave no trace
        set_learning(network, "all", frozen=not frozen)
        set_learning(network, trainable, frozen)
        before = copy(network)
        for _ in range(2):
            optimiser.zero_grad(set_to_none=True)
            network(pictures)["votes"].log_softmax(1)[:, 0].mean().neg().backward()
            learning = {name: p.numel() for name, p in network.named_parameters() if p.grad is not None and (p.grad != 0).any()}
            assert {name for name, p in network.named_parameters() if p.grad is not None} == set(learning)
            optimiser.step()
        return network, before, learning

    return run


@pytest.mark.parametrize(
    ("trainable", "frozen", "expected"),
    [
        ("all", False, BACKBONE + HEAD),
        ("all", True, HEAD),
        ("released", False, LAST_BLOCK + HEAD),
        ("released", True, HEAD),
    ],
)
def test_which_weights_learn(step, trainable, frozen, expected):
    network, before, learning = step(trainable, frozen)
    assert sum(learning.values()) == expected
    after = network.state_dict()
    moved = {key for key in after if not torch.equal(after[key], before[key])}
    assert {key for key in moved if not is_statistic(key)} == set(learning)
    # frozen: no statistic moves; else those of all blocks do, whatever learns
    assert {key for key in moved if is_statistic(key)} == (set() if frozen else set(filter(is_statistic, after)))


def test_the_released_construction_really_cuts_the_graph(project):
    spec = importlib.util.spec_from_file_location("released_gradients", project / "tools/studies/released_gradients.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    cut, whole = module.learning(True), module.learning(None)
    assert {name for name, count in cut.items() if count} == {"block 18", "new layer"}
    assert cut["block 18"] == whole["block 18"] == 1280 * 320 + 2 * 1280  # a convolution and a normalisation
    assert module.learning(False) == whole
    assert sum(whole.values()) == 2_223_872 + 1281


def test_a_frozen_backbone_is_bit_identical_and_in_inference_mode(step, pictures):
    network, before, _ = step("all", True)
    assert all(torch.equal(value, before[f"backbone.{key}"]) for key, value in network.backbone.state_dict().items())
    assert not any(m.training for m in network.backbone.modules() if isinstance(m, nn.BatchNorm2d))
    with torch.no_grad():  # a picture's features do not depend on its neighbours
        torch.testing.assert_close(network.backbone(pictures)[:1], network.backbone(pictures[:1]), rtol=1e-4, atol=1e-5)


def test_unfreezing_takes_everything_back(start, pictures):
    network = score_network(build_backbone("efficientnet_lite0"), dropout=0.5, bins=10)
    network.eval()
    set_learning(network, "all", frozen=True)
    assert network.dropout.training  # the head's dropout is on in both phases
    set_learning(network, "all", frozen=False)
    assert all(p.requires_grad for p in network.parameters())
    assert all(m.training for m in network.modules())


def test_batch_normalisation_sees_the_batch_while_learning(start, pictures):
    set_learning(start, "released", frozen=False)
    with torch.no_grad():
        together, without = start.backbone(pictures)[:3], start.backbone(pictures[:3])
    assert not torch.allclose(together, without, rtol=1e-2, atol=1e-2)


def test_heads():
    torch.manual_seed(0)
    backbone = build_backbone("efficientnet_lite0").eval()
    network = Network(backbone, {"plain": 3, "deep": 5}, hidden=frozenset({"deep"})).eval()
    features = torch.randn(4, 1280)
    out = network.on_features(features)
    state = network.state_dict()
    plain = features @ state["heads.plain.weight"].T + state["heads.plain.bias"]
    inner = (features @ state["heads.deep.0.weight"].T + state["heads.deep.0.bias"]).clamp_min(0)
    deep = inner @ state["heads.deep.2.weight"].T + state["heads.deep.2.bias"]
    torch.testing.assert_close(out["plain"], plain)
    torch.testing.assert_close(out["deep"], deep)
    assert state["heads.deep.0.weight"].shape == (1280, 1280)


def test_every_head_draws_its_own_dropout():
    """Fidelity row 30: the released code has one before each head."""
    network = Network(build_backbone("efficientnet_lite0"), {"a": 1280, "b": 1280}, dropout=0.5).train()
    for head in network.heads.values():
        head.weight.data.copy_(torch.eye(1280))
        head.bias.data.zero_()
    torch.manual_seed(0)
    out = network.on_features(torch.ones(4, 1280))
    for part in out.values():
        assert set(part.unique().tolist()) == {0.0, 2.0}  # dropped, or doubled
        assert 0.45 < (part == 0).float().mean() < 0.55
    assert 0.45 < (out["a"] != out["b"]).float().mean() < 0.55
    network.eval()
    assert all((part == 1).all() for part in network.on_features(torch.ones(4, 1280)).values())


@pytest.mark.parametrize(("init", "bound"), [("torch", (1 / 1280) ** 0.5), ("xavier", (6 / (1280 + 21)) ** 0.5)])
def test_first_weights_of_the_heads(init, bound):
    """Evenly drawn from -bound to bound (Glorot and Bengio 2010, equation 16), so that the variance is bound^2 / 3."""
    torch.manual_seed(0)
    network = Network(build_backbone("efficientnet_lite0"), {"plain": 21, "deep": 21}, hidden=frozenset({"deep"}), init=init)
    weight = network.heads["plain"].weight
    assert 0.99 * bound < weight.abs().max() <= bound
    assert weight.var().item() == pytest.approx(bound**2 / 3, rel=0.03)
    assert network.heads["deep"][0].weight.var().item() == pytest.approx(
        ((6 / 2560) if init == "xavier" else 1 / 1280) / 3, rel=0.03
    )
    assert network.heads["plain"].bias.any() == (init == "torch")


def test_dropout_works_before_the_head_and_only_in_training():
    network = score_network(build_backbone("efficientnet_lite0"), dropout=0.75, bins=10)
    with torch.no_grad():
        network.heads["votes"].weight.fill_(1 / 1280)
        network.heads["votes"].bias.zero_()
    ones = torch.ones(200, 1280)
    torch.manual_seed(0)
    with torch.no_grad():
        trained = network.train().on_features(ones)["votes"]
        tested = network.eval().on_features(ones)["votes"]
    torch.testing.assert_close(tested, torch.ones(200, 10))
    # a sum of 1280 terms that are 4 with probability 1/4: mean 1, deviation sqrt(3 / 1280)
    assert trained.mean().item() == pytest.approx(1, abs=0.02)
    assert trained[:, 0].std().item() == pytest.approx((3 / 1280) ** 0.5, rel=0.2)


def test_distribution_is_the_softmax_of_ten_votes():
    logits = torch.tensor([[0.0] * 9 + [2.0]])
    got = distribution({"votes": logits})
    assert got[0, 9].item() == pytest.approx(7.389056 / (9 + 7.389056))
    assert got.sum().item() == pytest.approx(1)


@pytest.mark.parametrize("bins", [2, 7, 20])
def test_a_score_network_has_an_output_for_each_vote(bins):
    network = score_network(build_backbone("efficientnet_lite0"), dropout=0.0, bins=bins)
    assert distribution(network.on_features(torch.zeros(3, 1280))).shape == (3, bins)


def test_weights_come_back_from_a_file_exactly(start, tmp_path):
    first, second = tmp_path / "a.safetensors", tmp_path / "deep" / "b.safetensors"
    state = start.to(memory_format=torch.channels_last).state_dict()
    save_weights(state, first)
    save_weights(dict(reversed(state.items())), second)
    assert first.read_bytes() == second.read_bytes()
    assert [p.name for p in second.parent.iterdir()] == ["b.safetensors"]
    other = score_network(build_backbone("efficientnet_lite0"), dropout=0.0, bins=10)
    load_into(other, first)
    raw = load_file(first)
    assert set(raw) == set(state)
    for key, value in other.state_dict().items():
        assert torch.equal(value, state[key])
        assert torch.equal(raw[key], state[key])
        assert value.dtype == state[key].dtype


def test_a_pretrained_network_gives_its_backbone_alone(tmp_path, start):
    pretrained = Network(build_backbone("efficientnet_lite0"), {"rank": 1, "intensity": 21})
    save_file(copy(pretrained), tmp_path / "network.safetensors")
    save_file(copy(start.backbone), tmp_path / "backbone.safetensors")
    for file, source in (("network", pretrained.backbone), ("backbone", start.backbone)):
        loaded = new_backbone("efficientnet_lite0", tmp_path / f"{file}.safetensors").state_dict()
        assert set(loaded) == set(source.state_dict())
        assert all(torch.equal(value, source.state_dict()[key]) for key, value in loaded.items())


@pytest.mark.parametrize("damage", ["empty", "cut", "noise", "pickle", "other backbone", "other heads"])
def test_a_file_that_does_not_fit_is_an_error_that_names_it(damage, tmp_path, start):
    path, trap = tmp_path / "weights.safetensors", tmp_path / "trap"

    class Evil:
        def __reduce__(self):
            return (open, (str(trap), "w"))

    save_file(copy(start), path)
    whole = path.read_bytes()
    match damage:
        case "empty":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(whole[: len(whole) // 2])
        case "noise":
            path.write_bytes(bytes(range(256)) * 10)
        case "pickle":
            path.write_bytes(pickle.dumps(Evil()))
        case "other backbone":
            save_file(copy(score_network(build_backbone("mobilenet_v2"), dropout=0.0, bins=10)), path)
        case "other heads":
            save_file(copy(Network(start.backbone, {"rank": 1})), path)
    with pytest.raises(UserError, match=r"weights\.safetensors: does not hold the weights of this network") as raised:
        load_into(start, path)
    if damage.startswith("other"):  # what differs is named
        assert re.search(r"Missing key.*_conv_stem|Missing key.*heads\.votes", str(raised.value)), raised.value
    if damage != "other heads":  # whose backbone is the right one
        with pytest.raises(UserError, match=r"weights\.safetensors"):
            new_backbone("efficientnet_lite0", path)
    assert not trap.exists()


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(UserError, match=r"none\.safetensors: no such weights"):
        new_backbone("efficientnet_lite0", tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    ("key", "change", "said"),
    [
        ("backbone.features._conv_stem.weight", lambda v: v.index_fill_(0, torch.tensor([3]), float("nan")), "not finite"),
        ("backbone.features._bn1.bias", lambda v: v.index_fill_(0, torch.tensor([0]), float("-inf")), "not finite"),
        ("backbone.features._bn1.running_var", lambda v: v.index_fill_(0, torch.tensor([1]), -1e-3), "negative variances"),
        ("backbone.features._bn1.weight", lambda v: v.half(), "is float16, not float32"),
        ("backbone.features._bn1.weight", lambda v: v.double(), "is float64, not float32"),
        ("backbone.features._bn1.num_batches_tracked", lambda v: v.float(), "is float32, not int64"),
    ],
)
def test_values_that_are_no_weights_are_refused_by_name(tmp_path, start, key, change, said):
    state = copy(start)
    state[key] = change(state[key])
    save_file(state, tmp_path / "weights.safetensors")
    with pytest.raises(UserError, match=rf"weights\.safetensors: .*{re.escape(key.removeprefix('backbone.'))} .*{said}"):
        new_backbone("efficientnet_lite0", tmp_path / "weights.safetensors")
    with pytest.raises(UserError, match=rf"weights\.safetensors: .*{re.escape(key)} .*{said}"):
        load_into(score_network(build_backbone("efficientnet_lite0"), dropout=0.0, bins=10), tmp_path / "weights.safetensors")
