"""The library imagecorruptions beside today's packages: that it loads, what it draws, and that the native engine agrees."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from aesthetic_pretraining import seeding
from aesthetic_pretraining.distortions.native import technical
from aesthetic_pretraining.distortions.reference import imagecorruptions
from aesthetic_pretraining.errors import UserError

NAMES = ("jpeg_compression", "defocus_blur", "motion_blur", "gaussian_noise", "impulse_noise")
SRC = Path(__file__).parents[2] / "src"
RANDOM = {"motion_blur", "gaussian_noise", "impulse_noise"}


@pytest.fixture(scope="module")
def photo():
    from skimage.data import astronaut

    return np.ascontiguousarray(astronaut()[40:140, 120:250])


def corrupt(photo, name, severity, seed=0, photo_id="a"):
    return imagecorruptions.corrupt(photo, name, severity, seed, photo_id)


def test_the_version_is_the_one_whose_gaps_are_known():
    """Another one needs a look at `_library`: what it imports, and where its randomness comes from."""
    assert importlib.metadata.version("imagecorruptions") == "1.1.2"


def test_every_corruption_loads_where_the_missing_modules_are_missing(tmp_path):
    """As with setuptools 82 and SciPy 2, in a process that has not loaded anything."""
    code = f"""
import sys, warnings
sys.path.insert(0, {str(SRC)!r})
warnings.simplefilter("error")
import numpy as np
from aesthetic_pretraining.distortions.reference import imagecorruptions
sys.modules["pkg_resources"] = None
sys.modules["scipy.ndimage.interpolation"] = None
grey = np.full((40, 50, 3), 100, np.uint8)
for name in {NAMES}:
    for severity in range(1, 6):
        made = imagecorruptions.corrupt(grey, name, severity, 0, "grey")
        assert made.dtype == np.uint8 and made.shape == grey.shape, (name, made.dtype, made.shape)
assert sys.modules["pkg_resources"] is None and sys.modules["scipy.ndimage.interpolation"] is None
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_the_four_arguments_fix_the_picture(photo, name):
    first = corrupt(photo, name, 3)
    np.random.seed(9)
    np.random.random(5)
    corrupt(photo, "gaussian_noise", 1)
    assert (corrupt(photo, name, 3) == first).all()
    others = [corrupt(photo, name, 3, seed=1), corrupt(photo, name, 3, photo_id="b")]
    assert all((other != first).any() == (name in RANDOM) for other in others)


@pytest.mark.parametrize("name", ["gaussian_noise", "impulse_noise"])
def test_levels_of_noise_are_drawn_anew(name):
    grey = np.full((64, 64, 3), 128, np.uint8)
    changed = [corrupt(grey, name, severity).astype(float) - 128 for severity in (3, 4)]
    assert abs(np.corrcoef(changed[0].ravel(), changed[1].ravel())[0, 1]) < 0.05


def test_the_global_generator_is_given_back_as_it_was(photo):
    np.random.seed(4)
    expected = np.random.random(3)
    np.random.seed(4)
    for name in NAMES:
        corrupt(photo, name, 1)
    assert (np.random.random(3) == expected).all()


@pytest.mark.parametrize("severity", range(1, 6))
def test_the_native_engine_makes_the_same_of_the_deterministic_ones(photo, severity):
    rng = np.random.default_rng(0)
    assert (technical.jpeg_compression(photo, severity, rng) == corrupt(photo, "jpeg_compression", severity)).all()
    off = np.abs(technical.defocus_blur(photo, severity, rng).astype(int) - corrupt(photo, "defocus_blur", severity))
    assert off.max() <= 1 and (off != 0).mean() < 1e-3  # a hair below a whole number is cut off to the one below


@pytest.mark.parametrize("severity", range(1, 6))
def test_the_native_engine_makes_the_same_motion_along_the_same_angle(photo, severity, monkeypatch):
    angle = seeding.generator(0, "a", "motion_blur", severity).uniform(-45, 45)
    monkeypatch.setattr(np.random, "uniform", lambda low, high: angle)
    native = technical.motion_blur(photo, severity, seeding.generator(0, "a", "motion_blur", severity))
    off = np.abs(native.astype(int) - corrupt(photo, "motion_blur", severity))
    assert off.max() <= 1 and (off != 0).mean() < 0.02


@pytest.mark.parametrize("severity", range(1, 6))
@pytest.mark.parametrize("name", ["gaussian_noise", "impulse_noise"])
def test_the_native_engine_draws_noise_of_the_same_distribution(photo, name, severity):
    native = getattr(technical, name)(photo, severity, seeding.generator(0, "a", name, severity))
    changes = [made.astype(int) - photo for made in (native, corrupt(photo, name, severity))]
    cumulated = [np.histogram(change, np.arange(-256, 257))[0].cumsum() / photo.size for change in changes]
    assert np.abs(cumulated[0] - cumulated[1]).max() < 0.02  # Kolmogorov's distance: 1 % chance is 0.0117


def test_what_is_refused(photo, monkeypatch):
    with pytest.raises(ValueError, match="at least 32 pixels"):
        corrupt(photo[:31], "gaussian_noise", 1)
    with pytest.raises(KeyError):
        corrupt(photo, "fog", 1)
    imagecorruptions._library.cache_clear()
    monkeypatch.setitem(sys.modules, "imagecorruptions", None)
    with pytest.raises(UserError, match="imagecorruptions cannot be loaded"):
        corrupt(photo, "gaussian_noise", 1)
