"""TIFF: what its tags say about samples, and the JPEG streams inside."""

import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from aesthetic_pretraining.data.images import jpeg
from aesthetic_pretraining.data.images.unreadable import Unreadable, said

BITS, COMPRESSION, PHOTOMETRIC, STRIPS, STRIP_SIZES, PLANES, COLOURS, FORMAT = 258, 259, 262, 273, 279, 284, 320, 339
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_SIZES, TABLES = 322, 323, 324, 325, 347
JPEG = 7  # Compression, TIFF Technical Note 2
DEFLATE = {8, 32946}
SILENT = {
    2: "a fax's",
    3: "a fax's",
    4: "a fax's",
    6: "the first kind of JPEG",
}  # compressions of whose damage libtiff only warns
PALETTE = 3  # PhotometricInterpretation
PIECE = 1 << 20  # bytes that are unpacked at once
ROOM = 1 << 22  # pixels that a tile may have beyond four times the picture's


class Samples(NamedTuple):
    """White's code in a picture of 16-bit codes, and whether 0 is white instead."""

    white: int
    inverted: bool


def samples(tags: Any) -> Samples:
    """What the codes of grey mean. Args: tags: Pillow's tag_v2."""
    return Samples((1 << tags.get(BITS, (1,))[0]) - 1, tags.get(PHOTOMETRIC) == 0)


def check(tags: Any, data: bytes, pixels: int) -> None:
    """Raises: Unreadable for samples without a known white, for what Pillow misreads, and for damage that libtiff hides."""
    if set(tags.get(FORMAT, (1,))) - {1, 4}:
        raise Unreadable("samples that are floating-point or signed numbers, in which no code is white")
    bits = max(tags.get(BITS, (1,)))
    if bits > 16:
        raise Unreadable(f"samples of {bits} bits")
    if bits > 8 and tags.get(PLANES) == 2:
        raise Unreadable(f"planes of {bits} bits, one for each colour")
    if (tile := tags.get(TILE_WIDTH, 0) * tags.get(TILE_HEIGHT, 0)) > 4 * pixels + ROOM:
        raise Unreadable(f"a tile of {tile} pixels, more than the picture has")
    if tags.get(PHOTOMETRIC) == PALETTE and max(tags.get(COLOURS, (65535,))) < 256:
        raise Unreadable("a colour map of 8 bits, whose colours would all be black")
    compression = tags.get(COMPRESSION)
    if compression in SILENT:
        raise Unreadable(f"compression {compression}, {SILENT[compression]}, whose damage does not show")
    if compression == JPEG:
        _check_streams(tags, data)
    if compression in DEFLATE:
        _check_sums(tags, data, 16 * (pixels + ROOM))


def _check_streams(tags: Any, data: bytes) -> None:
    """Raises: Unreadable for what libjpeg says of JPEG-coded strips and tiles, which libtiff hides."""
    tables = bytes(tags.get(TABLES, b"\xff\xd8\xff\xd9"))
    for start, end in _parts(tags):
        try:
            jpeg.check(tables[:-2] + data[start + 2 : end])
        except jpeg.Exotic as error:
            raise Unreadable("JPEG inside, with a subsampling of its own") from error


def _check_sums(tags: Any, data: bytes, most: int) -> None:
    """Raises: Unreadable for Deflate-coded strips and tiles with a wrong checksum, of which libtiff stops short; for more than `most` bytes."""
    for start, end in _parts(tags):
        unpack, left = zlib.decompressobj(), data[start:end]
        while left and not unpack.eof:
            try:
                most -= len(unpack.decompress(left, PIECE))
            except zlib.error as error:
                raise Unreadable(f"damaged or truncated image ({said(error)})") from error
            left = unpack.unconsumed_tail
            if most < 0:
                raise Unreadable("unpacks to far more than its pixels take")
        if not unpack.eof:
            raise Unreadable("damaged or truncated image (a compressed part ends early)")


def _parts(tags: Any) -> Iterator[tuple[int, int]]:
    """Where each strip or tile begins and ends, in bytes."""
    starts, sizes = (tags.get(a) or tags.get(b) or () for a, b in ((STRIPS, TILES), (STRIP_SIZES, TILE_SIZES)))
    for start, size in zip(starts, sizes, strict=True):
        yield start, start + size
