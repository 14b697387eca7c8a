"""Technical distortions as the library imagecorruptions (ImageNet-C) defines them (paper section 4.1).

Every function takes
    base: uint8 (h, w, 3), the photo with its short side at the network's size
    value: a severity 1 .. 5 (pixelate: the fraction to shrink to)
    rng: the generator of this picture alone, used by motion blur and the two noises
and returns uint8 (h, w, 3). Like the library, results are cut off, not rounded, to 8 bits.

Written anew because the library draws from numpy's global generator, whose state depends on what ran before.
Its constants fit photos of 224 pixels.
# ASSUME: radii and kernels keep their pixel size when the network's picture is smaller
"""

from hashlib import blake2b
from io import BytesIO
from math import ceil, cos, radians, sin

import cv2
import numpy as np
from PIL import Image

# per severity 1 .. 5
JPEG_QUALITY = (25, 18, 15, 10, 7)
DEFOCUS_RADIUS_SIGMA = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))
MOTION_RADIUS_SIGMA = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))
GAUSSIAN_SCALE = (0.08, 0.12, 0.18, 0.26, 0.38)
IMPULSE_AMOUNT = (0.03, 0.06, 0.09, 0.17, 0.27)
MOTION_ANGLE = 45  # degrees: directions are uniform in [-45, 45]


def generator(seed: int, photo_id: str, distortion: str, level: int) -> np.random.Generator:
    """The random numbers of one picture: they depend on these four alone, not on order, batch or process."""
    key = blake2b(repr((int(seed), str(photo_id), distortion, int(level))).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(key, "little")))


def jpeg_compression(base: np.ndarray, value: int, rng: np.random.Generator) -> np.ndarray:
    """Through a JPEG file and back."""
    file = BytesIO()
    Image.fromarray(base).save(file, "JPEG", quality=JPEG_QUALITY[value - 1])
    return np.array(Image.open(file))


def defocus_blur(base: np.ndarray, value: int, rng: np.random.Generator) -> np.ndarray:
    """Averaged over a disk, as an aperture does."""
    return _to_uint8(cv2.filter2D(base / 255.0, -1, disk(*DEFOCUS_RADIUS_SIGMA[value - 1])))


def motion_blur(base: np.ndarray, value: int, rng: np.random.Generator) -> np.ndarray:
    """Smeared along a random direction, one side of a Gaussian long."""
    radius, sigma = MOTION_RADIUS_SIGMA[value - 1]
    return smear(base, 2 * radius + 1, sigma, rng.uniform(-MOTION_ANGLE, MOTION_ANGLE))


def pixelate(base: np.ndarray, value: float, rng: np.random.Generator) -> np.ndarray:
    """Shrunk to the fraction `value` and back with the box filter (the authors' own variant)."""
    height, width = base.shape[:2]
    small = Image.fromarray(base).resize((int(width * value), int(height * value)), Image.Resampling.BOX)
    return np.array(small.resize((width, height), Image.Resampling.BOX))


def gaussian_noise(base: np.ndarray, value: int, rng: np.random.Generator) -> np.ndarray:
    """Independent normal noise on every channel."""
    noise = rng.standard_normal(base.shape, np.float32) * np.float32(GAUSSIAN_SCALE[value - 1])
    return _to_uint8(base / np.float32(255) + noise)


def impulse_noise(base: np.ndarray, value: int, rng: np.random.Generator) -> np.ndarray:
    """A share of all channel values becomes 0 or 255, as often the one as the other."""
    draw = rng.random(base.shape, np.float32)
    amount = IMPULSE_AMOUNT[value - 1]
    return np.where(draw < amount, np.where(draw < amount / 2, 255, 0), base).astype(np.uint8)


def disk(radius: int, sigma: float) -> np.ndarray:
    """A disk of `radius` pixels that sums to 1, its rim softened by a Gaussian: float32 (k, k)."""
    reach = np.arange(-max(8, radius), max(8, radius) + 1)
    inside = (reach**2 + reach[:, None] ** 2 <= radius**2).astype(np.float32)
    softening = 3 if radius <= 8 else 5
    return cv2.GaussianBlur(inside / inside.sum(), (softening, softening), sigma)


def smear(base: np.ndarray, width: int, sigma: float, angle: float) -> np.ndarray:
    """Weighted sum of `width` copies, each a pixel further along `angle` (degrees); borders are repeated."""
    weights = np.exp(-(np.arange(width) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    height, across = base.shape[:2]
    padded = cv2.copyMakeBorder(base, width, width, width, width, cv2.BORDER_REPLICATE).astype(np.float64)
    blurred = np.zeros(base.shape)
    for i, weight in enumerate(weights):
        top = width + ceil(i * sin(radians(angle)) - 0.5)
        left = width + ceil(i * cos(radians(angle)) - 0.5)
        cv2.scaleAdd(padded[top : top + height, left : left + across], weight, blurred, blurred)
    return blurred.clip(0, 255).astype(np.uint8)


def _to_uint8(unit: np.ndarray) -> np.ndarray:
    """[0, 1] -> [0, 255], clipped and cut off."""
    return (unit.clip(0, 1) * 255).astype(np.uint8)
