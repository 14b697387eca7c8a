"""Record in dvc.lock what Snakemake has built; refuses unless Snakemake has nothing left to do at params.yaml.

usage: dvc_commit.py SCALE        the scale that was run
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

root = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(root / "src"), str(root / "workflow/lib")]

import dvc_stages  # noqa: E402
import provenance  # noqa: E402

dag = dvc_stages.load_dag()
if dag.scale != sys.argv[1]:
    print(f"dvc: not recorded, because this run was of the scale {sys.argv[1]}, and params.yaml says {dag.scale}")
elif importlib.util.find_spec("dvc") is None:
    print("dvc: not recorded, because it is not installed; run 'make setup'")
elif dag.pending:
    print(f"dvc: not recorded, because {len(dag.pending)} jobs are pending for params.yaml (first: {dag.pending[0]})")
else:
    provenance.save([], dag)
    code = subprocess.run([sys.executable, "-m", "dvc", "commit", "--force", "--no-relink", "--quiet"], check=False).returncode
    print("dvc: recorded in dvc.lock" if code == 0 else f"dvc: commit failed with code {code}; run 'dvc commit --force'")
