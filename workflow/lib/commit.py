"""The commit that a run is made from, for what is handed out."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MADE_FROM = ("src", "workflow", "params.yaml", "resources")


def commit(root: str | Path = ROOT) -> str:
    """The commit's digest, with the words "with changes" where what is run differs from it; "unknown" outside of a repository."""
    try:
        head = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--", *MADE_FROM)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head} with changes" if changed else head


def _git(root: str | Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout.strip()
