"""Networks with their last layer, and the detector, against the libraries' own; what is said where weights are not there."""

import re
from urllib.error import URLError

import pytest
import timm
import torch
import torchvision
from PIL import Image
from skimage import data

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.models.backbones import classifier, imagenet_classifier, object_detector

COCO = torchvision.models.detection.RetinaNet_ResNet50_FPN_Weights.COCO_V1


@pytest.fixture
def fetched(monkeypatch):
    """fetched(state or error): what torch's downloader gives from now on; returns what it is asked for."""

    def answer(with_what):
        asked = []

        def load(url, *args, **settings):
            asked.append((url.rsplit("/", 1)[1], settings.get("check_hash"), settings.get("weights_only")))
            if isinstance(with_what, Exception):
                raise with_what
            return with_what

        monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", load)
        return asked

    return answer


def random_state(network):
    """Weights and statistics that let something through to the last layer."""
    state = network.state_dict()
    generator = torch.Generator().manual_seed(3)
    for name, value in state.items():
        if value.is_floating_point() and value.ndim > 1:
            value.copy_(torch.randn(value.shape, generator=generator) / value[0].numel() ** 0.5)
        elif value.is_floating_point():
            shift = 1.0 if name.endswith(("running_var", "weight")) else 0.0
            value.copy_(shift + 0.1 * torch.rand(value.shape, generator=generator))
    return {name: value.clone() for name, value in state.items()}


def pictures(size, count=2):
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(4))


def test_the_packaged_network_names_photos():
    network = imagenet_classifier("efficientnet_lite0")
    assert (network.resize, network.crop, len(network.names)) == (256, 224, 1000)
    for name, wanted in {
        "chelsea": "cat|tabby|lynx",
        "coffee": "espresso|cup|mug",
        "rocket": "missile|projectile|space",
    }.items():
        image = torchvision.transforms.functional.pil_to_tensor(Image.fromarray(getattr(data, name)()))
        square = torchvision.transforms.functional.center_crop(
            torchvision.transforms.functional.resize(image, 256, antialias=True), 224
        )
        with torch.no_grad():
            best = network(square[None])[0].topk(2).indices.tolist()
        assert any(re.search(wanted, network.names[k].lower()) for k in best), [network.names[k] for k in best]


def test_densenet_is_torchvisions(fetched):
    torch.manual_seed(0)
    whole = torchvision.models.densenet121(weights=None).eval()
    state = random_state(whole)
    # the files have names of an old version
    asked = fetched({re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", name): value for name, value in state.items()})
    network = imagenet_classifier("densenet121")
    assert asked == [("densenet121-a639ec97.pth", True, True)]
    weights = torchvision.models.DenseNet121_Weights.IMAGENET1K_V1
    assert network.names == tuple(weights.meta["categories"])
    shown = pictures(224)
    with torch.no_grad():
        asked = weights.transforms()
        expected = whole(torchvision.transforms.functional.normalize(shown / 255, asked.mean, asked.std))
        torch.testing.assert_close(network(shown), expected)
    assert expected.isfinite().all() and expected.std() > 0.01


def test_timms_network_is_cut_as_its_weights_ask(monkeypatch):
    torch.manual_seed(0)
    real = timm.create_model
    whole = real("test_resnet", pretrained=False)
    monkeypatch.setattr(timm, "create_model", lambda name, pretrained, **more: whole if pretrained else real(name, **more))
    network = imagenet_classifier("timm:test_resnet")
    cfg = whole.pretrained_cfg
    assert network.crop == cfg["input_size"][-1] == 160 and network.resize == int(160 / cfg["crop_pct"])
    mean, std = (torch.tensor(cfg[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    shown = pictures(160)
    with torch.no_grad():
        torch.testing.assert_close(network(shown), whole((shown / 255 - mean) / std))


def test_the_detector_is_torchvisions(fetched, monkeypatch):
    """Built from its parts, so that the file need not be unpickled as code; against torchvision's own function."""
    monkeypatch.setattr(classifier, "SIDES", (64, 96))
    torch.manual_seed(0)
    build = torchvision.models.detection.retinanet_resnet50_fpn
    fetched({})
    monkeypatch.setattr(torchvision.models.detection.RetinaNet, "load_state_dict", lambda self, state, **_: None)
    plain = build(weights=COCO, weights_backbone=None, min_size=64, max_size=96).eval()
    monkeypatch.undo()
    monkeypatch.setattr(classifier, "SIDES", (64, 96))
    state = random_state(plain)
    state["head.classification_head.cls_logits.bias"].copy_(torch.randn(819, generator=torch.Generator().manual_seed(5)))
    plain.load_state_dict(state)
    asked = fetched(state)
    detector = object_detector()
    assert asked == [("retinanet_resnet50_fpn_coco-eeacb38b.pth", True, True)]
    assert (detector.short_side, detector.names) == (64, tuple(COCO.meta["categories"]))
    photo = pictures(80, 1)[0, :, :70]
    with torch.no_grad():
        expected = plain([photo / 255])[0]
        kinds, scores = detector(photo)
    assert len(kinds) > 3 and (scores.diff() <= 0).all()
    torch.testing.assert_close(scores, expected["scores"])
    assert torch.equal(kinds, expected["labels"])


@pytest.mark.parametrize("fault", [URLError("no network"), RuntimeError('invalid hash value (expected "a", got "b")'), {}])
def test_weights_that_cannot_be_had_are_one_sentence(fetched, fault):
    fetched(fault)
    with pytest.raises(UserError, match="ImageNet weights of densenet121 cannot be had .*; connect to a network") as one:
        imagenet_classifier("densenet121")
    with pytest.raises(UserError, match="COCO weights of retinanet_resnet50_fpn cannot be had .*; connect to a network") as two:
        object_detector()
    assert "\n" not in str(one.value) + str(two.value)


def test_an_unknown_name_is_said_with_its_key():
    with pytest.raises(UserError, match=r"photo_check\.networks: 'densenet12' is unknown; near it are .*densenet121"):
        imagenet_classifier("densenet12", "photo_check.networks")
    with pytest.raises(UserError, match=r"photo_check\.networks: 'magic' is no library"):
        imagenet_classifier("magic:net", "photo_check.networks")
