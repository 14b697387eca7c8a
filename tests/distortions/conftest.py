"""What the tests of both engines share: real photos, and the native engine's style variants as darktable's come."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from aesthetic_pretraining.data.sources import Packages
from aesthetic_pretraining.distortions.darktable_values import EDITED_WIDTH
from aesthetic_pretraining.distortions.native import style
from aesthetic_pretraining.distortions.native.render import base_photo
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
def native_styles():
    """Factory: photo, table, names, width of the edited files -> uint8 (n, h, w, 3) in the order of `style_steps`."""

    def make(photo, table="published", only=None, edited_width=EDITED_WIDTH):
        tones = style.Photo(torch.from_numpy(photo).permute(2, 0, 1).contiguous(), table, edited_width)
        values = {}
        for step in style_steps(table, only):
            values.setdefault(step.name, []).append(step.value)
        made = [getattr(style, name)(tones, tuple(ladder)) for name, ladder in values.items()]
        return np.ascontiguousarray(torch.cat(made).permute(0, 2, 3, 1).numpy())

    return make
