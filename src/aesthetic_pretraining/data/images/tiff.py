"""TIFF: what its tags say about samples, and the JPEG streams inside."""

from typing import Any, NamedTuple

from aesthetic_pretraining.data.images import jpeg
from aesthetic_pretraining.data.images.unreadable import Unreadable

BITS, COMPRESSION, PHOTOMETRIC, STRIPS, STRIP_SIZES, PLANES, FORMAT = 258, 259, 262, 273, 279, 284, 339
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_SIZES, TABLES = 322, 323, 324, 325, 347
JPEG = 7  # Compression, TIFF Technical Note 2
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
    if tags.get(COMPRESSION) == JPEG:
        _check_streams(tags, data)


def _check_streams(tags: Any, data: bytes) -> None:
    """Raises: Unreadable for what libjpeg says of JPEG-coded strips and tiles, which libtiff hides."""
    tables = bytes(tags.get(TABLES, b"\xff\xd8\xff\xd9"))
    starts, sizes = (tags.get(a) or tags.get(b) or () for a, b in ((STRIPS, TILES), (STRIP_SIZES, TILE_SIZES)))
    for start, size in zip(starts, sizes, strict=True):
        try:
            jpeg.check(tables[:-2] + data[start + 2 : start + size])
        except jpeg.Exotic as error:
            raise Unreadable("JPEG inside, with a subsampling of its own") from error
