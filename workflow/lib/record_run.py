"""Record a run that ended well: how its outputs were made, and in dvc.lock if it was of all that params.yaml says.

usage: record_run.py CONFIG        what --config and --configfile said, as JSON
"""

import importlib.util
import json
import sys
from pathlib import Path

root = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(root / "src"), str(root / "workflow/lib")]

import dvc_commit  # noqa: E402
import dvc_stages  # noqa: E402
import provenance  # noqa: E402
import report_copy  # noqa: E402
from aesthetic_pretraining.config import load, overlay  # noqa: E402
from aesthetic_pretraining.errors import UserError  # noqa: E402


def obstacle(changes: dict, dag) -> str:
    """Why the run is not recorded in dvc.lock; empty if it can be."""
    if Path.cwd() != root:
        return "DVC records in the project's folder alone, and this run was of another one"
    params = load(root / "params.yaml")
    if dag.scale != params["scale"]:
        return f"this run was of the scale {dag.scale}, and params.yaml says {params['scale']}"
    if overlay(params, changes) != params:
        return f"this run had other values than params.yaml, of {', '.join(changes)}"
    if dag.pending:
        return f"{len(dag.pending)} jobs are pending for params.yaml (first: {dag.pending[0]})"
    if not (root / ".dvc").is_dir() or importlib.util.find_spec("dvc") is None:
        return "it is not installed; run 'make setup'"
    if not any((folder / ".git").exists() for folder in (root, *root.parents)):
        return "this folder is no git repository; all results are there. To record them: git init && dvc repro"
    return ""


changes = json.loads(sys.argv[1])
dag = dvc_stages.load_dag(changes, Path.cwd())
try:
    provenance.save([], dag, partly=bool(dag.pending))
except UserError as error:
    sys.exit(f"provenance: not saved: {error}")
if not dag.pending:
    report_copy.write(dag.scale)
if reason := obstacle(changes, dag):
    print(f"dvc: not recorded, because {reason}")
else:
    print(dvc_commit.commit())
