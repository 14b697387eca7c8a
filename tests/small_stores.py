"""Small photos, labelled pictures and a backbone with random weights: fixtures that the rooms' conftests import."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from aesthetic_pretraining.data.store import Store
from aesthetic_pretraining.models.backbones import build_backbone

SIZE = 32
SHAPES = {"wide": (48, 64), "folder/tall": (60, 48), "square": (48, 48)}


@pytest.fixture(autouse=True)
def one_thread_and_no_traces():
    """One thread; the trainers' process-wide switch is set back."""
    torch.set_num_threads(1)
    before = torch.are_deterministic_algorithms_enabled()
    yield
    if torch.are_deterministic_algorithms_enabled() != before:
        torch.use_deterministic_algorithms(before)


def picture(seed: int, height: int, width: int) -> np.ndarray:
    """Smooth random blobs with a little noise: structure that survives JPEG and that distortions change."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    return np.clip(np.asarray(coarse) + rng.normal(0, 8, (height, width, 3)), 0, 255).astype(np.uint8)


def write_store(path: Path, pictures: dict[str, np.ndarray]) -> Store:
    with tarfile.open(path, "w") as tar:
        for name, array in pictures.items():
            buffer = io.BytesIO()
            Image.fromarray(array).save(buffer, "JPEG", quality=95, subsampling=0)
            info = tarfile.TarInfo(f"{name}.jpg")
            info.size = buffer.tell()
            buffer.seek(0)
            tar.addfile(info, buffer)
    return Store([path])


@pytest.fixture(scope="session")
def photos() -> dict[str, np.ndarray]:
    """Three photos as `render` wants them at size 32: short side 48."""
    return {name: picture(k, *shape) for k, (name, shape) in enumerate(SHAPES.items())}


@pytest.fixture(scope="session")
def photo_store(photos, tmp_path_factory) -> Store:
    """The three photos in a store."""
    return write_store(tmp_path_factory.mktemp("photos") / "photos.tar", photos)


@pytest.fixture(scope="session")
def labelled_store(tmp_path_factory) -> Store:
    """Eight pictures "p0" .. "p7" of 32 x 32 pixels, as the fine-tuning store holds them."""
    return write_store(
        tmp_path_factory.mktemp("labelled") / "labelled.tar", {f"p{k}": picture(100 + k, SIZE, SIZE) for k in range(8)}
    )


@pytest.fixture(scope="session")
def votes() -> dict[str, np.ndarray]:
    """Counts of the votes 1..10 of the eight pictures, with very different means."""
    rng = np.random.default_rng(7)
    return {f"p{k}": np.bincount(rng.binomial(9, (k + 1) / 9, 100), minlength=10) for k in range(8)}


@pytest.fixture(scope="session")
def backbone_file(tmp_path_factory) -> Path:
    """EfficientNet-Lite0 with random weights as safetensors, written without the project's own function.

    Its statistics are those of some pictures, because with the initial ones all features would be nearly 0.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(5)
        backbone = build_backbone("efficientnet_lite0").train()
        for layer in backbone.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.momentum = None
        backbone(torch.stack([torch.from_numpy(picture(200 + k, SIZE, SIZE)).permute(2, 0, 1) for k in range(32)]))
    state = backbone.state_dict()
    path = tmp_path_factory.mktemp("backbone") / "start.safetensors"
    save_file({k: v.clone().contiguous() for k, v in state.items()}, path)
    return path
