"""Beside the recorded report, which is the same for equal results, a copy that also says commit, dates, machine and duration."""

from pathlib import Path

import provenance
from aesthetic_pretraining.files import write_text
from aesthetic_pretraining.reporting import run_details
from commit import commit
from records import read_json


def place(scale: str) -> Path:
    """Where the copy is: among the logs, which nothing tracks."""
    return Path(f"logs/{scale}/report.html")


def write(scale: str) -> None:
    """Write the copy; nothing where there is no report yet."""
    page = Path(f"results/{scale}/report.html")
    if page.exists():
        makings = [
            run_details.Making(how["ended"], how["seconds"], how["machine"])
            for path in sorted(provenance.made_path(scale, "report").parent.glob("*.json"))
            for how in read_json(path).values()
        ]
        write_text(place(scale), run_details.fill(page.read_text(encoding="utf-8"), run_details.terms(commit(), makings)))
