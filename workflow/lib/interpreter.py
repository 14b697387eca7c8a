"""The interpreter's name, where the environment lies in a folder with spaces."""

import os
import sys
from pathlib import Path


def name_interpreter() -> None:
    """Give the interpreter a name that needs no quotes: Snakemake does not quote it when it starts a script."""
    if " " in sys.executable:
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        sys.executable = "python"
