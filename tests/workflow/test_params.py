"""Every value that a script looks up is among its rule's parameters, by its whole key."""

import ast
import importlib
import json
import subprocess
import sys

import pytest

from aesthetic_pretraining.config import leaf_keys, load, resolve
from aesthetic_pretraining.settings.keys import keys_by_field, keys_of
from projects import ENV, ROOT

# what Snakemake itself knows of each rule: {rule: keys of its jobs' parameters}; by hand: the rules that no stage holds
ASK = """
import contextlib, io, json, sys
from pathlib import Path
sys.path[:0] = ["src", "workflow/lib"]
from snakemake.api import ConfigSettings, DAGSettings, OutputSettings, ResourceSettings, SnakemakeApi
from snakemake.settings.types import Quietness
from dvc_stages import STAGES
rows = {"ranking_other": {"task": "ranking", "pretrain": {"margin": 0.3}}}
changed = {"labels": {"crosscheck": ["kadid10k"]}, "comparisons": rows, "scales": {"smoke": {"pretrain": {"comparisons": ["ranking_other"]}}}}
targets = {f"stage_{stage}" for stage in STAGES} | set(sys.argv[1:])
with contextlib.redirect_stdout(io.StringIO()), SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
    workflow = api.workflow(
        resource_settings=ResourceSettings(cores=1),
        config_settings=ConfigSettings(config={"scale": "smoke", **changed}),
        snakefile=Path("Snakefile"),
    )
    workflow.dag(DAGSettings(targets=targets)).printd3dag()
    keys = {}
    for job in workflow._workflow.dag.jobs:
        keys.setdefault(job.rule.name, set()).update(k for p in job.params if hasattr(p, "keys") for k in p)
print(json.dumps({rule: sorted(found) for rule, found in keys.items()}))
"""
BY_HAND = ("data/raw/pexels/download.csv", "results/smoke/search/ranking.png", "results/smoke/search/finetune_search.png", "results/smoke/crosscheck/metrics.csv", "results/smoke/audit/overlaps.csv", "models/smoke/bundles/imagenet/config.json")  # fmt: skip


@pytest.fixture(scope="module")
def listed():
    done = subprocess.run([sys.executable, "-c", ASK, *BY_HAND], cwd=ROOT, env=ENV, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def looked_up(tree: ast.AST, known: set[str]) -> set[str]:
    """The keys of params.yaml that stand in a subscript, of whatever name: cfg["image.size"]."""
    constants = [
        part.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        for part in ast.walk(node.slice)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
    return {text for text in constants if text in known and ("." in text or text == "seed")}


def helpers(known: set[str]) -> dict[str, set[str]]:
    """{function of workflow/lib that scripts share: keys that it looks up}"""
    trees = [ast.parse((ROOT / f"workflow/lib/{name}.py").read_text()) for name in ("job", "variants")]
    return {node.name: looked_up(node, known) for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}


def needed(script: str, known: set[str]) -> set[str]:
    """The keys, and sections, that a script looks up itself, through shared helpers, and through its configurations."""
    tree = ast.parse((ROOT / script).read_text())
    classes = {a.asname or a.name: n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
    shared, found = helpers(known), looked_up(tree, known)
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        name = call.func.id
        found |= shared.get(name, set()) if classes.get(name) in ("job", "variants") else set()
        if name == "config":
            cls = getattr(importlib.import_module(classes[call.args[1].id]), call.args[1].id)
            # not the script's own fields, as a training's seed, or a list of names in `**dict.fromkeys(NAMES, ...)`
            lists = [word.value.args[0].id for word in call.keywords if word.arg is None and isinstance(word.value, ast.Call)]
            told = [name for names in lists for name in getattr(importlib.import_module(classes[names]), names)]
            keyed = {*told, *(word.arg for word in call.keywords)} & keys_by_field(cls).keys()
            found |= set(keys_of(cls, *keyed))
        elif name == "section" and isinstance(call.args[1], ast.Constant):  # not that of a set, whose name is a parameter
            found.add(call.args[1].value)
    return found


def test_every_rule_lists_what_its_script_looks_up(listed):
    values = resolve(load(ROOT / "params.yaml") | {"scale": "smoke"})
    known = {key for section in values for key in leaf_keys(values, section)}
    scripts = {path.stem: str(path.relative_to(ROOT)) for path in (ROOT / "workflow/scripts").rglob("*.py")}
    assert scripts.keys() <= listed.keys()
    seen = {rule: {k for key in needed(script, known) for k in leaf_keys(values, key)} for rule, script in scripts.items()}
    assert {rule: keys - set(listed[rule]) for rule, keys in seen.items() if keys - set(listed[rule])} == {}
    # by hand: through a configuration, through a helper, a section, a subscript
    assert {"pretrain.margin", "compute.processes", "distortions.edited_width"} <= seen["pretrain"]
    assert {"simulate.weights.balance", "simulate.shares.tid2013", "seed"} <= seen["simulate"]
    assert "compute.processes" not in seen["search_rate"]
    assert "report.alpha" in seen["table2"]
    # the search is not made again because its result was written into params.yaml
    assert "finetune.learning_rate_features" in listed["finetune"]
    assert not {"finetune.learning_rate_features", "finetune.dropout"} & {*listed["search_finetuning"]}
    # of a comparison row: its task, and its own values in the place of the scale's
    assert "comparisons.ranking_other.task" in set(listed["pretrain"]) & set(listed["respond"])
    assert not [key for key in listed["finetune"] if key.startswith("comparisons.")]
