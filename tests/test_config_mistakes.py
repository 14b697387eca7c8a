"""Mistakes in params.yaml: whatever is wrong is said in one sentence."""

import math

import pytest
from parameters import leaves, put

from aesthetic_pretraining.config import resolve
from aesthetic_pretraining.errors import UserError


def sentence(params):
    """What resolve says, checked for what any such sentence must be."""
    with pytest.raises(UserError) as caught:
        resolve(params)
    said = str(caught.value)
    assert said.startswith("params.yaml")
    assert "\n" not in said
    assert len(said) < 600
    for jargon in ("schema", "additionalProperties", "$ref", "exclusive", "$defs", "Traceback", "ValidationError"):
        assert jargon not in said
    return said


# what is wrong
@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("sede", 1, "'sede'"),
        ("image.colour", 1, "'image.colour'"),
        ("scales.demo.pretrain.epoch", 3, "'pretrain.epoch'"),
        ("scales.demo.photos.shares.extra", 0, "'photos.shares.extra'"),
    ],
)
def test_an_unknown_key_is_named_with_the_known_ones(params, key, value, named):
    said = sentence(put(params, key, value))
    assert f"unknown key {named}" in said
    assert "known here: " in said


@pytest.mark.parametrize(
    ("key", "value", "parts"),
    [
        ("seed", "one", ["seed is 'one'", "integer"]),
        ("seed", True, ["seed is True", "integer"]),
        ("seed", 1.5, ["seed is 1.5", "integer"]),
        ("seed", None, ["seed is None", "integer"]),
        ("seed", -1, ["seed is -1", "at least 0"]),
        ("image.jpeg_quality", 101, ["image.jpeg_quality is 101", "at most 100"]),
        ("pretrain.learning_rate", "1e-4", ["pretrain.learning_rate is '1e-4'", "number"]),
        ("pretrain.learning_rate", 0, ["pretrain.learning_rate is 0", "above 0"]),
        ("pretrain.momentum", 1, ["pretrain.momentum is 1", "below 1"]),
        ("pretrain.margin", 7, ["pretrain.margin is 7, but must be at most 1"]),
        ("image.size", "big", ["image.size is 'big', but must be of type integer"]),
        ("distortions.edited_width", 100, ["distortions.edited_width is 100, but must be 0 or at least 300"]),
        ("distortions.edited_width", -1, ["distortions.edited_width is -1", "at least 0"]),
        ("pretrain.trainable", "none", ["pretrain.trainable is 'none'", "all, released"]),
        ("pretrain.tasks", [], ["pretrain.tasks is empty"]),
        ("pretrain.tasks", "ranking", ["pretrain.tasks is 'ranking'", "array"]),
        ("pretrain.tasks", ["ranking", "ranking"], ["pretrain.tasks", "twice"]),
        ("pretrain.tasks", ["ranking", "jigsaw"], ["pretrain.tasks[1] is 'jigsaw'", "ranking_regression"]),
        ("finetune.flip", "yes", ["finetune.flip is 'yes'", "boolean"]),
        ("finetune.emd_r", 3, ["finetune.emd_r is 3", "1, 2"]),
        ("finetune.emd_r", True, ["finetune.emd_r is True", "1, 2"]),
        ("finetune.emd_r", 1.0, ["finetune.emd_r is 1.0", "1, 2"]),
        ("finetune.flip", 1, ["finetune.flip is 1", "boolean"]),
        ("pretrain.margin", True, ["pretrain.margin is True", "number"]),
        ("search", "none", ["search is 'none'", "object"]),
        ("search.lowest", 0.1, ["search.lowest is 0.1", "below search.highest"]),
        ("report.response_outputs", ["contrast", "sepia"], ["report.response_outputs[1] is 'sepia'", "no distortion"]),
        ("probe.lowest", 0, ["probe.lowest is 0", "above 0"]),
        ("probe.lowest", 1.0e4, ["probe.lowest is 10000", "below probe.highest"]),
        ("probe.folds", 2, ["probe.folds is 2", "at least 3"]),
        ("simulate.weights.sharpness", "high", ["simulate.weights.sharpness is 'high'", "number"]),
        ("scales.demo.image.size", 63, ["image.size is 63", "multiple of 2", "(demo)"]),
        ("scales.demo.image.size", 30, ["image.size is 30", "at least 32"]),
        ("scales.demo.finetune.shares", [20, 40], ["finetune.shares is [20, 40]", "contain 100"]),
        ("scales.demo.finetune.shares", [0, 100], ["finetune.shares[0] is 0", "at least 1"]),
        ("scales.demo.finetune.shares", [100, 101], ["finetune.shares[1] is 101", "at most 100"]),
        ("scales.demo.finetune.shares", [0.5, 100], ["finetune.shares[0] is 0.5", "integer"]),
        ("scales.demo.finetune.seeds", [1, 1], ["finetune.seeds", "twice"]),
        ("scales.demo.photos.folder", 7, ["photos.folder is 7", "string"]),
        ("scales.demo.backbone.name", "", ["backbone.name is empty"]),
        ("scales.demo.pretrain.ablations", ["ranking"], ["pretrain.ablations[0] is 'ranking'", "ranking_margin_06"]),
        ("scales.demo.pretrain.ablations", ["ranking_aspects"] * 2, ["pretrain.ablations", "twice"]),
        ("scales.demo.photos.shares.train", 1.5, ["photos.shares.train is 1.5", "at most 1"]),
        # a scale that is not chosen is checked as well
        ("scales.smoke.pretrain.epochs", 0, ["pretrain.epochs is 0", "at least 1", "(smoke)"]),
        ("scales.paper.pretrain.epochs", "many", ["pretrain.epochs is 'many'", "integer", "(paper)"]),
        # what no schema says
        (
            "scales.demo.photos.shares",
            {"train": 0.5, "val": 0.1, "test": 0.1, "labels": 0.31},
            ["photos.shares add up to 1.01", "(demo)"],
        ),
        (
            "scales.paper.simulate.shares",
            {"train": 0.5, "val": 0, "test": 0, "tid2013": 0},
            ["simulate.shares add up to 0.5", "(paper)"],
        ),
        ("sets.ava.shares", {"train": 0.9, "val": 0, "test": 0.05}, ["sets.ava.shares add up to 0.95"]),
        ("finetune.compared", ["imagenet", "jigsaw"], ["finetune.compared", "'jigsaw'"]),
        (
            "pretrain.tasks",
            ["ranking", "ranking_classification", "rotnet", "simclr"],
            ["pretrain.tasks", "'ranking_regression'"],
        ),
        (
            "scales.demo.pretrain.ablations",
            ["ranking_consistency"],
            ["'ranking_consistency'", "pretrain.batch_photos is 1", "(demo)"],
        ),
        (
            "scales.demo.pretrain.ablations",
            ["ranking_across_photos"],
            ["'ranking_across_photos'", "pretrain.batch_photos is 1"],
        ),
        ("scales.paper.photos.sources", ["pexels"], ["pexels.accept_terms is false", "forbid", "unsplash_lite"]),
        ("scales.paper.photos.folder", "", ["photos.folder is empty", "(paper)"]),
        ("scales.paper.photos.sources", [], ["photos.sources is empty"]),
        ("scales.paper.photos.sources", ["folder", "flickr"], ["photos.sources[1] is 'flickr'", "bsds500"]),
        ("scales.paper.photos.sources", ["bsds500", "bsds500"], ["photos.sources", "twice"]),
        ("scales.demo.photos.apart", True, ["photos.apart is true", "simulated", "(demo)"]),
        ("sets.ava.folder", "", ["sets.ava.folder is empty", "name the folder"]),
        ("sets.ava.low", 10, ["sets.ava.low is 10", "below high"]),
        ("sets.ava.above", 10, ["sets.ava.above is 10", "between low 1 and high 10"]),
        ("sets.ava.bins", 21, ["sets.ava.bins is 21", "at most 20"]),
        ("sets.ava.bins", 1, ["sets.ava.bins is 1", "at least 2"]),
        ("sets.ava.folds", 4, ["sets.ava.folds is 4", "'paper'"]),
        ("sets.oasis.folds", 2, ["sets.oasis.folds is 2", "at least 3"]),
        ("sets.oasis.split", "paper", ["sets.oasis.split is 'paper'", "own, random or folds"]),
        ("sets.oasis.reader", "folder", ["sets.oasis.reader is 'folder'", "'oasis'"]),
        ("sets.ava.reader", "eva", ["sets.ava.reader is 'eva'", "oasis"]),
        ("sets.ava.title", "", ["sets.ava.title"]),
        ("scales.demo.photos.shares", {"train": 0.3, "val": 0, "test": 0.1, "labels": 0.6}, ["photos.shares.val", "raise it"]),
        (
            "scales.demo.simulate.shares",
            {"train": 0.5, "val": 0.3, "test": 0, "tid2013": 0.2},
            ["simulate.shares.test", "raise it"],
        ),
        ("sets.ava.title", "AVA\x1b[2J", ["sets.ava.title"]),
        ("scales.paper.labels.train_on", "eva", ["labels.test_on", "begin with train_on", "'eva'"]),
        ("scales.paper.labels.test_on", ["ava", "eva"], ["labels.test_on names 'eva'", "koniq10k"]),
        ("scales.demo.labels.test_on", ["ava", "oasis"], ["labels.test_on names 'oasis'", "simulated"]),
        ("labels.crosscheck", ["eva"], ["labels.crosscheck names 'eva'"]),
        (
            "scales.demo.photos.shares",
            {"train": 0.8, "val": 0.1, "test": 0.1, "labels": 0},
            ["photos.shares.labels is 0", "simulated"],
        ),
        (
            "scales.paper.photos.shares",
            {"train": 0.8, "val": 0.1, "test": 0.05, "labels": 0.05},
            ["photos.shares.labels is above 0", "'real'", "set it to 0"],
        ),
        # the scales themselves
        ("scale", "huge", ["scale is 'huge'", "smoke, demo, oasis, paper"]),
        ("scale", None, ["scale is None", "smoke, demo, oasis, paper"]),
        ("scales", None, ["'scales' is missing"]),
        ("scales", {}, ["'scales' is missing"]),
        ("scales.smoke", None, ["scales.smoke is None", "must hold sections"]),
    ],
)
def test_a_wrong_value_gives_one_sentence(params, key, value, parts):
    said = sentence(put(params, key, value))
    for part in parts:
        assert part in said


@pytest.mark.parametrize(
    ("key", "named"),
    [("seed", "'seed'"), ("pretrain.margin", "'pretrain.margin'"), ("image", "'image.jpeg_quality'"),
     ("scales.smoke.pretrain.epochs", "'pretrain.epochs'"), ("scales.paper.backbone", "'backbone'"),
     ("scales.demo.photos.shares.val", "'photos.shares.val'")],
)  # fmt: skip
def test_a_missing_key_is_named(params, key, named):
    node = params
    for part in key.split(".")[:-1]:
        node = node[part]
    del node[key.split(".")[-1]]
    assert f"the key {named} is missing" in sentence(params)


def test_no_scale_chosen(params):
    del params["scale"]
    assert "smoke, demo, oasis, paper" in sentence(params)


@pytest.mark.parametrize("key", ["seed", "scale", "pretrain.margin", "simulate.weights.sharpness", "report.alpha"])
def test_a_key_that_stands_twice_is_named(params, key):
    value = leaves(params)[key]
    overlay = params["scales"]["paper"]
    for part in key.split(".")[:-1]:
        overlay = overlay.setdefault(part, {})
    overlay[key.split(".")[-1]] = value  # not even the same value
    said = sentence(params)
    assert f"scales.paper.{key}" in said
    assert "keep one of the two" in said


def test_rounded_shares_still_add_up(params):
    put(params, "scales.demo.photos.shares", {"train": 1 / 3, "val": 1 / 3, "test": 0.1, "labels": 0.7 / 3})
    assert math.isclose(sum(resolve(params)["photos"]["shares"].values()), 1)


def test_an_override_on_the_command_line_is_checked_too(params):
    assert resolve({**params, "scale": "smoke", "seed": 7})["seed"] == 7
    assert "unknown key 'sed'" in sentence({**params, "scale": "smoke", "sed": 7})


@pytest.mark.parametrize(
    ("key", "value"),
    [("pretrain.learning_rate", math.nan), ("scales.demo.photos.shares.train", math.nan),
     ("pretrain.balance_temperature", math.inf), ("simulate.weights.sharpness", -math.inf)],
)  # fmt: skip
def test_no_number_is_refused(params, key, value):
    assert key.removeprefix("scales.demo.") in sentence(put(params, key, value))


@pytest.mark.parametrize(("key", "value"), [("seed", 1.0), ("scales.demo.finetune.batch", 32.0)])
def test_a_whole_float_is_no_integer(params, key, value):
    assert "integer" in sentence(put(params, key, value))


@pytest.mark.parametrize(("key", "value"), [("scale", ["demo"]), ("scales.demo", 5), ("scales.demo", ["image"])])
def test_a_wrong_shape_of_the_scales_gives_one_sentence(params, key, value):
    assert "scale" in sentence(put(params, key, value))


@pytest.mark.parametrize(("key", "value"), [("report.response_distortion", "sepia"), ("report.response_outputs", ["sepia"])])
def test_an_unknown_distortion_is_refused(params, key, value):
    assert key in sentence(put(params, key, value))


def test_pexels_runs_with_accepted_terms_and_real_labels_only(params):
    put(params, "pexels.accept_terms", True)
    put(params, "scales.paper.photos.sources", ["pexels"])
    assert resolve(params)
    put(params, "scales.demo.photos.sources", ["pexels"])
    assert "published split leaves no photos for simulated labels" in sentence(params)
    put(params, "scales.demo.photos.sources", ["pexels", "packaged"])  # by content, not by the published split
    assert resolve(params)


@pytest.mark.parametrize(
    ("key", "value", "part"),
    [
        ("shares", {"train": 0.7, "val": 0, "test": 0.3}, "sets.oasis.shares.val is 0"),
        ("split", "random", "sets.oasis.folds is 3"),
    ],
)
def test_a_set_to_train_on_needs_shares_of_each_role(params, key, value, part):
    put(params, "scales.paper.labels.train_on", "oasis")
    put(params, "scales.paper.labels.test_on", ["oasis"])
    assert resolve(params)
    assert part in sentence(put(params, f"sets.oasis.{key}", value))


def test_a_set_may_be_added_by_name(params):
    params["sets"]["ours"] = {**params["sets"]["koniq10k"], "title": "Ours", "reader": "folder", "folder": "data/raw/ours"}
    assert resolve(put(params, "labels.crosscheck", ["ours"]))
    params["sets"]["photos"] = params["sets"].pop("ours")
    put(params, "labels.crosscheck", [])
    assert "sets.photos has a name that is taken" in sentence(params)


def test_nodes_that_do_not_share_the_processes_equally(params):
    said = sentence(put(put(params, "compute.processes", 3), "compute.nodes", 2))
    assert "compute.nodes is 2, but compute.processes is 3, which is no multiple of it" in said
    assert resolve(put(put(params, "compute.processes", 4), "compute.nodes", 2))["compute"]["nodes"] == 2
