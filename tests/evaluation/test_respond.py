"""What pretrained networks say of distorted photos: against direct passes of the network, and against biases set by hand."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file

from aesthetic_pretraining import initialisations
from aesthetic_pretraining.distortions import ASPECTS, DISTORTIONS, VARIANTS
from aesthetic_pretraining.distortions.native.render import render
from aesthetic_pretraining.distortions.variants import Variants
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation import responses as module
from aesthetic_pretraining.evaluation.pretext_metrics import CrossResponse, RankingAccuracy
from aesthetic_pretraining.evaluation.responses import RespondConfig, respond
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import Network
from aesthetic_pretraining.training.pretext import TASKS

PHOTOS, SEED = ["wide", "folder/tall"], 9
TABLES = {"responses": "parquet", "cross": "csv", "ranking": "csv", "pooled": "csv", "confusion": "csv"}


@pytest.fixture(scope="module")
def networks(backbone_file, tmp_path_factory):
    """{task: (network, its file)} of the three ranking tasks, heads at random."""
    torch.manual_seed(1)
    made = {}
    for task in initialisations.RANKING:
        network = Network(build_backbone("efficientnet_lite0"), TASKS[task].heads)
        network.backbone.load_state_dict(load_file(backbone_file))
        path = tmp_path_factory.mktemp("networks") / f"{task}.safetensors"
        save_file({k: v.clone(memory_format=torch.contiguous_format) for k, v in network.state_dict().items()}, path)
        made[task] = (network.eval(), path)
    return made


@pytest.fixture(scope="module")
def run_in(networks, photo_store):
    """run_in(folder, ...) -> {table: its file} of the three networks on two photos, or of what is named."""

    def call(folder, tasks=initialisations.RANKING, photos=PHOTOS, batch=40, seeds=(1,), **more):
        out = {name: folder / f"{name}.{suffix}" for name, suffix in TABLES.items()}
        weights = {(task, seed): networks[task][1] for task in tasks for seed in seeds}
        respond(
            RespondConfig("efficientnet_lite0", batch, 1),
            Variants(photo_store, 32, "published"),
            photos,
            SEED,
            weights,
            **out,
            **more,
        )
        return out

    return call


@pytest.fixture
def run(run_in, tmp_path):
    return lambda folder="out", **changes: run_in(tmp_path / folder, **changes)


@pytest.fixture(scope="module")
def done(run_in, tmp_path_factory):
    """What all networks say of both photos; tests read it."""
    return run_in(tmp_path_factory.mktemp("done"))


def said(networks, task, photo_store, photo):
    """{head: (174, width)} by one direct pass."""
    with torch.no_grad():
        heads = networks[task][0](render(photo_store.pixels(photo), photo, 32, SEED))
    return {name: values.numpy() for name, values in heads.items()}


def test_the_tasks_that_are_asked_are_those_with_one_ranking_score():
    assert set(initialisations.RANKING) == {name for name, task in TASKS.items() if task.heads.get("rank") == 1}


def test_responses_are_the_networks_at_each_level_and_its_anchor(done, networks, photo_store):
    frame = pd.read_parquet(done["responses"])
    assert list(frame) == ["pretraining", "photo", "distortion", "level", *DISTORTIONS]
    assert len(frame) == len(PHOTOS) * (171 + 21)
    for photo in PHOTOS:
        expected = said(networks, "ranking_regression", photo_store, photo)["intensity"]
        for name in ("brightness", "gaussian_noise", "rotation", "left_diagonal_crop", "vibrance"):
            rows = frame[(frame["photo"] == photo) & (frame["distortion"] == name)]
            assert rows["level"].tolist() == sorted([0, *DISTORTIONS[name].levels])
            for row in rows.itertuples():
                variant = (None, 0) if row.level == 0 else (name, row.level)
                at = [
                    i
                    for i, v in enumerate(VARIANTS)
                    if (v.distortion, v.level) == variant and (row.level or v.anchor == DISTORTIONS[name].anchor)
                ]
                np.testing.assert_allclose([getattr(row, n) for n in DISTORTIONS], expected[at[0]], atol=1e-4)
    assert frame[list(DISTORTIONS)].std().min() > 1e-4


def test_tables_are_counted_on_the_same_outputs(done, networks, photo_store):
    cross, ranking = CrossResponse(), RankingAccuracy()
    answers = dict.fromkeys(ASPECTS, 0)
    for photo in PHOTOS:
        for task in initialisations.RANKING:
            heads = said(networks, task, photo_store, photo)
            ranking.add(task, 1, heads["rank"][:, 0])
            if task == "ranking_regression":
                cross.add(1, heads["intensity"])
            if task == "ranking_classification":
                for aspect in ASPECTS:
                    inside = [i for i, v in enumerate(VARIANTS) if v.distortion and DISTORTIONS[v.distortion].aspect == aspect]
                    answers[aspect] += np.bincount(heads[aspect][inside].argmax(axis=1), minlength=heads[aspect].shape[1])
    np.testing.assert_allclose(pd.read_csv(done["cross"])["slope"], cross.frame()["slope"], atol=1e-4)
    found = pd.read_csv(done["ranking"])
    assert (found["task"] + found["distortion"]).tolist() == (ranking.frame()["task"] + ranking.frame()["distortion"]).tolist()
    assert np.mean(found["right"] == ranking.frame()["right"]) > 0.99  # a near tie may fall either way
    pooled = pd.read_csv(done["pooled"]).set_index("task")
    for task, rows in found.groupby("task"):
        assert pooled.loc[task, "photos"] == len(PHOTOS)
        assert pooled.loc[task, "accuracy"] == pytest.approx(rows["right"].sum() / rows["photos"].sum(), abs=1e-5)
    confusion = pd.read_csv(done["confusion"])
    for aspect in ASPECTS:
        got = confusion[confusion["aspect"] == aspect].groupby("answered", sort=False)["photos"].sum()
        assert np.abs(got.to_numpy() - answers[aspect]).sum() <= 2


def test_a_comparison_row_is_asked_as_its_task_and_leaves_the_figures_of_the_papers_rows_alone(networks, photo_store, tmp_path):
    paper, other = networks["ranking_regression"][1], networks["ranking_classification"][1]
    out = {}
    for kind, more in (("without", {}), ("with", {("regression_other", 1): paper, ("naming_other", 1): other})):
        out[kind] = {name: tmp_path / kind / f"{name}.{suffix}" for name, suffix in TABLES.items()}
        respond(
            RespondConfig("efficientnet_lite0", 40, 1), Variants(photo_store, 32, "published"), PHOTOS, SEED,
            {("ranking_regression", 1): paper, ("ranking_classification", 1): other, **more}, **out[kind],
            comparisons={"regression_other": "ranking_regression", "naming_other": "ranking_classification"},
        )  # fmt: skip
    for name in ("responses", "cross", "confusion"):
        assert out["with"][name].read_bytes() == out["without"][name].read_bytes()
    pooled = pd.read_csv(out["with"]["pooled"]).set_index("task")["accuracy"]
    assert pooled["regression_other"] == pooled["ranking_regression"]
    assert pooled["naming_other"] == pooled["ranking_classification"]


def test_output_k_is_that_of_distortion_k(photo_store, tmp_path):
    network = Network(build_backbone("efficientnet_lite0"), TASKS["ranking_regression"].heads)
    network.heads["intensity"].weight.data.zero_()
    network.heads["intensity"].bias.data.copy_(torch.arange(21.0))
    save_file(
        {k: v.clone(memory_format=torch.contiguous_format) for k, v in network.state_dict().items()}, tmp_path / "n.safetensors"
    )
    out = {name: tmp_path / f"{name}.{suffix}" for name, suffix in TABLES.items()}
    variants = Variants(photo_store, 32, "published")
    respond(
        RespondConfig("efficientnet_lite0", 200, 1),
        variants,
        ["square"],
        1,
        {("ranking_regression", 1): tmp_path / "n.safetensors"},
        **out,
    )
    frame = pd.read_parquet(out["responses"])
    # Table 1: six technical, nine style, six composition
    for name, place in {"jpeg_compression": 0, "brightness": 6, "contrast": 7, "vibrance": 14, "image_ratio": 20}.items():
        assert set(frame[name]) == {place}


def test_a_network_that_a_run_does_not_train_is_left_out(run):
    out = run(tasks=["ranking_regression"], photos=["square"])
    assert set(pd.read_csv(out["ranking"])["task"]) == {"ranking_regression"}
    assert pd.read_csv(out["confusion"]).empty
    out = run(tasks=["ranking"], photos=["square"], folder="other")
    assert pd.read_parquet(out["responses"]).empty and pd.read_csv(out["cross"]).empty
    assert list(pd.read_parquet(out["responses"])) == ["pretraining", "photo", "distortion", "level", *DISTORTIONS]


def test_every_pretraining_is_judged_by_itself(run, networks, photo_store):
    """A second seed's file, here the same network: its rows are the first one's, under its own number."""
    out = run(tasks=["ranking_classification", "ranking_regression"], seeds=(5, 2))
    for table, key in (
        (pd.read_parquet(out["responses"]), "photo"),
        *((pd.read_csv(out[n]), None) for n in ("cross", "ranking", "confusion")),
    ):
        one, two = (table[table["pretraining"] == seed].drop(columns="pretraining").reset_index(drop=True) for seed in (5, 2))
        pd.testing.assert_frame_equal(one, two)
        assert len(one) and table["pretraining"].iloc[0] == 5 and len(one) + len(two) == len(table)
        assert key is None or set(one[key]) == set(PHOTOS)


def test_photos_are_written_in_groups_and_neither_groups_nor_workers_matter(run, monkeypatch):
    whole = run(photos=["wide", "square", "folder/tall"], tasks=["ranking_regression"])
    monkeypatch.setattr(module, "GROUP", 2)
    parts = run(photos=["wide", "square", "folder/tall"], tasks=["ranking_regression"], folder="parts", workers=1)
    assert pq.ParquetFile(parts["responses"]).num_row_groups == 2
    pd.testing.assert_frame_equal(pd.read_parquet(whole["responses"]), pd.read_parquet(parts["responses"]))
    assert pd.read_parquet(whole["responses"])["photo"].unique().tolist() == ["wide", "square", "folder/tall"]
    for name in ("cross", "ranking"):
        assert whole[name].read_bytes() == parts[name].read_bytes()


def test_the_same_bytes_twice_and_nothing_half_written(run, done, tmp_path):
    first = {name: path.read_bytes() for name, path in done.items()}
    assert {name: path.read_bytes() for name, path in run().items()} == first
    before = sorted(p.name for p in (tmp_path / "out").iterdir())
    with pytest.raises(KeyError):
        run(photos=["square", "gone"], tasks=["ranking_regression"])
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == before
    assert {name: (tmp_path / "out" / f"{name}.{TABLES[name]}").read_bytes() for name in TABLES} == first


def test_a_network_of_another_task_is_an_error(networks, photo_store, tmp_path):
    out = {name: tmp_path / f"{name}.{suffix}" for name, suffix in TABLES.items()}
    with pytest.raises(UserError, match=r"ranking\.safetensors"):
        respond(
            RespondConfig("efficientnet_lite0", 200, 1),
            Variants(photo_store, 32, "published"),
            ["square"],
            1,
            {("ranking_regression", 1): networks["ranking"][1]},
            **out,
        )
    assert list(tmp_path.iterdir()) == []
