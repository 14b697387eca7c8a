"""What codes mean: every mode and profile becomes 8-bit sRGB, or is refused."""

import io
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from aesthetic_pretraining.data.images.unreadable import Unreadable

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
SAME = 2  # codes; variants of sRGB differ by rounding, and images with such profiles are not converted
NAMES = {"GRAY": "grey", "RGB": "RGB", "CMYK": "CMYK", "Lab": "Lab"}
# space of the pixels -> {space of the profile that fits: Pillow's mode in which it takes them}
FITTING = {
    "GRAY": {"GRAY": "L", "RGB": "RGB"},
    "RGB": {"RGB": "RGB", "GRAY": "L"},  # of a grey photo that was saved in colour; not of a coloured one
    "CMYK": {"CMYK": "CMYK"},
    "Lab": {"Lab": "LAB"},
}
GREY = 2  # codes that red, green and blue of a grey photo may differ by


class ToSrgb:
    """Turns an image, or bands of it, into sRGB. Without a valid profile, codes are assumed to be sRGB.

    Args:
        mode: Pillow's mode of the image. profile: its ICC profile, or nothing.
        white: the largest of its codes, if they have more than 8 bits. inverted: whether such codes have 0 for white.
        key: the code of more than 8 bits that is transparent, or None.
    Raises: Unreadable for modes in which no code is white, and for a valid profile that does not fit the mode.
    """

    def __init__(self, mode: str, profile: bytes = b"", white: int = 65535, inverted: bool = False, key: int | None = None):
        if mode in ("I", "F"):
            raise Unreadable("samples of 32 bits, in which no code is white")
        self.white, self.inverted, self.key = white, inverted, key
        self.transform, self.taken = _transform(_space(mode), profile)

    def __call__(self, image: Image.Image) -> Image.Image:
        """The image in mode RGB."""
        if image.mode in ("CMYK", "LAB") and self.transform:
            return ImageCms.applyTransform(image, self.transform)  # type: ignore[return-value]
        rgb = self._rgb(image)
        if not self.transform:
            return rgb
        if self.taken == "L" and np.ptp(np.asarray(rgb), axis=2).max() > GREY:
            raise Unreadable("the pixels have colours, but the colour profile is for grey")
        return ImageCms.applyTransform(rgb.convert(self.taken), self.transform)  # type: ignore[return-value]

    def _rgb(self, image: Image.Image) -> Image.Image:
        """RGB; transparency is composited on white, 16-bit grey is scaled (Pillow's conversion would clip it)."""
        if image.mode.startswith("I;"):
            return self._scaled(image)
        if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
            rgba = image.convert("RGBA")
            return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
        return image.convert("RGB")

    def _scaled(self, image: Image.Image) -> Image.Image:
        codes = np.asarray(image)
        grey = (codes / (self.white / 255)).round().clip(0, 255).astype(np.uint8)
        grey = 255 - grey if self.inverted else grey
        if self.key is not None:
            grey[codes == self.key] = 255
        return Image.fromarray(grey).convert("RGB")


def _space(mode: str) -> str:
    """The colour space of a mode, as profiles call it."""
    if mode in ("1", "L", "LA", "La") or mode.startswith("I;"):
        return "GRAY"
    return {"CMYK": "CMYK", "LAB": "Lab"}.get(mode, "RGB")


def _opened(profile: bytes) -> ImageCms.ImageCmsProfile | None:
    """A profile, or None for bytes that are none."""
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (ImageCms.PyCMSError, OSError):
        return None


def _transform(space: str, profile: bytes) -> tuple[Any, str]:
    """The transform from a profile to sRGB, None if there is nothing to change, and the mode that it takes.

    Raises: Unreadable for a valid profile that is not for such pixels.
    """
    source = _opened(profile) if profile and not is_srgb(profile) else None
    if source is None:
        return None, ""
    told = source.profile.xcolor_space.strip()
    mode = FITTING[space].get(told)
    if mode is None:
        raise Unreadable(f"the pixels are {NAMES[space]}, but the colour profile is for {NAMES.get(told, told)}")
    try:
        return ImageCms.buildTransform(source, SRGB, mode, "RGB"), mode
    except ImageCms.PyCMSError as error:
        raise Unreadable(f"the colour profile for {NAMES[told]} cannot be applied") from error


@lru_cache(maxsize=64)
def is_srgb(profile: bytes) -> bool:
    """Whether an ICC profile changes no colour by more than SAME codes, tested on 17 steps of each channel."""
    steps = np.linspace(0, 255, 17).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(17, -1, 3)
    try:
        after = ImageCms.profileToProfile(Image.fromarray(cube), ImageCms.ImageCmsProfile(io.BytesIO(profile)), SRGB)
    except (ImageCms.PyCMSError, OSError):
        return False
    return bool(np.abs(np.asarray(after).astype(int) - cube).max() <= SAME)
