"""What every distortion in the registry has to hold, the paper's and one's own."""

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from aesthetic_pretraining.distortions import DISTORTIONS, VARIANTS, anchor_index, indices
from aesthetic_pretraining.distortions.native.render import render, rows, source_photo

ROOT = Path(__file__).parents[2]
SIZE = 64


@pytest.fixture(scope="module")
def photo():
    from skimage.data import chelsea

    return source_photo(chelsea(), SIZE)


@pytest.fixture(scope="module")
def pictures(photo):
    before = photo.copy()
    made = render(photo, "cat", SIZE, seed=0, table="corrected").numpy()
    assert (photo == before).all()
    return made


@pytest.mark.parametrize("name", DISTORTIONS)
def test_size_type_and_level_zero(name, pictures, photo):
    shown = [anchor_index(name), *indices(name)]
    assert pictures[shown].dtype == np.uint8 and pictures[shown].shape[1:] == (3, SIZE, SIZE)
    assert [VARIANTS[i].level for i in indices(name)] == list(DISTORTIONS[name].levels)
    alone = render(photo, "cat", SIZE, 0, only=[], table="corrected").numpy()
    assert (alone[anchor_index(name)] == pictures[anchor_index(name)]).all()  # level 0 needs no distortion


@pytest.mark.parametrize("name", DISTORTIONS)
def test_distance_grows_with_the_level(name, pictures):
    """In the corrected table; a distortion that need not says why."""
    zero = pictures[anchor_index(name)].astype(float)
    for side in (-1, 1):
        sided = [i for i in indices(name) if VARIANTS[i].level * side > 0][::side]
        steps = [0.0, *(np.abs(pictures[i] - zero).mean() for i in sided)]
        grows = all(near < far for near, far in pairwise(steps))
        assert grows or DISTORTIONS[name].excuse, (side, steps)


@pytest.mark.parametrize("name", DISTORTIONS)
def test_the_same_alone_again_and_after_others(name, pictures, photo):
    np.random.seed(1)
    render(photo[:, ::-1].copy(), "tac", SIZE, 5, only=[name])
    assert (render(photo, "cat", SIZE, 0, only=[name], table="corrected").numpy() == pictures[list(rows([name]))]).all()


def test_one_added_in_its_one_file_passes_all_of_this(tmp_path):
    """The example of docs/distortions.md, laid into a copy of the package."""
    import shutil

    example = re.search(r"```python\n(.*?)```", (ROOT / "docs/distortions.md").read_text(), re.S).group(1)
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "src/aesthetic_pretraining/distortions/custom.py").write_text(example)
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs/distortions.md", tmp_path / "docs")
    shutil.copytree(ROOT / "tests/distortions", tmp_path / "tests/distortions", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    name = re.search(r'Distortion\(\s*"(\w+)"', example).group(1)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/distortions/test_every.py",
        "-k",
        f"[{name}]",
    ]
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert "3 passed" in done.stdout, done.stdout + done.stderr
    probe = (
        "import sys; sys.path.insert(0, 'src'); from aesthetic_pretraining.training import pretext, losses;"
        "from aesthetic_pretraining.distortions import VARIANTS;"
        "print(pretext.TASKS['ranking_regression'].heads['intensity'], len(VARIANTS), len(losses.aspect_distortions('style')))"
    )
    heads, variants, style = subprocess.run(
        [sys.executable, "-c", probe], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    ).stdout.split()
    assert int(heads) == 22 and int(variants) > 174 and int(style) == 10
