"""Atomic writes, locks and digests of files."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from aesthetic_pretraining.errors import UserError

FULL = 2**20  # bytes; a disk with less free space counts as full
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and rename it to `path` when the block ends without an error.

    The temporary name keeps the suffix, from which Pillow and matplotlib derive the format.
    Raises: UserError if the folder is not writable or the disk is full.
    """
    path = Path(path)
    tmp = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        with enough_space(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield tmp
            with open(tmp, "rb") as file:
                os.fsync(file.fileno())
            os.replace(tmp, path)
    except PermissionError as error:
        if error.filename is not None and not str(error.filename).startswith(str(path.parent)):
            raise  # a file that the caller reads, not ours
        raise _forbidden(path) from error
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise UserError(f"{path}: cannot be written ({error.strerror}); make room, or use another disk") from error
    except RuntimeError as error:  # torch.save's for a file that cannot be opened
        if os.access(_there(path), os.W_OK | os.X_OK):
            raise
        raise _forbidden(path) from error
    finally:
        with contextlib.suppress(OSError):
            tmp.unlink()


def _forbidden(path: Path) -> UserError:
    return UserError(f"{path}: no permission to write here; give this user write access to {path.parent}")


@contextlib.contextmanager
def enough_space(path: str | Path) -> Iterator[None]:
    """Turn out-of-disk errors into a UserError. Libraries report them in their own ways, so the free space is checked, too."""
    try:
        yield
    except (UserError, PermissionError):
        raise
    except Exception as error:
        told = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error)
        if told or shutil.disk_usage(_there(Path(path))).free < FULL:
            raise UserError(f"{path}: no space left on this disk; free some and run again, which goes on from here") from error
        raise


def _there(path: Path) -> Path:
    """The innermost existing folder above a path."""
    return next(folder for folder in path.absolute().parents if folder.exists())


@contextlib.contextmanager
def writable(folder: str | Path) -> Iterator[None]:
    """Create `folder`, and turn the block's out-of-disk and permission errors into a UserError that names it."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno not in NO_ROOM | {errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST}:
            raise
        raise UserError(
            f"{folder}: cannot be written ({error.strerror}); make room, give this user write access, or use another disk"
        ) from error


@contextlib.contextmanager
def locked(path: str | Path, what: str) -> Iterator[None]:
    """Hold the lock file `path` during the block; the kernel releases it however the process ends.

    Args:
        what: what the holder of the lock is doing, in two words, for the error message.
    Raises: UserError if another process holds it.
    """
    with open(path, "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise UserError(
                f"{Path(path).parent}: {what} is at work in this folder (process {file.read() or 'unknown'}); wait for its end"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def unsafe(name: str) -> str:
    """Why a relative name (with / between folders) must not be written below a folder; "" if it may."""
    if not name or "\0" in name:
        return "is no file name"
    if name.startswith("/") or "\\" in name or ".." in name.split("/"):
        return "leads out of the folder"
    try:
        longest = max(len(part.encode()) for part in name.split("/"))
    except UnicodeEncodeError:
        return "is not valid Unicode"
    return "has a part of more than 255 bytes" if longest > 255 else ""


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text to `path` atomically."""
    with atomic_path(path) as tmp:
        tmp.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: object) -> None:
    """Write `value` as sorted, indented JSON, so that equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
