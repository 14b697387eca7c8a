"""PNG: the chunks that decide about pixels, without the metadata that Pillow may choke on."""

import struct
import zlib
from typing import NamedTuple

from aesthetic_pretraining.data.images.limits import CHUNKS
from aesthetic_pretraining.data.images.unreadable import Unreadable

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEPT = {b"tRNS", b"eXIf"}  # ancillary chunks that change what is seen; the profile is read here
LIKE_SRGB = ({1, 2}, {1, 2, 6, 13, 14, 15})  # ITU-T H.273: primaries and transfer of sRGB, or near enough, or not said
UPRIGHT = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0")  # texts that may hold the orientation
TEXT, PROFILE = 1 << 20, 16 << 20  # bytes of such a text, and of a profile, unpacked: larger ones are left out


class Slim(NamedTuple):
    """A PNG without its metadata.

    Attributes:
        data: the PNG. profile: its ICC profile, unpacked, or nothing. depth: bits of a sample. key: the transparent colour's chunk.
    """

    data: bytes
    profile: bytes
    depth: int
    key: bytes


def slim(data: bytes) -> Slim:
    """Take the metadata out of a PNG. Raises: Unreadable for more than CHUNKS chunks, and for the colour spaces of chunk cICP.

    Damage of what is kept is left for the decoder to find; metadata with a wrong checksum are left out.
    """
    view, kept, at = memoryview(data), [memoryview(SIGNATURE)], len(SIGNATURE)
    profile = key = b""
    for _ in range(CHUNKS):
        length, kind = int.from_bytes(view[at : at + 4], "big"), bytes(view[at + 4 : at + 8])
        end = at + 12 + length
        if len(kind) < 4 or kind[:1].isupper() or end > len(data):  # critical, or cut off
            kept.append(view[at:end])
        elif zlib.crc32(view[at + 4 : end - 4]) == int.from_bytes(view[end - 4 : end], "big"):
            body = view[at + 8 : end - 4]
            key = bytes(body) if kind == b"tRNS" else key
            profile = _profile(body) if kind == b"iCCP" else profile
            if kind == b"cICP" and (body[0] not in LIKE_SRGB[0] or body[1] not in LIKE_SRGB[1]):
                raise Unreadable(f"colours of another space than sRGB (cICP {body[0]}, {body[1]})")
            if kind in KEPT or _turns(kind, body):
                kept.append(view[at:end])
        at = end
        if kind == b"IEND" or at >= len(data):
            return Slim(b"".join(kept), profile, data[24] if len(data) > 24 else 0, key)
    raise Unreadable(f"more than {CHUNKS} chunks")


def _turns(kind: bytes, body: memoryview) -> bool:
    """Whether a text may hold the orientation, and is not longer than TEXT when it is unpacked."""
    start = bytes(body[:80])
    if kind not in (b"tEXt", b"zTXt", b"iTXt") or not start.startswith(UPRIGHT) or len(body) > TEXT:
        return False
    if kind == b"tEXt":
        return True
    name = start.index(b"\0") + 1
    if kind == b"iTXt":
        if start[name : name + 1] != b"\1":  # not compressed
            return True
        name = bytes(body).find(b"\0", bytes(body).find(b"\0", name + 2) + 1)  # after language and translated name
    return _unpacked(body[name + 1 :], TEXT) is not None


def _profile(body: memoryview) -> bytes:
    """The ICC profile of a chunk, or nothing if it is damaged or longer than PROFILE."""
    name = bytes(body[:81]).find(b"\0")
    return (_unpacked(body[name + 2 :], PROFILE) or b"") if name >= 0 else b""


def _unpacked(packed: memoryview, most: int) -> bytes | None:
    """What zlib unpacks, or None if it is damaged or longer than `most` bytes."""
    unpack = zlib.decompressobj()
    try:
        found = unpack.decompress(packed, most)
    except zlib.error:
        return None
    return found if unpack.eof else None


def transparent_grey(slimmed: Slim) -> int | None:
    """The grey code that is transparent, as it stands in the file (0 to 2^depth - 1), or None."""
    return struct.unpack(">H", slimmed.key)[0] & ((1 << slimmed.depth) - 1) if len(slimmed.key) == 2 else None
