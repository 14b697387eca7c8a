"""Which pictures of a test set show the same scene, and so are no independent draws."""

import re
from collections.abc import Sequence

import numpy as np

PER_PHOTO = 1000  # simulated.sets.simulate calls its AVA pictures number * 1000 + k, of the source photo `number`
REFERENCE = re.compile(r"(i\d+)_\d+_\d+")  # tid2013: i01_08_3 is the third level of the eighth distortion of reference i01


def scenes(dataset: str, ids: Sequence[str], simulated: bool) -> np.ndarray:
    """(N,) whole numbers 0 .. C - 1: the scene of each picture.

    ASSUME: TID2013's pictures of one reference are one scene, which its 25 references are a sample of; of a simulated AVA, the pictures cut from one
    photo; of any other set, every picture is a scene of its own.
    """
    if dataset == "tid2013":
        found = [REFERENCE.fullmatch(each) for each in ids]
        names = [match[1] if match else each for match, each in zip(found, ids, strict=True)]
    elif simulated and dataset == "ava":
        names = [str(int(each) // PER_PHOTO) if each.isdecimal() else each for each in ids]
    else:
        names = list(ids)
    return np.unique(names, return_inverse=True)[1]
