"""The two corrected tables: level 0 is a true no-op, and what stands further from it in rank stands further in pixels."""

import struct

import numpy as np
import pytest
import torch

from aesthetic_pretraining.distortions import DISTORTIONS, TABLES, Distortion, darktable_values
from aesthetic_pretraining.distortions.native import style
from aesthetic_pretraining.distortions.native.render import render, rows, source_photo
from aesthetic_pretraining.distortions.reference import xmp

CORRECTED = [table for table in TABLES if table != "published"]
DIFFERENT = ["shadows", "highlights", "vibrance"]


@pytest.fixture(scope="module")
def photo():
    from skimage.data import astronaut

    return astronaut()


def tones(photo, table):
    return style.Photo(torch.from_numpy(photo[:90, 150:290].copy()).permute(2, 0, 1).contiguous(), table)


def test_tables_differ_in_three_distortions_and_never_in_their_levels():
    assert TABLES == tuple(darktable_values.SHADHI) == ("published", "corrected", "corrected_wide")
    assert [name for name, d in DISTORTIONS.items() if d.values != d.corrected] == DIFFERENT
    for d in DISTORTIONS.values():
        assert list(d.ladder("corrected")) == list(d.ladder("published")) == list(d.levels)
        assert d.ladder("corrected") == d.ladder("corrected_wide") == d.corrected
    with pytest.raises(ValueError, match="both tables must have the same levels"):
        Distortion("x", "style", {1: 1.0}, corrected={2: 1.0})
    with pytest.raises(ValueError, match="unknown table of distortions 'mine'"):
        DISTORTIONS["tint"].ladder("mine")


@pytest.mark.parametrize("name", DIFFERENT)
def test_corrected_values_rise_through_the_no_op(name):
    values = [*DISTORTIONS[name].corrected.items(), (0, 0)]
    assert [value for _, value in sorted(values)] == sorted(value for _, value in values)


@pytest.mark.parametrize("table", CORRECTED)
@pytest.mark.parametrize("name", DIFFERENT)
def test_corrected_is_untouched_at_its_no_op(name, table, photo):
    base = tones(photo, table)
    assert (getattr(style, name)(base, (0.0,))[0] == base.codes).all()


def test_published_is_not(photo):
    base = tones(photo, "published")
    pictures = [getattr(style, name)(base, (0.0,))[0] for name in DIFFERENT[:2]]
    assert any((picture != base.codes).any() for picture in pictures)  # what stands beside the value acts


@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize("name", DIFFERENT)
def test_corrected_ladders_grow_on_a_photo_with_shadows_and_lights(name, size, photo):
    """The module's radius goes with the photo's width, so a small copy behaves as a large one."""
    pictures = render(source_photo(photo, size), "a", size, 1, only=[name], table="corrected").numpy().astype(int)
    place = {i: k for k, i in enumerate(rows([name]))}
    levels = dict(zip(DISTORTIONS[name].levels, [k for i, k in place.items() if i > 2], strict=True))
    for side in (-1, 1):
        steps = sorted((level for level in levels if level * side > 0), key=abs)
        distances = [0, *(np.abs(pictures[levels[level]] - pictures[0]).mean() for level in steps)]
        assert (np.diff(distances) > 0).all(), (name, side, distances)


@pytest.mark.parametrize("name", DIFFERENT)
def test_render_takes_the_table(name, photo):
    source = source_photo(photo, 32)
    first, second = (render(source, "a", 32, 1, only=[name, "tint"], table=table) for table in ("published", "corrected"))
    changed = [bool((a != b).any()) for a, b in zip(first, second, strict=True)]
    kept = rows([name, "tint"])
    mine = {i for i, k in zip(changed, kept, strict=True) if k > 2}
    assert mine == {True, False} and not any(changed[:3])
    with pytest.raises(ValueError, match="unknown table"):
        render(source, "a", 32, 1, only=[name], table="mine")


def test_the_blur_follows_the_width():
    assert darktable_values.shadhi("published", 0).sigma(200) == darktable_values.shadhi("published", 0).sigma(2000) == 100
    assert (
        darktable_values.shadhi("published").sigma(336)
        == darktable_values.shadhi("published", 1000).sigma(336)
        == pytest.approx(33.6)
    )
    assert darktable_values.shadhi("published", 500).sigma(336) == pytest.approx(67.2)
    assert all(
        darktable_values.shadhi(table, width) == darktable_values.SHADHI[table] for table in CORRECTED for width in (0, 500)
    )
    assert darktable_values.SHADHI["corrected_wide"].sigma(1000) == 100
    assert darktable_values.SHADHI["corrected_wide"].sigma(336) == pytest.approx(33.6)
    assert darktable_values.SHADHI["corrected"].sigma(500) == 10


@pytest.mark.parametrize(
    ("table", "edited_width", "width", "radius", "other"),
    [("published", 0, 336, 100, 100), ("published", 1000, 336, 33.6, 100), ("published", 600, 300, 50, 100), ("corrected", 1000, 336, 6.72, 0), ("corrected_wide", 0, 336, 33.6, 0)],
)  # fmt: skip
def test_darktable_is_asked_for_the_radius_that_the_native_engine_takes(table, edited_width, width, radius, other):
    """Both engines read one definition; the parameters as bytes, after darktable's struct."""
    fields_of = darktable_values.shadhi(table, edited_width)
    written = struct.unpack("<i8fIfi", xmp.module("shadows", -20, fields_of, width).fields)
    assert written[1] == pytest.approx(radius) and written[2] == -20 and written[4] == other
    tones = style.Photo(torch.zeros(3, 4, width, dtype=torch.uint8), table, edited_width)
    assert tones.shadhi == fields_of and tones.shadhi.sigma(width) == pytest.approx(radius)


def test_negative_vibrance_is_darktables(photo):
    """w = v / 100 * chroma / 256: chroma times 1 + w, lightness times 1 - w / 4, for a negative v too, in float64."""
    base = tones(photo, "corrected")
    lightness, a, b = (part.double() for part in base.lab)
    for value in (-100.0, -50.0):
        w = value / 100 * (a**2 + b**2).sqrt() / 256
        got = style.vibrance(base, (value,))[0]
        lab = style.Photo(got).lab
        # read back from 8 bits: within what a code is worth
        assert (lab[0] - lightness * (1 - w / 4)).abs().mean() < 0.3
        assert (lab[1] - a * (1 + w)).abs().mean() < 0.6
        assert (lab[2] - b * (1 + w)).abs().mean() < 0.6
