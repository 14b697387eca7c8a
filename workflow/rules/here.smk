# read before anything else: all paths are relative to the project's folder, and that may hold spaces
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.basedir).resolve()
ROOT = ROOT.parent if ROOT.name == "workflow" else ROOT
if Path.cwd().resolve() != ROOT:
    raise WorkflowError(f"this is not the project's folder: run 'cd {ROOT}' first, or add --directory {ROOT}")
sys.path.insert(0, str(ROOT / "workflow/lib"))

import interpreter

if reason := interpreter.unusable(ROOT):
    raise WorkflowError(reason)
interpreter.name_interpreter()
interpreter.name_temporary_folder()
