"""The journal of a scoring run: a line for each photo in order, durable batch by batch, from which a killed run goes on."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from aesthetic_pretraining.errors import UserError


class Journal:
    """An append-only file of JSON lines, the first of which says of what run it is.

    A batch is written at once and synchronised. Whatever ends the process, the file begins with whole batches, and going on cuts off the
    rest: so a run that was killed makes the same batches as one that was not, and the same bytes.

    Attributes: rows: lines of photos so far.
    """

    def __init__(self, path: Path, run: Mapping[str, Any], photos: int, batch: int):
        """
        Args:
            path: the file; it is made, or gone on with.
            run: what must be the same for going on. photos: how many there are in all; batch: how many at once.
        Raises: UserError if the file is of another run.
        """
        self.path, self.photos, self.batch, self.rows = path, photos, batch, 0
        head = _line({"run": dict(run)})
        with open(path, "a+b") as file:
            file.seek(0)
            found = file.readline()
            if found.endswith(b"\n") and found != head:
                raise other_run(path.parent)
            if found != head:  # new, or killed while it was begun
                file.truncate(0)
                _append(file, head)
            else:
                end, self.rows = self._whole_batches(file)
                file.truncate(end)
                os.fsync(file.fileno())

    def _whole_batches(self, file: IO[bytes]) -> tuple[int, int]:
        """(bytes, rows) of the whole batches behind the first line."""
        end = at = file.tell()
        kept = 0
        for rows, line in enumerate(file, start=1):
            if not line.endswith(b"}\n"):
                break
            at += len(line)
            if rows % self.batch == 0 or rows == self.photos:
                end, kept = at, rows
        return end, kept

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add a batch; it is on the disk when this returns. Raises: OSError for a full disk."""
        with open(self.path, "ab") as file:
            _append(file, b"".join(map(_line, rows)))
        self.rows += len(rows)

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(offset, row) of every photo, in order."""
        with open(self.path, "rb") as file:
            at = len(file.readline())
            for line in file:
                yield at, json.loads(line)
                at += len(line)

    def at(self, offsets: Sequence[int]) -> list[dict[str, Any]]:
        """The rows at some offsets."""
        with open(self.path, "rb") as file:
            found = []
            for offset in offsets:
                file.seek(offset)
                found.append(json.loads(file.readline()))
            return found


def other_run(folder: Path) -> UserError:
    """What is said where results of another run would be replaced."""
    return UserError(
        f"{folder}: holds scores of other photos, of another network or with other options; name another folder by --out, or add "
        "--again to replace them"
    )


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _append(file: IO[bytes], data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())
