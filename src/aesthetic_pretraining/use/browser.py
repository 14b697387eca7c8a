"""A static page that scores photos in the browser: onnxruntime-web beside the bundle's models, so that no photo leaves the machine."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from aesthetic_pretraining.distortions import DISTORTIONS
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import atomic_path, locked, writable, write_text
from aesthetic_pretraining.use.bundle import EXPLAIN_MODEL, MODEL, READING, Bundle
from aesthetic_pretraining.use.words import SAID

PAGE = Path(__file__).with_name("templates") / "browser"
OURS = ("index.html", "app.js", "letterbox.js", "style.css")
PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
# of the package: the library for wasm alone, and what it loads; the rest is for GPUs, Node and debugging
RUNTIME = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
SECONDS = 600  # for npm


def write_browser(bundle: Bundle, out: str | Path, runtime: str | Path | None = None) -> None:
    """Write the page to a folder, which any web server can hand out as it is.

    Args: runtime: a folder with RUNTIME, such as the package's dist; None: npm fetches the package from the registry that it is set up
        for, and its SHA-512 is checked.
    Raises: UserError without npm, for a package that is another, or a folder that lacks a file.
    """
    out = Path(out)
    with writable(out), locked(out / ".lock", "a writer"):
        for name in OURS:
            _copy(PAGE / name, out / name)
        for name in (MODEL, *((EXPLAIN_MODEL,) if bundle.reading else ())):
            _copy(bundle.folder / name, out / name)
        write_text(out / "bundle.json", json.dumps(_shown(bundle), sort_keys=True, separators=(",", ":")))
        if runtime is not None:
            _take(Path(runtime), out)
            return
        with tempfile.TemporaryDirectory() as work:
            _take(fetch(Path(work)), out)


def _shown(bundle: Bundle) -> dict[str, object]:
    """What the page's program needs to know."""
    reading = json.loads((bundle.folder / READING).read_text(encoding="utf-8")) if bundle.reading else None
    return {
        **{"name": bundle.name, "size": bundle.size, "values": bundle.values, "simulated": bundle.simulated},
        **{"reading": reading, "explanation": bundle.config.get("explanation")},
        "said": {name: SAID.get(name, ("", "")) for name in DISTORTIONS},
    }


def _take(folder: Path, out: Path) -> None:
    """Copy the runtime's files."""
    for name in RUNTIME:
        found = next((path for path in (folder / name, folder / "dist" / name) if path.is_file()), None)
        if found is None:
            raise UserError(
                f"{folder}: has no {name}; name the folder dist of the package {PACKAGE} {VERSION}, or leave --runtime out"
            )
        _copy(found, out / name)


def kept() -> Path:
    """Where the fetched package is kept for the next time: in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "aesthetic-pretraining", f"{PACKAGE}-{VERSION}.tgz")


def fetch(work: Path) -> Path:
    """A folder with RUNTIME, from the package that npm fetches into `work`, or fetched earlier. Raises: UserError."""
    archive = kept()
    if not archive.is_file() or _digest(archive) != SHA512:
        with writable(archive.parent):
            _copy(_by_npm(work), archive)
    return unpack(archive, work)


def _by_npm(work: Path) -> Path:
    """The package's archive. Raises: UserError; also for another one than the pinned."""
    if shutil.which("npm") is None:
        raise UserError(f"fetching {PACKAGE} needs npm; install it, or name a folder with the package's files by --runtime")
    command = ["npm", "pack", "--silent", "--ignore-scripts", f"{PACKAGE}@{VERSION}"]
    try:
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"npm took longer than {SECONDS} s to fetch {PACKAGE}; try again, or name its folder by --runtime"
        ) from error
    archive = next(work.glob("*.tgz"), None)
    if done.returncode or archive is None:
        reason = " ".join(done.stderr.split())[-200:] or "no message"
        raise UserError(
            f"npm could not fetch {PACKAGE} {VERSION} ({reason}); see to its registry, or name a folder by --runtime"
        )
    if (found := _digest(archive)) != SHA512:
        raise UserError(
            f"{PACKAGE} {VERSION}: what npm fetched has the SHA-512 {found[:12]}..., not {SHA512[:12]}...; do not use it"
        )
    return archive


def _digest(path: Path) -> str:
    """SHA-512 in base64, as npm writes it."""
    with open(path, "rb") as file:
        return base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode("ascii")


def unpack(archive: Path, work: Path) -> Path:
    """The files RUNTIME out of the package's archive. Raises: UserError if it lacks one."""
    with tarfile.open(archive) as tar:
        for name in RUNTIME:
            try:
                source = tar.extractfile(f"package/dist/{name}")
            except KeyError as error:
                raise UserError(f"{PACKAGE} {VERSION}: the package has no dist/{name}; name a folder by --runtime") from error
            assert source is not None
            (work / name).write_bytes(source.read())
    return work


def _copy(source: Path, path: Path) -> None:
    with atomic_path(path) as tmp:
        shutil.copyfile(source, tmp)
        os.chmod(tmp, 0o644)
