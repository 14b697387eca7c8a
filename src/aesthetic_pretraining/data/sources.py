"""Sources of images: a folder, a tar file, or installed packages, with one small interface."""

import codecs
import csv
import errno
import io
import logging
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Protocol

from aesthetic_pretraining.errors import UserError

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}

# Real colour photos inside installed packages: (package, folder inside it, file names; none = all).
# Left out: drawings, scientific images, and the right image of the stereo pair.
PACKAGED = (
    ("interior_photos", "images", ()),
    ("matplotlib", "mpl-data/sample_data", ("grace_hopper.jpg",)),
    (
        "skimage",
        "data",
        ("astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "motorcycle_left.png", "rocket.jpg"),
    ),
    ("sklearn", "datasets/images", ("china.jpg", "flower.jpg")),
)

log = logging.getLogger("aesthetic_pretraining")


class Source(Protocol):
    """A set of named files."""

    def names(self) -> list[str]:
        """All file names, sorted, with / between folders."""

    def read(self, name: str) -> bytes:
        """The bytes of one file. Raises: FileNotFoundError."""


class Folder:
    """The regular files below a folder, which may itself be a link.

    Links to folders are not followed: one that stays inside would list files twice or for ever, one that leads out is somebody else's
    folder. Links to files are read if they stay inside. Neither pipes nor devices are opened.
    """

    def __init__(self, root: str | Path):
        self.root = Path(root)
        if not self.root.is_dir():
            raise UserError(f"{self.root}: no such folder; put the files there or name another folder in params.yaml")

    def names(self) -> list[str]:
        found, outside = [], []
        top = os.path.realpath(self.root)
        for folder, below, names in os.walk(top, onerror=self._refuse):
            outside += [f"{folder}/{name}" for name in below if os.path.islink(f"{folder}/{name}")]
            for path in (f"{folder}/{name}" for name in names):
                if os.path.islink(path) and not os.path.exists(path):
                    found.append(path)  # the ledger says that it is missing
                elif os.path.isfile(path):  # not a pipe, nor a device
                    (found if _inside(path, top) else outside).append(path)
        outside = sorted(os.path.relpath(path, top) for path in outside)
        if outside:
            log.warning(
                "%s: %d links to folders, or to files outside, are not followed, such as %a; copy or mount what they lead to",
                *(self.root, len(outside), outside[0]),
            )
        return sorted(os.path.relpath(path, top) for path in found)

    def read(self, name: str) -> bytes:
        path = self.root / name
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", name)
        if not _inside(path, os.path.realpath(self.root)):
            raise OSError(errno.EXDEV, "leads out of the set's folder", name)
        return path.read_bytes()

    def _refuse(self, error: OSError) -> None:
        """os.walk would leave a folder that it cannot read out without a word."""
        raise UserError(
            f"{error.filename}: the folder cannot be read ({error.strerror}); give this user access, or move it out of {self.root}"
        ) from error


def members(path: str | Path) -> Iterator[tuple[str, int, int]]:
    """Name, offset of the data and size of each file in an uncompressed tar file. Raises: UserError for one that is not complete."""
    try:
        with tarfile.open(path, "r:") as tar:
            while (member := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # not in its stubs; it would hold on to every member, a kilobyte each
                if member.isfile():
                    yield member.name, member.offset_data, member.size
    except (tarfile.ReadError, FileNotFoundError) as error:
        raise UserError(f"{path}: is not a complete uncompressed tar file ({error}); delete it and run again") from error


class Tar:
    """The files in an uncompressed tar file, with random access."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.members = {name: (offset, size) for name, offset, size in members(path)}

    def names(self) -> list[str]:
        return sorted(self.members)

    def read(self, name: str) -> bytes:
        if name not in self.members:
            raise FileNotFoundError(name)
        offset, size = self.members[name]
        with open(self.path, "rb") as file:
            file.seek(offset)
            return file.read(size)


class Packages:
    """The photos of PACKAGED, named package/file."""

    def names(self) -> list[str]:
        found = []
        for package, folder, wanted in PACKAGED:
            try:
                root = resources.files(package) / folder
            except ModuleNotFoundError as error:
                raise UserError(
                    f"the package {package}, which has photos for the demo, is not installed; run 'make setup'"
                ) from error
            found += [f"{package}/{f.name}" for f in root.iterdir() if (f.name in wanted or not wanted) and is_picture(f.name)]
        return sorted(found)

    def read(self, name: str) -> bytes:
        package, file = name.split("/")
        folder = next(folder for p, folder, _ in PACKAGED if p == package)
        return (resources.files(package) / folder / file).read_bytes()


class Several:
    """Sources together; a file's name begins with its source's."""

    def __init__(self, sources: Mapping[str, Source]):
        self.sources = dict(sources)

    def names(self) -> list[str]:
        return sorted(f"{key}/{name}" for key, source in self.sources.items() for name in source.names())

    def read(self, name: str) -> bytes:
        key, _, rest = name.partition("/")
        if key not in self.sources:
            raise FileNotFoundError(name)
        return self.sources[key].read(rest)


def open_source(path: str | Path) -> Source:
    """A Folder or a Tar, depending on the suffix of `path`."""
    return Tar(path) if Path(path).suffix == ".tar" else Folder(path)


def read_text(source: Source, name: str) -> str:
    """The text of one file, with line feeds alone between its lines. Raises: UserError if it is missing or not text."""
    try:
        return decode_text(source.read(name), name)
    except FileNotFoundError as error:
        raise UserError(f"{name} is missing; docs/data.md says where to get it") from error


def decode_text(data: bytes, name: str) -> str:
    """Text that people edit or download: UTF-8, or UTF-16 with a byte order mark; any line ends, without blank lines at the end.

    Raises: UserError naming the file for another encoding, of which bytes say too little to guess it, and for what is no text.
    """
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        if b"\0" in data:
            raise UserError(f"{name}: is not a text file; fetch it again") from error
        raise UserError(
            f"{name}: is not a text file in UTF-8, perhaps in Latin-1 or another old encoding; save it as UTF-8, or fetch it again"
        ) from error
    if "\0" in text:
        raise UserError(f"{name}: is not a text file; fetch it again")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    return "".join(f"{line}\n" for line in lines)


def rows_of(
    text: str, name: str, columns: Iterable[str], *, delimiter: str = ",", strict: bool = True, remedy: str = "fetch it again"
) -> tuple[list[str], dict[int, list[str]]]:
    """The header of a table, which has at least `columns`, and {row of the file: its fields} without blank rows.

    Args:
        strict: whether quotation marks have to be RFC 4180's. remedy: what to do about a file that is no such table.
    Raises: UserError naming a row that has more or fewer fields than the header: pandas would shift or fill them.
    """
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict))
    except csv.Error as error:
        raise UserError(f"{name}: is not a table ({error}); {remedy}") from error
    if not rows:
        raise UserError(f"{name}: is empty and not a table; {remedy}")
    header = [column.strip() for column in rows[0]]
    if missing := [column for column in columns if column not in header]:
        raise UserError(f"{name}: the first line lacks the column {missing[0]!r}; if it is a web page, fetch the file again")
    if twice := [column for column in header if column and header.count(column) > 1]:
        raise UserError(f"{name}: the first line has two columns {twice[0]!r}; remove one")
    body = {number: row for number, row in enumerate(rows[1:], start=2) if any(field.strip() for field in row)}
    for number, row in body.items():
        if len(row) != len(header):
            raise UserError(
                f"{name}, row {number}: has {len(row)} fields, but the first line has {len(header)}; correct the row or the first line"
            )
    if not body:
        raise UserError(f"{name}: has no rows; {remedy}")
    return header, body


def is_picture(name: str) -> bool:
    """Whether the name has an image suffix and is not hidden."""
    return Path(name).suffix.lower() in SUFFIXES and not Path(name).name.startswith(".")


def _inside(path: str | Path, top: str) -> bool:
    return os.path.realpath(path).startswith(top.rstrip("/") + "/")
