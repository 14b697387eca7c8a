"""Scores of the unlabelled photos against direct passes, and the share above five by hand."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from aesthetic_pretraining.data.letterbox import letterbox
from aesthetic_pretraining.evaluation.photos.scores import ScoresConfig, photo_scores
from aesthetic_pretraining.evaluation.photos.shares import SHARES, shares_above
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import score_network

CONFIG = ScoresConfig("efficientnet_lite0", 32, 2, 1, values=tuple(range(1, 11)), above=5)
SPLIT = pd.DataFrame({"id": ["wide", "square", "folder/tall"], "split": ["train", "train", "test"]})


@pytest.fixture(scope="module")
def scorers(backbone_file, tmp_path_factory):
    """{seed: (network, file)} of two score networks with random heads."""
    made = {}
    for seed in (1, 4):
        torch.manual_seed(seed)
        network = score_network(build_backbone("efficientnet_lite0"), dropout=0.75, bins=10)
        network.backbone.load_state_dict(load_file(backbone_file))
        network.heads["votes"].weight.data.mul_(2)
        path = tmp_path_factory.mktemp("scorers") / f"seed{seed}.safetensors"
        save_file({k: v.clone(memory_format=torch.contiguous_format) for k, v in network.state_dict().items()}, path)
        made[seed] = (network.eval(), path)
    return made


@pytest.mark.parametrize("seeds", [(1,), (1, 4)])
def test_scores_are_the_networks_on_the_letterboxed_photo(scorers, photo_store, tmp_path, seeds):
    out = {"scores": tmp_path / "scores.parquet", "shares": tmp_path / "shares.csv"}
    weights = {seed: scorers[seed][1] for seed in seeds}
    photo_scores(CONFIG, photo_store, SPLIT, weights, **out)
    frame, table = pd.read_parquet(out["scores"]), pd.read_csv(out["shares"])
    assert list(frame) == ["id", "split", *(f"seed{seed}" for seed in seeds)]
    assert list(frame["id"]) == list(SPLIT["id"])
    for row in frame.itertuples():
        picture = torch.from_numpy(letterbox(photo_store.pixels(row.id), 32)).permute(2, 0, 1)[None]
        for seed in seeds:
            with torch.no_grad():
                shares = scorers[seed][0](picture)["votes"].softmax(1)[0]
            assert getattr(row, f"seed{seed}") == pytest.approx(float(shares @ torch.arange(1.0, 11)), abs=1e-4)
    pd.testing.assert_frame_equal(table.astype({"seed": str}), shares_above(frame, 5), atol=1e-5, check_dtype=False)
    first = {name: path.read_bytes() for name, path in out.items()}
    photo_scores(CONFIG, photo_store, SPLIT, weights, **out, workers=1)
    assert first == {name: path.read_bytes() for name, path in out.items()}


def test_the_share_above_five_by_hand():
    """Wilson's interval of 8 of 10 is 0.490 to 0.943 (Brown, Cai and DasGupta 2001 use the same formula)."""
    scores = pd.DataFrame({"split": ["train"] * 10, "seed2": [5.0, 4.0, *[6.0] * 8]})
    table = shares_above(scores, 5)
    assert list(table) == SHARES
    assert shares_above(scores, 4.5).iloc[-1]["above"] == 9  # a threshold of another set
    assert shares_above(scores, 5, published=False)["published"].isna().all()
    whole = table.iloc[-1]
    assert (whole["split"], whole["seed"], whole["photos"], whole["above"], whole["published"]) == ("all", "2", 10, 8, 0.88)
    assert (whole["low"], whole["high"]) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert np.isnan(table["published"].iloc[0])


def test_several_seeds_have_a_row_each_and_one_of_their_mean():
    scores = pd.DataFrame({"split": ["a", "a", "b"], "seed1": [6, 4, 9.0], "seed3": [3, 7, 9.0]})
    table = shares_above(scores, 5).set_index(["split", "seed"])["above"]
    assert table.to_dict() == {
        ("a", "1"): 1, ("a", "3"): 1, ("a", "mean"): 1, ("b", "1"): 1, ("b", "3"): 1, ("b", "mean"): 1,
        ("all", "1"): 2, ("all", "3"): 2, ("all", "mean"): 2,
    }  # fmt: skip
