"""Beside the recorded report, which is the same for equal results, a copy that also says commit, dates, machine and duration."""

import subprocess
from pathlib import Path

import provenance
from aesthetic_pretraining.files import write_text
from aesthetic_pretraining.reporting import run_details
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


def commit() -> str:
    """The commit that is checked out, and whether files differ from it."""

    def git(*words: str) -> str:
        said = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
        return said.stdout.strip() if said.returncode == 0 else ""

    name = git("log", "-1", "--format=%H, %cs")
    if not name:
        return "none: this folder is no git repository"
    changed = [
        line for line in git("status", "--porcelain", "--untracked-files=no").splitlines() if not line.endswith("dvc.lock")
    ]
    return name + (f", with changes in {len(changed)} files that are in no commit" if changed else "")
