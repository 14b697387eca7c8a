"""Whether what a job reads stays as it is while the job runs: else old results would count as those of the new files.

Snakemake notes digests of a job's inputs when the job has ended, not when it began.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from aesthetic_pretraining.code import first_seen
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import sha256


def states(files: Iterable[str]) -> dict[str, object]:
    """The state of each file when a job begins, before it imports any code of the project beyond this.

    Code by its content; data by size and time, because hashing stores before and after would take minutes.
    """
    return {file: first_seen(Path(file).resolve()) if _is_code(file) else _stamp(file) for file in map(str, files)}


def check(before: dict[str, object]) -> None:
    """Raise UserError that names a file of `states` that is another now."""
    for file, state in before.items():
        if state != (_content(file) if _is_code(file) else _stamp(file)):
            raise UserError(f"{file} was changed while this job ran, so what it made is not kept; run again")


def _is_code(file: str) -> bool:
    return file.endswith(".py")


def _content(file: str) -> str:
    return sha256(file) if os.path.exists(file) else ""


def _stamp(file: str) -> tuple[int, int] | None:
    if not os.path.exists(file):
        return None
    found = os.stat(file)
    return found.st_size, found.st_mtime_ns
