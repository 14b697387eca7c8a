"""Safe unpacking of dataset archives, even hostile or broken ones.

usage: python -m aesthetic_pretraining.data.archives ARCHIVE FOLDER
"""

import argparse
import lzma
import shutil
import stat
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import locked, unsafe, writable

CHUNK = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Limits that no legitimate image archive exceeds (ASSUME: AVA, the largest, has 32 GB in 255,530 files)."""

    total: int = 200 * 2**30  # bytes of all members
    files: int = 1_000_000
    ratio: float = 100  # unpacked size over packed size, checked from `ratio_from` bytes on
    ratio_from: int = 100 * 2**20


def unpack(archive: str | Path, folder: str | Path, limits: Limits | None = None) -> None:
    """Unpack a zip, tar (also .gz, .bz2, .xz), 7z (also .7z.001 with its further parts) or rar archive into a new folder.

    Atomic: the folder appears only when everything is unpacked; after an interruption, call again. Only plain files and folders are
    created, without owners, permissions and times.

    Raises: UserError naming archive and member for names that lead out of the folder, links, devices, duplicate, encrypted or broken
        members, and archive bombs.
    """
    archive, folder = Path(archive), Path(folder)
    if folder.exists():
        raise UserError(f"{folder}: already exists; name a new folder, or remove this one if it was only partly unpacked")
    if not archive.is_file():
        raise UserError(f"{archive}: no such file; name the archive (of several parts the first one)")
    reader = _reader(archive)
    beside = folder.with_name(f".{folder.name}.unpacking")
    with writable(folder.parent), locked(folder.with_name(f".{folder.name}.lock"), "another unpacking"):
        shutil.rmtree(beside, ignore_errors=True)  # left by a killed run
        beside.mkdir()
        try:
            reader(archive, Target(archive, beside, limits or Limits()))
            beside.rename(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


class Target:
    """The folder to unpack to, and what has been written so far."""

    def __init__(self, archive: Path, root: Path, limits: Limits):
        self.archive, self.root, self.limits = archive, root.resolve(), limits
        self.packed = sum(part.stat().st_size for part in parts(archive))
        self.seen: set[str] = set()
        self.written = 0

    def refuse(self, member: str, why: str) -> UserError:
        """The error for a member."""
        return UserError(f"{self.archive}: {member[:200]!r} {why}; nothing was unpacked, get the archive from its publisher")

    def admit(self, member: str, kind: str, encrypted: bool = False) -> Path:
        """The path for a member of `kind` "file" or "folder". Raises: UserError for any other kind, and for unsafe names."""
        name = member.rstrip("/").removeprefix("./")
        if name in (".", "") and kind == "folder":
            return self.root
        if reason := unsafe(name):
            raise self.refuse(member, reason)
        if kind not in ("file", "folder"):
            raise self.refuse(member, f"is {kind}")
        if encrypted:
            raise self.refuse(member, "is encrypted")
        if kind == "file":
            if name in self.seen:
                raise self.refuse(member, "appears twice")
            self.seen.add(name)
            if len(self.seen) > self.limits.files:
                raise self.refuse(member, f"is one file more than the {self.limits.files} that are allowed")
        path = self.root / name
        try:
            (path if kind == "folder" else path.parent).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise self.refuse(member, "is a folder and a file at once") from error
        return path

    def count(self, member: str, size: int) -> None:
        """Count bytes before they are written, because declared sizes may be wrong. Raises: UserError for a bomb."""
        self.written += size
        if self.written > self.limits.total:
            raise self.refuse(member, f"makes more than the {self.limits.total} bytes that are allowed")
        if self.written > max(self.limits.ratio * self.packed, self.limits.ratio_from):
            raise self.refuse(member, f"makes more than {self.limits.ratio:g} times the archive's size, like a bomb")

    def write(self, member: str, data: IO[bytes]) -> None:
        """Write one admitted file."""
        path = self.admit(member, "file")
        with open(path, "xb") as out:
            while chunk := data.read(CHUNK):
                self.count(member, len(chunk))
                out.write(chunk)


def parts(archive: Path) -> list[Path]:
    """The files of an archive: all parts for name.7z.001, otherwise the archive itself."""
    return sorted(archive.parent.glob(f"{archive.stem}.[0-9][0-9][0-9]")) if archive.suffix == ".001" else [archive]


def _reader(archive: Path) -> Callable[[Path, Target], None]:
    """The function for the kind of archive, by its first bytes, because suffixes may be wrong."""
    with open(archive, "rb") as file:
        head = file.read(8)
    if head.startswith(b"7z\xbc\xaf\x27\x1c"):
        return _seven
    if head.startswith(b"Rar!\x1a\x07"):
        return _rar
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip
    if head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ")) or tarfile.is_tarfile(archive):
        return _tar
    raise UserError(f"{archive}: is not a zip, tar, 7z or rar archive (a web page, or truncated?); fetch it again")


def _broken(archive: Path, error: Exception) -> UserError:
    return UserError(f"{archive}: is broken or truncated ({' '.join(str(error).split())[:200]}); fetch it again")


def _zip(archive: Path, target: Target) -> None:
    try:
        with zipfile.ZipFile(archive) as source:
            for info in source.infolist():
                kind = _unix_kind(info.external_attr >> 16) or ("folder" if info.is_dir() else "file")
                if kind != "file" or info.flag_bits & 1:
                    target.admit(info.orig_filename, kind, bool(info.flag_bits & 1))
                    continue
                with source.open(info) as data:
                    target.write(info.orig_filename, data)
    except (zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError) as error:
        raise _broken(archive, error) from error
    except NotImplementedError as error:
        raise UserError(
            f"{archive}: is packed in a way that Python's zipfile does not support ({error}); unpack it with another program, such as 7z"
        ) from error


def _tar(archive: Path, target: Target) -> None:
    try:
        with tarfile.open(archive, "r:*") as source:
            for info in source:
                if info.isfile() and not info.issparse():
                    target.write(info.name, cast(IO[bytes], source.extractfile(info)))
                else:
                    target.admit(info.name, "folder" if info.isdir() else "a link, a device or a sparse file")
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise _broken(archive, error) from error


def _seven(archive: Path, target: Target) -> None:
    import multivolumefile
    import py7zr
    import py7zr.exceptions
    import py7zr.io

    class File(py7zr.io.Py7zIO):
        def __init__(self, name: str):
            self.name = Path(name).relative_to(target.root).as_posix()
            self.out = open(target.root / self.name, "wb")  # noqa: SIM115

        def write(self, data: bytes | bytearray) -> int:
            target.count(self.name, len(data))
            return self.out.write(data)

        def read(self, size: int | None = None) -> bytes:
            return b""

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

        def flush(self) -> None:
            self.out.flush()

        def size(self) -> int:
            return self.out.tell()

        def close(self) -> None:
            self.out.close()

    class Files(py7zr.io.WriterFactory):
        last = None

        def create(self, name: str) -> File:
            self.close()
            self.last = File(name)
            return self.last

        def close(self) -> None:
            if self.last:  # after an error, py7zr leaves its file open
                self.last.close()

    try:
        with ExitStack() as stack:
            files = stack.enter_context(closing(Files()))
            # a file object, not a name: then py7zr decompresses in this thread, where our errors stop it
            volumes = (
                multivolumefile.MultiVolume(archive.with_suffix(""), "rb", ext_digits=3)
                if archive.suffix == ".001"
                else open(archive, "rb")  # noqa: SIM115
            )
            source = stack.enter_context(py7zr.SevenZipFile(stack.enter_context(volumes), "r"))
            for info in source.files:
                kind = "a link or a device" if info.is_symlink or info.is_junction or info.is_socket else ""
                kind = kind or _unix_kind(info.posix_mode and (info.st_fmt | info.posix_mode)) or "file"
                target.admit(info.filename, "folder" if info.is_directory else kind, source.needs_password())
            source.extract(path=target.root, factory=files)
    except (py7zr.exceptions.ArchiveError, EOFError, lzma.LZMAError, zlib.error, FileNotFoundError) as error:
        raise _broken(archive, error) from error


def _rar(archive: Path, target: Target) -> None:
    import rarfile

    try:
        with rarfile.RarFile(archive) as source:
            for info in source.infolist():
                if not info.is_file() or info.needs_password():
                    kind = "folder" if info.is_dir() else "file" if info.is_file() else "a link or a device"
                    target.admit(info.filename, kind, info.needs_password())
                    continue
                with source.open(info) as data:
                    target.write(info.filename, data)
    except rarfile.RarCannotExec as error:
        raise UserError(
            f"{archive}: needs unrar, unar or bsdtar, and none is installed; install one or unpack it elsewhere"
        ) from error
    except (rarfile.Error, EOFError) as error:
        raise _broken(archive, error) from error


def _unix_kind(mode: int | None) -> str:
    """The kind of a member that is neither a plain file nor a folder by its Unix mode; "" otherwise."""
    kind = stat.S_IFMT(mode or 0)
    return "" if kind in (0, stat.S_IFREG, stat.S_IFDIR) else "a link or a device"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Unpack a dataset's archive into a new folder.")
    parser.add_argument("archive", help="zip, tar, 7z or rar; of several parts (name.7z.001) the first")
    parser.add_argument("folder", help="a folder that does not exist yet")
    asked = parser.parse_args()
    try:
        unpack(asked.archive, asked.folder)
    except UserError as refusal:
        sys.exit(f"error: {refusal}")
