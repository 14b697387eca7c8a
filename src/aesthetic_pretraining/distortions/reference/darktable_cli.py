"""The program darktable-cli: finding it, running it on a folder, and reporting errors in one sentence."""

import fcntl
import logging
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from aesthetic_pretraining.errors import UserError

log = logging.getLogger("aesthetic_pretraining")

PROGRAM = "darktable-cli"
OLDEST = (4, 2)
WAY_OUT = "or set distortions.engine: native"
PREFIX = "aesthetic-darktable-"  # of temporary folders
SUFFIX = ".tif"  # uncompressed input and output: compression would cost more than the processing
_OPTIONS = ("--conf", "plugins/imageio/format/tiff/bpp=8", "--conf", "plugins/imageio/format/tiff/compress=0")

# With only these modules, version 4.2 takes three quarters of the time and gives the same pixels.
_SLIM_VERSION = (4, 2)
_SLIM_MODULES = (
    *("libcolisa.so", "libexposure.so", "libshadhi.so", "libtemperature.so", "libvibrance.so"),  # the distortions
    *("libcolorin.so", "libcolorout.so", "libgamma.so", "libflip.so", "libfinalscale.so", "libmask_manager.so"),
    *("librawprepare.so", "libdemosaic.so", "libhighlights.so"),
)


def find() -> tuple[Path, tuple[int, int]]:
    """The program on PATH and its version. Raises: UserError if it is missing or too old, or does not report a version."""
    found = shutil.which(PROGRAM)
    if found is None:
        raise UserError(f"{PROGRAM} is not installed; install darktable {OLDEST[0]}.{OLDEST[1]} or newer, {WAY_OUT}")
    path = Path(found).resolve()
    status = path.stat()
    version = _version(path, status.st_mtime_ns, status.st_size)
    if version < OLDEST:
        raise UserError(
            f"{found} is version {version[0]}.{version[1]}; install darktable {OLDEST[0]}.{OLDEST[1]} or newer, {WAY_OUT}"
        )
    return path, version


@lru_cache(maxsize=8)
def _version(path: Path, changed: int, size: int) -> tuple[int, int]:
    """The version that the program reports; cached until the file changes."""
    try:
        with tempfile.TemporaryDirectory() as home:
            said = subprocess.run(
                [path, "--version"], env=_environment(home), capture_output=True, text=True, errors="replace", timeout=60
            ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"{path} does not run ({error}); install darktable again, {WAY_OUT}") from error
    match = re.search(r"(\d+)\.(\d+)", said)
    if match is None:
        raise UserError(f"{path} does not tell its version; install darktable again, {WAY_OUT}")
    return int(match[1]), int(match[2])


@contextmanager
def workspace() -> Iterator[tuple[Path, int]]:
    """A temporary folder and the descriptor of its lock; the folder is always removed at the end.

    Folders of killed processes are removed first. A folder is in use as long as any process holds its lock.
    """
    for old in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        _remove_if_abandoned(old)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        # lock before renaming, or another process might consider the folder abandoned in between
        with open(folder / "unlocked", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            os.rename(folder / "unlocked", folder / "lock")
            yield folder, lock.fileno()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_if_abandoned(folder: Path) -> None:
    try:
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            return
        with open(folder / "lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return  # being made, in use, or gone already


def run(folder: Path, lock: int, expected: int, timeout: float) -> None:
    """Process everything in folder/in into folder/out, which is created, in one process.

    lock: descriptor that the process keeps open, so that `folder` is not removed under it if this process is killed
    expected: the number of images that there should be afterwards
    timeout: seconds
    Raises: UserError if the program is missing or too old, fails, is killed, is too slow, or makes another number of images.
    """
    path, version = find()
    config, out = folder / "config", folder / "out"
    config.mkdir()
    out.mkdir()
    # A configuration of its own: if two processes used the same, one would find the database locked and export nothing.
    core: list[str | Path] = ["--core", "--configdir", config, "--cachedir", config, "--disable-opencl", *_OPTIONS]
    if slim := _slim_modules(path, version, folder / "modules"):
        core += ["--moduledir", slim]
    command: list[str | Path] = [path, folder / "in", out, "--out-ext", SUFFIX[1:], "--apply-custom-presets", "0", *core]
    with open(folder / "said", "wb") as said:  # not a pipe: one held open by a grandchild would outlast the timeout
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=_environment(config), pass_fds=[lock]
        )
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise UserError(
                f"{PROGRAM} took longer than {timeout:.0f} s for {expected} images; run fewer jobs beside it, {WAY_OUT}"
            ) from error
        finally:  # also on Ctrl-C
            if process.poll() is None:
                process.kill()
                process.wait()
    made = len(list(out.iterdir()))
    if process.returncode == 0 and made == expected:
        return
    raise UserError(_failure(process.returncode, made, expected, folder))


def _environment(home: str | Path) -> dict[str, str]:
    # Even for --version, darktable creates folders in HOME, and fails where it may not: on clusters, in containers.
    homes = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"), str(home))
    # Several threads busy-wait for each other: up to four times the CPU time on shared cores.
    return {**os.environ, **homes, "OMP_NUM_THREADS": "1", "LC_ALL": "C"}


def no_space(folder: Path) -> str:
    """The error message for a full disk."""
    return f"no space left for darktable's images in {folder}; free some or set TMPDIR to another disk, {WAY_OUT}"


def _failure(code: int, made: int, expected: int, folder: Path) -> str:
    if shutil.disk_usage(folder).free < 2**20:
        return no_space(folder.parent)
    count = f"after {made} of {expected} images"
    if code < 0:
        name = signal.Signals(-code).name
        hint = "memory often ran out: run fewer jobs beside it" if name == "SIGKILL" else "run again"
        return f"{PROGRAM} was killed by {name} {count}; {hint}, {WAY_OUT}"
    lines = [
        line
        for line in (folder / "said").read_text(errors="replace").splitlines()
        # darktable prints the second message, harmlessly, for every image with the released files' module order
        if line.strip() and "exported to" not in line and "error building iop_order_list" not in line
    ]
    last = f", its last words are {lines[-1].strip()[:200]!r}" if lines else ""
    return f"{PROGRAM} ended with status {code} {count}{last}; install darktable again, {WAY_OUT}"


def _slim_modules(path: Path, version: tuple[int, int], folder: Path) -> Path | None:
    """A folder of links to the few modules needed, or None if the installation is not as expected."""
    prefix = path.parents[1]
    found = sorted((*prefix.glob("lib*/darktable/plugins"), *prefix.glob("lib*/*/darktable/plugins")))
    installed = [plugins.parent for plugins in found]
    needed = ["libdarktable.so", "views", "plugins/imageio", *(f"plugins/{name}" for name in _SLIM_MODULES)]
    if version != _SLIM_VERSION or not installed or not all((installed[0] / name).exists() for name in needed):
        log.info("%s %d.%d: its modules are not where they are expected, so all are loaded, which is slower", path, *version)
        return None
    (folder / "plugins" / "lighttable").mkdir(parents=True)
    for name in needed:
        (folder / name).symlink_to(installed[0] / name)
    return folder
