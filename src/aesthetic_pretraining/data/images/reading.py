"""From a file's bytes to an upright sRGB image."""

import io
import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from aesthetic_pretraining.data.images import apart, jpeg, png, tiff
from aesthetic_pretraining.data.images.colours import ToSrgb, is_srgb
from aesthetic_pretraining.data.images.limits import DEFAULT, HERE, MAX_RATIO, WHOLE, WORK, Limits
from aesthetic_pretraining.data.images.unreadable import Unreadable, refusing

FRACTIONS = (1, 2, 4, 8)  # of which libjpeg decodes each in no more time than the whole
BAND = 1 << 22  # pixels that are converted at once
ORIENTATION = 0x0112  # EXIF 2.3
TURNED = {  # EXIF orientation -> the transform that makes the image upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Only what photos come in, and each by its own class: Image.open tries fifty formats, one of which starts Ghostscript.
READERS: tuple[tuple[tuple[bytes, ...], Callable[..., ImageFile.ImageFile]], ...] = (
    ((b"\xff\xd8\xff",), JpegImageFile),
    ((png.SIGNATURE,), PngImageFile),
    ((b"RIFF",), WebPImageFile),
    ((b"BM",), BmpImageFile),
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), TiffImageFile),
    ((b"GIF87a", b"GIF89a"), GifImageFile),  # AVA has some, named .jpg
)


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


class Opened(NamedTuple):
    """A file whose header has been read: Pillow's image, the bytes that are decoded, the ICC profile, and a PNG's parts."""

    image: ImageFile.ImageFile
    data: bytes
    profile: bytes
    slim: png.Slim | None = None


def read_picture(data: bytes, short_side: int = 0, limits: Limits = DEFAULT) -> Picture:
    """The image in `data`.

    Args:
        short_side: the size that it will be shrunk to: a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, but not below this short
            side. 0: full size. JPEGs of more than WHOLE pixels, and others of more than
            HERE megapixels, are always read at a fraction.
    Raises: Unreadable for anything but a complete image of at least 8 x 8 pixels that keeps within the limits.
    """
    with refusing():
        opened = _open(data)
        _check_size(*opened.image.size, limits.megapixels)
        if not _takes_long(opened):
            try:
                return _read(opened, short_side)
            except (MemoryError, jpeg.Exotic):
                pass
        return Picture(*apart.read(data, short_side, limits.seconds))


def decode(data: bytes) -> tuple[Image.Image, str]:
    """The image in `data` as sRGB, upright, at full size, and its format ("JPEG", "PNG", ...). Raises: Unreadable as `read_picture`."""
    found = read_picture(data)
    return Image.fromarray(found.pixels), found.format


def pixels(data: bytes) -> np.ndarray:
    """Stored bytes -> uint8 array (height, width, 3) in 0..255."""
    return read_picture(data).pixels


def _open(data: bytes) -> Opened:
    """Read the header. Raises: Unreadable for a format that photos do not come in; Pillow's errors."""
    for signatures, reader in READERS:
        if not data.startswith(signatures):
            continue
        if reader is not PngImageFile:
            image = reader(io.BytesIO(data))
            return Opened(image, data, image.info.get("icc_profile") or b"")
        slim = png.slim(data)
        return Opened(reader(io.BytesIO(slim.data)), slim.data, slim.profile, slim)
    raise Unreadable("not an image in a known format (JPEG, PNG, WebP, BMP, TIFF, GIF)")


def _check_size(width: int, height: int, megapixels: float) -> None:
    if min(width, height) < 8:
        raise Unreadable(f"only {width} x {height} pixels")
    if max(width, height) > MAX_RATIO * min(width, height):
        raise Unreadable(f"{width} x {height} pixels are a strip, not an image")
    if width * height > megapixels * 1e6:
        raise Unreadable(f"{width * height / 1e6:.1f} megapixels, more than image.max_megapixels ({megapixels:g})")


def _takes_long(opened: Opened) -> bool:
    """Whether decoding may take more than a few seconds or a few hundred megabytes."""
    megapixels = opened.image.width * opened.image.height / 1e6
    if opened.image.format != "JPEG":
        return megapixels > HERE
    return megapixels * max(1, jpeg.scans(opened.data)) > WORK or megapixels > WHOLE / 1e6


def _read(opened: Opened, short_side: int, read_jpeg: Callable = jpeg.read) -> Picture:
    """Decode, convert and turn."""
    image, form = opened.image, str(opened.image.format)
    width, height = image.size
    if form == "JPEG":
        plain = image.mode == "RGB" and (not opened.profile or is_srgb(opened.profile))
        found = read_jpeg(image, opened.data, _fraction(width, height, short_side, plain, WHOLE))
        if not plain or isinstance(found, Image.Image):
            found = _converted(found, ToSrgb(image.mode, opened.profile), 1)
    else:
        to_srgb = _meaning(opened)
        image.load()
        found = _converted(image, to_srgb, _fraction(width, height, short_side, False, int(HERE * 1e6)))
    turned = _orientation(image)
    if turned in TURNED:
        found = np.asarray(Image.fromarray(found).transpose(TURNED[turned]))
    return Picture(found, *((height, width) if turned in (5, 6, 7, 8) else (width, height)), form)


def _fraction(width: int, height: int, short_side: int, plain: bool, whole: int) -> int:
    """The fraction of its size at which an image is read: 1, 2, 4 or 8.

    The smallest that `short_side` allows, for plain images and for those of more than `whole` pixels, of which no more are kept anyway.
    """
    large = width * height > whole
    most = min(width, height) // short_side if short_side and (plain or large) else 1
    allowed = max(fraction for fraction in FRACTIONS if fraction <= max(1, most))
    needed = next(fraction for fraction in FRACTIONS if width * height <= whole * fraction**2)
    return max(allowed, needed)


def _meaning(opened: Opened) -> ToSrgb:
    """What the codes of a file other than JPEG mean. Raises: Unreadable for those that would be misread."""
    image, slim = opened.image, opened.slim
    if isinstance(image, TiffImageFile):
        tiff.check(image.tag_v2, opened.data, image.width * image.height)
        return ToSrgb(image.mode, opened.profile, *tiff.samples(image.tag_v2))
    if slim is None or not slim.key or image.mode == "P":
        return ToSrgb(image.mode, opened.profile)
    if slim.depth == 16 and image.mode == "RGB":
        raise Unreadable("colours of 16 bits, of which one is transparent")
    key = png.transparent_grey(slim)
    if slim.depth in (2, 4) and key is not None:
        image.info["transparency"] = key * 255 // ((1 << slim.depth) - 1)  # Pillow spreads the codes, but not this one
    return ToSrgb(image.mode, opened.profile, key=key)


def _converted(image: Image.Image | np.ndarray, to_srgb: ToSrgb, fraction: int) -> np.ndarray:
    """sRGB at 1/fraction of the size (box filter): uint8 (h, w, 3). In bands, so that there is never a second copy of a large image."""
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    width, height = image.size
    rows = max(1, BAND // width // fraction) * fraction
    found = np.empty((-(-height // fraction), -(-width // fraction), 3), np.uint8)
    for top in range(0, height, rows):
        band = to_srgb(image.crop((0, top, width, min(top + rows, height))))
        small = band.reduce(fraction) if fraction > 1 else band
        found[top // fraction : top // fraction + small.height] = np.asarray(small)
    return found


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8, of a decoded image; 1 if the EXIF block is invalid, because the pixels may still be fine.

    Traps: of a PNG that is not yet decoded, getexif decodes it, and its errors would be taken for the block's. Pillow's exif_transpose also writes the block anew, which fails, unturned, where another entry is malformed.
    """
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # Pillow's reader raises all sorts of errors for broken blocks
        return 1


def serve(short_side: int) -> None:
    """The process of `apart.read`: a file's bytes on standard input, the answer on standard output."""
    data = sys.stdin.buffer.read()
    try:
        found = _read_apart(data, short_side)
    except Unreadable as error:
        apart.refuse(str(error))
    else:
        apart.answer(*found)


def _read_apart(data: bytes, short_side: int) -> tuple[Picture, bool]:
    """The picture, and whether it is a JPEG whose warnings were printed. Raises: Unreadable."""
    with refusing():
        opened = _open(data)
        try:
            return _read(opened, short_side), False
        except jpeg.Exotic:
            return _read(_open(data), short_side, jpeg.read_exotic), True
