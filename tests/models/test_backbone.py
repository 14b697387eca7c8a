"""What all networks under the heads are: features by the libraries' own networks, which weights learn, sizes that are refused."""

import pytest
import torch
import torchvision
from small_networks import IMAGENET, SMALL
from torch import nn

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import Network, set_learning


@pytest.fixture(scope="module", params=SMALL)
def small(request):
    """(name, backbone) of each of the small networks, with random weights."""
    torch.manual_seed(0)
    return request.param, build_backbone(request.param)


@pytest.fixture(scope="module")
def pictures():
    return torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_features_are_what_the_librarys_own_network_classifies_by(small, pictures):
    name, backbone = small
    make, *_, (mean, std) = SMALL[name]
    whole = make().eval()
    classifier = [layer for layer in whole.modules() if isinstance(layer, nn.Linear)][-1]
    odd = whole.load_state_dict({k.removeprefix("features."): v for k, v in backbone.state_dict().items()}, strict=False)
    assert not odd.unexpected_keys and len(odd.missing_keys) == 2  # the classifier's
    scaled = (pictures.numpy().transpose(0, 2, 3, 1) / 255 - mean) / std
    kept = pictures.clone()
    backbone.eval()
    with torch.no_grad():
        features = backbone(pictures)
        expected = whole(torch.from_numpy(scaled.transpose(0, 3, 1, 2)).float())
        got = features @ classifier.weight.T + classifier.bias
    assert features.shape == (3, backbone.width)
    assert (features[0] - features[1]).abs().max() > 0
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-4)
    assert torch.equal(pictures, kept)


@pytest.mark.parametrize("trainable", ["all", "released"])
def test_which_weights_learn(small, trainable, pictures):
    name, backbone = small
    network = Network(backbone, {"votes": 10})
    set_learning(network, trainable, frozen=False)
    network.zero_grad(set_to_none=True)
    network(pictures)["votes"].square().sum().backward()
    learning = sum(w.numel() for w in network.parameters() if w.grad is not None)
    assert learning == SMALL[name][1 if trainable == "all" else 3] + 10 * backbone.width + 10


def test_squeezenet_whose_classifier_is_a_convolution(pictures):
    backbone = build_backbone("squeezenet1_1").eval()
    whole = torchvision.models.squeezenet1_1()
    whole.load_state_dict({k.removeprefix("features."): v for k, v in backbone.state_dict().items()}, strict=False)
    with torch.no_grad():
        maps = whole.features(
            (pictures / 255 - torch.tensor(IMAGENET[0])[:, None, None]) / torch.tensor(IMAGENET[1])[:, None, None]
        )
        torch.testing.assert_close(backbone(pictures), maps.mean(dim=(2, 3)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["efficientnet_b0", "timm:ghostnet_050"])  # by layers that skip blocks, by a function
def test_nothing_is_left_to_chance_and_statistics_move_by_a_tenth(name, pictures):
    backbone = build_backbone(name).train()
    with torch.no_grad():
        assert torch.equal(backbone(pictures), backbone(pictures))
    momenta = {layer.momentum for layer in backbone.modules() if isinstance(layer, nn.BatchNorm2d)}
    assert momenta == {0.1}


@pytest.mark.parametrize(("name", "size"), [("timm:vit_tiny_patch16_224", 224), ("inception_v3", 96)])
def test_a_size_that_a_network_does_not_take_is_an_error_and_leaves_no_trace(name, size):
    backbone = build_backbone(name).train()
    backbone.features.get_submodule(next(n for n, _ in backbone.features.named_children())).eval()
    state, modes = {k: v.clone() for k, v in backbone.state_dict().items()}, [m.training for m in backbone.modules()]
    with pytest.raises(UserError, match=rf"image\.size: backbone\.name {name} does not take images of 64 x 64 pixels \(.*\)"):
        backbone(torch.zeros(2, 3, 64, 64, dtype=torch.uint8))
    assert modes == [m.training for m in backbone.modules()]
    assert all(torch.equal(value, state[key]) for key, value in backbone.state_dict().items())
    with torch.no_grad():
        assert backbone.eval()(torch.zeros(1, 3, size, size, dtype=torch.uint8)).shape == (1, backbone.width)
