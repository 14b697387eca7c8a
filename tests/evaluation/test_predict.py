"""Predictions against direct passes of the network and against biases set by hand."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.metrics import HISTOGRAM
from aesthetic_pretraining.evaluation.predict import PredictConfig, predict
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import Network, score_network

CONFIG = PredictConfig(backbone="efficientnet_lite0", batch=3, threads=1)
IDS = [f"p{k}" for k in range(8)]
P = [f"p{s}" for s in range(1, 11)]


def contiguous(network):
    return {key: value.clone(memory_format=torch.contiguous_format) for key, value in network.state_dict().items()}


def with_start(network, backbone_file):
    network.backbone.load_state_dict(load_file(backbone_file))
    return network.eval()


@pytest.fixture(scope="module")
def scorer(backbone_file, tmp_path_factory):
    """A score network with random heads that spread, and its file."""
    torch.manual_seed(0)
    network = with_start(score_network(build_backbone("efficientnet_lite0"), dropout=0.75), backbone_file)
    with torch.no_grad():
        network.heads["votes"].weight.mul_(2)
    path = tmp_path_factory.mktemp("scorer") / "scorer.safetensors"
    save_file(contiguous(network), path)
    return network, path


@pytest.fixture
def predicted(scorer, labelled_store, tmp_path):
    def run(ids=IDS, batch=3, **more):
        out = tmp_path / "out" / "predictions.parquet"
        config = PredictConfig("efficientnet_lite0", batch, 1)
        predict(config, labelled_store, ids, [int(i[1:]) + 0.5 for i in ids], scorer[1], out, **more)
        return pd.read_parquet(out)

    return run


def test_predictions_are_the_networks_and_their_mean(predicted, scorer, labelled_store):
    frame = predicted()
    assert list(frame) == ["id", "target", "predicted", *P]
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
        np.testing.assert_allclose(again, base, rtol=0, atol=1e-5)


def test_the_same_bytes_twice(predicted, tmp_path):
    predicted()
    first = (tmp_path / "out" / "predictions.parquet").read_bytes()
    predicted()
    assert (tmp_path / "out" / "predictions.parquet").read_bytes() == first
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["predictions.parquet"]


@pytest.mark.parametrize("vote", [1, 7, 10])
def test_a_network_that_is_sure_predicts_that_vote(vote, scorer, labelled_store, tmp_path):
    network = score_network(build_backbone("efficientnet_lite0"), dropout=0.0)
    network.heads["votes"].weight.data.zero_()
    network.heads["votes"].bias.data.copy_(50.0 * (torch.arange(1, 11) == vote))
    save_file(contiguous(network), tmp_path / "sure.safetensors")
    predict(CONFIG, labelled_store, IDS[:2], [5, 5], tmp_path / "sure.safetensors", tmp_path / "out.parquet")
    assert pd.read_parquet(tmp_path / "out.parquet")["predicted"].tolist() == pytest.approx([vote, vote])


def test_a_network_of_another_task_is_an_error(labelled_store, tmp_path):
    save_file(contiguous(Network(build_backbone("efficientnet_lite0"), {"rank": 1})), tmp_path / "rank.safetensors")
    with pytest.raises(UserError, match=r"rank\.safetensors"):
        predict(CONFIG, labelled_store, IDS[:2], [5, 5], tmp_path / "rank.safetensors", tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_human_votes_are_kept_beside_the_predicted_ones(predicted):
    votes = np.arange(80).reshape(8, 10)
    frame = predicted(votes=votes)
    assert list(frame) == ["id", "target", "predicted", *P, *HISTOGRAM]
    np.testing.assert_allclose(frame[HISTOGRAM], votes / votes.sum(axis=1, keepdims=True), rtol=1e-6)
    pd.testing.assert_frame_equal(frame.drop(columns=HISTOGRAM), predicted())
