"""Scores of photos in Python: `load(BUNDLE).score(image)`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from aesthetic_pretraining.data.images import DEFAULT, Limits, Unreadable, read_picture
from aesthetic_pretraining.data.images.colours import ToSrgb
from aesthetic_pretraining.data.images.limits import MAX_RATIO
from aesthetic_pretraining.data.images.unreadable import refusing
from aesthetic_pretraining.data.letterbox import letterbox
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.use.bundle import Bundle, read_bundle
from aesthetic_pretraining.use.networks import open_networks
from aesthetic_pretraining.use.words import Statement, sentence

if TYPE_CHECKING:
    import torch

FINER = (
    2  # a JPEG may be decoded at a fraction of its size, but not below so many times the network's: no difference that counts
)
LEAST = 8  # pixels of a side, as for files


class Score(NamedTuple):
    """What the networks say about one photo.

    Attributes:
        score: mean of the predicted votes. spread: their standard deviation. Both on the scale of `values`.
        votes: predicted share (0..1) of each vote. values: the score of each.
        statements: what is off, the most probable first; empty if nothing, or nothing that may be said reliably.
    """

    score: float
    spread: float
    votes: tuple[float, ...]
    values: tuple[float, ...]
    statements: tuple[Statement, ...] = ()

    @property
    def explanation(self) -> str:
        """What is off, in words: "too dark, about level -2; noisy, about level 3"."""
        return sentence(self.statements)


def load(bundle: str | Path | Bundle, device: str = "cpu", explain: bool = True) -> Scorer:
    """The networks of a bundle, ready to score photos.

    Args:
        bundle: a folder that rule `export` made. device: "cpu" or "cuda".
        explain: whether to say what is off, which takes as long again.
    Raises: UserError as `bundle.read_bundle` and `networks.open_networks`.
    """
    return Scorer(bundle if isinstance(bundle, Bundle) else read_bundle(bundle), device, explain)


class Scorer:
    """Scores photos; made by `load`."""

    def __init__(self, bundle: Bundle, device: str = "cpu", explain: bool = True, limits: Limits = DEFAULT):
        self.bundle, self.limits = bundle, limits
        self.networks = open_networks(bundle, device, explain)
        self.explains = explain and bundle.reading is not None

    def score(self, image: str | Path | Image.Image | np.ndarray | torch.Tensor) -> Score:
        """The score of one photo.

        Args:
            image: a file; a Pillow image of any mode, turned upright by its EXIF entry; a uint8 array (H, W, 3), (H, W, 1) or (H, W);
                or a uint8 tensor (3, H, W) or (1, H, W). RGB, or grey. At least 8 pixels a side, at most 20 times as long as wide.
        Raises: UserError for a file that is missing or no complete image, and for any other size or type.
        """
        return self.scores([self.seen(image)])[0]

    def seen(self, image: str | Path | Image.Image | np.ndarray | torch.Tensor) -> np.ndarray:
        """One photo as the networks see it, letterboxed: uint8 (S, S, 3). Arguments and errors as of `score`."""
        name = str(image) if isinstance(image, str | Path) else "the image"
        try:
            if isinstance(image, str | Path):
                return self.letterboxed(Path(image).read_bytes())[0]
            return letterbox(_rgb(image), self.bundle.size)
        except Unreadable as error:
            raise UserError(f"{name}: cannot be scored ({error}); take another") from error
        except OSError as error:
            raise UserError(f"{name}: cannot be read ({error.strerror}); name an image file") from error

    def letterboxed(self, data: bytes, least: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """A file's bytes -> the photo as the networks see it, uint8 (S, S, 3), and as it was decoded, uint8 (h, w, 3).

        Args: least: short side below which the decoded photo must not be shrunk, in pixels.
        Raises: Unreadable as `data.images.read_picture`.
        """
        pixels = read_picture(data, max(FINER * self.bundle.size, least), self.limits).pixels
        return letterbox(pixels, self.bundle.size), pixels

    def scores(self, images: Sequence[np.ndarray]) -> list[Score]:
        """The scores of photos from `seen`, which pass the networks at once. Raises: UserError for outputs that are not finite."""
        batch = np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))
        votes, told = self.networks(batch)
        votes = votes.astype(float) / votes.sum(axis=1, keepdims=True, dtype=float)
        if not np.isfinite(votes).all() or (told is not None and not np.isfinite(told).all()):
            raise UserError(f"{self.bundle.folder}: its network gives scores that are not finite; get another bundle")
        values = np.array(self.bundle.values)
        means = votes @ values
        spreads = np.sqrt(np.maximum((votes * (values - means[:, None]) ** 2).sum(axis=1), 0))
        reading = self.bundle.reading
        said: list[tuple[Statement, ...]] = [()] * len(votes)
        if told is not None and reading is not None:
            said = reading.statements(told)
        return [
            Score(float(mean), float(spread), tuple(map(float, shares)), self.bundle.values, statements)
            for mean, spread, shares, statements in zip(means, spreads, votes, said, strict=True)
        ]


def _rgb(image: Image.Image | np.ndarray | torch.Tensor) -> np.ndarray:
    """uint8 (H, W, 3). Raises: Unreadable."""
    if isinstance(image, Image.Image):
        with refusing():
            upright = ImageOps.exif_transpose(image)
            pixels = np.asarray(ToSrgb(upright.mode, upright.info.get("icc_profile") or b"")(upright))
    elif isinstance(image, np.ndarray):
        pixels = image[..., None] if image.ndim == 2 else image
    elif hasattr(image, "permute") and image.ndim == 3:
        pixels = image.permute(1, 2, 0).cpu().numpy()
    else:
        raise Unreadable(
            f"a {type(image).__name__} is neither a file, a Pillow image, an array nor a tensor of three dimensions"
        )
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3):
        raise Unreadable(f"need uint8 in 0..255 with one or three channels, not {pixels.dtype} of shape {tuple(pixels.shape)}")
    height, width = pixels.shape[:2]
    if min(height, width) < LEAST or max(height, width) > MAX_RATIO * min(height, width):
        raise Unreadable(f"{width} x {height} pixels are too few, or a strip")
    return np.ascontiguousarray(np.broadcast_to(pixels, (height, width, 3)))
