"""Leaves of params.yaml, changed one by one: DVC is dirty exactly when Snakemake has jobs."""

import copy
import json

import pytest
import yaml

from projects import ROOT

pytestmark = pytest.mark.slow

# One process asks both tools about every leaf, because starting them costs seconds each. Values go through the real
# params.yaml, dvc.yaml and Snakefile; DVC is asked for its status, Snakemake for its pending jobs.
ASK = """
import copy, json, pathlib, sys
sys.path[:0] = ["src", "workflow/lib"]
import dvc_stages
from dvc.repo import Repo
from ruamel.yaml import YAML
parse, parsed = YAML.load, {}

def load(self, text):  # DVC would spend most of its time on parsing the same files again, in pure Python
    key = (*self.typ, text)
    if key not in parsed:
        parsed[key] = parse(self, text)
    return copy.deepcopy(parsed[key])

YAML.load = load
path = pathlib.Path("params.yaml")
original = path.read_text()
answers = []
for text in [original, *json.load(open(sys.argv[1]))]:
    path.write_text(text)
    with Repo() as repo:
        status = {stage: [c for c in changes if "changed deps" in c or "changed outs" in c] for stage, changes in repo.status().items()}
    answers.append([sorted(stage for stage, changes in status.items() if changes), dvc_stages.load_dag().pending])
path.write_text(original)
json.dump(answers, open(sys.argv[2], "w"))
"""


def leaves(node, path=()):
    for key, value in node.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def other(path, value, schema):
    """Another value that the schema allows."""
    node = schema
    for key in path:
        named = node.get("properties", {})
        node = (
            named[key] if key in named else node.get("additionalProperties") or next(iter(node["patternProperties"].values()))
        )
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].split("/")[-1]]
    if "enum" in node:
        return node["enum"][(node["enum"].index(value) + 1) % len(node["enum"])]
    if isinstance(value, bool):
        return not value
    if path[-1] == "size":
        return value + 2
    if isinstance(value, int) and node.get("type") == "integer":
        return value + 1 if value < node.get("maximum", 1e9) else value - 1
    if isinstance(value, (int, float)):  # within the tolerance of shares that add up to 1
        return value + 5e-7 if any("shares" in key for key in path) or value == 0 else value * 0.999
    if isinstance(value, str):
        return "contrast" if path[-1] == "response_distortion" else value + "x"
    return {
        "tasks": value[::-1],
        "ablations": [*value, "ranking_margin_04"],
        "compared": value[:-1],
        "shares": [*value, 70],
        "seeds": [*value, 9],
        "response_outputs": value[:-1],
        "examples": value[:-1],
        "networks": [*value, "densenet121"],
        "sources": ["folder"],
        "test_on": value[:-1],
        "crosscheck": [*value, "koniq10k"],
        "comparisons": [*value, "ranking_larger_margin"],
    }.get(path[-1], value[:-1])


def kind(path, value, stages):
    """Leaves of one kind go the same way through both tools: same section, same type, listed by the same stages of DVC."""
    key = ".".join(("scales", "${scale}", *path[2:]) if path[0] == "scales" else path)
    users = tuple(name for name, stage in stages.items() if key in stage.get("params", []))
    return (path[:-1], type(value).__name__, users) if users else (path,)


def test_both_tools_see_a_changed_leaf_of_every_kind(project, tmp_path):
    params = yaml.safe_load((project.path / "params.yaml").read_text())
    schema = json.loads((ROOT / "workflow/schemas/params.schema.json").read_text())
    stages = yaml.safe_load((project.path / "dvc.yaml").read_text())["stages"]
    changes, texts, tried = [], [], set()
    for path, value in leaves(params):
        if path[0] == "scale" or (path[0] == "scales" and path[1] in ("paper", "oasis")):
            continue  # the scale is in every path; the demo is tried with one leaf below, as an inactive one
        if path[0] in ("sets", "comparisons") and (path[1] != "ava" or path[2] in ("reader", "source", "folds")):
            continue  # one entry stands for all; these three say together what a set is
        inner = path[2:] if path[0] == "scales" else path
        if inner in (("photos", "apart"), ("labels", "source")):
            continue  # these two go together
        if path == ("compute", "nodes"):
            continue  # where a training runs, and no part of what it makes; test_needs.py
        if path[:2] == ("scales", "demo") and inner != ("image", "size"):
            continue
        if (of := kind(path, value, stages)) in tried:
            continue
        tried.add(of)
        changed = copy.deepcopy(params)
        node = changed
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = other(inner, value, schema)
        if path[-1] == "train_on":
            node.update(train_on="tid2013", test_on=["tid2013", "ava"])
        if path[-1] == "sources":  # a source "folder" has to be named
            node.update({key: "some/folder" for key in node if key.endswith("folder")})
        changes.append(path)
        texts.append(yaml.safe_dump(changed, sort_keys=False))
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    project.run("python", "-c", ASK, str(tmp_path / "texts.json"), str(tmp_path / "answers.json"))
    first, *answers = json.loads((tmp_path / "answers.json").read_text())
    assert first == [[], []]
    different = {".".join(p): a for p, a in zip(changes, answers, strict=True) if bool(a[0]) != bool(a[1])}
    assert not different
    silent = [".".join(p) for p, a in zip(changes, answers, strict=True) if not a[0]]
    assert silent == ["scales.demo.image.size"]  # another scale's value; every value of this scale and of all matters
