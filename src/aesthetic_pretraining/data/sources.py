"""Sources of images: a folder, a tar file, or installed packages, with one small interface."""

import os
import tarfile
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


class Source(Protocol):
    """A set of named files."""

    def names(self) -> list[str]:
        """All file names, sorted, with / between folders."""

    def read(self, name: str) -> bytes:
        """The bytes of one file. Raises: FileNotFoundError."""


class Folder:
    """The files below a folder."""

    def __init__(self, root: str | Path):
        self.root = Path(root)
        if not self.root.is_dir():
            raise UserError(f"{self.root}: no such folder; put the files there or name another folder in params.yaml")

    def names(self) -> list[str]:
        # links are followed, because large sets are often on another disk
        found = (Path(folder, name) for folder, _, names in os.walk(self.root, followlinks=True) for name in names)
        return sorted(path.relative_to(self.root).as_posix() for path in found)

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()


class Tar:
    """The files in an uncompressed tar file, with random access."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        try:
            with tarfile.open(self.path, "r:") as tar:
                self.members = {m.name: (m.offset_data, m.size) for m in tar if m.isfile()}
        except (tarfile.ReadError, FileNotFoundError) as error:
            raise UserError(f"{path}: is not a complete uncompressed tar file ({error}); delete it and run again") from error

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


def open_source(path: str | Path) -> Source:
    """A Folder or a Tar, depending on the suffix of `path`."""
    return Tar(path) if Path(path).suffix == ".tar" else Folder(path)


def read_text(source: Source, name: str) -> str:
    """The text of one file. Raises: UserError if it is missing or not text."""
    try:
        return source.read(name).decode()
    except FileNotFoundError as error:
        raise UserError(f"{name} is missing; docs/data.md says where to get it") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: is not a text file; fetch it again") from error


def is_picture(name: str) -> bool:
    """Whether the name has an image suffix and is not hidden."""
    return Path(name).suffix.lower() in SUFFIXES and not Path(name).name.startswith(".")
