"""The last states of trainings that are done.

A training leaves its last state and beside it a file .done with the names of its outputs. Should the run be killed before
Snakemake has recorded the outputs, it deletes them and starts the training anew, which then has only to write them again.
"""

import contextlib
import json
from pathlib import Path

from records import describes, read_record, unfinished


def sweep(work: str) -> None:
    """Delete the states whose outputs are recorded; called at the start of each job and at the end of a run."""
    for done in Path(work).glob("*/*.done"):
        with contextlib.suppress(FileNotFoundError, ValueError):  # another job has swept it, or it was cut off by a kill
            outputs = json.loads(done.read_text())
            if all(describes(read_record(output), output) and not unfinished(output) for output in outputs):
                done.with_suffix(".pt").unlink(missing_ok=True)
                done.unlink(missing_ok=True)
