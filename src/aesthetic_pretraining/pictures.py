"""Pictures from bytes to pixels: the only place where a file becomes an array."""

import io
import struct
import warnings

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
SAME = 2  # levels: variants of sRGB differ by rounding, and such a picture stays as it is
MAX_RATIO = 20  # long side over short side; beyond, shrinking by the short side would leave a huge picture


class Unreadable(Exception):
    """The bytes are not a whole picture; the text says why."""


def decode(data: bytes) -> tuple[Image.Image, str]:
    """The picture in `data` as sRGB, upright, and its format ("JPEG", "PNG", ...).

    Raises Unreadable for anything that is not a whole picture of at least 8 x 8 pixels.
    A truncated JPEG counts as unreadable: Pillow alone would fill the rest with grey.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata of pictures that are whole
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
            form = image.format or "?"
            image.load()
            image = _to_srgb(_upright(image), image.info.get("icc_profile"))
    except UnidentifiedImageError as error:
        raise Unreadable("not a picture in a known format") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unreadable(" ".join(str(error).split())) from error
    if min(image.size) < 8:
        raise Unreadable(f"only {image.width} x {image.height} pixels")
    if max(image.size) > MAX_RATIO * min(image.size):
        raise Unreadable(f"{image.width} x {image.height} pixels are a strip, not a picture")
    return image, form


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF says; as it is if the EXIF block is nonsense, which says nothing about the pixels."""
    try:
        return ImageOps.exif_transpose(image)
    except (SyntaxError, struct.error, TypeError, ValueError, EOFError, KeyError, IndexError, OverflowError):
        return image


def shrink(image: Image.Image, short_side: int) -> Image.Image:
    """`image` with its short side at `short_side` pixels (Lanczos); a smaller one is enlarged."""
    scale = short_side / min(image.size)
    size = tuple(max(short_side, round(side * scale)) for side in image.size)
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)


def encode_jpeg(image: Image.Image | np.ndarray, quality: int) -> bytes:
    """JPEG bytes without chroma subsampling and without metadata."""
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(image)).save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def pixels(data: bytes) -> np.ndarray:
    """Stored bytes -> uint8 array (height, width, 3) in 0..255."""
    return np.asarray(decode(data)[0])


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB in sRGB's meaning. Without a profile, or with one that is nonsense, the codes are taken for sRGB's."""
    rgb = _to_rgb(image)
    if not profile:
        return rgb
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        inputs = {"RGB": rgb, "GRAY": rgb.convert("L"), "CMYK": image if image.mode == "CMYK" else None}
        before = inputs[source.profile.xcolor_space.strip()]
        after = ImageCms.profileToProfile(before, source, SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, KeyError, AttributeError):
        return rgb
    off = np.abs(np.asarray(after, dtype=np.int16) - np.asarray(rgb, dtype=np.int16)).max()
    return rgb if off <= SAME else after


def _to_rgb(image: Image.Image) -> Image.Image:
    """RGB; transparency is laid on white, 16-bit grey is scaled (Pillow's own conversion would clip it)."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).astype(np.float64) / 257).round().clip(0, 255).astype(np.uint8)).convert(
            "RGB"
        )
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")
