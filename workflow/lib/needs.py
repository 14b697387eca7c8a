"""What a training needs of the machine at hand: loader processes beside a GPU, and memory of the host, from the sizes of its scale.

On a CPU almost all memory is activations, of as many images as have a graph at once. Measured with EfficientNet-Lite0: 0.9 GB without
them, and 174 images of 64 px (of which 12 of 18 blocks learn) 0.73 GB more.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from aesthetic_pretraining.distortions.registry import VARIANTS
from aesthetic_pretraining.settings.loading import AHEAD, SHARED_MEMORY

MB = 1_000_000
PROCESS_MB = 1200  # Python, torch, a network, its optimiser, its best weights
CUDA_MB = 2500  # ASSUME: what a CUDA context takes of the host beside that
LOADER_MB = 700  # ASSUME: a loader process with torch and OpenCV, without its batches
IMAGE_MB, IMAGE_SIZE = 54.0, 224  # activations of MobileNetV2 for an image of so many pixels a side: docs/training.md
# ASSUME: one H100 takes 29 to 47 photos a second, of which a core distorts 4 to 5; more than 14 loaders were not tried
MOST_LOADERS = 14
VIEWS = {"rotnet": 4, "simclr": 2}  # images of a photo; the ranking tasks have all variants


def gpus() -> int:
    """NVIDIA cards that this machine lets us see; 0 without their driver."""
    if not shutil.which("nvidia-smi"):
        return 0
    cards = len(list(Path("/dev").glob("nvidia[0-9]*"))) or 1
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return cards if visible is None else len([name for name in visible.split(",") if name.strip()])


def cores() -> int:
    """Cores that this process may use, fewer than there are in a container or a cluster's job."""
    return len(os.sched_getaffinity(0))


def loaders(cards: int, batch_bytes: int) -> int:
    """Loader processes beside a training on one of `cards` GPUs: one a core, but for the training's own; 0 without a GPU.

    Args:
        batch_bytes: of one batch; each loader keeps some in shared memory, of which at most half is taken.
    """
    if not cards:
        return 0
    shared = shutil.disk_usage(SHARED_MEMORY).free if Path(SHARED_MEMORY).is_dir() else 0
    fitting = shared // (2 * cards * AHEAD * max(1, batch_bytes))
    return max(0, min(cores() // cards - 1, MOST_LOADERS, fitting))


def pretraining_images(cfg: Mapping, task: str) -> tuple[int, int]:
    """(images of a batch, those of them whose activations are stored at once) of a pretext task; cfg: {dotted key: value}."""
    contrast = "contrast_" if task in VIEWS else ""
    photos = cfg["pretrain.contrast_batch" if contrast else "pretrain.batch_photos"]
    batch = photos * VIEWS.get(task, len(VARIANTS))
    return batch, _stored(batch, cfg[f"pretrain.{contrast}micro_batch"], cfg["pretrain.kept_micro_batches"])


def finetuning_images(cfg: Mapping) -> tuple[int, int]:
    """The same of fine-tuning."""
    return cfg["finetune.batch"], _stored(cfg["finetune.batch"], cfg["finetune.micro_batch"], 1)


def image_bytes(cfg: Mapping) -> int:
    """Of one image, uint8."""
    return 3 * int(cfg["image.size"]) ** 2


def memory_mb(cfg: Mapping, images: tuple[int, int], on_gpu: bool, loader_processes: int) -> int:
    """Memory of the host that a training takes, in MB, rounded up to hundreds.

    Args:
        images: of a batch, and those whose activations are stored, which are on the card if `on_gpu`.
    """
    batch, stored = images
    pixels = batch * image_bytes(cfg) / MB
    if on_gpu:
        wanted = PROCESS_MB + CUDA_MB + 2 * pixels + loader_processes * (LOADER_MB + AHEAD * pixels)
    else:
        # float32 beside the bytes, and the activations
        wanted = PROCESS_MB + 5 * pixels + stored * IMAGE_MB * (cfg["image.size"] / IMAGE_SIZE) ** 2
    return int(-(-wanted // 100) * 100)


def _stored(batch: int, micro_batch: int, kept: int) -> int:
    return min(batch, micro_batch * max(1, kept)) if micro_batch else batch
