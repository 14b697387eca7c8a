"""The interpreter's name, where the environment lies in a folder whose name means something to a shell."""

import os
import re
import sys
from pathlib import Path

PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)  # what no shell reads in another way


def name_interpreter() -> None:
    """Give the interpreter a name that needs no quotes: Snakemake does not quote it when it starts a script."""
    if not PLAIN.fullmatch(sys.executable):
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        sys.executable = "python"


def unusable(folder: Path) -> str:
    """Why the project cannot work in a folder; empty if it can."""
    if odd := set(str(folder)) & set(os.pathsep + "\n\r{}"):
        return f"a folder of this project's path has {sorted(odd)[0]!r} in its name, which Snakemake cannot pass on; move the project"
    return ""
