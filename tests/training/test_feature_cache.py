"""The cache of the frozen phase of fine-tuning against direct passes of the network."""

import pytest
import torch

from aesthetic_pretraining.models.network import new_backbone, score_network
from aesthetic_pretraining.training.datasets import LabelledImages
from aesthetic_pretraining.training.distributed import Alone, open_team
from aesthetic_pretraining.training.feature_cache import FeatureCache, SharedFeatures, epoch_inputs

ALONE = Alone(torch.device("cpu"))
TRAIN, VAL = ["p0", "p2", "p3", "p4", "p6", "p7"], ["p1", "p5"]


def pixels(store, name, flipped=False):
    array = store.pixels(name)
    return torch.from_numpy((array[:, ::-1] if flipped else array).copy()).permute(2, 0, 1)


def test_cached_features_are_those_of_a_direct_pass(labelled_store, backbone_file, tmp_path):
    ids = [*TRAIN, *VAL]
    network = score_network(new_backbone("efficientnet_lite0", backbone_file), dropout=0.75, bins=10)
    cache = FeatureCache(tmp_path / "x.features", network, labelled_store, ids, 2, 3, ALONE, 0)
    wanted, flipped = ["p7", "p0", "p7", "p1"], [False, True, True, False]
    with torch.no_grad():
        direct = torch.cat(
            [network.backbone.eval()(pixels(labelled_store, i, f)[None]) for i, f in zip(wanted, flipped, strict=True)]
        )
    got = cache.read(wanted, flipped)
    torch.testing.assert_close(got, direct, rtol=1e-3, atol=1e-3)  # rounding depends on the size of the batch
    assert (got[0] - got[2]).abs().max() > 0.1
    assert (got[0] - got[1]).abs().max() > 0.1
    with pytest.raises(KeyError):
        cache.read(["nobody"], [False])
    assert [p.name for p in tmp_path.iterdir()] == ["x.features"]


def test_shared_features_are_computed_once_and_are_those_of_a_cache(labelled_store, backbone_file, tmp_path):
    network = score_network(new_backbone("efficientnet_lite0", backbone_file), dropout=0.0, bins=10)
    how, ids = (labelled_store, 2, 3, ALONE, 0), [*TRAIN, *VAL]
    shared = SharedFeatures(tmp_path / "shared", ids)
    first = shared.cache(network, *how)
    alone = FeatureCache(tmp_path / "alone", network, labelled_store, ids, *how[1:])
    assert torch.equal(first.read(VAL, [True, False]), alone.read(VAL, [True, False]))
    with torch.no_grad():
        for weight in network.parameters():
            weight.zero_()
    assert shared.cache(network, *how) is first and first.read(VAL, [False] * 2).any()
    shared.remove()
    assert [path.name for path in tmp_path.iterdir()] == ["alone"]


def test_without_flips_half_of_the_cache_is_saved(labelled_store, backbone_file, tmp_path):
    network = score_network(new_backbone("efficientnet_lite0", backbone_file), dropout=0.0, bins=10)
    FeatureCache(tmp_path / "x", network, labelled_store, VAL, 1, 2, ALONE, 0)
    assert (tmp_path / "x").stat().st_size == len(VAL) * 1280 * 4


def test_features_are_computed_in_the_precision_of_training(labelled_store, backbone_file, tmp_path):
    network = score_network(new_backbone("efficientnet_lite0", backbone_file), dropout=0.0, bins=10)
    teams = {"float32": ALONE, "bfloat16": open_team(torch.device("cpu"), 1, "bfloat16")}
    found = {
        p: FeatureCache(tmp_path / p, network, labelled_store, VAL, 1, 2, team, 0).read(VAL, [False] * 2)
        for p, team in teams.items()
    }
    x = torch.stack([pixels(labelled_store, i) for i in VAL])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        wanted = network.backbone.eval()(x)
    assert wanted.dtype == torch.bfloat16 and found["bfloat16"].dtype == torch.float32
    assert torch.equal(found["bfloat16"], wanted.float())
    assert not torch.equal(found["float32"], found["bfloat16"])
    assert (found["float32"] - found["bfloat16"]).norm() < 0.5 * found["float32"].norm()  # 50 layers of random weights


def test_any_id_finds_its_picture_and_its_side(store_of):
    ids = ["a\x1f1", "b\x1f", "c"]
    store = store_of(ids, 32)
    sides = [True, False, True]
    got = list(epoch_inputs(LabelledImages(store, ids, sides), [range(2), range(2, 3)], None, ALONE, 0))
    wanted = [pixels(store, i, side) for i, side in zip(ids, sides, strict=True)]
    assert [len(batch) for batch in got] == [2, 1]
    assert all(map(torch.equal, torch.cat(got), wanted))
