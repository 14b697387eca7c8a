"""Style distortions: five modules of darktable 4.2.1 applied to an 8-bit sRGB image (paper section 4.1).

The formulas are those of darktable's pipeline in the module order of the released parameter files: exposure and white balance
come before the input profile, so they multiply gamma-encoded values. Lab is relative to D50.

Every distortion's function takes
    photo: the base photo as `Photo`
    values: the registry's values, one per image to make
and returns uint8 (n, 3, h, w). All but the gains act on lightness and keep the hue, so each of them reduces to a new lightness and
a chroma factor per pixel, which `colour.develop` turns into images.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor

from aesthetic_pretraining.distortions.darktable_values import EDITED_WIDTH, TEMPERATURE_GAINS, TINT_GAINS, shadhi
from aesthetic_pretraining.distortions.native.colour import decode, develop, roots_to_codes, to_lab, to_roots

FAR_OUT = 1.5  # gains above this push colours so far out of gamut that the round trip through Lab changes them


class Photo:
    """A base photo with lazily computed intermediate results of its style distortions.

    codes: uint8 (3, h, w)
    table: the distortion table, which determines the blur of shadows and highlights and the value of the field that does not vary
    edited_width: as for `darktable_values.shadhi`
    makers: functions in the place of those of this module, `technical` and `composition`, by name (`kernels.photo`)
    """

    def __init__(self, codes: Tensor, table: str = "published", edited_width: int = EDITED_WIDTH) -> None:
        self.codes, self.shadhi = codes, shadhi(table, edited_width)

    @property
    def makers(self) -> Mapping[str, Callable]:
        return {}

    @cached_property
    def lab(self) -> tuple[Tensor, Tensor, Tensor]:
        linear = torch.empty(self.codes.shape, device=self.codes.device)
        look_up(light(self.codes.device).expand(3, 256), self.index, linear)
        return to_lab(linear)

    @cached_property
    def index(self) -> Tensor:
        """The codes as an index for torch: int32 (3, h * w)."""
        return self.codes.flatten(1).int()

    @cached_property
    def blurred(self) -> Tensor:
        """`blur` of the lightness: (h, w)."""
        return self.blur(self.lab[0])

    def blur(self, lightness: Tensor) -> Tensor:
        """Lightness (h, w) after darktable's recursive Gaussian, first down the columns, then along the rows."""
        sigma = self.shadhi.sigma(lightness.shape[1])
        down, along = (_blur(n, sigma, lightness.device) for n in lightness.shape)
        return down @ lightness @ along.T

    @cached_property
    def shadows_filled(self) -> tuple[Tensor, Tensor]:
        """(lightness / 100, chroma factor) after the `shadows` that accompany every published `highlights`."""
        return overlay_shadows(*self.untouched, self.blurred, self.shadhi.shadows_beside_highlights)

    @cached_property
    def highlights_lifted(self) -> tuple[Tensor, Tensor]:
        """(lightness / 100, chroma factor) after the `highlights` that accompany every published `shadows`."""
        return overlay_highlights(*self.untouched, self.blurred, self.shadhi.highlights_beside_shadows)

    @property
    def untouched(self) -> tuple[Tensor, Tensor]:
        return (self.lab[0] / 100).clamp(0, 1), torch.ones_like(self.lab[0])


@cache
def light(device: torch.device) -> Tensor:
    """Linear light of each code: float (256,)."""
    return torch.from_numpy(decode(np.arange(256) / 255).astype(np.float32)).to(device)


@lru_cache(maxsize=64)
def _blur(n: int, sigma: float, device: torch.device) -> Tensor:
    return recursive_gaussian(n, sigma).to(device)


def brightness(photo: Photo, values: Sequence[float]) -> Tensor:
    """Gamma on lightness; values in [-1, 1], lighter above 0, no-op at 0."""
    double = 2 * _column(values, photo)
    exponent = torch.where(double >= 0, 1 / (1 + double), 1 - double)
    # to_lab may put black slightly below 0, where the logarithm is NaN
    logarithm = (photo.lab[0] / 100).clamp(min=1e-30).log_()
    return develop(photo.lab, (exponent * logarithm).exp_().mul_(100))


def contrast(photo: Photo, values: Sequence[float]) -> Tensor:
    """Lightness towards (at -1: uniformly grey) or away from its middle; values in [-1, 1], no-op at 0."""
    value = _column(values, photo)
    middle = photo.lab[0] / 50 - 1  # [-1, 1]
    # a straight line below 0, a curve that is steepest in the middle above
    steepness = 20 * value.clamp(min=0) ** 2
    slope = torch.where(value > 0, (1 + steepness).sqrt(), 1 + value)
    curve = (steepness * middle.square()).add_(1).rsqrt_().mul_(middle).mul_(slope)
    return develop(photo.lab, curve.mul_(50).add_(50))


def saturation(photo: Photo, values: Sequence[float]) -> Tensor:
    """Chroma times 1 + value; values in [-1, 1], grey at -1, no-op at 0."""
    return develop(photo.lab, photo.lab[0], 1 + _column(values, photo))


def vibrance(photo: Photo, values: Sequence[float]) -> Tensor:
    """More chroma and slightly less lightness, increasingly so for colourful pixels; percent, no-op at 0.

    darktable's slider starts at 0, but the program and its formula accept negative values, with the opposite effect.
    """
    lightness, a, b = photo.lab
    weight = _column(values, photo) / 25600 * (a**2 + b**2).sqrt()
    return develop(photo.lab, torch.addcmul(lightness, lightness, weight, value=-1 / 4), weight.add_(1))


def shadows(photo: Photo, values: Sequence[float]) -> Tensor:
    """Dark areas lighter (> 0) or darker; values in [-100, 100]."""
    # The masks of highlights and shadows never overlap, so the half common to all values is computed once.
    done = (overlay_shadows(*photo.highlights_lifted, photo.blurred, value) for value in values)
    return _develop_overlays(photo, done, len(values))


def highlights(photo: Photo, values: Sequence[float]) -> Tensor:
    """Light areas lighter (> 0) or darker; values in [-100, 100]."""
    done = (overlay_highlights(*photo.shadows_filled, photo.blurred, value) for value in values)
    return _develop_overlays(photo, done, len(values))


def exposure(photo: Photo, values: Sequence[float]) -> Tensor:
    """Codes times 2^value; EV, no-op at 0."""
    return multiply(photo, [(2.0**value,) * 3 for value in values])


def temperature(photo: Photo, values: Sequence[float]) -> Tensor:
    """White balance by temperature in kelvin, one of `TEMPERATURE_GAINS`; bluer below 6500, warmer above."""
    return multiply(photo, [TEMPERATURE_GAINS[value] for value in values])


def tint(photo: Photo, values: Sequence[float]) -> Tensor:
    """White balance by tint, one of `TINT_GAINS`; more magenta below 1, greener above."""
    return multiply(photo, [TINT_GAINS[value] for value in values])


def multiply(photo: Photo, gains: Sequence[tuple[float, float, float]]) -> Tensor:
    """Gamma-encoded channels times their gains, one triple per image: uint8 (n, 3, h, w).

    In gamut and slightly beyond, the round trip through Lab only affects clipping, so a table per channel is enough.
    """
    codes, lit_by_gain = multiplied(tuple(gains), photo.codes.device)
    pictures = torch.empty(len(gains), *photo.codes.shape, dtype=torch.uint8, device=photo.codes.device)
    linear, *spare = torch.empty(3, *photo.codes.shape, device=photo.codes.device)
    for picture, gain, code, lit in zip(pictures, gains, codes, lit_by_gain, strict=True):
        if max(gain) > FAR_OUT:
            look_up(lit, photo.index, linear)
            roots_to_codes(to_roots(linear)[None], [room[None] for room in spare], picture[None])
        else:
            look_up(code, photo.index, picture)
    return pictures


@lru_cache(maxsize=64)
def multiplied(gains: tuple[tuple[float, float, float], ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """Each code after each gain, as codes (uint8) and as linear light (float), both (n, 3, 256)."""
    scaled = np.arange(256) * np.array(gains)[..., None]
    # Halves are rounded down: after darktable's round trip through Lab, two thirds of them are slightly lower.
    codes = np.ceil(scaled - 0.5).clip(max=255).astype(np.uint8)
    return torch.from_numpy(codes).to(device), torch.from_numpy(decode(scaled / 255).astype(np.float32)).to(device)


@lru_cache(maxsize=64)
def recursive_gaussian(n: int, sigma: float) -> Tensor:
    """Matrix (n, n) of darktable's recursive Gaussian over n samples: float32.

    The filter is linear, so filtering the unit vectors gives its matrix; computed in float64 from rounded coefficients.
    At the borders, the first and the last sample are repeated indefinitely.
    """
    a0, a1, a2, a3, b1, b2, first, last = gaussian_coefficients(sigma)
    x = np.eye(n)
    forward, backward = np.empty((n, n)), np.empty((n, n))
    x1, y1 = x[0], x[0] * first
    y2 = y1
    for j in range(n):
        forward[j] = a0 * x[j] + a1 * x1 - b1 * y1 - b2 * y2
        x1, y1, y2 = x[j], forward[j], y1
    x1, y1 = x[-1], x[-1] * last
    x2, y2 = x1, y1
    for j in reversed(range(n)):
        backward[j] = a2 * x1 + a3 * x2 - b1 * y1 - b2 * y2
        x1, x2, y1, y2 = x[j], x1, backward[j], y1
    return torch.from_numpy((forward + backward).astype(np.float32))


def gaussian_coefficients(sigma: float) -> tuple[float, ...]:
    """a0 .. a3, b1, b2 of darktable's recursive Gaussian, and its initial factors for the first and last sample.

    In single precision, like darktable: at the published 100 pixels, 1 + b1 + b2 is 3e-4, so that its last bits lighten the blur by
    up to a 2000th at the borders. The order of that sum is also darktable's.
    """
    one, two = np.float32(1), np.float32(2)
    alpha = np.float32(1.695) / np.float32(sigma)
    e, e2 = np.exp(-alpha), np.exp(-two * alpha)
    k = (one - e) ** 2 / (one + two * alpha * e - e2)
    a0, a1, a2, a3, b1, b2 = k, k * (alpha - one) * e, k * (alpha + one) * e, -k * e2, -two * e, e2
    settled = (one + b2) + b1
    return tuple(map(float, (a0, a1, a2, a3, b1, b2, (a0 + a1) / settled, (a2 + a3) / settled)))


def overlay_highlights(u: Tensor, chroma: Tensor, blurred: Tensor, value: float) -> tuple[Tensor, Tensor]:
    """Lightness u in [0, 1] and chroma factor under `value` in [-100, 100]; acts where the surroundings are light."""
    dark = 1 - blurred / 50  # [-1, 1]
    return _overlay(u, chroma, dark, (-dark).clamp_(0, 1), 2 * value / 100, -1 if value > 0 else 1, (0.5, 0.5))


def overlay_shadows(u: Tensor, chroma: Tensor, blurred: Tensor, value: float) -> tuple[Tensor, Tensor]:
    """Lightness u in [0, 1] and chroma factor under `value` in [-100, 100]; acts where the surroundings are dark."""
    dark = 1 - blurred / 50
    sign, weights = (1, (1, 0)) if value >= 0 else (-1, (0, 1))
    return _overlay(u, chroma, dark, dark.clamp(0, 1), 2 * value / 100, sign, weights)


def _overlay(
    u: Tensor, chroma: Tensor, dark: Tensor, mask: Tensor, amount: float, sign: int, weights: tuple[float, float]
) -> tuple[Tensor, Tensor]:
    """Blend the inverted surroundings over u, amount^2 times (the last pass partially).

    The blend is 2 u layer where u <= 1/2 and 1 - 2 (1 - u) (1 - layer) where u is lighter, with layer = (1 + sign * dark) / 2; in
    both cases u changes by sign * dark * min(u, 1 - u).
    weights: how strongly chroma follows the lightness gained and the darkness lost.
    """
    # skips no-ops on a CPU; a GPU would have to synchronise for the check
    remaining = amount**2 if mask.device.type != "cpu" or mask.max() > 0 else 0.0
    u, chroma = u.clone(), chroma.clone()
    share, gain, darkness, ratio, follow = torch.empty(5, *u.shape, device=u.device)
    while remaining > 0:
        torch.mul(mask, min(remaining, 1.0), out=share)
        torch.sub(1, u, out=darkness)
        torch.minimum(u, darkness, out=gain).mul_(dark).mul_(share).mul_(sign)
        follow.zero_()
        for part, weight in ((u, weights[0]), (darkness, -weights[1])):
            if weight:
                follow.add_(torch.div(gain, torch.clamp(part, min=1e-6, out=ratio), out=ratio), alpha=weight)
        chroma.addcmul_(chroma, follow.mul_(share))
        u += gain
        remaining -= 1
    return u, chroma


def _develop_overlays(photo: Photo, done: Iterable[tuple[Tensor, Tensor]], n: int) -> Tensor:
    lightness, chroma = torch.empty(2, n, *photo.lab[0].shape, device=photo.codes.device)
    for i, (u, factor) in enumerate(done):
        torch.mul(u, 100, out=lightness[i])
        chroma[i] = factor
    return develop(photo.lab, lightness, chroma)


def _column(values: Sequence[float], photo: Photo) -> Tensor:
    """Values as (n, 1, 1), broadcastable to (h, w)."""
    return _values(tuple(values), photo.codes.device)


@lru_cache(maxsize=64)
def _values(values: tuple[float, ...], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device).view(-1, 1, 1)


def look_up(tables: Tensor, index: Tensor, out: Tensor) -> None:
    """Map each channel of `index`, int32 (3, h * w), by its row of `tables` (3, 256) into `out` (3, h, w)."""
    for table, channel, filled in zip(tables, index, out.flatten(1), strict=True):
        torch.index_select(table, 0, channel, out=filled)
