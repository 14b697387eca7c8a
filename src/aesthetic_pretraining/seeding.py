"""Seeds: every random choice is a function of names and numbers, identical across processes and machines."""

from hashlib import blake2b

import numpy as np


def seeded_int(*parts: object) -> int:
    """A 63-bit integer that depends only on the text of `parts`: the root of every random choice.

    Unlike hash(), it is identical across processes and machines.
    """
    text = "\x1f".join(map(str, parts)).encode("utf-8", "surrogateescape")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") >> 1


def variant_key(seed: int, photo_id: str, distortion: str, level: int) -> bytes:
    """16 bytes that depend only on these four: the key of every generator of one variant."""
    return blake2b(repr((int(seed), str(photo_id), distortion, int(level))).encode(), digest_size=16).digest()


def generator(seed: int, photo_id: str, distortion: str, level: int) -> np.random.Generator:
    """The random generator of one variant, which depends only on these four, not on order, batch or process."""
    return np.random.Generator(np.random.PCG64(int.from_bytes(variant_key(seed, photo_id, distortion, level), "little")))
