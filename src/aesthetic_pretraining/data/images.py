"""Decoding and encoding of images: the only place where a file becomes an array."""

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import NamedTuple, cast

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
SAME = 2  # codes; variants of sRGB differ by rounding, and images with such profiles are not converted
MAX_RATIO = 20  # long side over short side; beyond, resizing by the short side would leave a huge image
FRACTIONS = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}
TURNED = {  # EXIF orientation -> the transform that makes the image upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
IN_SCAN = {
    bytes([code]) for code in (0x00, *range(0xD0, 0xD8))
}  # what may follow 0xFF within a scan: stuffing, restart markers
NONSENSE = (SyntaxError, struct.error, TypeError, ValueError, EOFError, KeyError, IndexError, OverflowError)  # for broken EXIF


class Unreadable(Exception):
    """The bytes are not a complete image; the text says why."""


class Picture(NamedTuple):
    """A decoded image: sRGB, upright.

    Attributes:
        pixels: uint8 (h, w, 3), possibly at a half, a quarter or an eighth of the original's size.
        width, height: the original's, upright, in pixels.
        format: "JPEG", "PNG", ...
    """

    pixels: np.ndarray
    width: int
    height: int
    format: str


def read_picture(data: bytes, short_side: int = 0) -> Picture:
    """The image in `data`, like `decode` but faster for JPEG.

    Args:
        short_side: the size that it will be shrunk to: a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, but not below this short
            side. 0: full size, with the same pixels as `decode`.
    Raises: Unreadable as `decode`.
    """
    with _refusing():
        head = Image.open(io.BytesIO(data))
        profile = head.info.get("icc_profile")
        pixels = None
        plain = head.format == "JPEG" and head.mode == "RGB" and (not profile or _is_srgb(profile))
        if plain and ("progressive" in head.info or _scan_ends_the_file(data)):
            pixels = _decode_jpeg(data, min(head.size) // short_side if short_side else 1)
    if pixels is None:  # another format, or a file that only Pillow can read or diagnose
        image, form = decode(data)
        return Picture(np.asarray(image), image.width, image.height, form)
    _check_size(*head.size)
    orientation = _orientation(head)
    if orientation in TURNED:
        pixels = np.asarray(Image.fromarray(pixels).transpose(TURNED[orientation]))
    width, height = head.size[::-1] if orientation in (5, 6, 7, 8) else head.size
    return Picture(pixels, width, height, "JPEG")


def decode(data: bytes) -> tuple[Image.Image, str]:
    """The image in `data` as sRGB, upright, and its format ("JPEG", "PNG", ...).

    Raises: Unreadable for anything but a complete image of at least 8 x 8 pixels. That includes truncated JPEGs, which Pillow could
        be told to fill with grey.
    """
    with _refusing():
        image: Image.Image = Image.open(io.BytesIO(data))
        form = image.format or "?"
        image.load()
        image = _to_srgb(_upright(image), image.info.get("icc_profile"))
    _check_size(*image.size)
    return image, form


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn the libraries' errors for files that are not complete images into Unreadable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about odd metadata of valid images
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except UnidentifiedImageError as error:
        raise Unreadable("not an image in a known format") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unreadable(" ".join(str(error).split())) from error


def _check_size(width: int, height: int) -> None:
    if min(width, height) < 8:
        raise Unreadable(f"only {width} x {height} pixels")
    if max(width, height) > MAX_RATIO * min(width, height):
        raise Unreadable(f"{width} x {height} pixels are a strip, not an image")


def _decode_jpeg(data: bytes, ratio: int) -> np.ndarray | None:
    """Pixels of an RGB JPEG at the smallest of FRACTIONS that `ratio` allows, not rotated; None if OpenCV cannot decode it.

    OpenCV decodes the same pixels as Pillow, without Pillow's two copies, and also rejects truncated files.
    """
    # OpenCV supports RGB order only at full size
    flags = next((flag for fraction, flag in FRACTIONS.items() if fraction <= ratio), cv2.IMREAD_COLOR_RGB)
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None
    return found if found is None or flags == cv2.IMREAD_COLOR_RGB else cv2.cvtColor(found, cv2.COLOR_BGR2RGB)


def _scan_ends_the_file(data: bytes) -> bool:
    """Whether the first scan of a JPEG is directly followed by the end marker, as in every complete baseline file.

    Trap: if a damaged byte forms a marker in the middle of the scan, OpenCV silently fills the rest with grey.
    """
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] != b"\xda":
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    at = data.find(b"\xff", at + 2)
    while at >= 0 and data[at + 1 : at + 2] in IN_SCAN:
        at = data.find(b"\xff", at + 2)
    return at >= 0 and data[at + 1 : at + 2] == b"\xd9"


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1..8; 1 if the EXIF block is invalid, because the pixels may still be fine."""
    try:
        return int(image.getexif().get(0x0112, 1))
    except NONSENSE:
        return 1


def _upright(image: Image.Image) -> Image.Image:
    """The image rotated as its EXIF says; unchanged if the EXIF block is invalid."""
    try:
        return ImageOps.exif_transpose(image)
    except NONSENSE:
        return image


def shrink(image: Image.Image, short_side: int) -> Image.Image:
    """`image` resized to `short_side` pixels on its short side (Lanczos); smaller ones are enlarged."""
    scale = short_side / min(image.size)
    width, height = (max(short_side, round(side * scale)) for side in image.size)
    return image if (width, height) == image.size else image.resize((width, height), Image.Resampling.LANCZOS)


def encode_jpeg(image: Image.Image | np.ndarray, quality: int) -> bytes:
    """JPEG bytes without chroma subsampling and without metadata."""
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(image)).save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def encode_png(image: Image.Image | np.ndarray) -> bytes:
    """PNG bytes without metadata, lossless."""
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(image)).save(buffer, "PNG")
    return buffer.getvalue()


def pixels(data: bytes) -> np.ndarray:
    """Stored bytes -> uint8 array (height, width, 3) in 0..255."""
    return read_picture(data).pixels


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The image as sRGB. Without a valid profile, codes are assumed to be sRGB."""
    rgb = _to_rgb(image)
    if not profile or _is_srgb(profile):
        return rgb
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        inputs = {"RGB": rgb, "GRAY": rgb.convert("L"), "CMYK": image if image.mode == "CMYK" else None}
        before = inputs[source.profile.xcolor_space.strip()]
        if before is None:
            return rgb
        return cast(Image.Image, ImageCms.profileToProfile(before, source, SRGB, outputMode="RGB"))
    except (ImageCms.PyCMSError, OSError, KeyError, AttributeError):
        return rgb


@lru_cache(maxsize=64)
def _is_srgb(profile: bytes) -> bool:
    """Whether an ICC profile changes no colour by more than SAME codes, tested on 17 steps of each channel."""
    steps = np.linspace(0, 255, 17).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(17, -1, 3)
    try:
        after = ImageCms.profileToProfile(Image.fromarray(cube), ImageCms.ImageCmsProfile(io.BytesIO(profile)), SRGB)
    except (ImageCms.PyCMSError, OSError):
        return False
    return bool(np.abs(np.asarray(after).astype(int) - cube).max() <= SAME)


def _to_rgb(image: Image.Image) -> Image.Image:
    """RGB; transparency is composited on white, 16-bit grey is scaled (Pillow's conversion would clip it)."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).astype(np.float64) / 257).round().clip(0, 255).astype(np.uint8)).convert(
            "RGB"
        )
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")
