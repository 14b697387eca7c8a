"""Depthwise convolutions by sums: gradients against torch's own in double precision; used only where oneDNN is slow."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from aesthetic_pretraining.models.backbones import depthwise
from aesthetic_pretraining.models.backbones.depthwise import Depthwise, replace_depthwise, slow_in_onednn


def layer(channels=6, kernel=(5, 5), **own):
    pads = tuple(side // 2 for side in kernel)
    return nn.Conv2d(channels, channels, kernel, **({"padding": pads, "groups": channels, "bias": False} | own))


def images(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("kernel", [(3, 3), (5, 5), (7, 3), (1, 5)])
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (2, 5), (4, 4), (9, 3)])
def test_gradients_are_those_of_torch_in_double_precision(size, kernel, memory_format, monkeypatch):
    monkeypatch.setattr(depthwise, "CHUNK", 6 * 4 * 5)  # several chunks, the last one smaller
    monkeypatch.setattr(depthwise, "slow_in_onednn", lambda *_: True)
    network = nn.Sequential(layer(kernel=kernel))
    replace_depthwise(network)
    x = images(7, 6, *size).to(memory_format=memory_format).requires_grad_()
    slope = images(7, 6, *size, seed=1)
    got = network(x)
    got.backward(slope)

    exact, weight = x.detach().double().requires_grad_(), network[0].weight.detach().double().requires_grad_()
    wanted = F.conv2d(exact, weight, padding=tuple(side // 2 for side in kernel), groups=6)
    wanted.backward(slope.double())
    torch.testing.assert_close(got.double(), wanted, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(x.grad.double(), exact.grad, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network[0].weight.grad.double(), weight.grad, rtol=1e-4, atol=1e-5)


def test_layers_are_replaced_where_they_can_be_without_a_random_number():
    kept = [
        nn.Conv2d(6, 6, 3, padding=1, bias=False),  # all channels together
        layer(stride=2),
        layer(bias=True),
        layer(padding=0),
        layer(dilation=2),
        layer(padding_mode="reflect"),
        layer(kernel=(4, 4)),
    ]
    network = nn.Sequential(layer(), *kept)
    names, state = list(network.state_dict()), torch.get_rng_state()
    replace_depthwise(network)
    assert [type(each) for each in network] == [Depthwise] + [nn.Conv2d] * len(kept)
    assert list(network.state_dict()) == names
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("kernel", "size", "slow"), [((5, 5), 14, True), ((3, 3), 2, True), ((3, 3), 3, True), ((3, 3), 4, False)]
)
def test_only_what_onednn_is_slow_with_is_summed(kernel, size, slow):
    conv, x = layer(kernel=kernel), images(2, 6, size, size)
    assert slow_in_onednn(conv, x) is slow
    assert not slow_in_onednn(conv, x.double())
    with torch.no_grad():
        assert not slow_in_onednn(conv, x)
    with torch.autocast("cpu", torch.bfloat16):
        assert not slow_in_onednn(conv, x)
    assert not slow_in_onednn(conv.requires_grad_(False), x)


def test_no_gradient_of_an_input_that_wants_none():
    network = nn.Sequential(layer())
    replace_depthwise(network)
    network(images(2, 6, 4, 4)).sum().backward()
    assert network[0].weight.grad.abs().sum() > 0
