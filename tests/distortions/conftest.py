"""What the tests of both engines share: real photos, and the native engine's style variants as darktable's come."""

import fcntl
import io

import numpy as np
import pytest
from PIL import Image

from aesthetic_pretraining.data.sources import Packages
from aesthetic_pretraining.distortions import DISTORTIONS
from aesthetic_pretraining.distortions.darktable_values import EDITED_WIDTH
from aesthetic_pretraining.distortions.native.kernels import KERNELS, prepare
from aesthetic_pretraining.distortions.native.render import base_photo, pictures_of, render
from aesthetic_pretraining.distortions.reference.darktable import style_steps


@pytest.fixture(scope="session")
def real_photos():
    """Factory: size -> twelve photos, interiors and others, dark and bright, upright and not; short side `size`."""

    def make(size):
        packages = Packages()
        names = packages.names()
        return [base_photo(Image.open(io.BytesIO(packages.read(name))), size) for name in names[:4] + names[-8:]]

    return make


@pytest.fixture(scope="session")
def compiled_kernels(project):
    """The fused kernels compiled: by the first process, while those beside it wait and then read them from numba's cache."""
    lock = project / "build" / "kernels.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        render(np.zeros((48, 60, 3), np.uint8), "", 32, 0, kernels="numba")


@pytest.fixture(scope="session", params=KERNELS)
def native_styles(request):
    """Factory: photo, table, names, width of the edited files -> uint8 (n, h, w, 3) in the order of `style_steps`.

    Once by each of the native engine's kernels.
    """
    if request.param == "numba":
        request.getfixturevalue("compiled_kernels")

    def make(photo, table="published", only=None, edited_width=EDITED_WIDTH):
        tones = prepare(photo, photo, table, edited_width, request.param)
        ladders = {}
        for step in style_steps(table, only):
            ladders.setdefault(step.name, {})[len(ladders.get(step.name, {}))] = step.value
        made = [pictures_of(DISTORTIONS[name], photo, photo, tones, "", 0, ladder) for name, ladder in ladders.items()]
        return np.stack([picture for pictures in made for picture in pictures])

    return make
