"""Random views of photos for the ranking tasks, for runs with few photos (params.yaml: pretrain.augment)."""

import numpy as np

from aesthetic_pretraining.data.letterbox import resize
from aesthetic_pretraining.seeding import seeded_int

SMALLEST = 0.75  # ASSUME: smallest side of a crop relative to the photo's; smaller ones would be composition distortions


def flip_crop(photo: np.ndarray, *seed: object) -> np.ndarray:
    """A random crop of a photo, possibly mirrored, enlarged to the photo's size: uint8 (H, W, 3) in and out.

    The crop has the photo's aspect ratio and SMALLEST to 1 of its sides. Distortions are applied afterwards, so that all variants
    of a photo have the same view and every label (level, distortion, order) stays valid.
    """
    rng = np.random.default_rng(seeded_int("augment", *seed))
    scale = rng.uniform(SMALLEST, 1)
    height, width = (round(side * scale) for side in photo.shape[:2])
    top, left = (
        int(rng.integers(0, whole - part, endpoint=True)) for whole, part in zip(photo.shape, (height, width), strict=False)
    )
    part = photo[top : top + height, left : left + width]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    return resize(np.ascontiguousarray(part), photo.shape[1], photo.shape[0])
