"""Where each file inside of many tar files is, in 24 bytes for each: a store of a million images is opened by every loader process."""

import hashlib
from array import array
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from aesthetic_pretraining.data.sources import members
from aesthetic_pretraining.errors import UserError


class Index:
    """Files of tar files by name, or by a key made of the name.

    Names are kept as 64-bit digests. Two different ones have the same digest with a probability of 3e-8 among a million.
    """

    def __init__(self, tars: Iterable[str | Path], key: Callable[[str], str] = str):
        """
        Args: key: member's name -> what it is found by; a function of a module, so that an index can be sent to other processes.
        Raises: UserError, naming the tar file, for one that is not complete, and for a key that is there twice.
        """
        self.tars, self.key = [str(tar) for tar in tars], key
        digests, tar_of, offsets, sizes = array("Q"), array("I"), array("Q"), array("Q")
        for number, tar in enumerate(self.tars):
            for name, offset, size in members(tar):
                digests.append(_digest(key(name)))
                tar_of.append(number)
                offsets.append(offset)
                sizes.append(size)
        found = np.frombuffer(digests, np.uint64) if digests else np.empty(0, np.uint64)
        order = np.argsort(found, kind="stable")
        self.digests = found[order]
        self.tar_of, self.offsets, self.sizes = (
            np.array(each, kind)[order] for each, kind in ((tar_of, np.uint32), (offsets, np.uint64), (sizes, np.uint32))
        )
        if (twice := np.flatnonzero(self.digests[1:] == self.digests[:-1])).size:
            first, second = (self.tars[self.tar_of[twice[0] + k]] for k in (0, 1))
            name = next(key(name) for name, *_ in members(first) if _digest(key(name)) == self.digests[twice[0]])
            raise UserError(
                f"{second}: has {name!r}, which {first if first != second else 'it'} has already; delete it and run again"
            )

    def __len__(self) -> int:
        return len(self.digests)

    def __contains__(self, name: str) -> bool:
        return self._row(name) is not None

    def names(self) -> list[str]:
        """All keys, sorted, read from the tar files again."""
        return sorted(self.key(name) for tar in self.tars for name, *_ in members(tar))

    def read(self, name: str) -> bytes:
        """The bytes of one file. Raises KeyError for an unknown key."""
        row = self._row(name)
        if row is None:
            raise KeyError(name)
        with open(self.tars[self.tar_of[row]], "rb") as file:
            file.seek(int(self.offsets[row]))
            return file.read(int(self.sizes[row]))

    def _row(self, name: str) -> int | None:
        wanted = np.uint64(_digest(name))
        row = int(np.searchsorted(self.digests, wanted))
        return row if row < len(self.digests) and self.digests[row] == wanted else None


def stem(name: str) -> str:
    """A file's name without its suffix."""
    return name.rpartition(".")[0]


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "little")
