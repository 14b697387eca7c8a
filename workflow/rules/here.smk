# read before anything else: all paths are relative to the project's folder, and that may hold spaces
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.basedir).resolve()
ROOT = ROOT.parent if ROOT.name == "workflow" else ROOT
if Path.cwd().resolve() != ROOT:
    raise WorkflowError(f"this is not the project's folder: run 'cd {ROOT}' first, or add --directory {ROOT}")
if " " in sys.executable:
    # Snakemake does not quote the interpreter when it starts a script, so it gets a name that needs no quotes
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    sys.executable = "python"
