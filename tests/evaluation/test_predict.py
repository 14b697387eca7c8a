"""Predictions against direct passes of the network and against biases set by hand."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.metrics import histogram
from aesthetic_pretraining.evaluation.predict import Networks, PredictConfig, predict
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import Network, score_network

CONFIG = PredictConfig(backbone="efficientnet_lite0", batch=3, threads=1, values=tuple(range(1, 11)))
IDS = [f"p{k}" for k in range(8)]
P = [f"p{s}" for s in range(1, 11)]
VOTES = [f"v{s}" for s in range(1, 11)]


def contiguous(network):
    return {key: value.clone(memory_format=torch.contiguous_format) for key, value in network.state_dict().items()}


def tables(ids):
    """(ledger, split) in which the images are all for testing; half of them are of one group."""
    ledger = pd.DataFrame({"id": ids, "score": [int(i[1:]) + 0.5 for i in ids], "group": ["", "beach"] * (len(ids) // 2)})
    ledger[VOTES] = np.arange(10 * len(ids)).reshape(-1, 10)
    return ledger, pd.DataFrame({"id": ids, "split": "test"})


def with_start(network, backbone_file):
    network.backbone.load_state_dict(load_file(backbone_file))
    return network.eval()


@pytest.fixture(scope="module")
def scorer(backbone_file, tmp_path_factory):
    """A score network with random heads that spread, and its file."""
    torch.manual_seed(0)
    network = with_start(score_network(build_backbone("efficientnet_lite0"), dropout=0.75, bins=10), backbone_file)
    with torch.no_grad():
        network.heads["votes"].weight.mul_(2)
    path = tmp_path_factory.mktemp("scorer") / "scorer.safetensors"
    save_file(contiguous(network), path)
    return network, path


@pytest.fixture
def predicted(scorer, labelled_store, tmp_path):
    def run(ids=IDS, batch=3, workers=0, votes=()):
        out = tmp_path / "out" / "predictions.parquet"
        networks = Networks(dataclasses.replace(CONFIG, batch=batch), [scorer[1]], workers)
        predict(networks, labelled_store, *tables(ids), out, votes)
        return pd.read_parquet(out)

    return run


def test_predictions_are_the_networks_and_their_mean(predicted, scorer, labelled_store):
    frame = predicted()
    assert list(frame) == ["id", "scene", "target", "predicted", *P]
    assert frame["scene"].tolist() == ["p0", "beach", "p2", "beach", "p4", "beach", "p6", "beach"]
    assert frame["id"].tolist() == IDS
    assert frame["target"].tolist() == [k + 0.5 for k in range(8)]
    for row in frame.itertuples(index=False):
        with torch.no_grad():
            logits = (
                scorer[0](torch.from_numpy(labelled_store.pixels(row.id).copy()).permute(2, 0, 1)[None])["votes"][0]
                .double()
                .numpy()
            )
        expected = np.exp(logits) / np.exp(logits).sum()
        np.testing.assert_allclose([getattr(row, p) for p in P], expected, atol=5e-5)
    np.testing.assert_allclose(frame[P].sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(frame["predicted"], sum(s * frame[f"p{s}"] for s in range(1, 11)), atol=1e-5)
    assert frame["predicted"].between(1, 10).all()
    assert frame["predicted"].std() > 0.01


def test_neither_order_nor_batch_nor_workers_matter(predicted):
    base = predicted().set_index("id")
    for frame in (predicted(IDS[::-1]), predicted(batch=1), predicted(batch=100), predicted(workers=2)):
        again = frame.set_index("id").loc[IDS]
        np.testing.assert_allclose(again[["predicted", *P]], base[["predicted", *P]], rtol=0, atol=1e-5)


def test_the_same_bytes_twice(predicted, tmp_path):
    predicted()
    first = (tmp_path / "out" / "predictions.parquet").read_bytes()
    predicted()
    assert (tmp_path / "out" / "predictions.parquet").read_bytes() == first
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["predictions.parquet"]


@pytest.mark.parametrize("vote", [1, 7, 10])
def test_a_network_that_is_sure_predicts_that_vote(vote, scorer, labelled_store, tmp_path):
    network = score_network(build_backbone("efficientnet_lite0"), dropout=0.0, bins=10)
    network.heads["votes"].weight.data.zero_()
    network.heads["votes"].bias.data.copy_(50.0 * (torch.arange(1, 11) == vote))
    save_file(contiguous(network), tmp_path / "sure.safetensors")
    predict(Networks(CONFIG, [tmp_path / "sure.safetensors"]), labelled_store, *tables(IDS[:2]), tmp_path / "out.parquet")
    assert pd.read_parquet(tmp_path / "out.parquet")["predicted"].tolist() == pytest.approx([vote, vote])


def test_a_network_of_another_task_is_an_error(tmp_path):
    save_file(contiguous(Network(build_backbone("efficientnet_lite0"), {"rank": 1})), tmp_path / "rank.safetensors")
    with pytest.raises(UserError, match=r"rank\.safetensors"):
        Networks(CONFIG, [tmp_path / "rank.safetensors"])


def test_human_votes_are_kept_beside_the_predicted_ones(predicted):
    votes, t = np.arange(80).reshape(8, 10), histogram(10)
    frame = predicted(votes=VOTES)
    assert list(frame) == ["id", "scene", "target", "predicted", *P, *t]
    np.testing.assert_allclose(frame[t], votes / votes.sum(axis=1, keepdims=True), rtol=1e-6)
    pd.testing.assert_frame_equal(frame.drop(columns=t), predicted())


def test_each_image_is_predicted_by_its_folds_network_and_other_sets_by_the_mean(backbone_file, labelled_store, tmp_path):
    """Networks that always vote one thing: which one has spoken can be read off. Seven votes from 0 to 3, at half steps."""
    values, paths = tuple(k / 2 for k in range(7)), []
    for vote in (1, 4, 6):
        network = with_start(score_network(build_backbone("efficientnet_lite0"), dropout=0.0, bins=7), backbone_file)
        network.heads["votes"].weight.data.zero_()
        network.heads["votes"].bias.data.copy_(50.0 * (torch.arange(7) == vote))
        paths.append(tmp_path / f"fold{len(paths) + 1}.safetensors")
        save_file(contiguous(network), paths[-1])
    networks = Networks(dataclasses.replace(CONFIG, values=values), paths)
    ledger, split = tables(IDS)
    split["split"] = ["fold", "val", "fold", "fold", "fold", "fold", "val", "fold"]
    for fold in (pd.Series([3, None, 2, 1, 3, 1, None, 2]), pd.Series(["3", "", "2", "1", "3", "1", "", "2"])):  # as it is read
        predict(networks, labelled_store, ledger, split.assign(fold=fold), tmp_path / "home.parquet")
        frame = pd.read_parquet(tmp_path / "home.parquet")
        assert frame["id"].tolist() == ["p0", "p2", "p3", "p4", "p5", "p7"]  # in the ledger's order
        assert frame["predicted"].tolist() == pytest.approx([3.0, 2.0, 0.5, 3.0, 0.5, 2.0])
    predict(networks, labelled_store, *tables(IDS), tmp_path / "other.parquet")
    frame = pd.read_parquet(tmp_path / "other.parquet")
    np.testing.assert_allclose(frame[[f"p{k}" for k in range(1, 8)]], [[0, 1 / 3, 0, 0, 1 / 3, 0, 1 / 3]] * 8, atol=1e-6)
    assert frame["predicted"].tolist() == pytest.approx([(0.5 + 2 + 3) / 3] * 8)
