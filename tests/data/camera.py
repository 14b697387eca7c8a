"""What cameras and editors write into picture files: EXIF's orientation, colour profiles."""

import struct

import numpy as np
from PIL import Image

# EXIF 2.3, tag 0x0112: how the stored pixels become upright ones
UPRIGHT = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
    8: lambda p: np.rot90(p, 1),
}


def array(image):
    return np.asarray(image).astype(int)


def orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def wide_gamut():
    """An ICC profile, version 2, with Adobe RGB's primaries and gamma, written by hand from the specification."""
    # columns of the matrix to XYZ relative to D50
    primaries = [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)]
    fixed = lambda values: b"".join(struct.pack(">i", round(v * 65536)) for v in values)  # noqa: E731
    xyz = lambda values: b"XYZ \0\0\0\0" + fixed(values)  # noqa: E731
    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(GAMMA * 256), 0)
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"wide\0" + bytes(78) + b"\0"
    parts = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(xyz, primaries), strict=True))
    parts |= {b"wtpt": xyz((0.9642, 1.0, 0.8249)), b"desc": text, b"cprt": b"text\0\0\0\0none\0\0\0\0"}
    parts |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return profile_of(b"RGB ", parts)


def profile_of(space, parts):
    """An ICC profile, version 2, for displays, of a colour space and its tagged parts."""
    fixed = lambda values: b"".join(struct.pack(">i", round(v * 65536)) for v in values)  # noqa: E731
    table, body, at = struct.pack(">I", len(parts)), b"", 128 + 4 + 12 * len(parts)
    for name, part in parts.items():
        part += bytes(-len(part) % 4)
        table += name + struct.pack(">II", at + len(body), len(part))
        body += part
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"none", 0x02100000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + fixed((0.9642, 1.0, 0.8249))
    return head.ljust(128, b"\0") + table + body


GAMMA = 563 / 256  # Adobe RGB (1998), section 4.3.4
