"""Features of a pretrained backbone for every image of a labelled set, for the linear probes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from aesthetic_pretraining.data.store import Store
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.models.network import new_backbone
from aesthetic_pretraining.settings.inference import FeaturesConfig
from aesthetic_pretraining.training import loader, runtime
from aesthetic_pretraining.training.datasets import LabelledImages


@torch.no_grad()
def features(
    config: FeaturesConfig, store: Store, ids: Sequence[str], weights: str | Path, out: str | Path, workers: int = 0
) -> None:
    """Write the features of stored images, in inference mode and without augmentation, as a .npy file: float32 (N, width).

    The file is written batch by batch, in memory independent of N.

    Args:
        ids: the images; row k of the file belongs to the k-th.
        weights: safetensors of a backbone, or of a network with one.
        workers: processes that decode images ahead of the network; 0: this one.
    Raises: UserError for weights that do not fit.
    """
    device = runtime.set_up(config.threads, training=False)
    backbone = new_backbone(config.backbone, weights).to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]  # not in torch's stubs
    header = {"descr": "<f4", "fortran_order": False, "shape": (len(ids), backbone.width)}
    # not memory-mapped: on a full disk, writing to a map kills the process instead of raising an error
    with atomic_path(out) as temporary, open(temporary, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for pictures in loader.batches(LabelledImages(store, ids), loader.cut(len(ids), config.batch), workers, device):
            file.write(backbone(pictures.to(device)).float().cpu().numpy().astype("<f4").tobytes())
