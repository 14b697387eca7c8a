"""Features against direct passes of the backbone."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from small_finetuning import pixels

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.models.network import Network, new_backbone
from aesthetic_pretraining.training.features import FeaturesConfig, features
from aesthetic_pretraining.training.features_file import Features

IDS = ["p5", "p0", "p7", "p3", "p1"]


@pytest.fixture
def computed(labelled_store, backbone_file, tmp_path):
    def run(ids=IDS, batch=2, weights=backbone_file, precision="float32", **more):
        out = tmp_path / "features" / "ava.npy"
        features(FeaturesConfig("efficientnet_lite0", batch, 1, precision), labelled_store, ids, weights, out, **more)
        return np.load(out, allow_pickle=False)

    return run


def direct(labelled_store, backbone_file, ids, flipped=False):
    backbone = new_backbone("efficientnet_lite0", backbone_file).eval()
    with torch.no_grad():
        return np.stack([backbone(pixels(labelled_store, i, flipped)[None])[0].numpy() for i in ids])


def test_features_are_the_backbones_in_inference_mode_in_the_order_asked(computed, labelled_store, backbone_file):
    found = computed()
    assert found.dtype == np.float32 and found.shape == (5, 1280)
    wanted = direct(labelled_store, backbone_file, IDS)
    assert wanted.std() > 0.01
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


def test_mirrored_features_are_those_of_the_mirror_images(computed, labelled_store, backbone_file):
    wanted = direct(labelled_store, backbone_file, IDS, flipped=True)
    found = computed(mirrored=True)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())
    assert np.abs(found - computed()).max() > 0.1


def test_features_are_computed_in_the_precision_of_training(computed, labelled_store, backbone_file):
    x = torch.stack([pixels(labelled_store, i) for i in IDS[:2]])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        wanted = new_backbone("efficientnet_lite0", backbone_file).to(memory_format=torch.channels_last).eval()(x)
    found = computed(IDS[:2], precision="bfloat16")
    assert wanted.dtype == torch.bfloat16 and found.dtype == np.float32
    np.testing.assert_array_equal(found, wanted.float().numpy())
    exact = computed(IDS[:2])
    assert 0 < np.linalg.norm(exact - found) < 0.5 * np.linalg.norm(exact)  # 50 layers of random weights


def test_each_image_finds_its_own_row_and_side(tmp_path):
    for name, first in (("plain", 0), ("mirrored", 100)):
        np.save(tmp_path / f"{name}.npy", (first + np.arange(6, dtype=np.float32)).reshape(3, 2))
    found = Features(["a", "b", "c"], tmp_path / "plain.npy", tmp_path / "mirrored.npy")
    wanted = [[4, 5], [100, 101], [0, 1], [4, 5]]
    np.testing.assert_array_equal(found.read(["c", "a", "a", "c"], [False, True, False, False]), wanted)
    with pytest.raises(KeyError):
        found.read(["nobody"], [False])
    with pytest.raises(UserError, match=r"plain\.npy: has float32 numbers of shape \(3, 2\), but the ledger has 2 images"):
        Features(["a", "b"], tmp_path / "plain.npy")


def test_neither_batch_nor_workers_matter_and_bytes_repeat(computed, tmp_path):
    base = computed()
    raw = (tmp_path / "features/ava.npy").read_bytes()
    np.testing.assert_allclose(computed(batch=50), base, rtol=0, atol=1e-4 * np.abs(base).max())
    np.testing.assert_array_equal(computed(workers=1), base)
    computed()
    assert (tmp_path / "features/ava.npy").read_bytes() == raw
    assert [p.name for p in (tmp_path / "features").iterdir()] == ["ava.npy"]


def test_heads_of_a_pretrained_network_are_left_out(computed, backbone_file, tmp_path):
    network = Network(new_backbone("efficientnet_lite0", backbone_file), {"rank": 1})
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, tmp_path / "network.safetensors")
    np.testing.assert_array_equal(computed(weights=tmp_path / "network.safetensors"), computed())


def test_weights_that_do_not_fit_leave_no_file(computed, tmp_path):
    save_file({"x": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(UserError, match=r"other\.safetensors"):
        computed(weights=tmp_path / "other.safetensors")
    assert not (tmp_path / "features" / "ava.npy").exists()


def test_no_pictures_is_an_empty_file(computed):
    assert computed(ids=[]).shape == (0, 1280)
