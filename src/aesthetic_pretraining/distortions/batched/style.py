"""Style distortions as `native.style` defines them, for all levels of one photo at once.

Six of them give each pixel a new lightness and a chroma factor; those of all their levels are developed together. The other three
multiply channels and look the result up.
"""

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor

from aesthetic_pretraining.distortions.batched.geometry import Geometry, Recipe
from aesthetic_pretraining.distortions.darktable_values import TEMPERATURE_GAINS, TINT_GAINS, shadhi
from aesthetic_pretraining.distortions.native.colour import decode, develop, roots_to_codes, to_lab, to_roots

FAR_OUT = 1.5  # as native.style.FAR_OUT
Pixels = tuple[Tensor, Tensor]  # lightness in [0, 100] and chroma factor


class Tones:
    """A base photo in Lab, with what its style distortions share.

    codes: uint8 (3, h, w)
    """

    def __init__(self, codes: Tensor, recipe: Recipe, places: Geometry) -> None:
        self.places, self.shadhi = places, shadhi(recipe.table, recipe.edited_width)
        self.index = codes.long()
        light = _light(codes.device).index_select(0, self.index.flatten()).view(codes.shape)
        self.lab = to_lab(light)

    @cached_property
    def dark(self) -> Tensor:
        """How dark the surroundings are, in [-1, 1]: (h, w)."""
        down, along = map(torch.as_tensor, self.places.blurs)
        return 1 - (down @ self.lab[0] @ along.T) / 50

    @cached_property
    def untouched(self) -> Pixels:
        return (self.lab[0] / 100).clamp(0, 1)[None], torch.ones_like(self.lab[0])[None]


def lab_pictures(tones: Tones, wanted: Sequence[tuple[str, Sequence[float]]]) -> Tensor:
    """The distortions of LAB with their values, in this order: uint8 (n, 3, h, w)."""
    made = [LAB[name](tones, tuple(values)) for name, values in wanted]
    lightness, chroma = (
        torch.cat([pair[k].expand(len(values), *tones.lab[0].shape) for pair, (_, values) in zip(made, wanted, strict=True)])
        for k in (0, 1)
    )
    return develop(tones.lab, lightness, chroma)


def brightness(tones: Tones, values: Sequence[float]) -> Pixels:
    """Gamma on lightness."""
    double = 2 * _column(values, tones)
    exponent = torch.where(double >= 0, 1 / (1 + double), 1 - double)
    logarithm = (tones.lab[0] / 100).clamp(min=1e-30).log()
    return (exponent * logarithm).exp_().mul_(100), _one(tones)


def contrast(tones: Tones, values: Sequence[float]) -> Pixels:
    """A line towards the middle below 0, a curve away from it above."""
    value = _column(values, tones)
    middle = tones.lab[0] / 50 - 1
    steepness = 20 * value.clamp(min=0) ** 2
    slope = torch.where(value > 0, (1 + steepness).sqrt(), 1 + value)
    curve = (steepness * middle.square()).add_(1).rsqrt_().mul_(middle).mul_(slope)
    return curve.mul_(50).add_(50), _one(tones)


def saturation(tones: Tones, values: Sequence[float]) -> Pixels:
    """Chroma times 1 + value."""
    return tones.lab[0][None], 1 + _column(values, tones)


def vibrance(tones: Tones, values: Sequence[float]) -> Pixels:
    """More chroma and slightly less lightness for colourful pixels."""
    lightness, a, b = tones.lab
    weight = _column(values, tones) / 25600 * (a**2 + b**2).sqrt()
    return torch.addcmul(lightness, lightness, weight, value=-1 / 4), weight + 1


def shadows(tones: Tones, values: Sequence[float]) -> Pixels:
    """Acts where the surroundings are dark, after the highlights of `Shadhi`."""
    lifted = _overlay_highlights(tones, tones.untouched, (tones.shadhi.highlights_beside_shadows,))
    return _percent(_overlay_shadows(tones, lifted, values))


def highlights(tones: Tones, values: Sequence[float]) -> Pixels:
    """Acts where the surroundings are light, after the shadows of `Shadhi`."""
    filled = _overlay_shadows(tones, tones.untouched, (tones.shadhi.shadows_beside_highlights,))
    return _percent(_overlay_highlights(tones, filled, values))


LAB: dict[str, Callable[[Tones, Sequence[float]], Pixels]] = {
    "brightness": brightness,
    "contrast": contrast,
    "saturation": saturation,
    "vibrance": vibrance,
    "shadows": shadows,
    "highlights": highlights,
}
GAINS: dict[str, Callable[[float], tuple[float, float, float]]] = {
    "exposure": lambda value: (2.0**value,) * 3,
    "temperature": lambda value: TEMPERATURE_GAINS[value],
    "tint": lambda value: TINT_GAINS[value],
}


def gain_pictures(tones: Tones, wanted: Sequence[tuple[str, Sequence[float]]]) -> Tensor:
    """The distortions of GAINS with their values, in this order: uint8 (n, 3, h, w)."""
    gains = tuple(GAINS[name](value) for name, values in wanted for value in values)
    far = [k for k, gain in enumerate(gains) if max(gain) > FAR_OUT]
    codes, light = _tables(gains, tones.index.device)
    channels = tones.index.flatten(1)
    pictures = torch.stack([codes[c].gather(1, channels[c].expand(len(gains), -1)) for c in range(3)], 1)
    if far:
        linear = torch.stack([light[c].index_select(1, channels[c]) for c in range(3)])
        roots = to_roots(linear).transpose(0, 1).contiguous()
        beyond = torch.empty(roots.shape, dtype=torch.uint8, device=roots.device)
        roots_to_codes(roots, torch.empty(2, *roots.shape, device=roots.device).unbind(), beyond)
        for k, picture in zip(far, beyond, strict=True):
            pictures[k] = picture
    return pictures.view(len(gains), *tones.index.shape)


def _overlay_shadows(tones: Tones, start: Pixels, values: Sequence[float]) -> Pixels:
    """u in [0, 1] and chroma factor, after values in [-100, 100]."""
    weights = [(1.0, 1.0, 0.0) if value >= 0 else (-1.0, 0.0, 1.0) for value in values]
    return _overlay(tones, start, tones.dark.clamp(0, 1), values, weights)


def _overlay_highlights(tones: Tones, start: Pixels, values: Sequence[float]) -> Pixels:
    """u in [0, 1] and chroma factor, after values in [-100, 100]."""
    weights = [(-1.0 if value > 0 else 1.0, 0.5, 0.5) for value in values]
    return _overlay(tones, start, (-tones.dark).clamp(0, 1), values, weights)


def _overlay(
    tones: Tones, start: Pixels, mask: Tensor, values: Sequence[float], weights: Sequence[tuple[float, float, float]]
) -> Pixels:
    """native.style's overlay for all values at once: each takes part in as many passes as it has.

    weights: for each value the sign of the change, and how strongly chroma follows the lightness gained and the darkness lost.
    """
    sign, gained, lost = (_column([one[k] for one in weights], tones) for k in range(3))
    amounts = [(2 * value / 100) ** 2 for value in values]
    u, chroma = start
    done = 0
    while done < max(amounts):
        share = mask * _column([min(max(amount - done, 0.0), 1.0) for amount in amounts], tones)
        darkness = 1 - u
        gain = torch.minimum(u, darkness).mul(tones.dark).mul(share).mul_(sign)
        follow = (gain / u.clamp(min=1e-6)).mul_(gained).sub_((gain / darkness.clamp(min=1e-6)).mul_(lost)).mul_(share)
        chroma = torch.addcmul(chroma, chroma, follow)
        u = u + gain
        done += 1
    return u, chroma


def _percent(pixels: Pixels) -> Pixels:
    return pixels[0] * 100, pixels[1]


def _one(tones: Tones) -> Tensor:
    return _column((1.0,), tones)


def _column(values: Sequence[float], tones: Tones) -> Tensor:
    """Values as (n, 1, 1), broadcastable to (h, w)."""
    return _values(tuple(values), tones.index.device)


# Constants are cached per device, because a GPU waits for every upload.
@lru_cache(maxsize=256)
def _values(values: tuple[float, ...], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device).view(-1, 1, 1)


@lru_cache(maxsize=8)
def _light(device: torch.device) -> Tensor:
    """Linear light of each code: float (256,)."""
    return torch.tensor(decode(np.arange(256) / 255), dtype=torch.float32, device=device)


@lru_cache(maxsize=16)
def _tables(gains: tuple[tuple[float, float, float], ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """Each code after each gain, as codes (uint8, 3, n, 256), and for the gains beyond FAR_OUT as linear light (float, 3, m, 256)."""
    scaled = np.arange(256) * np.array(gains).T[..., None]
    far = scaled[:, [max(gain) > FAR_OUT for gain in gains]]
    # halves are rounded down, as in native.style
    codes = np.ceil(scaled - 0.5).clip(max=255).astype(np.uint8)
    return torch.tensor(codes, device=device), torch.tensor(decode(far / 255), dtype=torch.float32, device=device)
