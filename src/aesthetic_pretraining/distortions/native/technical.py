"""Technical distortions as defined by the library imagecorruptions (ImageNet-C; paper section 4.1).

Every function takes
    base: uint8 (h, w, 3), the photo with its short side at the network's size
    value: a severity 1 .. 5 (pixelate: the fraction to shrink to)
    rng: the generator of this image, used by motion blur and the two noises
and returns uint8 (h, w, 3). As in the library, results are truncated to 8 bits, not rounded.

Reimplemented because the library uses numpy's global generator, whose state depends on what ran before.
Its constants are for photos of 224 pixels.
# ASSUME: radii and kernels keep their size in pixels when the network's images are smaller
"""

from functools import lru_cache
from math import ceil, cos, radians, sin
from typing import cast

import cv2
import numpy as np
from PIL import Image
from scipy.special import ndtri

# per severity 1 .. 5
JPEG_QUALITY = (25, 18, 15, 10, 7)
DEFOCUS_RADIUS_SIGMA = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))
MOTION_RADIUS_SIGMA = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))
GAUSSIAN_SCALE = (0.08, 0.12, 0.18, 0.26, 0.38)
IMPULSE_AMOUNT = (0.03, 0.06, 0.09, 0.17, 0.27)
NUDGE = 2.0**-12  # levels; just above the error of 32-bit sums
MOTION_ANGLE = 45  # degrees: directions are uniform in [-45, 45]


def jpeg_compression(base: np.ndarray, value: int, rng: np.random.Generator) -> np.ndarray:
    """Encoded as JPEG and decoded again."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY[value - 1]]
    _, file = cv2.imencode(".jpg", cv2.cvtColor(base, cv2.COLOR_RGB2BGR), quality)
    return cast(np.ndarray, cv2.imdecode(file, cv2.IMREAD_COLOR_RGB))


def defocus_blur(base: np.ndarray, value: int, rng: np.random.Generator) -> np.ndarray:
    """Averaged over a disk, like an aperture; borders are mirrored."""
    kernel = disk(*DEFOCUS_RADIUS_SIGMA[value - 1])
    # If the disk sums to slightly less than 1, the library makes every uniform area one level darker.
    return _cut_off(convolve(base, kernel), NUDGE if kernel.sum(dtype=np.float64) > 1 else -NUDGE)


def motion_blur(base: np.ndarray, value: int, rng: np.random.Generator) -> np.ndarray:
    """Smeared along a random direction with one side of a Gaussian."""
    radius, sigma = MOTION_RADIUS_SIGMA[value - 1]
    return smear(base, 2 * radius + 1, sigma, rng.uniform(-MOTION_ANGLE, MOTION_ANGLE))


def pixelate(base: np.ndarray, value: float, rng: np.random.Generator) -> np.ndarray:
    """Shrunk to the fraction `value` and back with the box filter (the authors' own variant)."""
    height, width = base.shape[:2]
    small = Image.fromarray(base).resize((int(width * value), int(height * value)), Image.Resampling.BOX)
    # When enlarging, the box filter takes the nearest pixel.
    rows, columns = (
        ((np.arange(large) + 0.5) * (few / large)).astype(int) for large, few in ((height, small.height), (width, small.width))
    )
    return np.take(np.take(np.asarray(small), columns, axis=1), rows, axis=0)


def gaussian_noise(base: np.ndarray, value: int, rng: np.random.Generator) -> np.ndarray:
    """Independent normal noise on every channel."""
    return _add(base, gaussian_steps(GAUSSIAN_SCALE[value - 1]), rng)


def impulse_noise(base: np.ndarray, value: int, rng: np.random.Generator) -> np.ndarray:
    """A fraction of all channel values becomes 0 or 255, with equal probability."""
    return _add(base, impulse_steps(IMPULSE_AMOUNT[value - 1]), rng)


def convolve(base: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3) convolved with a symmetric kernel (k, k) of odd size, borders mirrored: float32 (h, w, 3), by FFT."""
    reach = len(kernel) // 2
    height, width = base.shape[:2]
    padded = cv2.copyMakeBorder(base, reach, reach, reach, reach, cv2.BORDER_REFLECT_101)
    shape = cv2.getOptimalDFTSize(padded.shape[0]), cv2.getOptimalDFTSize(padded.shape[1])
    spectrum = _spectrum(kernel, shape)
    planes = [
        cv2.idft(cv2.mulSpectrums(_spectrum(plane, shape), spectrum, 0), flags=cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT)
        for plane in cv2.split(padded)
    ]
    kept = np.s_[2 * reach : 2 * reach + height, 2 * reach : 2 * reach + width]
    return cv2.merge([plane[kept] for plane in planes])


def disk(radius: int, sigma: float) -> np.ndarray:
    """A disk of `radius` pixels that sums to 1, with its edge softened by a Gaussian: float32 (k, k)."""
    reach = np.arange(-max(8, radius), max(8, radius) + 1)
    inside = (reach**2 + reach[:, None] ** 2 <= radius**2).astype(np.float32)
    softening = 3 if radius <= 8 else 5
    return cv2.GaussianBlur(inside / inside.sum(), (softening, softening), sigma)


def smear(base: np.ndarray, width: int, sigma: float, angle: float) -> np.ndarray:
    """Weighted sum of `width` copies, each shifted one pixel further along `angle` (degrees); borders are repeated."""
    weights = motion_weights(width, sigma)
    height, across = base.shape[:2]
    padded = cv2.copyMakeBorder(base, width, width, width, width, cv2.BORDER_REPLICATE).astype(np.float32)
    blurred = np.zeros(base.shape, np.float32)
    for i, weight in enumerate(weights):
        top = width + ceil(i * sin(radians(angle)) - 0.5)
        left = width + ceil(i * cos(radians(angle)) - 0.5)
        cv2.scaleAdd(padded[top : top + height, left : left + across], weight, blurred, blurred)
    return _cut_off(blurred, NUDGE)


def motion_weights(width: int, sigma: float) -> np.ndarray:
    """One side of a Gaussian, the weights of `smear`'s copies, which sum to 1: float64 (width,)."""
    weights = np.exp(-(np.arange(width) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    return weights


def _spectrum(plane: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    room = np.zeros(shape, np.float32)
    room[: plane.shape[0], : plane.shape[1]] = plane
    return cv2.dft(room, nonzeroRows=plane.shape[0])


def _cut_off(levels: np.ndarray, nudge: float) -> np.ndarray:
    """[0, 255] -> uint8, truncated; `nudge` decides to which side sums very close to an integer go."""
    levels += np.float32(nudge)
    return levels.clip(0, 255, out=levels).astype(np.uint8)


def _add(base: np.ndarray, steps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Every value shifted by one of 65,536 equally likely `steps`, int16, and clipped to [0, 255]."""
    draw = rng.bit_generator.random_raw(-(-base.size // 4)).view(np.uint16)[: base.size]
    return cv2.add(base, cv2.LUT(draw.reshape(base.shape), steps), dtype=cv2.CV_8U)


@lru_cache(maxsize=8)
def gaussian_steps(scale: float) -> np.ndarray:
    """Quantiles of a normal distribution, floored to whole levels, which commutes with adding integers."""
    return np.floor(255 * scale * ndtri((np.arange(65536) + 0.5) / 65536)).astype(np.int16)


@lru_cache(maxsize=8)
def impulse_steps(amount: float) -> np.ndarray:
    share = (np.arange(65536) + 0.5) / 65536
    return np.where(share < amount, np.where(share < amount / 2, -255, 255), 0).astype(np.int16)
