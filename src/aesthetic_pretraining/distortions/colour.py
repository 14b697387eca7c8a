"""Between sRGB codes and Lab relative to D50, unbounded and with darktable 4.2.1's numerics."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

D50 = np.array([0.9642, 1.0, 0.8249])
RGB_TO_XYZ = np.array(  # linear sRGB to XYZ, Bradford-adapted to D50
    [[0.4360411, 0.3851133, 0.1430455], [0.2224845, 0.7169054, 0.0606101], [0.0139203, 0.0970678, 0.7139120]]
)
KNEE = 6 / 29  # Lab is linear below this cube root
ABOVE_ONE = 2.260159  # exponent with which darktable continues the sRGB curve beyond white
STEPS = 1 << 20  # of the table that encodes linear light: fine enough to miss a rounding by 0.002 codes
UNCHANGED = torch.ones(1, 1, 1)


def develop(lab: tuple[Tensor, Tensor, Tensor], lightness: Tensor, chroma: Tensor = UNCHANGED) -> Tensor:
    """Lab with a new lightness and a and b times `chroma`, as sRGB codes.

    lightness in [0, 100] and chroma: broadcastable to (n, h, w); returns uint8 (n, 3, h, w).
    """
    shape = torch.broadcast_shapes(lightness.shape, chroma.shape)
    pictures = torch.empty(shape[0], 3, *shape[1:], dtype=torch.uint8, device=lightness.device)
    to_rgb = torch.from_numpy(np.linalg.inv(RGB_TO_XYZ) * D50).to(lightness)
    # Picture by picture, as far as they are large: what one needs then stays in the processor's cache.
    together = max(1, 2**16 // shape[1:].numel())
    for part, y, factor in zip(
        pictures.split(together),
        ((lightness + 16) / 116).expand(shape).split(together),
        chroma.to(lightness.device).expand(shape).split(together),
        strict=True,
    ):
        roots = torch.stack((y + factor * (lab[1] / 500), y, y - factor * (lab[2] / 200)))  # (3, part, h, w)
        # Below the knee the cube gives way to its tangent there.
        xyz = roots.clamp(min=KNEE).pow_(3).add_(roots.sub_(KNEE).clamp_(max=0), alpha=3 * KNEE**2)
        part.copy_(encode((to_rgb @ xyz.flatten(1)).view_as(xyz)).transpose(0, 1))
    return pictures


def to_lab(linear: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Linear sRGB (3, h, w), unbounded, as lightness, a and b: each (h, w)."""
    to_xyz = torch.from_numpy(RGB_TO_XYZ / D50[:, None]).to(linear)
    xyz = (to_xyz @ linear.flatten(1)).view_as(linear)
    x, y, z = torch.where(xyz > KNEE**3, cube_root(xyz), (24389 / 27 * xyz + 16) / 116)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def cube_root(t: Tensor) -> Tensor:
    """darktable's own: a third of the float's bits, then one step of Halley's method; t >= 0, float32.

    Its relative error of 1e-5 shows where one channel is far above the others (2000 K), and belongs there.
    """
    guess = (torch.div(t.view(torch.int32) + 1, 3, rounding_mode="floor") + 709921077).view(torch.float32)
    cube = guess * guess * guess
    return guess * (cube + 2 * t) / (2 * cube + t)


def decode(x: np.ndarray) -> np.ndarray:
    """The sRGB curve from encoded values (1 = white) to linear light, continued by a power above 1."""
    toe, curve = x / 12.92, ((x + 0.055) / 1.055) ** 2.4
    return np.where(x <= 0.04045, toe, np.where(x < 1, curve, x**ABOVE_ONE))


def encode(linear: Tensor) -> Tensor:
    """Linear light of any shape, clipped to [0, 1], as the nearest sRGB code: uint8."""
    step = linear.mul(STEPS).clamp_(0, STEPS - 1).int()
    return _encode_table().to(linear.device).index_select(0, step.flatten()).view(linear.shape)


@lru_cache(maxsize=1)
def _encode_table() -> Tensor:
    linear = (np.arange(STEPS) + 0.5) / STEPS
    encoded = np.where(linear <= 0.04045 / 12.92, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return torch.from_numpy(np.floor(255 * encoded + 0.5).astype(np.uint8))
