"""Against the library imagecorruptions: equal where it is deterministic, in distribution for the noises."""

import warnings

import numpy as np
import pytest
from PIL import Image

from aesthetic_pretraining import seeding
from aesthetic_pretraining.distortions.native import technical

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pkg_resources and a moved scipy module
    imagecorruptions = pytest.importorskip("imagecorruptions")


@pytest.fixture(scope="module")
def photo():
    from skimage.data import astronaut

    return np.ascontiguousarray(astronaut()[40:180, 120:300])


def rng(level=1, seed=0, photo_id="a", name="n"):
    return seeding.generator(seed, photo_id, name, level)


def corrupt(photo, name, severity):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return imagecorruptions.corrupt(photo, severity, name)


@pytest.mark.parametrize("severity", range(1, 6))
def test_jpeg_is_the_librarys(photo, severity):
    assert (technical.jpeg_compression(photo, severity, rng()) == corrupt(photo, "jpeg_compression", severity)).all()


@pytest.mark.parametrize("severity", range(1, 6))
def test_defocus_is_the_librarys(photo, severity):
    difference = technical.defocus_blur(photo, severity, rng()).astype(int) - corrupt(photo, "defocus_blur", severity)
    assert np.abs(difference).max() <= 1 and (difference != 0).mean() < 1e-3


@pytest.mark.parametrize("severity", range(1, 6))
def test_defocus_of_even_areas_is_the_librarys(photo, severity):
    """There sums lie at whole numbers, and cutting off magnifies the smallest error to a level."""
    even = photo.copy()
    even[:60], even[60:90] = 255, 128
    assert (technical.defocus_blur(even, severity, rng()) != corrupt(even, "defocus_blur", severity)).mean() < 1e-3


@pytest.mark.parametrize("value", [0.6, 0.5, 0.4, 0.3, 0.25])
def test_pixelate_is_pillows(photo, value):
    size = (int(photo.shape[1] * value), int(photo.shape[0] * value))
    expected = Image.fromarray(photo).resize(size, Image.Resampling.BOX).resize(photo.shape[1::-1], Image.Resampling.BOX)
    assert (technical.pixelate(photo, value, rng()) == np.array(expected)).all()


@pytest.mark.parametrize("severity", range(1, 6))
@pytest.mark.parametrize("angle", [-44.0, -10.0, 0.0, 31.5])
def test_motion_is_the_librarys(photo, severity, angle, monkeypatch):
    class Fixed:
        def uniform(self, low, high):
            assert (low, high) == (-45, 45)
            return angle

    monkeypatch.setattr(np.random, "uniform", Fixed().uniform)
    expected = corrupt(photo, "motion_blur", severity).astype(int)
    difference = technical.motion_blur(photo, severity, Fixed()) - expected
    # Sums in another order fall on the other side of a whole number now and then.
    assert np.abs(difference).max() <= 1 and (difference != 0).mean() < 0.02


@pytest.mark.parametrize("severity", range(1, 6))
@pytest.mark.parametrize("name", ["gaussian_noise", "impulse_noise"])
def test_noises_are_the_librarys_in_distribution(photo, name, severity):
    np.random.seed(0)
    theirs = corrupt(photo, name, severity).astype(float) - photo
    ours = getattr(technical, name)(photo, severity, rng(severity)).astype(float) - photo
    assert ours.mean() == pytest.approx(theirs.mean(), abs=1.0)
    assert ours.std() == pytest.approx(theirs.std(), rel=0.05)
    cumulated = [np.histogram(change, np.arange(-256, 257))[0].cumsum() / photo.size for change in (ours, theirs)]
    assert np.abs(cumulated[0] - cumulated[1]).max() < 0.01


def test_impulse_share_and_sides(photo):
    grey = np.full((200, 200, 3), 100, np.uint8)
    noisy = technical.impulse_noise(grey, 5, rng())
    assert (noisy == 0).mean() == pytest.approx(0.135, abs=0.005)
    assert (noisy == 255).mean() == pytest.approx(0.135, abs=0.005)
    assert ((noisy == 100) | (noisy == 0) | (noisy == 255)).all()


def test_pixelate_by_hand():
    blocks = np.zeros((8, 8, 3), np.uint8)
    blocks[:, ::2] = 100
    assert (technical.pixelate(blocks, 0.5, rng()) == 50).all()
    assert technical.pixelate(np.zeros((40, 61, 3), np.uint8), 0.3, rng()).shape == (40, 61, 3)


def test_generator_depends_on_its_four_arguments_alone():
    first = rng().random(4)
    np.random.seed(3)
    rng(level=2).random(100)
    assert (rng().random(4) == first).all()
    others = [rng(level=2), rng(seed=1), rng(photo_id="b"), rng(name="m"), rng(photo_id="a1"), rng(level=11)]
    assert all((other.random(4) != first).all() for other in others)


def test_generator_numbers_stay_as_they_are():
    """Stored pictures were made with these numbers."""
    assert seeding.generator(0, "photo", "gaussian_noise", 1).integers(0, 1000, 4).tolist() == [364, 78, 135, 304]
