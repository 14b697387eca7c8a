"""Features against direct passes of the backbone."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.probes.features import FeaturesConfig, features
from aesthetic_pretraining.models.network import Network, new_backbone

IDS = ["p5", "p0", "p7", "p3", "p1"]


@pytest.fixture
def computed(labelled_store, backbone_file, tmp_path):
    def run(ids=IDS, batch=2, weights=backbone_file, **more):
        out = tmp_path / "features" / "ava.npy"
        features(FeaturesConfig("efficientnet_lite0", batch, 1), labelled_store, ids, weights, out, **more)
        return np.load(out, allow_pickle=False)

    return run


def direct(labelled_store, backbone_file, ids):
    backbone = new_backbone("efficientnet_lite0", backbone_file).eval()
    with torch.no_grad():
        return np.stack(
            [backbone(torch.from_numpy(labelled_store.pixels(i).copy()).permute(2, 0, 1)[None])[0].numpy() for i in ids]
        )


def test_features_are_the_backbones_in_inference_mode_in_the_order_asked(computed, labelled_store, backbone_file):
    found = computed()
    assert found.dtype == np.float32 and found.shape == (5, 1280)
    wanted = direct(labelled_store, backbone_file, IDS)
    assert wanted.std() > 0.01
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


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
