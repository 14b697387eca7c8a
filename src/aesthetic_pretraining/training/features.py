"""Features of a pretrained backbone for every image of a labelled set: computed once, for fine-tuning and for the linear probes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from aesthetic_pretraining.data.store import PixelSource
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.models.network import new_backbone
from aesthetic_pretraining.settings.inference import FeaturesConfig
from aesthetic_pretraining.training import loader, runtime
from aesthetic_pretraining.training.datasets import LabelledImages
from aesthetic_pretraining.training.distributed import open_team


@torch.no_grad()
def features(
    config: FeaturesConfig,
    store: PixelSource,
    ids: Sequence[str],
    weights: str | Path,
    out: str | Path,
    mirrored: bool = False,
    workers: int = 0,
) -> None:
    """Write the features of stored images, in inference mode, as a .npy file: float32 (N, width).

    They are computed in the precision of training (compute.precision). The file is written batch by batch, in memory independent
    of N.

    Args:
        ids: the images; row k of the file belongs to the k-th.
        weights: safetensors of a backbone, or of a network with one.
        mirrored: whether the images are mirrored, left to right.
        workers: processes that decode images ahead of the network; 0: this one.
    Raises: UserError for weights that do not fit, a full disk, or a GPU without the precision.
    """
    team = open_team(runtime.set_up(config.threads, training=False, tf32=config.tf32), 1, config.precision)
    backbone = new_backbone(config.backbone, weights).to(team.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]  # not in torch's stubs
    header = {"descr": "<f4", "fortran_order": False, "shape": (len(ids), backbone.width)}
    images = LabelledImages(store, ids, [mirrored] * len(ids))
    # not memory-mapped: on a full disk, writing to a map kills the process instead of raising an error
    with atomic_path(out) as temporary, open(temporary, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for batch in loader.batches(images, loader.cut(len(ids), config.batch), workers, team.device):
            with team.autocast():
                found = backbone(batch.to(team.device))
            file.write(found.float().cpu().numpy().astype("<f4").tobytes())
