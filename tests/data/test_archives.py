"""Archives: honest ones come out as they went in; hostile and broken ones leave nothing behind."""

import io
import os
import stat
import subprocess
import sys
import tarfile
import zipfile

import multivolumefile
import py7zr
import pytest

from aesthetic_pretraining.data.archives import Limits, unpack
from aesthetic_pretraining.errors import UserError

FILES = {"set/a.jpg": os.urandom(70_000), "set/deep/ünï b.txt": b"text", "set/two\nlines": b"x", "empty": b""}


def tar(path, members, mode="w"):
    """members: name -> bytes, or a TarInfo to add without content."""
    with tarfile.open(path, mode) as out:
        for name, data in members.items():
            info = data if isinstance(data, tarfile.TarInfo) else tarfile.TarInfo(name)
            if isinstance(data, bytes):
                info.size = len(data)
            out.addfile(info, io.BytesIO(data) if isinstance(data, bytes) else None)


def zipped(path, members, mode=0, compress=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compress) as out:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, compress
            out.writestr(info, data)


def seven(path, members):
    with py7zr.SevenZipFile(path, "w") as out:
        for name, data in members.items():
            out.writestr(data, name)


def split_seven(path, members):
    with (
        multivolumefile.MultiVolume(path.with_suffix(""), "wb", volume=20_000, ext_digits=3) as volumes,
        py7zr.SevenZipFile(volumes, "w") as out,
    ):
        for name, data in members.items():
            out.writestr(data, name)


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def content(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(archive, tmp_path, words, limits=None):
    """unpack says `words` about the archive in one sentence and leaves nothing."""
    before = sorted(p for p in tmp_path.rglob("*") if ".lock" not in p.name)
    with pytest.raises(UserError, match=words) as caught:
        unpack(archive, tmp_path / "out", limits)
    assert str(archive) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(p for p in tmp_path.rglob("*") if ".lock" not in p.name) == before


MAKERS = {
    "x.zip": zipped,
    "x.tar": tar,
    "x.tar.gz": lambda p, m: tar(p, m, "w:gz"),
    "x.tar.xz": lambda p, m: tar(p, m, "w:xz"),
    "x.7z": seven,
    "x y.7z.001": split_seven,
}


@pytest.mark.parametrize("name", MAKERS)
def test_what_went_in_comes_out(tmp_path, name):
    MAKERS[name](tmp_path / name, FILES)
    left = tmp_path / ".out.unpacking"  # of a killed run
    left.mkdir()
    (left / "half").write_bytes(b"x")
    unpack(tmp_path / name, tmp_path / "out")
    assert content(tmp_path / "out") == FILES
    assert not left.exists()
    with pytest.raises(UserError, match="already exists"):
        unpack(tmp_path / name, tmp_path / "out")


@pytest.mark.parametrize("name", MAKERS)
def test_a_part_of_an_archive_is_refused(tmp_path, name):
    MAKERS[name](tmp_path / name, FILES)
    last = sorted(tmp_path.glob("x*"))[-1]
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
    refused(tmp_path / name, tmp_path, "broken|no zip")


def test_a_missing_part_of_several_is_noticed(tmp_path):
    split_seven(tmp_path / "x.7z.001", FILES)
    (tmp_path / "x.7z.002").unlink()
    refused(tmp_path / "x.7z.001", tmp_path, "broken")


@pytest.mark.parametrize("name", ["../evil", "/abs/evil", "a/../../evil", "a\\..\\evil", "n" * 300])
@pytest.mark.parametrize("make", [zipped, tar])
def test_names_that_lead_out(tmp_path, make, name):
    make(tmp_path / "x", {"good": b"1", name: b"2"})
    refused(tmp_path / "x", tmp_path, "leads out of|255 bytes")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar(tmp_path, kind):
    tar(tmp_path / "x.tar", {"good": b"1", "link": special("link", kind, "/etc")})
    refused(tmp_path / "x.tar", tmp_path, "'link' is a link")


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_in_a_zip(tmp_path, mode):
    zipped(tmp_path / "x.zip", {"link": b"/etc/passwd"}, mode)
    refused(tmp_path / "x.zip", tmp_path, "'link' is a link")


def test_links_in_a_7z(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/link").symlink_to("target")
    (tmp_path / "in/target").write_bytes(b"x")
    with py7zr.SevenZipFile(tmp_path / "x.7z", "w") as out:
        out.writeall(tmp_path / "in", "in")
    refused(tmp_path / "x.7z", tmp_path, "link' is a link")


def test_encrypted_ones(tmp_path):
    with py7zr.SevenZipFile(tmp_path / "x.7z", "w", password="p") as out:
        out.writestr(b"1", "a")
    refused(tmp_path / "x.7z", tmp_path, "encrypted")
    zipped(tmp_path / "x.zip", {"a": b"1"})
    data = bytearray((tmp_path / "x.zip").read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag in the directory
    (tmp_path / "x.zip").write_bytes(data)
    refused(tmp_path / "x.zip", tmp_path, "encrypted")


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz", "x.7z"])
def test_bombs(tmp_path, name):
    MAKERS[name](tmp_path / name, {"good": b"1", "bomb": bytes(3_000_000)})
    refused(tmp_path / name, tmp_path, "'bomb' makes more than 100 times", Limits(ratio_from=1_000_000))
    refused(tmp_path / name, tmp_path, "'bomb' makes more than the 2000000 bytes", Limits(total=2_000_000))
    refused(tmp_path / name, tmp_path, "one file more than the 1 that", Limits(files=1))
    unpack(tmp_path / name, tmp_path / "out")


def test_a_zip_that_lies_about_sizes(tmp_path):
    zipped(tmp_path / "x.zip", {"a": bytes(50_000)}, compress=zipfile.ZIP_STORED)
    data = (tmp_path / "x.zip").read_bytes().replace((50_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    (tmp_path / "x.zip").write_bytes(data)
    refused(tmp_path / "x.zip", tmp_path, "broken")


def test_a_zip_packed_in_a_way_that_python_does_not_know(tmp_path):
    zipped(tmp_path / "x.zip", {"a": bytes(500)})
    data = (tmp_path / "x.zip").read_bytes()
    for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):  # the method's place in the member's and the directory's header
        place = data.index(mark) + at
        data = data[:place] + (95).to_bytes(2, "little") + data[place + 2 :]
    (tmp_path / "x.zip").write_bytes(data)
    refused(tmp_path / "x.zip", tmp_path, "unpack it with another program")


def test_a_name_twice_and_a_file_that_is_a_folder(tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w") as out:
        for _ in range(2):
            out.addfile(tarfile.TarInfo("a"))
    refused(tmp_path / "x.tar", tmp_path, "'a' appears twice")
    tar(tmp_path / "y.tar", {"a": b"1", "a/b": b"2"})
    refused(tmp_path / "y.tar", tmp_path, "folder and a file at once")


def test_a_web_page_and_a_missing_file(tmp_path):
    (tmp_path / "x.zip").write_text("<!doctype html><title>Log in</title>")
    refused(tmp_path / "x.zip", tmp_path, "is not a zip")
    refused(tmp_path / "y.zip", tmp_path, "no such file")


def test_a_rar_without_a_program_for_it(tmp_path, monkeypatch):
    # RAR 5: signature, main header, one compressed file of one byte, end; checksums of headers by hand
    import zlib

    def block(kind, rest, data=b""):
        body = bytes([kind]) + rest
        body = bytes([len(body)]) + body
        return zlib.crc32(body).to_bytes(4, "little") + body + data

    file = block(2, bytes([2, 1, 0, 1, 0, 0x80, 0x01, 1, 1]) + b"a", b"?")
    (tmp_path / "x.rar").write_bytes(b"Rar!\x1a\x07\x01\x00" + block(1, b"\0\0") + file + block(5, b"\0\0"))
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    refused(tmp_path / "x.rar", tmp_path, "needs unrar, unar or bsdtar")


def test_by_hand(tmp_path, project):
    tar(tmp_path / "x.tar", FILES)
    command = [sys.executable, "-m", "aesthetic_pretraining.data.archives", tmp_path / "x.tar", tmp_path / "out"]
    environment = os.environ | {"PYTHONPATH": str(project / "src")}
    assert subprocess.run(command, check=False, env=environment).returncode == 0
    assert content(tmp_path / "out") == FILES
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: ")
