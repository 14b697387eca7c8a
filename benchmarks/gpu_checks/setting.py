"""What the blocks share: the device, sizes, made-up photos, networks with random weights.

Nothing here needs the network, a data set or ImageNet's weights.
"""

import io
import os
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import interpolate

from aesthetic_pretraining.models.backbones import Backbone, build_backbone

BACKBONE = "mobilenet_v2"  # the paper's
CPU = torch.device("cpu")
SEED = 1


@dataclass(frozen=True)
class Sizes:
    """How much work the blocks do.

    Attributes:
        step_size: pixels of a step's pictures. every: of a photo's 174 variants each so-manieth takes part in a step; the
            outputs of the others stand at 0. photos, contrast_photos: in a step of a ranking task, and of all others.
        rough: what of `agreement.names()` is tried in bfloat16, which processors without it are slow at.
        style_photo: (height, width) of the photo that is distorted.
        train, val: photos of a small training, 32 pixels.
        rate_size, rate_pictures, rate_seconds: of a rate of the plain network; at least one call is timed.
        memory_size, memory_photos: of the joint batch, all variants.
        live_size, live_photos, loaders: of live input; photos for each loader.
    """

    step_size: int
    every: int
    photos: int
    contrast_photos: int
    rough: tuple[str, ...]
    style_photo: tuple[int, int]
    train: int
    val: int
    rate_size: int
    rate_pictures: int
    rate_seconds: float
    memory_size: int
    memory_photos: int
    live_size: int
    live_photos: int
    loaders: tuple[int, ...]


# memory_photos is section 4.3's batch; without a GPU what a pass holds is counted on two pictures, so it plays no part
ON_GPU = Sizes(
    64,
    3,
    2,
    16,
    ("ranking_regression", "rotnet", "simclr", "finetune"),
    (336, 224),
    8,
    4,
    224,
    256,
    2.0,
    224,
    8,
    224,
    6,
    (4, 7, 14),  # 7: of a job on a cluster; 14: the most (workflow/lib/needs.py)
)
ON_CPU = Sizes(32, 8, 2, 8, ("rotnet", "finetune"), (336, 224), 2, 1, 224, 4, 0.5, 224, 8, 224, 2, (0, 2))
TINY = Sizes(32, 32, 2, 4, ("rotnet",), (48, 32), 2, 1, 32, 4, 0.0, 32, 8, 32, 1, (0,))


@dataclass(frozen=True)
class Setting:
    """Where the blocks run, and how much they do."""

    device: torch.device
    sizes: Sizes
    temporary: Path

    @property
    def cuda(self) -> bool:
        return self.device.type == "cuda"


def synchronise(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(call: Callable[[], object], device: torch.device, at_least: float) -> float:
    """The median time of a call in seconds, after warming up: as many calls as fit into `at_least` seconds, one or more."""
    for _ in range(3 if device.type == "cuda" else 1):
        call()
    synchronise(device)
    times, begun = [], time.perf_counter()
    while not times or time.perf_counter() - begun < at_least:
        start = time.perf_counter()
        call()
        synchronise(device)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def blobs(count: int, size: int) -> Tensor:
    """Random smooth pictures, all different: uint8 (count, 3, size, size) on the CPU, the same at every call."""
    coarse = 255 * torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(SEED))
    return interpolate(coarse, (size, size), mode="bilinear").to(torch.uint8)


def photo(number: int, height: int, width: int) -> np.ndarray:
    """Smooth random blobs with a little noise, and areas of pure black, white and red: uint8 (height, width, 3)."""
    rng = np.random.default_rng(number)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 6, 3), dtype=np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    made = np.clip(np.asarray(coarse) + rng.normal(0, 8, (height, width, 3)), 0, 255).astype(np.uint8)
    edge = height // 10
    made[:edge], made[-edge:], made[edge : 2 * edge, :, 1:] = 0, 255, 0
    return made


def photo_store(path: Path, count: int, size: int, short: int):
    """A store of `count` made-up photos "photo0" .. whose short side is `short`, square if that is `size`."""
    from aesthetic_pretraining.data.store import Store, add_member, member_name

    with tarfile.open(path, "w") as tar:
        for k in range(count):
            file = io.BytesIO()
            made = photo(k, short, short if short == size else short * 3 // 2)
            Image.fromarray(made).save(file, "JPEG", quality=95, subsampling=0)
            add_member(tar, member_name(f"photo{k}"), file.getvalue())
    return Store([path])


def backbone(size: int, device: torch.device = CPU, dtype: torch.dtype = torch.float32, recompute: bool = False) -> Backbone:
    """The paper's backbone with random weights, the same at every call, in channels_last; its statistics are those of some pictures.

    Calls with the same arguments return the same module, set back: building it anew would cost more than a small step.
    """
    built = _empty(device, dtype, recompute)
    built.load_state_dict(_start(size))
    built.zero_grad(set_to_none=True)
    return built.train().requires_grad_(True)


@cache
def _empty(device: torch.device, dtype: torch.dtype, recompute: bool) -> Backbone:
    built = build_backbone(BACKBONE).to(device, dtype).to(memory_format=torch.channels_last)
    built.prepare(device, recompute)
    return built


@cache
def _start(size: int) -> dict[str, Tensor]:
    torch.manual_seed(SEED)
    built = build_backbone(BACKBONE).train()
    layers = [m for m in built.modules() if isinstance(m, nn.BatchNorm2d)]
    for layer in layers:
        layer.momentum = None  # the plain mean
    with torch.no_grad():
        built(blobs(32, size))
    return built.state_dict()


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0))
