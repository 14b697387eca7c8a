"""What a training needs of a machine: loader processes beside a GPU, memory of the host and time, from the sizes of its scale.

On a CPU almost all memory is activations, of as many images as have a graph at once. Measured with EfficientNet-Lite0: 0.9 GB without
them, and 174 images of 64 px (of which 12 of 18 blocks learn) 0.73 GB more.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from aesthetic_pretraining.distortions.registry import DISTORTIONS, VARIANTS
from aesthetic_pretraining.settings.loading import AHEAD, SHARED_MEMORY

MB = 1_000_000
PROCESS_MB = 1200  # Python, torch, a network, its optimiser, its best weights
CUDA_MB = 2500  # ASSUME: what a CUDA context takes of the host beside that
LOADER_MB = 700  # ASSUME: a loader process with torch and OpenCV, without its batches
IMAGE_MB, IMAGE_SIZE = 54.0, 224  # activations of MobileNetV2 for an image of so many pixels a side: docs/training.md
# ASSUME: one H100 takes 29 to 47 photos a second, of which a core distorts 4 to 5; more than 14 loaders were not tried
MOST_LOADERS = 14
CORES = 8  # ASSUME: cores that a cluster's job asks for beside a GPU: a node of 64 with eight cards has so many for each
# images that are passed forward and backward in a second, of IMAGE_SIZE pixels a side. On a thread of a CPU EfficientNet-Lite0 takes 174
# of 64 px in 0.53 s (docs/training.md)
CPU_RATE = 27.0
GPU_RATE = 2500.0  # ASSUME: half of what an H200 takes in float32 (docs/gpu.md)
PHOTOS_RATE = 4.5  # photos with all their variants that a core distorts in a second (docs/training.md)
MARGIN = 3  # ASSUME: nodes that are slower, busy, or read from a busy file system
LEAST_MINUTES = 30
# images of each source, at most; ASSUME: of a folder as many as section 4.1 has
PHOTOS = {"packaged": 200, "bsds500": 500, "unsplash_lite": 25_000, "pexels": 130_000, "folder": 130_000}
LABELLED = {"ava": 256_000, "tid2013": 3_000, "oasis": 900, "koniq10k": 10_073, "kadid10k": 10_125, "tad66k": 66_327}
EPOCHS = 60  # ASSUME: of a fine-tuning that ends early; the published ones have up to 42
VIEWS = {"rotnet": 4, "simclr": 2}  # images of a photo; the ranking tasks have all variants
STORED = 1.5  # short side of a stored photo, in sizes of the network's image
LONG_SIDE = 1.5  # ASSUME: photos are 3 : 2; /dev/shm is taken up to a half, so that longer ones fit, too
MADE_BY_LOADERS = "jpeg_compression"  # and one's own distortions: all else of the device engine is made on the card
NOISES, KEY = ("gaussian_noise", "impulse_noise"), 4 * 8  # of which a key is sent for each level, and its bytes


def gpus() -> int:
    """NVIDIA cards that this machine lets us see; 0 without their driver."""
    if not shutil.which("nvidia-smi"):
        return 0
    cards = len(list(Path("/dev").glob("nvidia[0-9]*"))) or 1
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return cards if visible is None else len([name for name in visible.split(",") if name.strip()])


def cores() -> int:
    """Cores that this process may use, fewer than there are in a container or a cluster's job."""
    granted = os.environ.get("SLURM_CPUS_PER_TASK", "")  # not every cluster binds a job to its cores
    return min(len(os.sched_getaffinity(0)), int(granted) if granted.isdigit() else 2**31)


def loaders(cards: int, batch_bytes: int) -> int:
    """Loader processes beside a training on one of `cards` GPUs: one a core, but for the training's own; 0 without a GPU.

    Args:
        batch_bytes: of one batch as it is sent (`sent_bytes`); each loader keeps some in shared memory, of which at most half is taken.
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


def parcel_bytes(cfg: Mapping) -> int:
    """Of what a loader sends of a photo to the device engine (`distortions.batched.parcel`), not of its 174 images.

    It sends the stored photo, the images that loaders make, and the keys of the noises.
    """
    short = round(STORED * cfg["image.size"])
    made = sum(len(d.levels) for name, d in DISTORTIONS.items() if name == MADE_BY_LOADERS or d.make is not None)
    return (
        3 * short * int(LONG_SIDE * short)
        + made * image_bytes(cfg)
        + KEY * sum(len(DISTORTIONS[name].levels) for name in NOISES)
    )


def sent_bytes(cfg: Mapping, task: str = "") -> int:
    """Of a batch as loaders send it: of a pretext task, which the ranking tasks' engine decides; without a task, of fine-tuning."""
    if not task:
        return finetuning_images(cfg)[0] * image_bytes(cfg)
    if cfg["distortions.engine"] == "device" and task not in VIEWS:
        return cfg["pretrain.batch_photos"] * parcel_bytes(cfg)
    return pretraining_images(cfg, task)[0] * image_bytes(cfg)


def memory_mb(cfg: Mapping, images: tuple[int, int], sent: int, on_gpu: bool, loader_processes: int) -> int:
    """Memory of the host that a training takes, in MB, rounded up to hundreds.

    Args:
        images: of a batch, and those whose activations are stored, which are on the card if `on_gpu`.
        sent: bytes of a batch as loaders send it (`sent_bytes`); without a GPU there are none, and the images are on the host.
    """
    batch, stored = images
    if on_gpu:
        wanted = PROCESS_MB + CUDA_MB + 2 * sent / MB + loader_processes * (LOADER_MB + AHEAD * sent / MB)
    else:
        pixels = batch * image_bytes(cfg) / MB
        # float32 beside the bytes, and the activations
        wanted = PROCESS_MB + 5 * pixels + stored * IMAGE_MB * (cfg["image.size"] / IMAGE_SIZE) ** 2
    return int(-(-wanted // 100) * 100)


def photos(cfg: Mapping) -> int:
    """Photos of the pretraining set, at most."""
    return cfg["photos.limit"] or max(PHOTOS.get(source, PHOTOS["folder"]) for source in cfg["photos.sources"])


def pretraining_work(cfg: Mapping, task: str) -> int:
    """Images that a pretraining passes forward and backward, at most."""
    passes = cfg["pretrain.epochs"]
    if task in VIEWS and cfg["pretrain.contrast_updates"] == "matched":  # as many steps as the ranking tasks, of larger batches
        passes *= -(-cfg["pretrain.contrast_batch"] // cfg["pretrain.batch_photos"])
    return passes * photos(cfg) * VIEWS.get(task, len(VARIANTS))


def finetuning_work(cfg: Mapping, folds: int) -> int:
    """The same of a fine-tuning of all its folds."""
    labelled = LABELLED.get(cfg["labels.train_on"], LABELLED["ava"])
    return labelled * min(cfg["finetune.max_epochs"], EPOCHS) * max(1, folds)


def runtime_min(cfg: Mapping, images: int, threads: int, cards: int) -> int:
    """Minutes that a training may take, with a margin, rounded up to halves of an hour.

    Args:
        images: that it passes forward and backward.
        threads: of the CPU, of all its processes.
        cards: GPUs that it is on; 0: none. Then CORES - 1 loaders each make the images.
    """
    shrunk = (IMAGE_SIZE / cfg["image.size"]) ** 2
    made = PHOTOS_RATE * len(VARIANTS) * (CORES - 1)
    rate = cards * min(GPU_RATE * shrunk, made) if cards else threads * CPU_RATE * shrunk
    return int(-(-MARGIN * images / rate // (60 * LEAST_MINUTES)) * LEAST_MINUTES) or LEAST_MINUTES


def _stored(batch: int, micro_batch: int, kept: int) -> int:
    return min(batch, micro_batch * max(1, kept)) if micro_batch else batch
