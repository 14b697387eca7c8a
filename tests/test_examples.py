"""The examples run, and show what they say."""

import os
import re
import subprocess
import sys

from PIL import Image


def test_rank_distortions(project, tmp_path):
    done = subprocess.run(
        [sys.executable, project / "examples/rank_distortions.py", "--size", "32", "--steps", "8", "--distortions", "defocus_blur", "rotation"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(project / "src"), "MPLBACKEND": "agg"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, last = map(float, re.search(r"loss ([\d.]+) before the first step, ([\d.]+) before the last", done.stdout).groups())
    assert 0 < last < first
    with Image.open(tmp_path / "rank_distortions.png") as plot:
        assert plot.size == (800, 600) and len(plot.convert("RGB").getcolors(2**20)) > 1000
