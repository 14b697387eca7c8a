"""The program darktable-cli: finding it, running it once over a folder, and saying in one sentence what went wrong."""

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
SUFFIX = ".tif"  # uncompressed on both sides: packing costs more than the pixels
_OPTIONS = ("--conf", "plugins/imageio/format/tiff/bpp=8", "--conf", "plugins/imageio/format/tiff/compress=0")

# With these modules alone 4.2 starts and exports in three quarters of the time, and gives the same pixels.
_SLIM_VERSION = (4, 2)
_SLIM_MODULES = (
    *("libcolisa.so", "libexposure.so", "libshadhi.so", "libtemperature.so", "libvibrance.so"),  # the distortions
    *("libcolorin.so", "libcolorout.so", "libgamma.so", "libflip.so", "libfinalscale.so", "libmask_manager.so"),
    *("librawprepare.so", "libdemosaic.so", "libhighlights.so"),
)


def find() -> tuple[Path, tuple[int, int]]:
    """The program on PATH and its version. Raises UserError if it is missing, too old, or does not say."""
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
    """What the program says; asked again when the file is another one."""
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
    """A temporary folder and the descriptor of its lock; the folder is removed whatever happens inside.

    Folders of processes that were killed are removed first. A folder is in use as long as any process holds its lock.
    """
    for old in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        _remove_if_abandoned(old)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        # Locked before it gets its name, or another process might take it for abandoned in between.
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
    """Render all of folder/in into folder/out, which is made here, in one process.

    lock: descriptor that the process keeps open, so that `folder` stays if this process is killed
    expected: how many pictures there should be then
    timeout: seconds
    Raises UserError if the program is missing or too old, fails, is killed, is too slow, or makes another number of pictures.
    """
    path, version = find()
    config, out = folder / "config", folder / "out"
    config.mkdir()
    out.mkdir()
    # A configuration of its own: two processes on one find its database locked and export nothing.
    core = ["--core", "--configdir", config, "--cachedir", config, "--disable-opencl", *_OPTIONS]
    if slim := _slim_modules(path, version, folder / "modules"):
        core += ["--moduledir", slim]
    command = [path, folder / "in", out, "--out-ext", SUFFIX[1:], "--apply-custom-presets", "0", *core]
    with open(folder / "said", "wb") as said:  # a file: a pipe that a grandchild holds open would outlive the timeout
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=_environment(config), pass_fds=[lock]
        )
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise UserError(
                f"{PROGRAM} took longer than {timeout:.0f} s for {expected} pictures; run fewer jobs beside it, {WAY_OUT}"
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
    # Even to tell its version darktable makes folders at home, and stops where it may not: on clusters, in containers.
    homes = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"), str(home))
    # More than one thread spin while they wait for each other: up to four times the work where cores are shared.
    return {**os.environ, **homes, "OMP_NUM_THREADS": "1", "LC_ALL": "C"}


def no_space(folder: Path) -> str:
    """The sentence for a full disk."""
    return f"no space left for darktable's pictures in {folder}; free some or set TMPDIR to another disk, {WAY_OUT}"


def _failure(code: int, made: int, expected: int, folder: Path) -> str:
    if shutil.disk_usage(folder).free < 2**20:
        return no_space(folder.parent)
    count = f"after {made} of {expected} pictures"
    if code < 0:
        name = signal.Signals(-code).name
        hint = "memory often ran out: run fewer jobs beside it" if name == "SIGKILL" else "run again"
        return f"{PROGRAM} was killed by {name} {count}; {hint}, {WAY_OUT}"
    lines = [
        line
        for line in (folder / "said").read_text(errors="replace").splitlines()
        # darktable prints the second for every picture with the released files' module order, and goes on well
        if line.strip() and "exported to" not in line and "error building iop_order_list" not in line
    ]
    last = f", its last words are {lines[-1].strip()[:200]!r}" if lines else ""
    return f"{PROGRAM} ended with status {code} {count}{last}; install darktable again, {WAY_OUT}"


def _slim_modules(path: Path, version: tuple[int, int], folder: Path) -> Path | None:
    """A folder of links to the few modules needed, or None where the installation is not as expected."""
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
