"""Both versions of pairs as JPEG: rendered by the native engine in threads of their own, the last ones kept in memory.

torch is imported when the first image is rendered, so that tests of pages need none.
"""

import asyncio
import os
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np

from aesthetic_pretraining.data.images import encode_jpeg
from aesthetic_pretraining.distortions import DISTORTIONS
from aesthetic_pretraining.survey.photos import Photos

QUALITY = 92  # of both versions, so that only the distortion tells them apart
MEGABYTES = 256  # of images kept in memory
DECODED = 32  # photos kept as pixels (1 MB each), because a pair needs each twice

Key = tuple[str, str, int]  # photo, distortion, level


class Images:
    """JPEG files by photo, distortion and level.

    Args:
        photos: the photos, at the size in which they are shown.
        table: one of distortions.TABLES.
        seed: of noise and motion blur.
        megabytes: of images kept; the ones that were used last stay.
    """

    def __init__(self, photos: Photos, table: str, seed: int, megabytes: float = MEGABYTES):
        self.photos, self.table, self.seed = photos, table, seed
        self.pixels = lru_cache(DECODED)(photos.pixels)
        self.room = int(megabytes * 1e6)
        self.used = 0
        self.kept: OrderedDict[Key, bytes] = OrderedDict()
        self.made: dict[Key, asyncio.Task[bytes]] = {}  # those that are being rendered, so that none is rendered twice at once
        self.threads = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), "survey images")

    async def pair(self, photo: str, distortion: str, level: int, original_first: bool) -> tuple[bytes, bytes]:
        """Both versions, in the order in which they stand. Raises: Unreadable where the photo cannot be read any more."""
        original = await self.get(photo, distortion, 0)
        distorted = await self.get(photo, distortion, level)
        return (original, distorted) if original_first else (distorted, original)

    async def get(self, photo: str, distortion: str, level: int) -> bytes:
        """One version; level 0: what the other levels are compared with, of crops and rotation their anchor (fidelity row 3)."""
        key = (photo, distortion if level else DISTORTIONS[distortion].anchor, level)
        if key in self.kept:
            self.kept.move_to_end(key)
            return self.kept[key]
        if key not in self.made:
            self.made[key] = asyncio.create_task(self._make(key, photo, distortion, level))
        return await asyncio.shield(self.made[key])

    async def _make(self, key: Key, photo: str, distortion: str, level: int) -> bytes:
        try:
            loop = asyncio.get_running_loop()
            made = await loop.run_in_executor(self.threads, self.render, photo, distortion, level)
        finally:
            del self.made[key]
        self.kept[key] = made
        self.used += len(made)
        while self.used > self.room and len(self.kept) > 1:
            self.used -= len(self.kept.popitem(last=False)[1])
        return made

    def render(self, photo: str, distortion: str, level: int) -> bytes:
        """One version, rendered here and now. Raises: Unreadable."""
        return encode_jpeg(self._distorted(photo, distortion, level), QUALITY)

    def _distorted(self, photo: str, distortion: str, level: int) -> np.ndarray:
        import torch

        from aesthetic_pretraining.distortions.transforms import distort

        torch.set_num_threads(1)  # per thread: the threads here work beside each other
        return distort(self.pixels(photo), distortion, level, seed=self.seed, photo_id=photo, table=self.table)

    def close(self) -> None:
        self.threads.shutdown(cancel_futures=True)
