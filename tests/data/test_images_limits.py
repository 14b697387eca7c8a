"""What one picture may ask for: pixels, scans, seconds and memory, so that none stops a shard."""

import resource
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest
from hostile import chunk, many_scans, png
from PIL import Image

from aesthetic_pretraining.data.images import Limits, Unreadable, apart, read_picture
from aesthetic_pretraining.data.images.limits import HERE, WHOLE


@pytest.fixture
def without_room(monkeypatch):
    """So little counts as large that a test need not make what is, and is decoded here, where that is known."""
    monkeypatch.setattr("aesthetic_pretraining.data.images.reading.WHOLE", 30_000)
    monkeypatch.setattr("aesthetic_pretraining.data.images.reading.HERE", 0.03)
    monkeypatch.setattr("aesthetic_pretraining.data.images.reading._takes_long", lambda opened: False)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_large_picture_is_read_at_a_fraction(without_room, make_photo, encode, form, mode):
    photo = make_photo(1, 401, 263)
    image = Image.fromarray(photo).convert(mode)
    found = read_picture(encode(image, form))
    assert (found.width, found.height) == (401, 263)
    assert found.pixels.shape == (132, 201, 3)
    small = np.asarray(image.convert("RGB").reduce(2)).astype(int)
    assert np.abs(found.pixels - small).mean() < (5 if form == "GIF" else 3)
    assert read_picture(encode(image, form), 32).pixels.shape == (33, 51, 3)


def test_bands_leave_no_seam(monkeypatch, make_photo, encode):
    photo = make_photo(1, 401, 263)
    monkeypatch.setattr("aesthetic_pretraining.data.images.reading._takes_long", lambda opened: False)
    for fraction, whole in ((1, 10**9), (4, 10_000)):
        monkeypatch.setattr("aesthetic_pretraining.data.images.reading.HERE", whole / 1e6)
        monkeypatch.setattr("aesthetic_pretraining.data.images.reading.BAND", 401 * 24)
        expected = Image.fromarray(photo).reduce(fraction) if fraction > 1 else photo
        assert (read_picture(encode(photo, "PNG")).pixels == np.asarray(expected)).all()


READ = """
import re, resource, sys
from pathlib import Path
from aesthetic_pretraining.data.images import read_picture
found = read_picture(Path(sys.argv[1]).read_bytes(), 96)
some = found.pixels.reshape(-1, 3)[::997]
print(*found[1:3], *some.min(axis=0), *some.max(axis=0))
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


def size_extremes_and_memory(path):
    """[width, height, lowest and highest red, green, blue], and the MB that reading took, in the largest of its processes.

    Trap: ru_maxrss of a process starts with what its parent had.
    """
    found = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    values, *memory = found.stdout.splitlines()
    return list(map(int, values.split())), max(map(int, memory))


def test_a_hundred_megapixels_in_bounded_memory(tmp_path):
    """102 megapixels, as cameras have them: at three bytes each 300 MB, and Pillow's own way takes three times that."""
    width, height = 11648, 8736
    assert width * height > WHOLE
    Image.new("L", (width, height), 77).save(tmp_path / "large.jpg")
    found, memory = size_extremes_and_memory(tmp_path / "large.jpg")
    assert found == [width, height, *[77] * 6]
    assert memory < 250


def test_a_large_png_takes_no_second_copy(tmp_path):
    side = int((HERE * 1e6) ** 0.5) + 16
    rows = (b"\0" + bytes([9, 8, 7]) * side) * side
    (tmp_path / "large.png").write_bytes(png(8, 2, rows, width=side, height=side))
    found, memory = size_extremes_and_memory(tmp_path / "large.png")
    assert found == [side, side, 9, 8, 7, 9, 8, 7]
    assert memory < 4 * HERE + 3 * HERE / 4 + 110  # Pillow's four bytes a pixel, our three of a quarter, and the libraries


def test_a_jpeg_of_too_many_scans():
    image = Image.new("RGB", (64, 64), (90, 120, 150))
    with pytest.raises(Unreadable, match="scans, more than 500"):
        read_picture(many_scans(image, 600))


def test_seconds(make_photo, encode, monkeypatch):
    """What may take long is decoded apart, and its process ends when the time is over."""
    monkeypatch.setattr("aesthetic_pretraining.data.images.reading.WORK", 0)
    photo = make_photo(1)
    data = encode(photo, "JPEG")
    here, there = read_picture(data), read_picture(data, limits=Limits(seconds=100))
    assert (here.pixels == there.pixels).all()
    assert here[1:] == there[1:]
    monkeypatch.setattr(apart, "START", "import time; time.sleep(600)")
    begin = time.monotonic()
    with pytest.raises(Unreadable, match=r"takes longer than 0\.2 s"):
        read_picture(data, limits=Limits(seconds=0.2))
    assert time.monotonic() - begin < 60


def test_memory_and_crashes_of_a_decoder(make_photo, encode, monkeypatch):
    monkeypatch.setattr("aesthetic_pretraining.data.images.reading.WORK", 0)
    data = encode(make_photo(1), "JPEG")
    monkeypatch.setattr(
        apart, "START", f"import resource; resource.setrlimit({resource.RLIMIT_DATA}, (1 << 28,) * 2); x = bytes(1 << 30)"
    )
    with pytest.raises(Unreadable, match="ends its decoder .*MemoryError"):
        read_picture(data)
    monkeypatch.setattr(apart, "START", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(Unreadable, match="crashes its decoder .SIGSEGV"):
        read_picture(data)


def test_an_error_in_the_other_process_has_the_same_words(make_photo, encode, monkeypatch):
    data = encode(make_photo(1), "JPEG")[:-500]
    with pytest.raises(Unreadable) as here:
        read_picture(data)
    monkeypatch.setattr("aesthetic_pretraining.data.images.reading.WORK", 0)
    with pytest.raises(Unreadable) as there:
        read_picture(data)
    assert str(here.value) == str(there.value)


PIXELS = np.arange(96, dtype=np.uint8).reshape(8, 4, 3)


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2_000_000))),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(2_000_000))),
        chunk(b"tEXt", b"Comment\0" + b"x" * 3_000_000) * 30,
        chunk(b"iCCP", b"large\0\0" + zlib.compress(bytes(2_000_000))),
        chunk(b"iCCP", b"bomb\0\0" + zlib.compress(bytes(60_000_000))),
        chunk(b"tEXt", b"Comment\0hello")[:-4] + b"oops",
        chunk(b"eXIf", b"nonsense"),
        chunk(b"tIME", b"") * 1000,
    ],
    ids=["text", "XMP", "much text", "profile", "profile bomb", "checksum", "EXIF", "chunks"],
)
def test_metadata_decide_nothing(extra):
    wide = np.repeat(np.repeat(PIXELS, 2, axis=1), 2, axis=0)
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    assert (read_picture(png(8, 2, rows, extra, width=8, height=16)).pixels == wide).all()
