"""Bundles: a folder with one network that scores photos, all that is known about it, and checksums.

config.json             what `Bundle` describes
model.safetensors       the weights, with the same as metadata
model.onnx              the network from uint8 images (N, 3, S, S), RGB, letterboxed, to "votes", probabilities (N, K)
explain.safetensors     weights of the pretext network ranking_regression, if the run has one
explain.onnx            the same from the same images to "intensity" (N, 21)
reading.json            how its outputs are read (`reading.Reading`)
README.md               the model card
SHA256SUMS              of all of these, as sha256sum -c reads it

Nothing is ever unpickled, and no other file of the folder is opened but to see that it is no pickle.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import sha256, write_text
from aesthetic_pretraining.use.reading import Reading

FORMAT, VERSION = "aesthetic-pretraining bundle", 1
CONFIG, SUMS, CARD, READING = "config.json", "SHA256SUMS", "README.md", "reading.json"
WEIGHTS, MODEL = "model.safetensors", "model.onnx"
EXPLAIN_WEIGHTS, EXPLAIN_MODEL = "explain.safetensors", "explain.onnx"
FILES = (CONFIG, WEIGHTS, MODEL, CARD)
EXPLAINING = (EXPLAIN_WEIGHTS, EXPLAIN_MODEL, READING)
# first bytes of pickles (protocols 2 to 5), and of the zip files in which torch keeps them
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")
AGAIN = "get the bundle again, or let 'snakemake stage_export' make it"


@dataclass(frozen=True)
class Bundle:
    """A bundle that has been checked.

    Attributes:
        folder: where it lies. config: of config.json, as it is.
        digest: SHA-256 of SHA256SUMS, which stands for all files.
        reading: of the pretext network's outputs; None if the bundle has no such network.
    """

    folder: Path
    config: Mapping[str, Any]
    digest: str
    reading: Reading | None

    @property
    def size(self) -> int:
        """Side of the images that the network takes, in pixels."""
        return int(self.config["size"])

    @property
    def values(self) -> tuple[float, ...]:
        """The score of each vote, ascending."""
        return tuple(map(float, self.config["values"]))

    @property
    def simulated(self) -> bool:
        """Whether the votes that it learnt were simulated."""
        return bool(self.config["labels"]["simulated"])

    @property
    def name(self) -> str:
        return str(self.config["name"])


def read_bundle(folder: str | Path) -> Bundle:
    """Read a bundle and check all of its files.

    Raises: UserError for a folder that is none, another version, a missing, cut or changed file, a pickle, or weights that are not
        finite.
    """
    folder = Path(folder)
    config = _config(folder)
    sums = _sums(folder)
    _refuse_pickles(folder)
    wanted = [*FILES, *(EXPLAINING if config["explains"] else ())]
    for name in wanted:
        if name not in sums:
            raise UserError(f"{folder / SUMS}: has no line for {name}; {AGAIN}")
    for name, digest in sums.items():
        path = folder / name
        if not path.is_file():
            raise UserError(f"{path}: is missing; {AGAIN}")
        if sha256(path) != digest:
            raise UserError(f"{path}: is cut or changed, because its SHA-256 is not the one in {SUMS}; {AGAIN}")
    for name in wanted:
        if name.endswith(".safetensors"):
            _check_finite(folder / name)
    reading = _reading(folder / READING) if config["explains"] else None
    return Bundle(folder, config, sha256(folder / SUMS), reading)


def write_sums(folder: Path) -> None:
    """SHA256SUMS of a bundle's files, as `sha256sum -c` reads it."""
    names = sorted(name for name in (*FILES, *EXPLAINING) if (folder / name).is_file())
    write_text(folder / SUMS, "".join(f"{sha256(folder / name)}  {name}\n" for name in names))


def _config(folder: Path) -> dict[str, Any]:
    """config.json, with every entry that is used."""
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"{folder}: is no bundle, because it has no {CONFIG}; name a folder that 'snakemake stage_export' made, such as "
            "models/oasis/bundles/imagenet"
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); {AGAIN}") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise UserError(f"{path}: is not of a bundle of this project; name another folder")
    if config.get("version") != VERSION:
        raise UserError(
            f"{path}: is of version {config.get('version')} of the format, and this program reads version {VERSION}; "
            "install the release that made it, or export the network again"
        )
    try:
        values = [float(value) for value in config["values"]]
        fits = 8 <= int(config["size"]) <= 4096 and len(values) > 1 and np.isfinite(values).all() and values == sorted(values)
        fits = fits and all(isinstance(config[key], str) for key in ("name", "task", "backbone"))
        fits = fits and all(isinstance(value, bool) for value in (config["labels"]["simulated"], config["explains"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{path}: the entry {error} is missing or wrong; {AGAIN}") from error
    if not fits:
        raise UserError(f"{path}: name, size, values or another entry is impossible; {AGAIN}")
    return config


def _sums(folder: Path) -> dict[str, str]:
    """{file: SHA-256}; names with no folder in them."""
    path = folder / SUMS
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: is missing or no list of checksums; {AGAIN}") from error
    found = {}
    for line in lines:
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name or Path(name).name != name:
            raise UserError(f"{path}: the line {line!r} is not 'SHA-256  file'; {AGAIN}")
        found[name] = digest
    return found


def _refuse_pickles(folder: Path) -> None:
    """Whatever it is called, and whether or not it would be read: a pickle runs code where somebody opens it."""
    for path in sorted(folder.iterdir()):
        if path.is_file():
            with open(path, "rb") as file:
                start = file.read(4)
            if start.startswith(PICKLES):
                raise UserError(f"{path}: is a pickle, which can run any code; bundles have none, so do not use this one")


def _check_finite(path: Path) -> None:
    try:
        with safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118  # not a mapping
                value = file.get_tensor(name)
                if value.dtype.kind == "f" and not np.isfinite(value).all():
                    raise UserError(f"{path}: the weights {name} are not finite, so nothing can be scored; {AGAIN}")
    except (SafetensorError, TypeError, ValueError) as error:
        raise UserError(f"{path}: is no safetensors file ({error}); {AGAIN}") from error


def _reading(path: Path) -> Reading:
    try:
        return Reading.of_json(json.loads(path.read_text(encoding="utf-8")))
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"{path}: is not how explanations are read ({error}); {AGAIN}") from error
