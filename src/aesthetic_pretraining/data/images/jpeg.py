"""JPEG: pixels at a fraction of the size, with libjpeg's warnings as errors.

Trap: libjpeg only warns of damaged scans and fills the rest with grey. Pillow hides the warnings, and OpenCV and torchvision print them;
simplejpeg, the same libjpeg-turbo with the same pixels, raises them.
"""

import re
from typing import Any

import cv2
import numpy as np
import simplejpeg
from PIL import Image, JpegImagePlugin

from aesthetic_pretraining.data.images.limits import SCANS
from aesthetic_pretraining.data.images.unreadable import Unreadable, said

SPACES = {"RGB": "RGB", "L": "GRAY"}  # Pillow's mode -> simplejpeg's name
MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # in a scan's data, 0xFF is followed by 0 or by a restart marker
FRAMES = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)  # SOFn of the codings that libjpeg reads
ALONE, SOS, EOI = (0x01, 0xD8), 0xDA, 0xD9
EXOTIC = "subsampling level"  # in what TurboJPEG says of sampling factors that it has no name for, which are valid


class Exotic(Exception):
    """A JPEG with sampling factors that simplejpeg does not read; `read_exotic` does, in a process of its own."""


def scans(data: bytes) -> int:
    """How many scans there are, thumbnails included. Raises: Unreadable for more than SCANS."""
    count = data.count(b"\xff\xda")  # in a scan's data, 0xFF is followed by 0 or by a restart marker
    if count > SCANS:
        raise Unreadable(f"{count} scans, more than {SCANS}")
    return count


def complete(data: bytes) -> None:
    """Raises: Unreadable if a component has coefficients that no scan holds to their last bit.

    A JPEG of several scans that is cut off between two of them and closed is valid for libjpeg, and only less sharp.
    """
    at = 2
    left: dict[int, list[int]] = {}  # component: for each coefficient, how many of its bits are still to come
    while found := MARKER.search(data, at):
        kind, at = data[found.start() + 1], found.end()
        if kind == EOI:
            break
        if kind in ALONE:
            continue
        size = int.from_bytes(data[at : at + 2], "big")
        body = data[at + 2 : at + size]
        if kind in FRAMES:
            left = {component: [16] * 64 for component in body[6::3]}
        elif kind == SOS and body and len(body) >= 4 + 2 * body[0]:
            count = body[0]
            first, last, bits = body[1 + 2 * count : 4 + 2 * count]
            for component in body[1 : 1 + 2 * count : 2]:
                if component in left:
                    left[component][first : last + 1] = [bits & 15] * (last + 1 - first)
        at += size
    if any(map(any, left.values())):
        raise Unreadable("damaged or truncated image (scans are missing)")


def read(head: JpegImagePlugin.JpegImageFile, data: bytes, fraction: int) -> np.ndarray | Image.Image:
    """The image at 1/fraction of its size (1, 2, 4 or 8), not turned: uint8 (h, w, 3) or (h, w), or Pillow's image for CMYK.

    Raises: Unreadable with libjpeg's words; Exotic.
    """
    complete(data)
    if head.mode not in SPACES:
        check(data)
        return _by_pillow(head, fraction)
    width, height = (-(-side // fraction) for side in head.size)
    found = _strict(data, colorspace=SPACES[head.mode], min_width=width, min_height=height, min_factor=fraction)
    return found if head.mode == "RGB" else found[..., 0]


def check(data: bytes) -> None:
    """Raises: Unreadable with libjpeg's words for a damaged JPEG; Exotic."""
    _strict(data, colorspace="RGB", min_factor=8)


def read_exotic(head: JpegImagePlugin.JpegImageFile, data: bytes, fraction: int) -> Image.Image:
    """As `read`, for every sampling; libjpeg's warnings go to the process's standard error, where the caller looks for them."""
    complete(data)
    cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
    return _by_pillow(head, fraction)


def _by_pillow(head: JpegImagePlugin.JpegImageFile, fraction: int) -> Image.Image:
    if fraction > 1:
        head.draft(head.mode, (head.width // fraction, head.height // fraction))
    head.load()
    return head


def _strict(data: bytes, **options: Any) -> np.ndarray:
    """simplejpeg's image. Raises: Unreadable, Exotic."""
    if (
        data[6:11] == b"JFIF\0" and data[11:12] != b"\1"
    ):  # another revision of the header, of which libjpeg warns, changes no pixel
        data = data[:11] + b"\1" + data[12:]
    try:
        return simplejpeg.decode_jpeg(data, **options)
    except ValueError as error:
        raise Exotic if EXOTIC in str(error) else Unreadable(f"damaged or truncated image ({said(error)})") from error
