"""Simulated votes: a seeded rater model over measured properties of an image (docs/simulated-votes.md).

No package ships human ratings, so simulated raters stand in for people. The model sees only pixels, not how they were edited.
Every property is a simple measurement, standardised over the images of the simulated AVA and squashed by tanh, so that no single
property dominates.
"""

import cv2
import numpy as np

from aesthetic_pretraining.seeding import seeded_int
from aesthetic_pretraining.settings.raters import RaterConfig

SIDE = 160  # ASSUME: properties are measured at this long side in pixels, about the detail of a small print


def sharpness(luma: np.ndarray) -> float:
    """Log energy of fine detail: log variance of the Laplacian of the lightness (H, W) in 0..1.

    Applied after a median filter, because noise would otherwise count as detail.
    """
    return float(np.log(cv2.Laplacian(cv2.medianBlur(luma, 3), cv2.CV_32F).var() + 1e-5))


def contrast(luma: np.ndarray) -> float:
    """Standard deviation of the lightness."""
    return float(luma.std())


def exposure(luma: np.ndarray) -> float:
    """Minus the distance of the mean lightness from the middle, minus the fraction of clipped pixels."""
    clipped = np.mean((luma < 0.02) | (luma > 0.98))
    return -abs(float(luma.mean()) - 0.5) - float(clipped)


def colourfulness(rgb: np.ndarray) -> float:
    """Hasler and Suesstrunk's measure (2003) on RGB (H, W, 3) in 0..1: spread and size of the opponent colours."""
    red_green = rgb[..., 0] - rgb[..., 1]
    yellow_blue = (rgb[..., 0] + rgb[..., 1]) / 2 - rgb[..., 2]
    return float(np.hypot(red_green.std(), yellow_blue.std()) + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))


def cleanness(luma: np.ndarray) -> float:
    """Minus the log of Immerkaer's estimate (1996) of the noise's standard deviation."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = np.abs(cv2.filter2D(luma, cv2.CV_32F, kernel))[1:-1, 1:-1]
    return -float(np.log(np.median(response) * 1.4826 / 6 + 2e-3))


def balance(luma: np.ndarray) -> float:
    """Minus the distance, in image sides, of the detail's centre from the nearest intersection of the rule of thirds."""
    detail = np.abs(cv2.Laplacian(luma, cv2.CV_32F)) + 1e-6
    rows, columns = np.indices(detail.shape)
    y = (rows * detail).sum() / detail.sum() / detail.shape[0]
    x = (columns * detail).sum() / detail.sum() / detail.shape[1]
    return -min(float(np.hypot(y - v, x - u)) for v in (1 / 3, 2 / 3) for u in (1 / 3, 2 / 3))


def properties(pixels: np.ndarray) -> dict[str, float]:
    """uint8 (H, W, 3) -> the six properties; more is better."""
    scale = SIDE / max(pixels.shape[:2])
    size = [max(3, round(side * scale)) for side in pixels.shape[1::-1]]
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    rgb = small.astype(np.float32) / 255
    luma = rgb @ np.array([0.299, 0.587, 0.114], np.float32)
    return {
        "sharpness": sharpness(luma),
        "contrast": contrast(luma),
        "exposure": exposure(luma),
        "colourfulness": colourfulness(rgb),
        "cleanness": cleanness(luma),
        "balance": balance(luma),
    }


class Raters:
    """A crowd of raters: standardises properties over given images, and votes on any image."""

    def __init__(self, measured: list[dict[str, float]], config: RaterConfig, seed: int):
        """measured: the properties of the images to standardise over."""
        self.config, self.seed = config, seed
        self.names = list(config.weights)
        self.weights = np.array([config.weights[n] for n in self.names])
        table = self._table(measured)
        self.centre, self.scale = table.mean(axis=0), table.std(axis=0) + 1e-9
        quality = self._quality(table)
        self.quality_centre, self.quality_scale = quality.mean(), quality.std() + 1e-9

    def _table(self, measured: list[dict[str, float]]) -> np.ndarray:
        return np.array([[m[n] for n in self.names] for m in measured])

    def _quality(self, table: np.ndarray) -> np.ndarray:
        return np.tanh((table - self.centre) / self.scale / 1.5) @ self.weights

    def opinion(self, picture: str, measured: dict[str, float]) -> float:
        """The crowd's underlying opinion of one image, on the scale of the votes."""
        explained = float((self._quality(self._table([measured]))[0] - self.quality_centre) / self.quality_scale)
        taste = np.random.default_rng(seeded_int("taste", self.seed, picture)).standard_normal()
        share = self.config.taste
        return self.config.mean + self.config.spread * (np.sqrt(1 - share**2) * explained + share * taste)

    def votes(self, picture: str, measured: dict[str, float]) -> np.ndarray:
        """The counts of the votes 1 to 10, which sum to `voters`."""
        rng = np.random.default_rng(seeded_int("votes", self.seed, picture))
        cast = rng.normal(self.opinion(picture, measured), self.config.disagreement, self.config.voters)
        return np.bincount(cast.round().clip(1, 10).astype(int), minlength=11)[1:]
