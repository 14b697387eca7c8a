"""Damaged pictures: what the decoder warns of is a finding, and whatever it raises is a reason."""

import io
import struct
import zlib

import numpy as np
import pytest
from camera import wide_gamut
from hostile import jpeg_in_tiff, odd_sampling
from PIL import Image

from aesthetic_pretraining.data.images import Limits, Unreadable, decode, read_picture
from aesthetic_pretraining.data.images.reading import READERS


@pytest.fixture
def photo(make_photo):
    """Noise, so that every block has many bits: 240 x 320."""
    noise = np.random.default_rng(0).integers(-30, 30, (240, 320, 3))
    return (make_photo(5, 320, 240) + noise).clip(0, 255).astype(np.uint8)


KINDS = {
    "baseline": {}, "progressive": {"progressive": True}, "4:4:4": {"subsampling": 0}, "restarts": {"restart_marker_rows": 1},
    "wide gamut": {"icc_profile": wide_gamut()}, "grey": {}, "CMYK": {},
}  # fmt: skip


def jpeg(photo, encode, kind):
    mode = {"grey": "L", "CMYK": "CMYK"}.get(kind, "RGB")
    return encode(Image.fromarray(photo).convert(mode), "JPEG", quality=90, **KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("short_side", [0, 30])
def test_a_jpeg_that_is_cut_and_closed_or_partly_zero(photo, encode, kind, short_side):
    whole = jpeg(photo, encode, kind)
    assert read_picture(whole, short_side).width == 320
    scan = whole.rindex(b"\xff\xda") + 40
    bad = {f"cut at {share}": whole[: int(share * len(whole))] + b"\xff\xd9" for share in (0.2, 0.5, 0.9, 0.99)}
    bad["zeros"] = whole[:scan] + bytes(len(whole) // 4) + whole[scan + len(whole) // 4 :]
    bad["a hole"] = whole[:scan] + whole[scan + len(whole) // 4 :]
    for how, data in bad.items():
        with pytest.raises(Unreadable, match="truncated|damaged"):
            pytest.fail(f"{how}: {read_picture(data, short_side)[1:]}")


@pytest.mark.parametrize("short_side", [0, 30])
def test_a_jpeg_without_its_last_scans_is_not_whole(photo, encode, short_side):
    """Cut off between two scans and closed: libjpeg has nothing to say."""
    whole = jpeg(photo, encode, "progressive")
    scans = [at for at in range(len(whole)) if whole[at : at + 2] == b"\xff\xda"]
    assert len(scans) == 10
    for at in scans[1:]:
        tables = whole.rindex(b"\xff\xc4", 0, at) if b"\xff\xc4" in whole[at - 300 : at] else at
        with pytest.raises(Unreadable, match="scans are missing"):
            read_picture(whole[:tables] + b"\xff\xd9", short_side)
    assert (
        read_picture(whole + encode(photo, "JPEG")[:500], short_side).width == 320
    )  # what stands behind its end is not its own


def test_a_thumbnail_is_none_of_the_scans(photo, encode):
    small = encode(photo[:60, :80], "JPEG", progressive=True)
    whole = encode(photo, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0" + small[: len(small) // 2])
    assert read_picture(whole).width == 320


@pytest.mark.parametrize("compression", ["tiff_adobe_deflate", "tiff_deflate"])
def test_zeros_in_a_deflated_tiff_are_found_by_its_checksum(photo, encode, compression):
    """libtiff stops reading when the strip is full, which zeros, as codes of pixels, may achieve."""
    whole = encode(photo, "TIFF", compression=compression)
    assert (read_picture(whole).pixels == photo).all()
    for part in (3, 4, 5):
        at = len(whole) // part
        with pytest.raises(Unreadable, match="damaged or truncated"):
            read_picture(whole[:at] + bytes(300) + whole[at + 300 :])


def test_a_deflated_tiff_that_unpacks_without_end(encode):
    bomb = zlib.compress(bytes(200_000_000), 9)
    data = encode(Image.new("L", (64, 64)), "TIFF", compression="tiff_adobe_deflate", tiffinfo={278: 64})
    entry = data.index(struct.pack("<HHI", 273, 4, 1))  # where the strip begins
    data = data[: entry + 8] + struct.pack("<I", len(data)) + data[entry + 12 :]
    entry = data.index(struct.pack("<HHI", 279, 4, 1))  # how long it is
    data = data[: entry + 8] + struct.pack("<I", len(bomb)) + data[entry + 12 :]
    with pytest.raises(Unreadable, match="unpacks to far more"):
        read_picture(data + bomb)


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_a_fax_in_a_tiff_is_refused_because_its_damage_would_not_show(photo, encode, compression):
    with pytest.raises(Unreadable, match="a fax's, whose damage does not show"):
        read_picture(encode(Image.fromarray(photo).convert("1"), "TIFF", compression=compression))


def test_unnamed_sampling_factors_are_read_and_their_damage_found():
    """TurboJPEG has no name for them, so that they take another way."""
    whole = odd_sampling()
    found = read_picture(whole)
    assert (found.pixels == 128).all()
    assert found[1:] == (64, 64, "JPEG")
    assert read_picture(whole, 16).pixels.shape == (16, 16, 3)
    with pytest.raises(Unreadable, match="Premature end|Corrupt"):
        read_picture(whole[:-30] + b"\xff\xd9")


def test_a_jpeg_inside_a_tiff_is_held_to_the_same(photo, encode):
    data = encode(photo, "JPEG", quality=90, subsampling=0)
    whole = read_picture(jpeg_in_tiff(data, 320, 240))
    assert whole.format == "TIFF"
    assert np.abs(whole.pixels.astype(int) - photo).mean() < 8
    with pytest.raises(Unreadable, match="Premature end|Corrupt"):
        read_picture(jpeg_in_tiff(data[: len(data) // 2] + b"\xff\xd9", 320, 240))


def test_another_revision_of_the_header_is_no_damage(photo, encode):
    data = bytearray(encode(photo, "JPEG"))
    at = data.index(b"JFIF\0") + 5
    expected = decode(bytes(data))[0]
    data[at] = 2
    assert decode(bytes(data))[0].tobytes() == expected.tobytes()


@pytest.mark.parametrize("form", ["AVIF", "DDS", "ICO", "JPEG2000", "PCX", "PPM", "TGA", "EPS", "SGI"])
def test_formats_that_photos_do_not_come_in(photo, encode, form):
    data = encode(photo, form)
    Image.open(io.BytesIO(data))
    with pytest.raises(Unreadable, match="known format"):
        decode(data)


def test_no_program_is_ever_started(tmp_path, monkeypatch, photo, encode):
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unreadable):
        decode(encode(photo, "EPS"))
    assert not (tmp_path / "started").exists()


def reason(data):
    """Why a picture is unreadable; None if it is not."""
    try:
        read_picture(data, limits=Limits(megapixels=2))
    except Unreadable as error:
        return str(error)
    return None


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_whatever_a_decoder_raises_is_a_reason(photo, encode, form):
    """In one line, that a terminal shows and does not obey."""
    whole, rng = encode(photo[:40, :60], form), np.random.default_rng(1)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.integers(1, 6)):
            data[rng.integers(0, min(len(data), rng.choice([30, 200, len(data)])))] = rng.integers(0, 256)
        if rng.random() < 0.3:
            data = data[: rng.integers(0, len(data))]
        said = reason(bytes(data))
        assert said is None or (said and said.isprintable())


def test_a_decoder_that_raises_something_new(monkeypatch, photo, encode):
    class Odd(Exception):
        pass

    def raising(file):
        raise Odd("\x1b[31mred\nline")

    monkeypatch.setattr("aesthetic_pretraining.data.images.reading.READERS", tuple((start, raising) for start, _ in READERS))
    with pytest.raises(Unreadable) as caught:
        decode(encode(photo, "JPEG"))
    assert str(caught.value) == r"\x1b[31mred line"
