"""Which images of a test set show the same scene, and so are not independent draws."""

import re
from collections.abc import Sequence

import numpy as np

PER_PHOTO = 1000  # simulated.sets.simulate names its AVA images number * 1000 + k, where `number` is the source photo
REFERENCE = re.compile(r"(i\d+)_\d+_\d+")  # tid2013: i01_08_3 is the third level of the eighth distortion of reference i01


def scenes(dataset: str, ids: Sequence[str], simulated: bool) -> np.ndarray:
    """The scene of each image: (N,) integers 0 .. C - 1.

    ASSUME: in TID2013 all images of one reference are one scene, and its 25 references are a sample of scenes; in a simulated AVA
    all crops of one photo are one scene; in any other set every image is its own scene.
    """
    if dataset == "tid2013":
        found = [REFERENCE.fullmatch(each) for each in ids]
        names = [match[1] if match else each for match, each in zip(found, ids, strict=True)]
    elif simulated and dataset == "ava":
        names = [str(int(each) // PER_PHOTO) if each.isdecimal() else each for each in ids]
    else:
        names = list(ids)
    return np.unique(names, return_inverse=True)[1]
