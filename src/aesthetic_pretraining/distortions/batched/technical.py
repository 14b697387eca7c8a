"""Technical distortions as `native.technical` defines them, for all levels of one photo at once. JPEG is the loader's.

Every function returns (n, 3, h, w), whole levels in [0, 255], as bytes or float.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import ceil, cos, radians, sin

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from aesthetic_pretraining.distortions.batched.geometry import Pixelation
from aesthetic_pretraining.distortions.batched.philox import uniform_16
from aesthetic_pretraining.distortions.batched.resample import columns, rows
from aesthetic_pretraining.distortions.native.technical import (
    DEFOCUS_RADIUS_SIGMA,
    GAUSSIAN_SCALE,
    IMPULSE_AMOUNT,
    MOTION_RADIUS_SIGMA,
    NUDGE,
    disk,
    gaussian_steps,
    impulse_steps,
)


def gaussian_noise(severity: int) -> np.ndarray:
    """The quantile table of one severity."""
    return gaussian_steps(GAUSSIAN_SCALE[severity - 1])


def impulse_noise(severity: int) -> np.ndarray:
    """The quantile table of one severity."""
    return impulse_steps(IMPULSE_AMOUNT[severity - 1])


NOISES: Mapping[str, Callable[[int], np.ndarray]] = {made.__name__: made for made in (gaussian_noise, impulse_noise)}
COARSE, FINE = 16, 7  # bits of the two parts of a disk's weights


def defocus_blur(base: Tensor, severities: Sequence[float]) -> Tensor:
    """base: uint8 (3, h, w).

    The weights are two whole numbers each, so that both sums are exact: uniform areas, whose sums lie at whole levels, would
    otherwise depend on the order of summation.
    """
    kernels, nudges = _disks(tuple(map(int, severities)), base.device)
    reach = kernels.shape[-1] // 2
    padded = pad(base[None].float(), (reach,) * 4, mode="reflect")
    coarse, fine = conv2d(padded, kernels, groups=3).unflatten(1, (3, 2, -1)).unbind(2)
    blurred = coarse.mul_(2.0**-COARSE).add_(fine.mul_(2.0 ** -(COARSE + FINE)).add_(nudges))
    return blurred[0].transpose(0, 1).clamp_(0, 255).floor_()


def motion_blur(base: Tensor, severities: Sequence[float], angles: Sequence[float]) -> Tensor:
    """base: uint8 (3, h, w); angles: degrees."""
    height, width = base.shape[1:]
    blurred = torch.zeros(len(severities), *base.shape, device=base.device)
    room = 2 * max(radius for radius, _ in MOTION_RADIUS_SIGMA) + 1
    padded = pad(base[None].float(), (room,) * 4, mode="replicate")[0]
    for picture, severity, angle in zip(blurred, severities, angles, strict=True):
        radius, sigma = MOTION_RADIUS_SIGMA[int(severity) - 1]
        weights = np.exp(-(np.arange(2 * radius + 1) ** 2) / (2 * sigma**2))
        for i, weight in enumerate(weights / weights.sum()):
            top = room + ceil(i * sin(radians(angle)) - 0.5)
            left = room + ceil(i * cos(radians(angle)) - 0.5)
            picture.add_(padded[:, top : top + height, left : left + width], alpha=float(weight))
    return blurred.add_(NUDGE).clamp_(0, 255).floor_()


def pixelate(base: Tensor, pixelations: Sequence[Pixelation]) -> Tensor:
    """base: uint8 (3, h, w)."""
    pictures = []
    # Pillow 13 shrinks the longer side of an upright panorama first; which one comes first decides how values are rounded.
    upright = base.shape[1] > 2 * base.shape[2]
    for one in pixelations:
        if upright:
            small = columns(rows(base[None], one.rows), one.columns)
        else:
            small = rows(columns(base[None], one.columns), one.rows)
        pictures.append(small.index_select(3, torch.as_tensor(one.column_of)).index_select(2, torch.as_tensor(one.row_of)))
    return torch.cat(pictures)


def noise(base: Tensor, wanted: Mapping[str, Sequence[float]], keys: Tensor) -> Tensor:
    """The levels of both noises, one after the other.

    base: uint8 (3, h, w); wanted: {one of NOISES: severities}; keys: int64 (n, 4), the words of each picture's `variant_key`.
    """
    steps = _steps(tuple((name, tuple(map(int, severities))) for name, severities in wanted.items()), base.device)
    drawn = steps.gather(1, uniform_16(keys, base.numel()))
    return drawn.add_(base.flatten()).clamp_(0, 255).view(-1, *base.shape)


@lru_cache(maxsize=8)
def _disks(severities: tuple[int, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """Coarse, then fine parts of the disks, for each channel: float (3 2 n, 1, k, k); what is added to their sums: float (n, 1, 1)."""
    disks = [disk(*DEFOCUS_RADIUS_SIGMA[severity - 1]).astype(np.float64) for severity in severities]
    reach = max(len(one) for one in disks) // 2
    kernels = np.stack([np.pad(one, reach - len(one) // 2) for one in disks])
    whole = np.rint(kernels * 2 ** (COARSE + FINE)).astype(np.int64)
    parts = np.concatenate([whole >> FINE, whole & 2**FINE - 1] * 3)[:, None]
    nudges = [NUDGE if one.sum() > 1 else -NUDGE for one in disks]
    return torch.tensor(parts, dtype=torch.float32, device=device), torch.tensor(nudges, device=device).view(-1, 1, 1)


@lru_cache(maxsize=8)
def _steps(wanted: tuple[tuple[str, tuple[int, ...]], ...], device: torch.device) -> Tensor:
    """int16 (n, 65536): by how much each of the equally likely draws changes a channel."""
    tables = [NOISES[name](severity) for name, severities in wanted for severity in severities]
    return torch.tensor(np.stack(tables), device=device)
