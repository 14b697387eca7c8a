"""The library imagecorruptions (ImageNet-C), with shims that make it work with current packages.

- It imports pkg_resources, which newer versions of setuptools lack, for images that none of the functions here use.
- It imports scipy.ndimage.interpolation, a deprecated name of scipy.ndimage.
- Its impulse noise comes from scikit-image, which, unlike the rest, no longer uses numpy's global generator.
"""

import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import scipy.ndimage
import skimage

from aesthetic_pretraining.distortions.registry import DISTORTIONS
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.seeding import generator

SMALLEST = 32  # pixels; the library rejects smaller photos


def corrupt(photo: np.ndarray, name: str, severity: int, seed: int, photo_id: str) -> np.ndarray:
    """A technical distortion of the registry at a severity 1 .. 5, by the library: uint8 (h, w, 3).

    Not thread-safe: it uses numpy's global generator, and restores its state.

    photo: uint8 (h, w, 3), sides of at least 32 pixels
    seed, photo_id: random distortions depend only on these, the name and the severity
    Raises: ValueError for a smaller photo, KeyError for another name, UserError if the library cannot be loaded.
    """
    if name not in DISTORTIONS or DISTORTIONS[name].aspect != "technical":
        raise KeyError(name)
    if min(photo.shape[:2]) < SMALLEST:
        raise ValueError(f"{photo_id}: imagecorruptions needs sides of at least {SMALLEST} pixels, not {photo.shape[:2]}")
    with _global_generator(generator(seed, photo_id, name, severity).integers(2**32, size=8, dtype=np.uint32)):
        return _library().corrupt(photo, severity, name)


@contextmanager
def _global_generator(seed: np.ndarray) -> Iterator[None]:
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)


@lru_cache(maxsize=1)
def _library() -> ModuleType:
    stand_ins: dict[str, Any] = {name: ModuleType(name) for name in ("pkg_resources", "scipy.ndimage.interpolation")}
    stand_ins["pkg_resources"].resource_filename = None
    stand_ins["scipy.ndimage.interpolation"].map_coordinates = scipy.ndimage.map_coordinates
    before = {name: sys.modules[name] for name in stand_ins if name in sys.modules}
    sys.modules.update(stand_ins)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            library = importlib.import_module("imagecorruptions")
            functions: Any = importlib.import_module("imagecorruptions.corruptions")
    except Exception as error:
        raise UserError(
            f"the library imagecorruptions cannot be loaded ({error}); run 'make setup', or set distortions.engine: native"
        ) from error
    finally:
        for name in stand_ins:
            del sys.modules[name]
        sys.modules.update(before)
    # the only part of scikit-image that the technical distortions use
    functions.sk = SimpleNamespace(util=SimpleNamespace(random_noise=_random_noise))
    return library


def _random_noise(picture: np.ndarray, mode: str, amount: float) -> np.ndarray:
    """scikit-image's random_noise, with a generator seeded from numpy's global one."""
    rng = np.random.default_rng(np.random.randint(2**32, size=8, dtype=np.uint32))
    return skimage.util.random_noise(picture, mode=mode, amount=amount, rng=rng)
