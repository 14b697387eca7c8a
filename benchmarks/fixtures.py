"""The setting of the benchmarks of training: allocator, photos, network. To be imported before torch."""

import os
import sys
import tarfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow/lib"))

from job import _less_page_faults  # noqa: E402

if os.environ.get("BENCHMARK_ALLOCATOR") != "default":
    _less_page_faults()  # as in every job; for the whole process, and only before torch

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from aesthetic_pretraining.data.images import decode, encode_jpeg  # noqa: E402
from aesthetic_pretraining.data.letterbox import letterbox  # noqa: E402
from aesthetic_pretraining.data.sources import Packages  # noqa: E402
from aesthetic_pretraining.data.store import Store, add_member, member_name  # noqa: E402
from aesthetic_pretraining.distortions.native.render import source_photo  # noqa: E402
from aesthetic_pretraining.distortions.variants import Variants  # noqa: E402
from aesthetic_pretraining.models.backbones import build_backbone  # noqa: E402
from aesthetic_pretraining.models.network import Network, set_learning  # noqa: E402
from aesthetic_pretraining.training import runtime  # noqa: E402
from aesthetic_pretraining.training.distributed import Alone  # noqa: E402
from aesthetic_pretraining.training.pretext import Task, TaskConfig  # noqa: E402

runtime.set_up(threads=1)  # as in every job
ALONE = Alone(torch.device("cpu"))

BACKBONE = "mobilenet_v2"  # the paper's; random weights, which cost the same
TASK = TaskConfig(margin=0.2, balance_temperature=50, simclr_temperature=0.5, simclr_projection=64)
BATCH_PHOTOS = 8  # section 4.3
FEW = ("gaussian_noise", "brightness")  # all levels of these and the anchors: 18 of 174 variants, to keep the run short


def few_pictures(folder: Path, size: int, photos: int) -> Tensor:
    """uint8 (photos, 18, 3, size, size): the variants of FEW."""
    variants = Variants(photo_store(folder, size), size, "published")
    return torch.stack([variants.pictures(f"photo{k}", 1, FEW) for k in range(photos)])


def photo_store(folder: Path, size: int, short: bool = True) -> Store:
    """Eight photos out of installed packages as the stores keep them: for pretraining (`short`), or letterboxed."""
    source, path = Packages(), folder / f"{'photos' if short else 'pictures'}{size}.tar"
    with tarfile.open(path, "w") as tar:
        for k, name in enumerate(sorted(source.names())[:BATCH_PHOTOS]):
            image = decode(source.read(name))[0]
            array = source_photo(image, size) if short else letterbox(image, size)
            add_member(tar, member_name(f"photo{k}"), encode_jpeg(Image.fromarray(array), 95))
    return Store([path])


def pretraining_network(task: Task, layout: torch.memory_format = torch.channels_last) -> Network:
    """The paper's network for a task, with the same random weights at every call, all of them learning."""
    torch.manual_seed(1)
    network = Network(build_backbone(BACKBONE), task.heads, task.hidden).to(memory_format=layout)
    set_learning(network, "all", frozen=False)
    return network
