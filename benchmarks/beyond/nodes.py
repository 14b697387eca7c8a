"""One training over two nodes, each an agent of torchrun on loopback, against one process."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEST = "tests/training/test_nodes.py::test_two_nodes_train_as_one_process_does_also_where_one_was_lost"

FIGURES = ("two_node_loss_difference",)


def run() -> dict[str, float | str]:
    """two_node_loss_difference: the largest relative distance of a loss, after the nodes were killed twice."""
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:xdist", TEST]
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    found = re.search(r"two_node_loss_difference = (\S+)", done.stdout)
    if not found:
        sys.exit(f"nodes: the test failed:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return {"two_node_loss_difference": float(found[1])}
