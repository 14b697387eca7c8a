"""Conversion between sRGB codes and Lab (D50), unbounded, with the numerics of darktable 4.2.1."""

from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
import torch
from torch import Tensor

D50 = np.array([0.9642, 1.0, 0.8249])
RGB_TO_XYZ = np.array(  # linear sRGB to XYZ, Bradford-adapted to D50
    [[0.4360411, 0.3851133, 0.1430455], [0.2224845, 0.7169054, 0.0606101], [0.0139203, 0.0970678, 0.7139120]]
)
XYZ_TO_RGB = np.linalg.inv(RGB_TO_XYZ)
KNEE = 6 / 29  # Lab is linear below this cube root
SLOPE = 3 * KNEE**2  # of the cube at the knee, and of the line below it
ABOVE_ONE = 2.260159  # exponent with which darktable continues the sRGB curve beyond white
DARKEST = 2.0**-13  # linear light that is certainly black
# The table that encodes linear light is indexed by the leading bits of the float, so its steps shrink with the light. 2^14 steps
# per octave are off by at most 0.004 codes, and the table fits into the CPU cache.
DROPPED_BITS = 23 - 14
AT_ONCE = {"cpu": 2**18, "cuda": 2**23}  # pixels processed together: few enough for the cache, enough to fill a GPU
UNCHANGED = torch.ones(1, 1, 1)

Lab = tuple[Tensor, Tensor, Tensor]  # lightness in [0, 100], a, b: each float (h, w)


def develop(lab: Lab, lightness: Tensor, chroma: Tensor = UNCHANGED) -> Tensor:
    """Lab with a new lightness, and a and b multiplied by `chroma`, as sRGB codes.

    lightness in [0, 100] and chroma: broadcastable to (n, h, w); returns uint8 (n, 3, h, w).
    """
    n, *size = torch.broadcast_shapes(lightness.shape, chroma.shape, (1, 1, 1))
    device = lightness.device
    lightness, chroma = lightness.expand(n, *size), chroma.to(device).expand(n, *size)
    red_green, yellow_blue = lab[1] / 500, lab[2] / -200
    pictures = torch.empty(n, 3, *size, dtype=torch.uint8, device=device)
    together = max(1, min(n, AT_ONCE.get(device.type, AT_ONCE["cuda"]) // lab[0].numel()))
    roots, *spare = torch.empty(3, together, 3, *size, device=device)
    for i in range(0, n, together):
        part = slice(i, min(i + together, n))
        filled = roots[: part.stop - i]
        torch.add(lightness[part], 16, out=filled[:, 1]).div_(116)
        torch.addcmul(filled[:, 1], chroma[part], red_green, out=filled[:, 0])
        torch.addcmul(filled[:, 1], chroma[part], yellow_blue, out=filled[:, 2])
        roots_to_codes(filled, [room[: len(filled)] for room in spare], pictures[part])
    return pictures


def roots_to_codes(roots: Tensor, spare: Sequence[Tensor], codes: Tensor) -> None:
    """Cube roots of XYZ (n, 3, h, w) as sRGB codes, written to `codes`: uint8 of the same shape.

    Overwrites `roots` and `spare`, two tensors like it: allocating memory would cost as much as the arithmetic.
    """
    above, rest = spare
    # Below the knee, the cube is replaced by its tangent at the knee: SLOPE * root + k^3 - SLOPE * k with k = max(root, KNEE).
    torch.clamp(roots, min=KNEE, out=above)
    torch.mul(above, above, out=rest).sub_(SLOPE)
    xyz = roots.addcmul_(above, rest, value=1 / SLOPE)
    to_rgb = _to_rgb(roots.device)
    torch.bmm(to_rgb.expand(len(roots), 3, 3), xyz.flatten(2), out=above.flatten(2))
    encode_into(above, codes)


def to_lab(linear: Tensor) -> Lab:
    """Linear sRGB (3, h, w), unbounded, as lightness, a and b: each (h, w)."""
    x, y, z = to_roots(linear)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def to_roots(linear: Tensor) -> Tensor:
    """Linear sRGB (3, h, w), unbounded, as Lab's cube roots of X, Y and Z relative to white: (3, h, w)."""
    xyz = (_to_xyz(linear.device) @ linear.flatten(1)).view_as(linear)
    above = xyz.clamp(min=KNEE**3)
    return cube_root(above).add_(xyz.sub_(above), alpha=(knee() - 16 / 116) / KNEE**3)


# Constants are cached per device: a GPU would have to wait for every upload and for every value read back.
@cache
def _to_rgb(device: torch.device) -> Tensor:
    return torch.from_numpy(SLOPE * XYZ_TO_RGB * D50).to(device, torch.float32)


@cache
def _to_xyz(device: torch.device) -> Tensor:
    return torch.from_numpy(RGB_TO_XYZ / D50[:, None]).to(device, torch.float32)


@cache
def knee() -> float:
    """The value at the knee, as computed by `cube_root`: black must be exact, because brightness magnifies its error most."""
    return float(cube_root(torch.tensor([KNEE**3], dtype=torch.float32)))


def cube_root(t: Tensor) -> Tensor:
    """darktable's own: a third of the float's bits, then one step of Halley's method; t >= 0, float32.

    Its relative error of 1e-5 is visible where one channel is far above the others (2000 K), as in darktable.
    """
    guess = t.view(torch.int32).float().mul_(1 / 3).int().add_(709921077).view(torch.float32)
    cube = (guess * guess).mul_(guess)
    return guess.mul_(cube.add(t, alpha=2)).div_(cube.mul_(2).add_(t))


def decode(x: np.ndarray) -> np.ndarray:
    """The sRGB curve from encoded values (1 = white) to linear light, continued by a power function above 1."""
    toe, curve = x / 12.92, ((x + 0.055) / 1.055) ** 2.4
    return np.where(x <= 0.04045, toe, np.where(x < 1, curve, x**ABOVE_ONE))


def encode(linear: Tensor) -> Tensor:
    """Linear light of any shape, clipped to [0, 1], as the nearest sRGB code: uint8."""
    codes = torch.empty(linear.shape, dtype=torch.uint8, device=linear.device)
    encode_into(linear.clone(), codes)
    return codes


def encode_into(linear: Tensor, codes: Tensor) -> None:
    """`encode` of contiguous float32, which is overwritten, into contiguous uint8 of the same shape."""
    index = linear.clamp_(DARKEST, 1).view(torch.int32).bitwise_right_shift_(DROPPED_BITS)
    torch.index_select(_encode_table(linear.device), 0, index.view(-1), out=codes.view(-1))


@lru_cache(maxsize=8)
def _encode_table(device: torch.device) -> Tensor:
    """Codes by the leading bits of their linear light; entries below `DARKEST` are never read."""
    last = int(np.float32(1).view(np.int32)) >> DROPPED_BITS
    bits = (np.arange(last + 1, dtype=np.int32) << DROPPED_BITS) + (1 << DROPPED_BITS >> 1)
    linear = bits.view(np.float32).astype(np.float64)
    encoded = np.where(linear <= 0.04045 / 12.92, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return torch.from_numpy(np.floor(255 * encoded + 0.5).clip(max=255).astype(np.uint8)).to(device)
