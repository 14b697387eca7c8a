"""What a job needs of a machine that trains no network but asks some: features, predictions, answers to distortions, photos' scores.

As in needs.py, these are estimates from above: memory of the host, and minutes with a margin.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import needs
from aesthetic_pretraining.distortions.registry import VARIANTS
from aesthetic_pretraining.settings.loading import AHEAD

# billions of multiplications with an addition that one image takes: of torchvision's networks as it says, of EfficientNet-Lite0 its authors
GMACS = {
    "efficientnet_lite0": 0.407,
    "mobilenet_v2": 0.301,
    "mobilenet_v3_large": 0.217,
    "efficientnet_b0": 0.386,
    "densenet121": 2.834,
    "retinanet_resnet50_fpn": 151.54,  # of a photo
}
OTHER_GMACS = 4.1  # ASSUME: of a network that is not in the list, as of a ResNet-50
PASSES = 3  # a training's step takes about three times what a forward pass does
CPU_GMACS = needs.CPU_RATE * PASSES * GMACS["efficientnet_lite0"]  # a second, on a thread
GPU_GMACS = needs.GPU_RATE * PASSES * GMACS["mobilenet_v2"]
READ_RATE = 100  # ASSUME: stored images that a core decodes in a second
ORIGINALS_RATE = 5  # ASSUME: photos of 24 megapixels that a core decodes in a second
SHOWN_MB = 15.0  # ASSUME: of an image of needs.IMAGE_SIZE that passes a network, the layers that are in memory at once
NETWORK_MB = 30  # ASSUME: of one that waits for its turn
ORIGINAL_MB, DETECTOR_MB = 100, 1500  # ASSUME: of a photo of 24 megapixels that is decoded, and of one in RetinaNet


class Work(NamedTuple):
    """What a job shows to networks."""

    gmacs: float  # of all passes
    read_seconds: float  # of a core that reads or makes the images
    batch_mb: float  # of the images that are passed on at once, uint8
    shown_mb: float  # of those that pass a network at once
    networks: int = 1  # in memory


def of_labelled(cfg: Mapping, sets: Iterable[str], networks: int = 1) -> Work:
    """Every image of labelled sets, shown to networks one after the other; cfg: {dotted key: value}."""
    images = sum(_labelled(cfg, name) for name in sets) * networks
    return Work(images * _gmacs(cfg), images / READ_RATE, *_batch(cfg, cfg["finetune.batch"]), networks)


def of_photos(cfg: Mapping, networks: int) -> Work:
    """Every photo, as networks of that number see labelled images."""
    images = needs.photos(cfg) * networks
    return Work(images * _gmacs(cfg), images / READ_RATE, *_batch(cfg, cfg["finetune.batch"]), networks)


def of_variants(cfg: Mapping, networks: int, photos: float) -> Work:
    """All variants of photos; of one photo they are in memory together."""
    gmacs = photos * len(VARIANTS) * networks * _gmacs(cfg)
    return Work(gmacs, photos / needs.PHOTOS_RATE, *_batch(cfg, max(len(VARIANTS), cfg["finetune.batch"])), networks)


def of_originals(cfg: Mapping, backbone: str = "backbone") -> Work:
    """Every original photo, shown to classifiers and detectors at their own sizes; `backbone` stands for backbone.name."""
    names = [cfg["backbone.name"] if name == backbone else name for name in cfg["photo_check.networks"]]
    photos, batch = needs.photos(cfg), cfg["finetune.batch"]
    gmacs = photos * sum(GMACS.get(name, OTHER_GMACS) for name in names)
    detector = DETECTOR_MB if any("retinanet" in name for name in names) else 0
    batch_mb = batch * 3 * needs.IMAGE_SIZE**2 / needs.MB
    return Work(
        gmacs, photos * len(names) / ORIGINALS_RATE, batch_mb, ORIGINAL_MB + max(detector, batch * SHOWN_MB), len(names)
    )


def memory_mb(work: Work, on_gpu: bool, loaders: int) -> int:
    """Memory of the host, in MB, rounded up to hundreds."""
    wanted = needs.PROCESS_MB + work.networks * NETWORK_MB + 5 * work.batch_mb
    wanted += needs.CUDA_MB if on_gpu else work.shown_mb
    wanted += loaders * (needs.LOADER_MB + AHEAD * work.batch_mb)
    return int(-(-wanted // 100) * 100)


def runtime_min(work: Work, threads: int, on_gpu: bool, loaders: int) -> int:
    """Minutes that the job may take, with a margin, rounded up to halves of an hour."""
    passes = work.gmacs / (GPU_GMACS if on_gpu else threads * CPU_GMACS)
    seconds = needs.MARGIN * (passes + work.read_seconds / max(1, loaders))
    return int(-(-seconds // (60 * needs.LEAST_MINUTES)) * needs.LEAST_MINUTES) or needs.LEAST_MINUTES


def _gmacs(cfg: Mapping) -> float:
    return GMACS.get(cfg["backbone.name"], OTHER_GMACS) * (cfg["image.size"] / needs.IMAGE_SIZE) ** 2


def _batch(cfg: Mapping, images: int) -> tuple[float, float]:
    """(MB of so many images, MB of those that pass a network at once)."""
    shown = min(images, cfg["finetune.batch"]) * SHOWN_MB * (cfg["image.size"] / needs.IMAGE_SIZE) ** 2
    return images * needs.image_bytes(cfg) / needs.MB, shown


def _labelled(cfg: Mapping, name: str) -> int:
    """Images of a labelled set, at most; simulated ones are made of photos."""
    if cfg["labels.source"] == "simulated":
        return needs.photos(cfg) * cfg["simulate.pictures"] * cfg["simulate.levels"]
    return needs.LABELLED.get(name, needs.LABELLED["ava"])
