"""Damage pictures of every format at random and count what the decoder does not answer with a picture or with a reason.

For `make bench-faults`: `tally(count)` gives the figures. `python benchmarks/hostile_pictures.py COUNT` prints them.
"""

import contextlib
import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from aesthetic_pretraining.data.images import Limits, Unreadable, read_picture
from aesthetic_pretraining.data.images.limits import MAX_RATIO

LIMITS = Limits(megapixels=4, seconds=20)
SIDE = (48, 64)  # small, so that many can be tried
FORMS: dict[str, dict] = {
    "JPEG": {"quality": 90}, "PNG": {}, "WEBP": {"lossless": True}, "BMP": {}, "TIFF": {"compression": "tiff_lzw"}, "GIF": {},
    "AVIF": {}, "JPEG2000": {}, "DDS": {}, "EPS": {}, "ICO": {}, "PCX": {}, "PPM": {}, "TGA": {},
}  # fmt: skip
MORE: dict[str, list[dict]] = {  # other ways to write the formats that photos come in
    "JPEG": [{"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}],
    "WEBP": [{"quality": 80}],
    "TIFF": [
        {"compression": None},
        {"compression": "tiff_adobe_deflate"},
        {"compression": "jpeg"},
        {"compression": "packbits"},
    ],
}
MODES = {"JPEG": ("RGB", "L", "CMYK"), "PNG": ("RGB", "L", "RGBA", "P", "1", "I;16"), "TIFF": ("RGB", "L", "CMYK", "I;16", "F", "1"),
         "BMP": ("RGB", "L", "P"), "WEBP": ("RGB", "RGBA"), "GIF": ("P", "L")}  # fmt: skip


class Tally(NamedTuple):
    """tried: pictures. escaped: those with neither picture nor reason. slowest: seconds for one."""

    tried: int
    escaped: list[str]
    slowest: float


def tally(count: int, seed: int = 1) -> Tally:
    """Read `count` hostile pictures, evenly of all formats."""
    with _hushed():
        return _tally(count, seed)


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Without what decoders print themselves, past Python: libtiff says hundreds of lines."""
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _tally(count: int, seed: int) -> Tally:
    escaped, slowest = [], 0.0
    for kind, data in hostile(count, seed):
        start = time.perf_counter()
        try:
            found = read_picture(data, limits=LIMITS)
            sound = (
                found.pixels.dtype == np.uint8 and found.pixels.shape[2] == 3 and max(found[1:3]) <= MAX_RATIO * min(found[1:3])
            )
            if not sound:
                escaped.append(f"{kind}: {found.pixels.dtype} {found.pixels.shape}")
        except Unreadable as error:
            if not str(error) or not str(error).isprintable():
                escaped.append(f"{kind}: a reason that is no line: {error}")
        except Exception as error:  # that is what is counted
            escaped.append(f"{kind}: {type(error).__name__}: {error}")
        slowest = max(slowest, time.perf_counter() - start)
    return Tally(count, escaped, slowest)


def hostile(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """(what it is, its bytes) of `count` damaged pictures; equal seeds give equal ones."""
    rng = np.random.default_rng(seed)
    whole = sound(rng)
    ways: tuple[Callable[[np.random.Generator, bytes], bytes], ...] = (flipped, head, cut, zeroed, spliced, doubled)
    for k in range(count):
        kind, data = whole[k % len(whole)]
        damage = ways[rng.integers(len(ways))]
        yield f"{kind} {damage.__name__} number {k}", damage(rng, data)


def sound(rng: np.random.Generator) -> list[tuple[str, bytes]]:
    """Undamaged pictures in every format, mode and way."""
    picture = Image.fromarray(rng.integers(0, 256, (*SIDE, 3), dtype=np.uint8)).resize(SIDE, Image.Resampling.BICUBIC)
    found = []
    for form, options in FORMS.items():
        for mode in MODES.get(form, ("RGB",)):
            for more in (options, *MORE.get(form, [])):
                if more.get("compression") == "jpeg" and mode not in ("RGB", "L"):
                    continue
                image = picture.convert("I").convert("I;16") if mode == "I;16" else picture.convert(mode)
                buffer = io.BytesIO()
                image.save(buffer, form, **more)
                found.append((f"{form} {mode} {more}", buffer.getvalue()))
    return found


def flipped(rng: np.random.Generator, data: bytes) -> bytes:
    """Up to eight bytes are others."""
    found = bytearray(data)
    for _ in range(rng.integers(1, 9)):
        found[rng.integers(len(found))] = rng.integers(256)
    return bytes(found)


def head(rng: np.random.Generator, data: bytes) -> bytes:
    """Up to eight bytes near the beginning are others."""
    near = min(len(data), 200)
    return flipped(rng, data[:near]) + data[near:]


def cut(rng: np.random.Generator, data: bytes) -> bytes:
    """Its end is missing; of a JPEG, an end marker follows."""
    return data[: rng.integers(1, len(data))] + (b"\xff\xd9" if data[:2] == b"\xff\xd8" and rng.random() < 0.5 else b"")


def zeroed(rng: np.random.Generator, data: bytes) -> bytes:
    """A part of it is zero."""
    start, size = rng.integers(len(data)), rng.integers(1, len(data))
    return data[:start] + bytes(min(size, len(data) - start)) + data[start + size :]


def spliced(rng: np.random.Generator, data: bytes) -> bytes:
    """A part of it stands in another place."""
    start, end, at = sorted(rng.integers(len(data), size=3))
    return data[:start] + data[end:at] + data[start:end] + data[at:]


def doubled(rng: np.random.Generator, data: bytes) -> bytes:
    """A part of it comes many times."""
    start, end = sorted(rng.integers(len(data), size=2))
    return data[:end] + data[start:end] * int(rng.integers(1, 20)) + data[end:]


if __name__ == "__main__":
    result = tally(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
    print(*result.escaped[:20], sep="\n")
    print(
        f"pictures_tried = {result.tried}\npictures_escaped = {len(result.escaped)}\npicture_slowest_s = {result.slowest:.2f}"
    )
