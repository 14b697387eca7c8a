"""Colours of decoded pictures: inks, palettes, transparency, profiles, 16 bit and grey become 8-bit sRGB."""

import struct

import numpy as np
import pytest
from camera import GAMMA, UPRIGHT, array, orientation, profile_of, wide_gamut
from hostile import chunk, malformed_exif, plain_tiff, png, tiff
from PIL import Image, ImageCms

from aesthetic_pretraining.data.images import Unreadable, decode, pixels, read_picture


def test_cmyk(make_photo, encode):
    photo = make_photo(4)
    ink = np.concatenate([255 - photo, np.zeros((72, 96, 1), np.uint8)], axis=2)  # no black: ink is what is taken from white
    image, _ = decode(encode(Image.frombytes("CMYK", (96, 72), ink.tobytes()), "JPEG", quality=98, subsampling=0))
    assert image.mode == "RGB"
    assert np.abs(array(image) - photo).mean() < 4


COLOURS = np.array([[10, 20, 30], [200, 100, 0], [0, 255, 128]], np.uint8)


def palette_image():
    index = (np.indices((9, 12)).sum(axis=0) % 3).astype(np.uint8)
    image = Image.frombytes("P", (12, 9), index.tobytes())
    image.putpalette(COLOURS.tobytes())
    return image, index


@pytest.mark.parametrize("form", ["PNG", "GIF", "BMP"])
def test_palette(encode, form):
    image, index = palette_image()
    assert (pixels(encode(image, form)) == COLOURS[index]).all()


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_a_transparent_palette_colour_is_white(encode, form):
    image, index = palette_image()
    expected = COLOURS.copy()
    expected[1] = 255
    assert (pixels(encode(image, form, transparency=1)) == expected[index]).all()


@pytest.mark.parametrize("grey", [False, True])
def test_transparency_lies_on_white(make_photo, encode, grey):
    photo = make_photo(5)
    photo = np.repeat(photo[..., :1], 3, axis=2) if grey else photo
    alpha = np.linspace(0, 255, 96).round().astype(np.uint8)[None, :, None].repeat(72, axis=0)
    data = encode(np.concatenate([photo[..., :1] if grey else photo, alpha], axis=2))
    share = alpha / 255
    assert np.abs(array(decode(data)[0]) - (share * photo + (1 - share) * 255)).max() <= 1


# Adobe RGB (1998) to linear sRGB, both relative to D65: the product of the two published matrices
WIDE_TO_SRGB = np.array([[1.39836, -0.39836, 0], [0, 1, 0], [0, -0.04293, 1.04293]])


@pytest.mark.parametrize(
    ("told", "taken"), [((1, 13), True), ((1, 1), True), ((9, 16), False), ((12, 13), False), ((1, 8), False)]
)
def test_a_png_that_says_its_colours_by_numbers(make_photo, encode, told, taken):
    """ITU-T H.273: 1, 13 is sRGB; 9, 16 BT.2100 PQ; 12, 13 Display P3; 8 linear."""
    photo = make_photo(3, 64, 48)
    whole = encode(photo, "PNG")
    data = whole[:33] + chunk(b"cICP", bytes([*told, 0, 1])) + whole[33:]  # behind the header
    if taken:
        assert (array(decode(data)[0]) == photo).all()
    else:
        with pytest.raises(Unreadable, match="another space than sRGB"):
            decode(data)


def test_a_tiff_with_colours_of_8_bits_in_its_map_is_refused_and_not_black(make_photo, encode):
    image = Image.fromarray(make_photo(3, 64, 48)).quantize(64)
    data = encode(image, "TIFF")
    assert np.ptp(np.asarray(decode(data)[0])) > 100
    entry = data.index(struct.pack("<HHI", 320, 3, 768))
    (at,) = struct.unpack("<I", data[entry + 8 : entry + 12])
    small = (np.frombuffer(data[at : at + 1536], "<u2") // 257).astype("<u2").tobytes()
    with pytest.raises(Unreadable, match="a colour map of 8 bits"):
        decode(data[:at] + small + data[at + 1536 :])


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_a_profile_that_is_not_srgbs_is_converted(make_photo, encode, form):
    photo = np.clip(make_photo(8), 60, 180)  # inside both gamuts
    options = {"quality": 100, "subsampling": 0} if form == "JPEG" else {}
    got = array(decode(encode(photo, form, icc_profile=wide_gamut(), **options))[0])
    linear = np.clip((photo / 255) ** GAMMA @ WIDE_TO_SRGB.T, 0, 1)
    expected = 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(got - expected).mean() < (1.2 if form == "JPEG" else 0.6)
    assert np.abs(got - photo).mean() > 3


def test_srgb_by_name_and_nonsense_change_nothing(make_photo, encode):
    photo = make_photo(8)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, b"nonsense", wide_gamut()[:200], b"\0" * 500):
        assert (pixels(encode(photo, "PNG", icc_profile=profile)) == photo).all()


def test_16_bit_grey_keeps_its_range(encode):
    codes = np.arange(256, dtype=np.uint16).reshape(16, 16)
    seen = pixels(encode(codes * 257, "PNG"))
    assert seen.dtype == np.uint8
    assert (seen == codes[..., None]).all()
    seen = pixels(encode(codes * 257, "TIFF"))
    assert (seen == codes[..., None]).all()


def test_grey_and_black_and_white(make_photo, encode):
    grey = make_photo(6)[..., 0]
    assert (pixels(encode(grey)) == grey[..., None]).all()
    assert (pixels(encode(Image.fromarray(grey > 99))) == 255 * (grey > 99)[..., None]).all()


def grey_profile(gamma=1.0):
    """An ICC profile, version 2, for grey, written by hand from the specification."""
    parts = {b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061),
             b"kTRC": b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(gamma * 256), 0),
             b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"grey\0" + bytes(78) + b"\0",
             b"cprt": b"text\0\0\0\0none\0\0\0\0"}  # fmt: skip
    return profile_of(b"GRAY", parts)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_profile_for_grey_takes_no_colour(make_photo, encode, form):
    photo = make_photo(8)
    options = {"lossless": True} if form == "WEBP" else {}
    with pytest.raises(Unreadable, match="colour profile is for grey"):
        decode(encode(photo, form, icc_profile=grey_profile(), **options))
    # pixels without colour, as a photo that was saved in colour has them, are what it is for
    flat = np.repeat(photo[..., :1], 3, axis=2)
    options |= {"quality": 100, "subsampling": 0} if form == "JPEG" else {}
    expected = 255 * np.where(
        flat / 255 <= 0.0031308, 12.92 * flat / 255, 1.055 * (flat / 255) ** (1 / 2.4) - 0.055
    )  # linear codes to sRGB's
    for image in (flat, flat[..., 0]) if form != "WEBP" else (flat,):
        assert np.abs(array(decode(encode(image, form, icc_profile=grey_profile(), **options))[0]) - expected).mean() < 1.5


@pytest.mark.parametrize(
    ("mode", "space"), [("CMYK", b"RGB "), ("RGB", b"CMYK"), ("L", b"CMYK"), ("RGB", b"Lab "), ("CMYK", b"GRAY")]
)
def test_a_profile_for_other_pixels_is_refused(make_photo, encode, mode, space):
    profile = wide_gamut()[:16] + space + wide_gamut()[20:]
    with pytest.raises(Unreadable, match=r"the colour profile (is for|for)"):
        decode(encode(Image.fromarray(make_photo(8)).convert(mode), "TIFF", icc_profile=profile))


CODES = np.arange(256, dtype=np.uint16).reshape(16, 16)


def test_samples_of_which_none_is_white_are_refused():
    for codes, form in ((CODES.astype(np.float32) / 255, 3), (CODES.astype(np.uint32), 1), (CODES.astype(np.int32), 2),
                         (CODES.astype(np.int16), 2), (CODES.astype(np.int8), 2), (CODES.astype(np.float64), 3)):  # fmt: skip
        with pytest.raises(Unreadable):
            decode(plain_tiff(codes, form=form))
    colours = np.repeat(CODES[..., None] * 257, 3, axis=2)
    with pytest.raises(Unreadable, match="planes"):  # which Pillow mixes up
        decode(plain_tiff(colours, photometric=2, planes=2))
    assert (decoded(plain_tiff(colours, photometric=2)) == CODES[..., None]).all()


def decoded(data):
    return array(decode(data)[0])


def test_16_bit_grey_with_white_as_zero():
    assert (decoded(plain_tiff(CODES * 257, photometric=0)) == 255 - CODES[..., None]).all()
    assert (decoded(plain_tiff(CODES.astype(np.uint8), photometric=0)) == 255 - CODES[..., None]).all()


def test_12_bit_grey_keeps_its_range():
    codes = (np.arange(256).reshape(16, 16) * 4095 / 255).round().astype(int).ravel()
    packed = b"".join(bytes([a >> 4, (a & 15) << 4 | b >> 8, b & 255]) for a, b in zip(codes[::2], codes[1::2], strict=True))
    entries = {256: (4, 16), 257: (4, 16), 258: (3, 12), 259: (3, 1), 262: (3, 1), 277: (3, 1), 278: (4, 16)}
    assert (decoded(tiff(entries, packed)) == CODES[..., None]).all()


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_transparent_grey_is_white(depth):
    """Of every depth; in the file the code stands as it is, not spread to 8 bits."""
    top = (1 << depth) - 1
    codes = np.arange(256).reshape(16, 16) % (top + 1) if depth < 16 else CODES.astype(int) * 257
    bits = (codes[..., None] >> np.arange(depth - 1, -1, -1)) & 1
    rows = b"".join(b"\0" + np.packbits(row.ravel().astype(np.uint8)).tobytes() for row in bits)
    for key in {0, top, codes[3, 5]}:
        found = decoded(png(depth, 0, rows, chunk(b"tRNS", struct.pack(">H", key)), width=16, height=16))
        expected = np.where(codes == key, 255, (codes * 255 / top).round()).astype(int)
        assert (found == expected[..., None]).all(), key


def test_a_transparent_colour_of_8_bits_is_white_and_of_16_refused():
    colours = np.stack([CODES, CODES[::-1], CODES.T], axis=2)
    key = chunk(b"tRNS", struct.pack(">3H", *colours[3, 4]))
    rows = b"".join(b"\0" + row.astype(np.uint8).tobytes() for row in colours)
    expected = np.where((colours == colours[3, 4]).all(axis=2, keepdims=True), 255, colours)
    assert (decoded(png(8, 2, rows, key, width=16, height=16)) == expected).all()
    rows = b"".join(b"\0" + (row * 257).astype(">u2").tobytes() for row in colours)
    assert (decoded(png(16, 2, rows, width=16, height=16)) == colours).all()
    with pytest.raises(Unreadable, match="16 bits"):
        decode(png(16, 2, rows, key, width=16, height=16))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("profile", [b"", wide_gamut()], ids=["sRGB", "wide"])
def test_turned_by_the_orientation_alone(make_photo, encode, form, profile):
    """Whatever else stands in the EXIF block, and in both ways of decoding."""
    photo = make_photo(1)
    options = {"lossless": True} if form == "WEBP" else {"quality": 98, "subsampling": 0} if form == "JPEG" else {}
    plain = decoded(encode(photo, form, icc_profile=profile, **options))
    for value, turn in UPRIGHT.items():
        exif = {"exif": orientation(value)} if form == "TIFF" else {"exif": malformed_exif(value)}
        data = encode(photo, form, icc_profile=profile, **exif, **options)
        found = read_picture(data)
        assert (found.pixels == turn(plain)).all()
        assert (found.width, found.height) == turn(plain).shape[1::-1]
        small = read_picture(data, 18).pixels.shape[:2]
        assert small == (
            tuple(side // 4 for side in turn(plain).shape[:2]) if form == "JPEG" and not profile else turn(plain).shape[:2]
        )
