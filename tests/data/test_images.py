"""Pictures: every kind of file becomes upright RGB or is refused with a reason."""

import io

import numpy as np
import pytest
from camera import UPRIGHT, array, orientation, wide_gamut
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin

from aesthetic_pretraining.data.images import Limits, Unreadable, decode, encode_jpeg, pixels, read_picture, shrink


@pytest.mark.parametrize("value", UPRIGHT)
def test_orientation(make_photo, encode, value):
    photo = make_photo(1)
    image, form = decode(encode(photo, "PNG", exif=orientation(value)))
    assert form == "PNG"
    assert image.mode == "RGB"
    assert (array(image) == UPRIGHT[value](photo)).all()


def test_orientation_of_a_jpeg(make_photo, encode):
    photo = make_photo(1)
    image, form = decode(encode(photo, "JPEG", quality=98, subsampling=0, exif=orientation(6)))
    assert form == "JPEG"
    assert image.size == (72, 96)
    assert np.abs(array(image) - np.rot90(photo, -1)).mean() < 3


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_truncated_picture_is_unreadable(make_photo, encode, form, kept):
    data = encode(make_photo(2, 200, 150), form)
    assert decode(data)[1] == form
    with pytest.raises(Unreadable) as caught:
        decode(data[: int(len(data) * kept)])
    assert str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8\xff",
        b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n" * 20,
        bytes(range(256)) * 8,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 64,
        b"PK\x03\x04" + b"\0" * 100,
    ],
    ids=["empty", "start of a JPEG", "HTML", "noise", "PNG signature", "zip"],
)
def test_what_is_no_picture_is_unreadable(data):
    with pytest.raises(Unreadable) as caught:
        decode(data)
    assert str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_flipped_bit_in_a_png_is_unreadable(make_photo, encode):
    data = bytearray(encode(make_photo(3)))
    data[len(data) // 2] ^= 16
    with pytest.raises(Unreadable):
        decode(bytes(data))


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_nonsense_in_the_exif_does_not_stop_the_run(make_photo, encode, form):
    data = encode(make_photo(3), form, exif=b"nonsense")
    try:
        size = decode(data)[0].size
    except Unreadable:
        size = None  # refusing it would be right as well
    assert size in ((96, 72), None)


def test_more_pixels_than_allowed_are_unreadable(make_photo, encode):
    for form in ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"):
        data = encode(make_photo(3), form)
        read_picture(data, limits=Limits(megapixels=96 * 72 / 1e6))
        with pytest.raises(Unreadable, match=r"0\.0 megapixels, more than image\.max_megapixels \(0\.006"):
            read_picture(data, limits=Limits(megapixels=0.006))


@pytest.mark.parametrize("size", [(1, 1), (7, 500), (500, 7)])
def test_too_small(encode, size):
    with pytest.raises(Unreadable, match=f"only {size[0]} x {size[1]} "):
        decode(encode(Image.new("RGB", size)))


def test_just_large_enough(encode):
    assert decode(encode(Image.new("RGB", (8, 8), "red")))[0].getpixel((7, 7)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("size", "short", "expected"),
    [((400, 300), 96, (128, 96)), ((300, 400), 96, (96, 128)), ((40, 30), 96, (128, 96)), ((97, 97), 96, (96, 96)),
     ((1000, 333), 100, (300, 100)), ((128, 96), 96, (128, 96))],
)  # fmt: skip
def test_shrink_sets_the_short_side(size, short, expected):
    image = shrink(Image.new("RGB", size, (1, 2, 3)), short)
    assert image.size == expected
    assert (array(image) == (1, 2, 3)).all()


def test_shrink_leaves_a_fitting_picture_alone(make_photo):
    photo = make_photo(7)
    assert (np.asarray(shrink(Image.fromarray(photo), 72)) == photo).all()


def test_shrink_does_not_alias():
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255  # every other column: any honest reduction by four is grey
    assert np.abs(array(shrink(Image.fromarray(stripes), 64)) - 127.5).max() < 12


def test_stored_jpegs_have_no_subsampling_and_no_metadata(make_photo):
    image = Image.fromarray(make_photo(8))
    image.info["comment"] = b"secret"
    image.getexif()[0x010F] = "Maker"
    data = encode_jpeg(image, 90)
    stored = Image.open(io.BytesIO(data))
    assert stored.format == "JPEG"
    assert JpegImagePlugin.get_sampling(stored) == 0
    assert b"secret" not in data
    assert b"Exif" not in data
    assert b"Maker" not in data


def test_stored_jpegs_are_close_and_closer_at_higher_quality(make_photo):
    photo = make_photo(9, 200, 150)
    off = [np.abs(pixels(encode_jpeg(photo, quality)).astype(int) - photo).mean() for quality in (10, 50, 95)]
    assert off[0] > off[1] > off[2]
    assert off[2] < 2
    assert encode_jpeg(photo, 95) == encode_jpeg(Image.fromarray(photo), 95)


def jpegs(make_photo, encode):
    """JPEG files of every kind that a camera or an editor writes."""
    photo = make_photo(3, 401, 263)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    kinds = {
        "plain": encode(photo, "JPEG", quality=90),
        "4:4:4": encode(photo, "JPEG", subsampling=0),
        "progressive": encode(photo, "JPEG", progressive=True),
        "grey": encode(Image.fromarray(photo).convert("L"), "JPEG"),
        "CMYK": encode(Image.fromarray(photo).convert("CMYK"), "JPEG"),
        "sRGB": encode(photo, "JPEG", icc_profile=srgb),
        "wide gamut": encode(photo, "JPEG", icc_profile=wide_gamut()),
        "nonsense profile": encode(photo, "JPEG", icc_profile=b"nonsense"),
        "nonsense EXIF": encode(photo, "JPEG", exif=b"Exif\0\0nonsense"),
        "trailer": encode(photo, "JPEG") + b"camera's own data" * 9,
    }
    return kinds | {f"turned {k}": encode(photo, "JPEG", exif=orientation(k)) for k in UPRIGHT}


def by_pillow(data):
    """The picture as Pillow's own functions make it."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    profile = image.info.get("icc_profile") or b""
    if profile != wide_gamut():
        return np.asarray(image.convert("RGB"))
    srgb = ImageCms.createProfile("sRGB")
    return np.asarray(ImageCms.profileToProfile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), srgb))


def test_the_pixels_are_pillows(make_photo, encode):
    for kind, data in (jpegs(make_photo, encode) | {"PNG": encode(make_photo(3, 401, 263))}).items():
        if kind == "nonsense EXIF":
            continue  # which Pillow's exif_transpose does not survive
        expected, found = by_pillow(data), read_picture(data)
        assert (found.pixels == expected).all(), kind
        assert (found.height, found.width) == expected.shape[:2], kind
        assert (np.asarray(decode(data)[0]) == expected).all(), kind


@pytest.mark.parametrize(("short_side", "fraction"), [(263, 1), (132, 1), (131, 2), (66, 2), (65, 4), (33, 4), (32, 8), (8, 8)])
def test_a_jpeg_is_decoded_no_larger_and_no_smaller_than_needed(make_photo, encode, short_side, fraction):
    for kind, data in jpegs(make_photo, encode).items():
        if kind not in ("grey", "CMYK", "wide gamut", "nonsense profile"):  # those are read in full
            found = read_picture(data, short_side)
            image = decode(data)[0]
            assert (found.width, found.height) == image.size, kind
            assert found.pixels.shape[:2] == tuple(-(-side // fraction) for side in image.size[::-1]), kind
            small = np.asarray(image.resize(found.pixels.shape[1::-1], Image.Resampling.BOX)).astype(int)
            assert np.abs(found.pixels - small).mean() < 3, kind


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}], ids=str)
def test_damaged_files_are_refused_or_the_decoder_has_nothing_to_say(make_photo, encode, options):
    """OpenCV and Pillow alone take files that end in grey where a damaged byte looks like a marker."""
    rng = np.random.default_rng(0)
    whole = encode(make_photo(5, 160, 120), "JPEG", quality=90, **options)
    refused = 0
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(2, len(data))] = rng.integers(0, 256)
        try:
            assert (read_picture(bytes(data)).pixels == by_pillow(bytes(data))).all()
        except Unreadable:
            refused += 1
    assert 100 < refused < 400
