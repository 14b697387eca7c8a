"""A base photo whose distortions are computed by the fused loops."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial

import numpy as np
import torch

from aesthetic_pretraining.distortions.darktable_values import EDITED_WIDTH, TEMPERATURE_GAINS, TINT_GAINS
from aesthetic_pretraining.distortions.native import style
from aesthetic_pretraining.distortions.native.kernels import blur, colour, rotation, tones

CPU = torch.device("cpu")
F = np.float32
Overlay = tuple[np.ndarray, np.ndarray]  # lightness in [0, 1] and a chroma factor, float32 (h * w) each
Random = Iterable[np.random.Generator]  # one for each value, made when it is asked for
Places = Iterable[np.ndarray]  # uint8 (h, w, 3), one for each value
Makers = Mapping[str, Callable[[Sequence[float], Random, Places], Iterator[np.ndarray]]]


class FusedPhoto(style.Photo):
    """`style.Photo`, and functions that make one image per value: uint8 (h, w, 3), instead of those in the aspects' modules.

    base: uint8 (h, w, 3), as for the functions of `technical`
    photo: uint8 (H, W, 3), as for those of `composition`
    """

    def __init__(self, base: np.ndarray, photo: np.ndarray, table: str, edited_width: int = EDITED_WIDTH) -> None:
        super().__init__(torch.empty(0, dtype=torch.uint8), table, edited_width)
        self.photo = photo
        self.base = np.ascontiguousarray(base)
        self.flat = self.base.reshape(-1)

    @property
    def makers(self) -> Makers:
        gains = {
            "temperature": TEMPERATURE_GAINS.__getitem__,
            "tint": TINT_GAINS.__getitem__,
            "exposure": lambda v: (2.0**v,) * 3,
        }
        styles: dict[str, Callable] = {name: partial(self._each, getattr(self, name)) for name in STYLE}
        multiplied: dict[str, Callable] = {name: partial(self._multiplied, gain) for name, gain in gains.items()}
        return (
            styles
            | multiplied
            | {
                "defocus_blur": self._defocus,
                "motion_blur": self._motion,
                "rotation": self._rotation,
            }
        )

    @cached_property
    def planes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Lightness, a / 500 and b / -200: float32 (h * w) each."""
        made = np.empty((3, self.flat.size // 3), F)
        colour.lab_planes(self.flat, np.broadcast_to(style.light(CPU).numpy(), (3, 256)).copy(), *made)
        return made[0], made[1], made[2]

    @cached_property
    def logarithm(self) -> np.ndarray:
        made = np.empty_like(self.planes[0])
        tones.logarithms(self.planes[0], made)
        return made

    @cached_property
    def surroundings(self) -> np.ndarray:
        """`style.Photo.blurred`: float32 (h * w)."""
        height, width = self.base.shape[:2]
        return self.blur(torch.from_numpy(self.planes[0]).view(height, width)).numpy().reshape(-1)

    @cached_property
    def under_shadows(self) -> Overlay:
        return self._overlaid(*highlights_of(self.shadhi.highlights_beside_shadows))

    @cached_property
    def under_highlights(self) -> Overlay:
        return self._overlaid(*shadows_of(self.shadhi.shadows_beside_highlights))

    def brightness(self, value: float, codes: np.ndarray) -> None:
        tones.brightness(self.logarithm, *self.planes[1:], F(1 / (1 + 2 * value) if value >= 0 else 1 - 2 * value), codes)

    def contrast(self, value: float, codes: np.ndarray) -> None:
        steepness = 20 * max(value, 0) ** 2
        tones.contrast(*self.planes, F(steepness), F((1 + steepness) ** 0.5 if value > 0 else 1 + value), codes)

    def saturation(self, value: float, codes: np.ndarray) -> None:
        tones.saturation(*self.planes, F(1 + value), codes)

    def vibrance(self, value: float, codes: np.ndarray) -> None:
        tones.vibrance(*self.planes, F(value / 25600), codes)

    def shadows(self, value: float, codes: np.ndarray) -> None:
        tones.overlaid(*self.under_shadows, self.surroundings, *self.planes[1:], *shadows_of(value), codes)

    def highlights(self, value: float, codes: np.ndarray) -> None:
        tones.overlaid(*self.under_highlights, self.surroundings, *self.planes[1:], *highlights_of(value), codes)

    def _each(self, make: Callable, values: Sequence[float], rngs: Random, places: Places) -> Iterator[np.ndarray]:
        for value, place in zip(values, places, strict=True):
            make(value, place.reshape(-1))
            yield place

    def _multiplied(self, gain_of: Callable, values: Sequence[float], rngs: Random, places: Places) -> Iterator[np.ndarray]:
        gains = tuple(gain_of(value) for value in values)
        codes, light = (tables.numpy() for tables in style.multiplied(gains, CPU))
        for gain, code, lit, place in zip(gains, codes, light, places, strict=True):
            if max(gain) > style.FAR_OUT:
                colour.look_up_light(self.flat, lit, place.reshape(-1))
            else:
                colour.look_up(self.flat, code, place.reshape(-1))
            yield place

    def _overlaid(self, *how: np.float32) -> Overlay:
        """The half of shadows and highlights that all values share."""
        u = (self.planes[0] / F(100)).clip(0, 1)
        chroma = np.ones_like(u)
        tones.overlay(u, chroma, self.surroundings, *how)
        return u, chroma

    def _defocus(self, values: Sequence[int], rngs: Random, places: Places) -> Iterator[np.ndarray]:
        return blur.defocus(self.base, values, places)

    def _motion(self, values: Sequence[int], rngs: Random, places: Places) -> Iterator[np.ndarray]:
        return blur.motion(self.base, values, rngs, places)

    def _rotation(self, values: Sequence[float], rngs: Random, places: Places) -> Iterator[np.ndarray]:
        return rotation.rotations(self.photo, self.base, values)


STYLE = ("brightness", "contrast", "saturation", "vibrance", "shadows", "highlights")


def shadows_of(value: float) -> tuple[np.float32, ...]:
    """The side, amount^2, sign and weights of `style.overlay_shadows`."""
    sign, gained, lost = (1, 1, 0) if value >= 0 else (-1, 0, 1)
    return F(1), F((2 * value / 100) ** 2), F(sign), F(gained), F(lost)


def highlights_of(value: float) -> tuple[np.float32, ...]:
    """The side, amount^2, sign and weights of `style.overlay_highlights`."""
    return F(-1), F((2 * value / 100) ** 2), F(-1 if value > 0 else 1), F(0.5), F(0.5)
