"""The real params.yaml: every scale resolves, every value is found by its key, described and sourced."""

import copy
import json
import re

import pytest
import yaml
from jsonschema import Draft202012Validator
from parameters import SCALES, leaves, put

from aesthetic_pretraining.config import leaf, leaf_keys, resolve, source_key
from aesthetic_pretraining.config.fields import Section
from aesthetic_pretraining.config.labelled import SetParams
from aesthetic_pretraining.config.params import Params
from aesthetic_pretraining.config.schema import schema


@pytest.mark.parametrize("scale", SCALES)
def test_source_key_leads_to_each_value(params, scale):
    params["scale"] = scale
    for key, value in leaves(resolve(params)).items():
        node = params
        for part in source_key(params, key).replace("${scale}", scale).split("."):
            node = node[part]
        assert node == value, key


def test_source_key_by_hand(params):
    assert source_key(params, "seed") == "seed"
    assert source_key(params, "pretrain.margin") == "pretrain.margin"
    assert source_key(params, "pretrain.epochs") == "scales.${scale}.pretrain.epochs"
    assert source_key(params, "photos.shares.train") == "scales.${scale}.photos.shares.train"
    assert source_key(params, "sets.oasis.shares.train") == "sets.oasis.shares.train"


def test_leaf(params):
    values = resolve({**params, "scale": "smoke"})
    assert {key: leaf(values, key) for key in leaves(values)} == leaves(values)
    for key in ("nothing", "image.nothing", "image"):
        with pytest.raises(KeyError):
            leaf(values, key)


def test_leaf_keys(params):
    values = resolve({**params, "scale": "smoke"})
    assert [key for section in values for key in leaf_keys(values, section)] == list(leaves(values))
    assert leaf_keys(values, "photos.shares") == [f"photos.shares.{role}" for role in ("labels", "test", "train", "val")]
    assert leaf_keys(values, "seed") == ["seed"]
    for key in ("nothing", "image.nothing", "seed.more"):
        with pytest.raises(KeyError):
            leaf_keys(values, key)


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_resolves_to_the_common_and_its_own_values(params, scale):
    before = copy.deepcopy(params)
    values = resolve({**params, "scale": scale})
    assert params == before
    common = leaves({k: v for k, v in params.items() if k not in ("scale", "scales")})
    assert leaves(values) == common | leaves(params["scales"][scale]) | {"scale": scale}


def test_the_scales_differ_in_nothing_but_their_own_keys(params):
    keys = {scale: set(leaves(resolve({**params, "scale": scale}))) for scale in SCALES}
    assert keys["smoke"] == keys["demo"] == keys["paper"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("image.size", 224), ("backbone.name", "mobilenet_v2"), ("pretrain.learning_rate", 1e-4), ("pretrain.learning_rate_decay", 0.98),
     ("pretrain.momentum", 0.9), ("pretrain.rmsprop_decay", 0.9), ("pretrain.weight_decay", 4e-5), ("pretrain.margin", 0.2),
     ("pretrain.balance_temperature", 50), ("pretrain.epochs", 20), ("finetune.dropout", 0.75), ("finetune.shares", [20, 40, 60, 80, 100]),
     ("report.alpha", 0.01)],
)  # fmt: skip
def test_the_paper_scale_holds_the_published_values(params, key, value):
    assert leaf(resolve({**params, "scale": "paper"}), key) == value


def test_the_paper_scale_splits_130000_photos_as_published(params):
    shares = resolve({**params, "scale": "paper"})["photos"]["shares"]
    counts = [shares[role] * 130_000 for role in ("train", "val", "test", "labels")]
    assert counts == pytest.approx([100_000, 15_000, 15_000, 0], abs=10)


def sections(kind=Params, path=""):
    """(dotted prefix, model) of every section."""
    yield path, kind
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from sections(field.annotation, f"{path}{name}.")


def test_every_value_is_described_with_its_source_and_every_section_is_closed():
    seen = []
    for path, kind in [*sections(), *sections(SetParams, "sets.")]:
        assert re.fullmatch(r"\S.{9,}", kind.__doc__.split("\n")[0]), kind
        assert kind.model_config["extra"] == "forbid" and kind.model_config["frozen"] and kind.model_config["strict"]
        for name, field in kind.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
                continue
            assert re.fullmatch(r"\S.{9,}\.", field.description or ""), f"{path}{name} has no description"
            assert field.json_schema_extra["source"], f"{path}{name} has no source"
            seen.append(f"{path}{name}")
    assert "photos.shares.train" in seen and len(seen) > 100


def described_of_a_set():
    return {
        f"{path}{name}"
        for path, kind in sections(SetParams, "set.")
        for name, field in kind.model_fields.items()
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, Section))
    }


def test_every_described_key_is_used(params):
    described = {
        f"{path}{name}"
        for path, kind in sections()
        for name, field in kind.model_fields.items()
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, Section))
    }
    of_sets = {f"sets.{name}.{key.removeprefix('set.')}" for key in described_of_a_set() for name in params["sets"]}
    rows = {key for key in leaves(resolve(params)) if key.startswith("comparisons.")}  # test_config_comparisons.py
    assert described - {"sets", "comparisons"} | of_sets | rows == set(leaves(resolve(params)))


# the schema for editors
@pytest.fixture(scope="module")
def editor(project):
    return Draft202012Validator(json.loads((project / "workflow/schemas/params.schema.json").read_text(encoding="utf-8")))


def test_the_schema_is_current(editor):
    Draft202012Validator.check_schema(editor.schema)
    assert editor.schema == schema()


def test_the_schema_knows_params_yaml(editor, params, params_text):
    assert params_text.startswith("# yaml-language-server: $schema=workflow/schemas/params.schema.json\n")
    assert not list(editor.iter_errors(params))
    assert not list(editor.iter_errors(put(params, "labels.crosscheck", ["koniq10k"])))


@pytest.mark.parametrize(
    ("key", "value"),
    [("sede", 1), ("image.colour", 1), ("scales.demo.pretrain.epoch", 3), ("scales.tiny", {}), ("scales.Tiny", {"image": {"size": 64}}), ("seed", "one"), ("seed", -1),
     ("image.jpeg_quality", 101), ("pretrain.trainable", "none"), ("pretrain.tasks", ["ranking", "ranking"]), ("finetune.emd_r", 3),
     ("scales.demo.image.size", 63), ("scales.demo.finetune.shares", [0, 100]), ("scales.smoke.photos.shares.train", 1.5),
     ("labels.crosscheck", "koniq10k"), ("sets.ava.reader", "eva"), ("sets.ava.bins", 1), ("pretrain.margin", True)],
)  # fmt: skip
def test_an_editor_sees_what_is_wrong(editor, params, key, value):
    assert list(editor.iter_errors(put(params, key, value)))


def test_an_editor_shows_unit_and_source(editor):
    shown = editor.schema["$defs"]["ImageParams"]["properties"]["size"]
    assert shown["description"].endswith("Unit: pixels. Source: section 4.1.")
    assert (shown["minimum"], shown["maximum"], shown["multipleOf"]) == (32, 512, 2)


# the sources of the values
def comments_by_leaf(text):
    """{dotted key: the comments on its own line and on the lines of the sections that it stands in}"""
    lines = text.splitlines()
    found = {}

    def walk(node, path, comments):
        for key, value in node.value:
            own = comments + re.findall(r"#\s*(\S.*)", lines[key.start_mark.line])
            if isinstance(value, yaml.MappingNode):
                walk(value, (*path, key.value), own)
            else:
                ends = re.findall(r"#\s*(\S.*)", lines[value.end_mark.line]) if value.end_mark.line < len(lines) else []
                found[".".join((*path, key.value))] = own + (ends if value.end_mark.column else [])

    walk(yaml.compose(text), (), [])
    return found


def test_every_value_names_its_source(params_text, params):
    comments = comments_by_leaf(params_text)
    assert set(comments) == set(leaves(params))
    assert not [key for key, said in comments.items() if not said]


def test_a_value_without_a_source_would_be_seen(params_text):
    for key, line in (("seed", "seed: 1"), ("pretrain.margin", "  margin: 0.2"), ("scales.smoke.image.size", "  smoke:")):
        bare = re.sub(rf"(?m)^({re.escape(line)})\s*#.*$", r"\1", params_text)
        assert bare != params_text
        assert comments_by_leaf(params_text)[key]
        assert not comments_by_leaf(bare)[key]


def test_published_values_cite_the_paper_or_the_fidelity_table(params_text):
    comments = comments_by_leaf(params_text)
    cited = re.compile(r"sections? \d|Figures? \d|fidelity rows? \d|ASSUME|NIMA")
    for key in comments:
        if key.split(".")[0] in ("pretrain", "finetune") or re.match(
            r"scales\.paper\.(image|photos|backbone|pretrain|finetune)\.", key
        ):
            assert any(map(cited.search, comments[key])), key
