"""Colours of decoded pictures: inks, palettes, transparency, profiles, 16 bit and grey become 8-bit sRGB."""

import numpy as np
import pytest
from camera import GAMMA, array, wide_gamut
from PIL import Image, ImageCms

from aesthetic_pretraining.data.images import decode, pixels


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
