"""What several test folders share: small synthetic photos, a store of them, folders with files, the real params.yaml."""

import copy
import io
import itertools
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aesthetic_pretraining.config import load


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every process begins with its part of the workflow's tests: they take longest, and what comes last should be short.

    xdist's worksteal first cuts the list into one piece for each process.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if "workflow" in item.path.parts]
    short = iter([item for item in items if "workflow" not in item.path.parts])
    size, order = len(items) // processes, []
    for k in range(processes):
        mine = long[k::processes]
        order += [*mine, *itertools.islice(short, max(0, size - len(mine)))]
    items[:] = [*order, *short]


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's root."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def make_photo() -> Callable[..., np.ndarray]:
    """Factory: seed, width, height -> uint8 (height, width, 3) with coloured waves and discs; equal seeds, equal pixels."""

    def make(seed: int, width: int = 96, height: int = 72) -> np.ndarray:
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[0:height, 0:width]
        waves = [
            np.sin(2 * np.pi * (x / width * a + y / height * b) + phase)
            for a, b, phase in rng.uniform((0.5, 0.5, 0), (2, 2, 6), (3, 3))
        ]
        photo = 110 + 50 * np.stack(waves, axis=-1)
        for _ in range(8):
            inside = (y - rng.uniform(0, height)) ** 2 + (x - rng.uniform(0, width)) ** 2 < rng.uniform(4, height / 4) ** 2
            photo[inside] = rng.uniform(20, 235, 3)
        return photo.clip(0, 255).astype(np.uint8)

    return make


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """Factory: pixels or a Pillow image, a format, Pillow's options -> the bytes of the file."""

    def make(image: np.ndarray | Image.Image, form: str = "PNG", **options: object) -> bytes:
        buffer = io.BytesIO()
        (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, form, **options)
        return buffer.getvalue()

    return make


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Factory: {name: text or bytes} -> a folder with these files."""

    def make(files: dict[str, str | bytes], name: str = "folder") -> Path:
        for file, content in files.items():
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path / name

    return make


@pytest.fixture(scope="session")
def store_of(tmp_path_factory, make_photo, encode):
    """Factory: ids, size -> a store of as many photos for networks of that size."""
    from aesthetic_pretraining.data.store import Store, add_member
    from aesthetic_pretraining.distortions.native.render import source_photo  # here, because it imports torch

    def make(names, size):
        path = tmp_path_factory.mktemp("store") / "0.tar"
        with tarfile.open(path, "w") as tar:
            for k, name in enumerate(names):
                photo = source_photo(make_photo(k, 120, 90), size)
                add_member(tar, f"{name}.jpg", encode(photo, "JPEG", quality=95, subsampling=0))
        return Store([path])

    return make


@pytest.fixture(scope="session")
def params_text(project):
    return (project / "params.yaml").read_text()


@pytest.fixture(scope="session")
def loaded_params(project):
    return load(project / "params.yaml")


@pytest.fixture
def params(loaded_params):
    """The values of params.yaml, each test its own copy."""
    return copy.deepcopy(loaded_params)


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium; the test is skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no Chromium on PATH")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
