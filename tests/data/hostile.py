"""Pictures that are damaged, contradict themselves or ask for too much, written by hand from the formats' specifications."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(depth, colour, rows, *chunks, width, height):
    """A PNG of raw rows, each with its filter byte; more chunks before the pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff(entries, pixels):
    """A little-endian TIFF of one strip: {tag: (type, values)}, then the pixels."""
    entries = {tag: (kind, values if isinstance(values, tuple) else (values,)) for tag, (kind, values) in entries.items()}
    codes = {1: "B", 3: "H", 4: "I", 7: "B"}
    more = b""
    at = 8 + 2 + 12 * (len(entries) + 2) + 4
    entries |= {273: (4, (0,)), 279: (4, (len(pixels),))}
    long = sum(size for kind, values in entries.values() if (size := struct.calcsize(codes[kind]) * len(values)) > 4)
    entries[273] = (4, (at + long,))
    table = b""
    for tag, (kind, values) in sorted(entries.items()):
        body = struct.pack(f"<{len(values)}{codes[kind]}", *values)
        if len(body) > 4:
            place, more = struct.pack("<I", at + len(more)), more + body
        else:
            place = body.ljust(4, b"\0")
        table += struct.pack("<HHI", tag, kind, len(values)) + place
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4) + more + pixels


def plain_tiff(pixels, photometric=1, planes=1, form=1, **more):
    """The TIFF of an array (h, w) or (h, w, colours)."""
    height, width = pixels.shape[:2]
    count = pixels.shape[2] if pixels.ndim == 3 else 1
    bits = pixels.dtype.itemsize * 8
    entries = {256: (4, width), 257: (4, height), 258: (3, (bits,) * count), 259: (3, 1), 262: (3, photometric), 277: (3, count),
               278: (4, height), 284: (3, planes), 339: (3, (form,) * count)}  # fmt: skip
    body = pixels if planes == 1 else pixels.transpose(2, 0, 1)
    return tiff(entries | {int(k[1:]): v for k, v in more.items()}, np.ascontiguousarray(body).tobytes())


def malformed_exif(orientation):
    """An EXIF block with an orientation, and a resolution whose denominator is 0 and whose sign is wrong."""
    entries = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0) + struct.pack(">HHII", 0x011A, 10, 1, 38)
    return b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 2) + entries + bytes(4) + struct.pack(">ii", -1, 0)


def many_scans(image, count):
    """A progressive JPEG whose second scan, of a chroma's lowest frequencies, comes `count` times more."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    first = data.index(b"\xff\xda")
    second = data.index(b"\xff\xda", first + 2)
    third = data.index(b"\xff\xda", second + 2)
    return data[:third] + data[second:third] * count + data[third:]


def odd_sampling(size=64):
    """A grey JPEG of valid sampling factors that have no name: luma 2 x 2, one chroma 2 x 1, the other 1 x 2.

    Every block is empty in Annex K's tables: luma's is coded as 00 1010, chroma's as 00 00.
    """
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), (128, 128, 128)).save(buffer, "JPEG", subsampling=0)
    data = bytearray(buffer.getvalue())
    frame, scan = data.index(b"\xff\xc0"), data.index(b"\xff\xda")
    data[frame + 11], data[frame + 14], data[frame + 17] = 0x22, 0x21, 0x12
    start = scan + 2 + int.from_bytes(data[scan + 2 : scan + 4], "big")
    bits = ("001010" * 4 + "0000" * 4) * (size // 16) ** 2
    assert len(bits) % 8 == 0
    return bytes(data[:start]) + int(bits, 2).to_bytes(len(bits) // 8, "big") + b"\xff\xd9"


def jpeg_in_tiff(data, width, height):
    """A JPEG as the one strip of a TIFF (Technical Note 2), with YCbCr of that sampling."""
    entries = {256: (4, width), 257: (4, height), 258: (3, (8, 8, 8)), 259: (3, 7), 262: (3, 6), 277: (3, 3), 278: (4, height),
               284: (3, 1), 530: (3, (1, 1))}  # fmt: skip
    return tiff(entries, data)
