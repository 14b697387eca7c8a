"""What Snakemake needs of the place it works in: an interpreter with a plain name, folders that can be written to."""

import os
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)  # what no shell reads in another way


def name_interpreter() -> None:
    """Give the interpreter a name that needs no quotes: Snakemake does not quote it when it starts a script."""
    if not PLAIN.fullmatch(sys.executable):
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        sys.executable = "python"


def name_temporary_folder() -> None:
    """Name a folder for temporary files that has room: Snakemake's scheduler takes /tmp unasked, and fails where it is full."""
    try:
        os.environ["TMPDIR"] = tempfile.gettempdir()
    except FileNotFoundError:  # nowhere is room; what then fails says so
        return


def unusable(folder: Path, project: Path | None = None) -> str:
    """Why the project cannot work in a folder; empty if it can.

    Args:
        project: the project's own folder, if it is another: from there it is only read.
    """
    if odd := set(str(folder) + str(project or "")) & set(os.pathsep + "\n\r{}"):
        return f"a folder of this project's path has {sorted(odd)[0]!r} in its name, which Snakemake cannot pass on; move the project"
    for place in filter(Path.exists, (folder / ".snakemake", folder)):
        if not os.access(place, os.W_OK | os.X_OK):
            return (
                f"{place}: this user cannot write here, and Snakemake has to, even to look; give write access, or name another folder "
                "for data and results: --directory FOLDER"
            )
    return ""


def shut(files: Iterable[str | Path]) -> str:
    """The first folder in which one of the files is to be made or replaced and this user cannot write, in a sentence; else empty.

    Without it Snakemake ends in a trace when it deletes the old file, and a training after it has been at work for a while.
    """
    for folder in dict.fromkeys(Path(file).parent for file in files):
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not os.access(there, os.W_OK | os.X_OK):
            return f"{there}: this user cannot write here, and this run has to; give write access, and run again"
    return ""
