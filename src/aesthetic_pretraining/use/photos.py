"""The photos that are to be scored: found below folders, identified, read."""

import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from aesthetic_pretraining.data.images import Unreadable
from aesthetic_pretraining.data.sources import SUFFIXES, Folder, is_picture
from aesthetic_pretraining.errors import UserError

LARGEST = 256 << 20  # bytes of a file. ASSUME: a photo within image.max_megapixels is smaller unless it is no photo


def find(paths: Sequence[str | Path]) -> list[str]:
    """The files that are named, and all with an image's suffix below the folders that are; those of a folder sorted, none twice.

    Links are followed as far as `data.sources.Folder` does. Raises: UserError for a path that is not there, or a folder without photos.
    """
    found: list[str] = []
    for path in paths:
        path = str(path)
        if os.path.isdir(path):
            names = [name for name in Folder(path).names() if is_picture(name)]
            if not names:
                raise UserError(
                    f"{path}: no photo here or in the folders below; name a folder with some ({', '.join(sorted(SUFFIXES))})"
                )
            found += [os.path.join(path, name) for name in names]
        elif os.path.lexists(path):
            found.append(path)
        else:
            raise UserError(f"{path}: no such file or folder; name the photos to score")
    return list(dict.fromkeys(found))


def shown(name: str) -> str:
    """A file's name as text; bytes that are no UTF-8 as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def identity(names: Sequence[str]) -> str:
    """SHA-256 of names, sizes and times of change: other photos, another identity."""
    total = hashlib.sha256()
    for name in names:
        try:
            state = os.stat(name)
            about = f"{state.st_size} {state.st_mtime_ns}"
        except OSError:
            about = "missing"
        total.update(os.fsencode(name) + f"\0{about}\n".encode())
    return total.hexdigest()


def read(name: str) -> bytes:
    """The bytes of one photo. Raises: Unreadable with the reason for anything that is no regular file, or too large, or unreadable."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise Unreadable("the file name is not valid UTF-8; rename the file") from error
    try:
        # a pipe would make open wait for ever
        with open(os.open(name, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise Unreadable("not a regular file")
            if state.st_size > LARGEST:
                raise Unreadable(f"a file of {state.st_size >> 20} MiB, more than {LARGEST >> 20} MiB")
            return file.read()
    except FileNotFoundError as error:
        raise Unreadable("no such file") from error
    except OSError as error:
        raise Unreadable(error.strerror or "cannot be read") from error
