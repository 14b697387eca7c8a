"""ReLU6 by its output against torch's: the same numbers to the bit, fewer tensors held, in every network that has one."""

import pytest
import torch
from torch import nn

from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.backbones.relu6 import ReLU6, replace_relu6

NAN, INF = float("nan"), float("inf")
EDGES = torch.tensor([-INF, -1.0, -0.0, 0.0, 1e-45, 3.0, 5.9999995, 6.0, 6.0000005, 9.0, INF, NAN])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("inplace", [True, False])
def test_values_and_slopes_are_torchs_at_every_edge(inplace, dtype):
    found = []
    for kind in (ReLU6, nn.ReLU6):
        start = EDGES.clone().to(dtype).requires_grad_()
        before = start * 1
        after = kind(inplace)(before)
        after.backward(torch.arange(1.0, len(EDGES) + 1).to(dtype))
        assert (after.data_ptr() == before.data_ptr()) is inplace
        found += [after.detach(), start.grad]
    values, slopes, their_values, their_slopes = found
    torch.testing.assert_close(values, their_values, rtol=0, atol=0, equal_nan=True)
    assert torch.equal(slopes, their_slopes)
    if dtype == torch.float32:
        assert slopes.tolist() == [0, 0, 0, 0, 5, 6, 7, 0, 0, 0, 0, 12]  # by hand: 0 and 6 themselves are flat


def held(network: nn.Module, x: torch.Tensor) -> int:
    """Bytes that a forward pass keeps for the backward pass, each piece of memory once; the last output is let go."""
    pieces = {}

    def keep(tensor):
        pieces[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(x)
    return sum(pieces.values())


@pytest.mark.parametrize("inplace", [True, False])
def test_holds_one_tensor_less_for_each(inplace):
    def build():
        torch.manual_seed(0)
        layers = [(nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU6(inplace)) for _ in range(3)]
        return nn.Sequential(*(layer for three in layers for layer in three), nn.Conv2d(4, 4, 1, bias=False))

    x, plain, ours = torch.rand(2, 4, 50, 50), build(), build()
    replace_relu6(ours)
    assert held(plain, x) - held(ours, x) == 3 * x.nbytes


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_lite0", "timm:efficientnet_lite0"])
def test_every_network_has_ours_and_learns_the_same_by_them(name):
    torch.manual_seed(0)
    backbone = build_backbone(name)
    kinds = {type(module) for module in backbone.modules() if isinstance(module, nn.ReLU6)}
    assert kinds == {ReLU6}
    pictures = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)
    found = []
    for _ in range(2):
        backbone.zero_grad()
        features = backbone(pictures)
        features.square().sum().backward()
        found.append([features.detach(), *(weight.grad.clone() for weight in backbone.parameters())])
        for path, module in list(backbone.named_modules()):
            if isinstance(module, ReLU6):
                backbone.set_submodule(path, nn.ReLU6(module.inplace))
    assert len(found[0]) > 100 and all(map(torch.equal, *found))


def test_one_module_in_two_places():
    shared = nn.ReLU6()
    network = nn.ModuleList([nn.Sequential(nn.Linear(1, 1), shared), shared])
    replace_relu6(network)
    assert type(network[0][1]) is type(network[1]) is ReLU6
