"""Record the outputs in dvc.lock and DVC's cache, and hear what DVC says of it.

Trap: where a file does not get into the cache, as on a full disk, `dvc commit` says so and ends with 0; with --quiet it says nothing.
"""

import subprocess
import sys

COMMAND = (sys.executable, "-m", "dvc", "commit", "--force", "--no-relink")


def commit() -> str:
    """Record all outputs. Returns: one sentence for the user on what came of it."""
    done = subprocess.run(COMMAND, capture_output=True, text=True, errors="replace", check=False)
    wrong = [line.removeprefix("ERROR: ") for line in (done.stderr + done.stdout).splitlines() if line.startswith("ERROR")]
    if not wrong and done.returncode == 0:
        return "dvc: recorded in dvc.lock"
    reason = f"{wrong[0]} ({len(wrong)} errors)" if wrong else f"code {done.returncode}"
    return f"dvc: not all is recorded: {reason}; mend that, such as by making room, and run 'dvc commit --force'"
