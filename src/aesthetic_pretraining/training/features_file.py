"""Files of frozen features, as rule `features` writes them: what fine-tuning's frozen phase and the linear probes read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aesthetic_pretraining.errors import UserError

AT_ONCE = 4096  # rows of a file that are validated together


def read_features(path: str | Path, images: int) -> np.ndarray:
    """The features (N, d), float32, of rule `features`, memory-mapped after one pass to validate them.

    Raises: UserError, naming the file, if it is damaged, has another number of images, or a value that is not finite.
    """
    again = "run again with --forcerun features"
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise UserError(f"{path}: is not a complete file of features ({error}); {again}") from error
    if found.ndim != 2 or found.dtype != np.float32 or len(found) != images:
        raise UserError(
            f"{path}: has {found.dtype} numbers of shape {found.shape}, but the ledger has {images} images; {again}"
        )
    for start in range(0, len(found), AT_ONCE):
        odd = ~np.isfinite(found[start : start + AT_ONCE]).all(axis=1)
        if odd.any():
            raise UserError(
                f"{path}: the features of image {start + int(odd.argmax()) + 1} are not all finite numbers; {again}"
            )
    return found


class Features:
    """Features of a set's images by one frozen backbone, and those of their mirror images if a file has them."""

    def __init__(self, ids: Sequence[str], plain: str | Path, mirrored: str | Path | None = None):
        """
        Args:
            ids: whose feature each row is. plain, mirrored: files of rule `features`.
        Raises: UserError, naming the file, as for `read_features`.
        """
        self.row = {i: k for k, i in enumerate(ids)}
        self.files = [str(path) for path in (plain, mirrored) if path is not None]
        self.sides = [read_features(path, len(ids)) for path in self.files]

    def read(self, ids: Sequence[str], flipped: Sequence[bool]) -> np.ndarray:
        """Features (n, d), float32, of the images or, where `flipped`, of their mirror images. Raises KeyError for an unknown id."""
        return np.stack([self.sides[int(side)][self.row[i]] for i, side in zip(ids, flipped, strict=True)])
