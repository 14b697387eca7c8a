"""Pretraining with distortions.engine: device, on the CPU: the same bytes again, after an interruption, and with loader processes."""

import pytest
import torch
from pretraining import outputs

from aesthetic_pretraining.distortions.batched.parcel import Parcel
from aesthetic_pretraining.distortions.variants import Variants, augmented
from aesthetic_pretraining.training import loader
from aesthetic_pretraining.training.datasets import VariantsDataset
from aesthetic_pretraining.training.pretrain import pretrain

IDS = ["wide", "folder/tall", "square"]


@pytest.fixture(scope="module")
def device_variants(photo_store):
    return Variants(photo_store, 32, "published", engine="device")


@pytest.fixture(scope="module")
def training(arguments, device_variants):
    """training(folder) -> what pretrain takes: ranking + regression with views of the photos, by the device engine."""

    def make(folder, **changes):
        config = {"engine": "device", "augment": "flip_crop", "epochs": 2, "batch_photos": 2, "micro_batch": 48} | changes
        return arguments(folder, task="ranking_regression", **config) | {"variants": device_variants}

    return make


@pytest.fixture(scope="module")
def whole(training, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    pretrain(**training(folder))
    return folder


def test_a_killed_training_goes_on_to_the_same_bytes(training, whole, interrupt, tmp_path):
    interrupt(1, pretrain, **training(tmp_path))
    pretrain(**training(tmp_path), workers=1)
    assert outputs(tmp_path) == outputs(whole)


def test_it_is_another_training_than_the_native_engines(training, photo_store, resumed, interrupt, tmp_path):
    interrupt(1, pretrain, **training(tmp_path))
    native = training(tmp_path, engine="native") | {"variants": Variants(photo_store, 32, "published")}
    assert "engine was 'device', now 'native'" in resumed(pretrain, **native)


def test_loaders_send_parcels_and_batches_are_pictures(device_variants):
    dataset = VariantsDataset(device_variants, IDS, seed=5)
    assert isinstance(dataset[0], Parcel) and dataset.nbytes == 0
    made = list(loader.batches(dataset, loader.cut(3, 2), 0))
    assert [tuple(one.shape) for one in made] == [(2, 174, 3, 32, 32), (1, 174, 3, 32, 32)]
    expected = torch.stack([device_variants.pictures(name, 5) for name in IDS])
    assert torch.equal(torch.cat(made), expected)
    for workers in (1, 2):
        assert all(map(torch.equal, loader.batches(dataset, loader.cut(3, 2), workers), made))


def test_a_choice_of_distortions_is_sent_alone(device_variants):
    dataset = VariantsDataset(device_variants, IDS, seed=5, distortions=["tint", "gaussian_noise"])
    (made,) = loader.batches(dataset, [[2]], 0)
    assert torch.equal(made[0], device_variants.pictures("square", 5, ["tint", "gaussian_noise"]))
    assert made.shape[1] == len(dataset.labels)


def test_views_of_photos_are_those_of_the_native_engine(device_variants, photo_store):
    seen = augmented(device_variants, "flip_crop", 7)
    native = augmented(Variants(photo_store, 32, "published"), "flip_crop", 7)
    assert seen.engine == "device"
    assert torch.equal(seen.pictures("wide", 0, ["exposure"]), native.pictures("wide", 0, ["exposure"]))


def test_an_engine_that_does_not_render_live_is_refused(photo_store):
    with pytest.raises(ValueError, match="unknown engine 'reference'; those that render live are native, device"):
        Variants(photo_store, 32, "published", engine="reference")
