# read before anything else: where the project is, and where its results go
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

# this file's own place: of a workflow that uses this one as a module, Snakemake's basedir is that workflow's
ROOT = Path(str(workflow.current_basedir)).resolve().parents[1]
if not (ROOT / "workflow/lib/interpreter.py").is_file():
    raise WorkflowError("this workflow needs its whole repository; clone it, and name workflow/Snakefile of the clone")
# used by another workflow, whose rules, records and locks are its own
MODULE = not workflow.modifier.is_main_snakefile()
# all paths are relative to the working folder, but those of the project's own files: elsewhere these are absolute
HERE = Path.cwd().resolve() == ROOT
if not (HERE or MODULE or workflow.overwrite_workdir):
    raise WorkflowError(
        f"this is not the project's folder: run 'cd {ROOT}' first, or name the folder for data and results: --directory FOLDER"
    )
os.environ.update(AESTHETIC_PRETRAINING_ROOT=str(ROOT))  # for workflow/envs/environment.post-deploy.sh
sys.path.insert(0, str(ROOT / "workflow/lib"))

import interpreter

if reason := interpreter.unusable(Path.cwd(), ROOT):
    raise WorkflowError(reason)
interpreter.name_interpreter()
interpreter.name_temporary_folder()
