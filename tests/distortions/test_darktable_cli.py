"""Everything that can go wrong with darktable-cli ends in one clear sentence and leaves nothing behind.

Programs of our own stand first on PATH, so darktable itself is not needed.
"""

import errno
import fcntl
import os
import signal
import sys
from collections import namedtuple
from itertools import chain

import numpy as np
import pytest
from limits import limit
from PIL import Image

from aesthetic_pretraining.distortions.reference import darktable, darktable_cli
from aesthetic_pretraining.distortions.reference.darktable import style_variants
from aesthetic_pretraining.errors import UserError

NATIVE = "or set distortions.engine: native$"
PHOTO = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
# the second line is four strings to Python; a first line #!python would take no path with a space
HEADER = """#!/bin/sh
"exec" "{python}" "$0" "$@"
import os, shutil, signal, sys, time
from pathlib import Path
if "--version" in sys.argv:
    print("this is darktable-cli {version}")
    sys.exit()
inside, out = Path(sys.argv[1]), Path(sys.argv[2])
wanted = sorted(path.name[:-4] for path in inside.glob("*.xmp"))  # a second program would not know the stems of versions
photo = {{name: inside / (name if (inside / name).exists() else name.rpartition("_")[0] + ".tif") for name in wanted}}
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Nothing of ours may lie in the temporary folder after any test."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    yield tmp_path / "tmp"
    assert not list((tmp_path / "tmp").iterdir())


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Factory: a program's body -> it is darktable-cli."""

    def make(body, version="4.2.1"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        program = tmp_path / "bin" / "darktable-cli"
        program.write_text(HEADER.format(python=sys.executable, version=version) + body)
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    return make


def render(only=("brightness",)):
    return list(style_variants([PHOTO], only=only))


def refused(*said, only=("brightness",)):
    with pytest.raises(UserError, match=NATIVE) as caught:
        render(only)
    assert all(part in str(caught.value) for part in said), caught.value
    assert "\n" not in str(caught.value)


def test_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    refused("darktable-cli is not installed; install darktable 4.2 or newer, ")


@pytest.mark.parametrize("version", ["3.8.1", "4.0.0"])
def test_too_old(fake, version):
    fake("", version)
    refused(f"is version {version[:3]}; install darktable 4.2 or newer")


def test_version_is_asked_again_when_the_program_was_replaced(fake):
    fake("", "2.6.3")
    refused("is version 2.6")
    fake("sys.exit(3)  # another length", "4.2.0")
    refused("ended with status 3")


def test_no_version(fake):
    fake("", "of my own")
    refused("does not tell its version")


def test_not_a_program(fake, tmp_path):
    fake("")
    (tmp_path / "bin" / "darktable-cli").write_bytes(b"\x7fELF")
    refused("does not run")


@pytest.mark.parametrize(("name", "hint"), [("SIGKILL", "memory often ran out"), ("SIGSEGV", "run again")])
def test_killed_in_the_middle(fake, name, hint):
    fake(f"shutil.copy(photo[wanted[0]], out / wanted[0])\nos.kill(os.getpid(), signal.{name})")
    refused(f"was killed by {name} after 1 of 10 images; {hint}")


def test_failed_with_a_word(fake):
    fake("print('[export_job] exported to x', 'cannot open display', sep='\\n', file=sys.stderr)\nsys.exit(1)")
    refused("ended with status 1 after 0 of 10 images, its last words are 'cannot open display'")


def test_fewer_pictures(fake):
    fake("for name in wanted[:-1]: shutil.copy(photo[name], out / name)")
    refused("ended with status 0 after 9 of 10 images")


def test_another_name(fake):
    fake("for name in wanted: shutil.copy(photo[name], out / ('x' + name))")
    refused("made a broken image of brightness -1", "No such file")


@pytest.mark.parametrize(("only", "first"), [("brightness", "-1"), ("vibrance", "20"), ("shadows", "-100")])
def test_the_original_exported(fake, only, first):
    """Published vibrance 0 rightly is the original."""
    fake("for name in wanted: shutil.copy(photo[name], out / name)")
    refused(f"left a photo unchanged for {only} {first}; ", only=[only])


@pytest.mark.parametrize("body", ["b'garbage'", "photo[name].read_bytes()[:1000]", "b''"])
def test_garbage(fake, body):
    fake(f"for name in wanted: (out / name).write_bytes({body})")
    refused("made a broken image of brightness -1")


CHANGE = """
from PIL import Image, ImageOps
for name in wanted:
    picture = Image.open(photo[name])
    {change}.save(out / name)
"""


@pytest.mark.parametrize(
    ("change", "what"), [("crop((0, 0, 9, 9))", "uint8 (9, 9, 3), not uint8 "), ("convert('I;16')", "uint16")]
)
def test_another_size_or_depth(fake, change, what):
    fake(CHANGE.format(change=f"picture.{change}"))
    refused(f"made a broken image of brightness -1 ({what}")


def test_all_levels_alike(fake):
    fake(CHANGE.format(change="ImageOps.invert(picture)"))
    refused("made the same of brightness -1 and -0.8")


def test_a_no_op_that_is_none(fake):
    fake(CHANGE.format(change="ImageOps.invert(picture)"))
    refused("changed a photo for vibrance 0", only=["vibrance"])


def gone(pid):
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    return True


SLEEP = "Path({pid!r}).write_text(str(os.getpid()))\ntime.sleep(60)\nPath({pid!r}).unlink()  # was not ended"


def test_too_slow(fake, monkeypatch, tmp_path):
    fake(SLEEP.format(pid=str(tmp_path / "pid")))
    patience = limit(1)  # for Python to start
    for name, seconds in (("START_SECONDS", patience), ("SECONDS_PER_PICTURE", 0), ("SECONDS_PER_MEGAPIXEL", 0)):
        monkeypatch.setattr(darktable, name, seconds)
    refused(f"took longer than {patience:.0f} s for 10 images")
    assert gone(int((tmp_path / "pid").read_text()))


def test_interrupted(fake, tmp_path):
    """Ctrl-C: the program does not go on alone."""
    fake(SLEEP.format(pid=str(tmp_path / "pid")))

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, limit(1))
    try:
        with pytest.raises(KeyboardInterrupt):
            render()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)  # it would end a later test
        signal.signal(signal.SIGALRM, before)
    assert gone(int((tmp_path / "pid").read_text()))


Usage = namedtuple("Usage", "total used free")


def test_disk_too_small_to_begin(fake, monkeypatch, temporary):
    fake("sys.exit('must not be started')")
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(2**30, 2**30 - 2**24, 2**24))
    refused(f"no space left for darktable's images in {temporary}; free some or set TMPDIR to another disk")


def test_disk_full_while_it_runs(fake, monkeypatch, temporary):
    fake("sys.exit(1)")
    free = chain([2**40], iter(lambda: 0, None))
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(2**40, 0, next(free)))
    refused(f"no space left for darktable's images in {temporary}")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_disk_full_while_we_write(fake, monkeypatch, temporary, code):
    fake("")

    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Image.Image, "save", fail)
    refused(f"no space left for darktable's images in {temporary}")


def test_an_abandoned_folder_goes_and_one_in_use_stays(temporary):
    old, busy, starting = (temporary / f"{darktable_cli.PREFIX}{name}" for name in ("old", "busy", "starting"))
    for folder in (old, busy, starting):
        folder.mkdir()
    (old / "lock").touch()
    with open(busy / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with darktable_cli.workspace() as (folder, _):
            assert sorted(temporary.iterdir()) == sorted([busy, starting, folder])
    (busy / "lock").unlink()
    busy.rmdir()
    starting.rmdir()


def test_wrong_arguments():
    with pytest.raises(ValueError, match="photo 1: need uint8"):
        style_variants([PHOTO, PHOTO.astype(float)])
    with pytest.raises(ValueError, match="photo 0: need uint8"):
        style_variants([PHOTO[:2]])
    with pytest.raises(ValueError, match="unknown table"):
        style_variants([PHOTO], table="mine")
    with pytest.raises(KeyError, match="rotation"):
        style_variants([PHOTO], only=["rotation"])


def test_nothing_to_do_needs_no_program(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [made.shape for made in style_variants([PHOTO], only=[])] == [(0, 40, 50, 3)]
    assert list(style_variants([], only=[])) == []
