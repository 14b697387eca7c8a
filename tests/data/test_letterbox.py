"""How photos are shrunk for the stores."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from aesthetic_pretraining.data.letterbox import SMALL, shrink


@pytest.mark.parametrize("shape", [(48, 64, 3), (512, 512, 3), (512, 513, 3), (400, 700, 3)])
def test_stores_hold_what_pillow_makes_of_photos_of_any_size(make_photo, shape):
    photo = make_photo(1, shape[1], shape[0])
    shrunk = shrink(photo, 96)
    height, width = shrunk.shape[:2]
    assert min(height, width) == 96
    by_pillow = np.asarray(Image.fromarray(photo).resize((width, height), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(shrunk - by_pillow).max() <= (0 if shape[0] * shape[1] <= SMALL else 1)


def test_small_photos_are_shrunk_without_torch(project):
    code = (
        "import sys, numpy\n"
        "from aesthetic_pretraining.data.letterbox import letterbox, shrink\n"
        "from aesthetic_pretraining.data.store import build_shard\n"
        "shrink(numpy.zeros((48, 64, 3), numpy.uint8), 96); letterbox(numpy.zeros((900, 800, 3), numpy.uint8), 96)\n"
        "print('torch' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(project / "src")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "False"
