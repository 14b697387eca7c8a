"""The project files that a script depends on: itself and every project module that it imports, directly or not.

Snakemake runs a rule again when its script is edited, but not when something that the script imports is. Named as
inputs, these files are seen by Snakemake and, through dvc.yaml, by DVC.
"""

from pathlib import Path

from aesthetic_pretraining import code


def closure(root: Path, script: str) -> list[str]:
    """Paths relative to `root`, sorted: the script, and what it imports from src/ and workflow/lib/."""
    return code.closure(root, script, ("src", "workflow/lib"))
