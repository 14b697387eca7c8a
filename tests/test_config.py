"""The real params.yaml: every scale resolves, every value is found by its key, described and sourced."""

import copy
import re

import pytest
import yaml
from parameters import SCALES, leaves

from aesthetic_pretraining.config import leaf, resolve, source_key


@pytest.mark.parametrize("scale", SCALES)
def test_source_key_leads_to_each_value(params, schema, scale):
    params["scale"] = scale
    for key, value in leaves(resolve(params, schema)).items():
        node = params
        for part in source_key(params, key).replace("${scale}", scale).split("."):
            node = node[part]
        assert node == value, key


def test_source_key_by_hand(params):
    assert source_key(params, "seed") == "seed"
    assert source_key(params, "pretrain.margin") == "pretrain.margin"
    assert source_key(params, "pretrain.epochs") == "scales.${scale}.pretrain.epochs"
    assert source_key(params, "photos.shares.train") == "scales.${scale}.photos.shares.train"
    assert source_key(params, "labels.random_shares.train") == "labels.random_shares.train"


def test_leaf(params, schema):
    values = resolve({**params, "scale": "smoke"}, schema)
    assert {key: leaf(values, key) for key in leaves(values)} == leaves(values)
    for key in ("nothing", "image.nothing", "image"):
        with pytest.raises(KeyError):
            leaf(values, key)


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_resolves_to_the_common_and_its_own_values(params, schema, scale):
    before = copy.deepcopy(params)
    values = resolve({**params, "scale": scale}, schema)
    assert params == before
    common = leaves({k: v for k, v in params.items() if k not in ("scale", "scales")})
    assert leaves(values) == common | leaves(params["scales"][scale]) | {"scale": scale}


def test_the_scales_differ_in_nothing_but_their_own_keys(params, schema):
    keys = {scale: set(leaves(resolve({**params, "scale": scale}, schema))) for scale in SCALES}
    assert keys["smoke"] == keys["demo"] == keys["paper"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("image.size", 224), ("backbone.name", "mobilenet_v2"), ("pretrain.learning_rate", 1e-4), ("pretrain.learning_rate_decay", 0.98),
     ("pretrain.momentum", 0.9), ("pretrain.rmsprop_decay", 0.9), ("pretrain.weight_decay", 4e-5), ("pretrain.margin", 0.2),
     ("pretrain.balance_temperature", 50), ("pretrain.epochs", 20), ("finetune.dropout", 0.75), ("finetune.shares", [20, 40, 60, 80, 100]),
     ("report.alpha", 0.01)],
)  # fmt: skip
def test_the_paper_scale_holds_the_published_values(params, schema, key, value):
    assert leaf(resolve({**params, "scale": "paper"}, schema), key) == value


def test_the_paper_scale_splits_130000_photos_as_published(params, schema):
    shares = resolve({**params, "scale": "paper"}, schema)["photos"]["shares"]
    counts = [shares[role] * 130_000 for role in ("train", "val", "test", "labels")]
    assert counts == pytest.approx([100_000, 15_000, 15_000, 0], abs=10)


def test_numbers_are_numbers(params):
    # YAML 1.1 reads 1e-4 without a point as text
    assert not [k for k, v in leaves(params).items() if isinstance(v, str) and re.fullmatch(r"[-+.\deE]+", v)]


def test_every_key_is_described_and_every_section_closed(schema):
    seen = []

    def walk(node, path):
        for key, sub in node["properties"].items():
            where = f"{path}{key}"
            seen.append(where)
            assert re.fullmatch(r"\S.{9,}", sub.get("description", "")), f"{where} has no description"
            assert sub.keys() & {"type", "enum", "$ref"}, f"{where} may be anything"
            if sub.get("type") == "object":
                walk(sub, f"{where}.")
        assert node["additionalProperties"] is False, path
        assert sorted(node["required"]) == sorted(node["properties"]), path

    walk(schema, "")
    assert "photos.shares.train" in seen
    assert len(seen) > 60


def test_every_described_key_is_used(params, schema):
    def keys(node, prefix=""):
        for key, sub in node["properties"].items():
            yield from keys(sub, f"{prefix}{key}.") if "properties" in sub else [f"{prefix}{key}"]

    assert set(keys(schema)) == set(leaves(resolve(params, schema)))


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
