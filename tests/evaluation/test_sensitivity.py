"""Distances of features under distortions: against brute force over all pairs of photos, and against direct passes."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy.spatial.distance import pdist
from scipy.stats import ttest_1samp

from aesthetic_pretraining.distortions import DISTORTIONS, VARIANTS
from aesthetic_pretraining.distortions.native.render import render
from aesthetic_pretraining.distortions.variants import Variants
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.sensitivity import MOVES, Moves, SensitivityConfig, sensitivity
from aesthetic_pretraining.models.backbones import build_backbone

PHOTOS = ["wide", "square", "folder/tall"]


def anchor_of(name):
    return next(i for i, v in enumerate(VARIANTS) if v.distortion is None and v.anchor == DISTORTIONS[name].anchor)


def moved(features):
    found = Moves()
    for photo in features:
        found.add(photo)
    return found


@pytest.fixture(scope="module")
def features():
    """Five photos' features, drawn at random: (5, 174, 7)."""
    return np.random.default_rng(0).normal(3, 1, (5, 174, 7)).astype(np.float32)


def test_the_unit_is_the_distance_of_two_different_photos(features):
    assert moved(features).unit == pytest.approx(np.sqrt((pdist(features[:, 0].astype(float)) ** 2).mean()))


def test_every_row_against_a_loop(features):
    table = moved(features).frame("mine", 0.9)
    assert list(table) == MOVES and set(table["init"]) == {"mine"} and set(table["photos"]) == {5}
    unit = np.sqrt((pdist(features[:, 0].astype(float)) ** 2).mean())
    by_distortion = {}
    for name in DISTORTIONS:
        distances = np.array(
            [
                [
                    np.linalg.norm(photo[i] - photo[anchor_of(name)]) / unit
                    for i, v in enumerate(VARIANTS)
                    if v.distortion == name
                ]
                for photo in features
            ]
        )
        by_distortion[name] = distances.mean(axis=1)
        rows = table[(table["distortion"] == name) & (table["level"] != "all")]
        assert list(rows["level"]) == [v.level for v in VARIANTS if v.distortion == name]
        np.testing.assert_allclose(rows["distance"], distances.mean(axis=0), rtol=1e-6)
        ends = ttest_1samp(distances, 0, axis=0).confidence_interval(0.9)
        np.testing.assert_allclose(rows["low"], np.maximum(ends.low, 0), rtol=1e-5)
        np.testing.assert_allclose(rows["high"], ends.high, rtol=1e-5)
        whole = table[(table["distortion"] == name) & (table["level"] == "all")].iloc[0]
        assert whole["distance"] == pytest.approx(by_distortion[name].mean())
        assert whole["high"] == pytest.approx(ttest_1samp(by_distortion[name], 0).confidence_interval(0.9).high)
    style = np.mean([by_distortion[name] for name, d in DISTORTIONS.items() if d.aspect == "style"], axis=0)
    row = table[(table["aspect"] == "style") & (table["distortion"] == "all")].iloc[0]
    assert (row["distance"], row["high"]) == pytest.approx((style.mean(), ttest_1samp(style, 0).confidence_interval(0.9).high))
    assert len(table) == 171 + 21 + 3


def test_neither_length_nor_place_of_the_features_matters(features):
    one, other = moved(features).frame("a", 0.95), moved(features * 50 + 8).frame("a", 0.95)
    np.testing.assert_allclose(one[["distance", "low", "high"]], other[["distance", "low", "high"]], rtol=1e-3)


def test_crops_and_rotations_are_measured_from_their_own_level_0(features):
    changed = features.copy()
    crop = anchor_of("left_diagonal_crop")
    assert crop != 0 and anchor_of("brightness") == 0
    changed[:, crop] += 100
    before, after = moved(features).by_photo(), moved(changed).by_photo()
    far = [name for k, name in enumerate(DISTORTIONS) if not np.allclose(before[:, k], after[:, k])]
    assert far == [name for name in DISTORTIONS if anchor_of(name) == crop]


@pytest.fixture
def run(photo_store, backbone_file, tmp_path):
    def call(folder="out", weights=None, photos=PHOTOS, batch=60, **more):
        out = {"table": tmp_path / folder / "s.csv", "by_photo": tmp_path / folder / "s.parquet"}
        config = SensitivityConfig("efficientnet_lite0", batch, 1, 0.95)
        weights = weights or {"imagenet": backbone_file}
        sensitivity(config, Variants(photo_store, 32, "published"), photos, 3, weights, **out, **more)
        return out

    return call


def test_the_networks_features_are_asked(run, photo_store, backbone_file, tmp_path):
    state = load_file(backbone_file)
    other = {k: v * 1.3 if k.endswith("_conv_head.weight") else v for k, v in state.items()}
    save_file(other, tmp_path / "other.safetensors")
    out = run(weights={"imagenet": backbone_file, "mine": tmp_path / "other.safetensors"})
    table, rows = pd.read_csv(out["table"]), pd.read_parquet(out["by_photo"])
    assert list(rows) == ["init", "photo", *DISTORTIONS]
    assert list(rows["photo"]) == PHOTOS * 2 and list(rows["init"]) == ["imagenet"] * 3 + ["mine"] * 3
    for init, weights in (("imagenet", state), ("mine", other)):
        network = build_backbone("efficientnet_lite0")
        network.load_state_dict(weights)
        with torch.no_grad():
            shown = [network.eval()(render(photo_store.pixels(p), p, 32, 3)).numpy() for p in PHOTOS]
        expected = moved(shown)
        np.testing.assert_allclose(rows[rows["init"] == init][list(DISTORTIONS)], expected.by_photo(), rtol=1e-3)
        np.testing.assert_allclose(table[table["init"] == init]["distance"], expected.frame(init, 0.95)["distance"], rtol=1e-3)
    assert not np.allclose(rows[list(DISTORTIONS)][:3], rows[list(DISTORTIONS)][3:], rtol=1e-3)


def test_the_same_bytes_twice_and_with_workers(run):
    first, again = run(), run("again", workers=1)
    assert all(first[name].read_bytes() == again[name].read_bytes() for name in first)


def test_too_few_photos_and_a_network_without_features_are_one_sentence(run, backbone_file, tmp_path):
    with pytest.raises(UserError, match=r"at least two test photos, has 1; increase photos\.shares\.test"):
        run(photos=["square"])
    state = {k: torch.zeros_like(v) for k, v in load_file(backbone_file).items()}
    save_file(state, tmp_path / "dead.safetensors")
    with pytest.raises(UserError, match="sensitivity: dead gives all photos the same features; pretrain it again"):
        run(weights={"dead": tmp_path / "dead.safetensors"})
    assert not list(tmp_path.glob("out/*"))
