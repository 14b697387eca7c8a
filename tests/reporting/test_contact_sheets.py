"""The contact sheets: every variant in its place."""

import numpy as np
import pytest
from PIL import Image

from aesthetic_pretraining.distortions import DISTORTIONS, VARIANTS
from aesthetic_pretraining.distortions.native.render import render
from aesthetic_pretraining.reporting.figures.contact_sheets import contact_sheet, draw_sheets, examples

SIZE, SEED = 32, 3
COUNTS = {"photos: test": 2}
NAMES = ("sub/with space.jpg", "b.png")


@pytest.fixture(scope="module")
def store(store_of):
    return store_of(NAMES, SIZE)


@pytest.fixture(scope="module")
def drawn(store, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    draw_sheets(store, NAMES, SIZE, SEED, "published", out / "overview.png", [out / "shadows.png", out / "tint.png"], COUNTS)
    return out


def places(sheet, picture):
    """Where the picture is on the sheet, pixel by pixel."""
    pixels = np.asarray(Image.open(sheet))
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (SIZE, SIZE), axis=(0, 1))
    row = picture[SIZE // 2]  # a cheap first look: the middle line
    y, x = np.nonzero((windows[:, :, :, SIZE // 2] == row.T).all(axis=(2, 3)))
    return [(j, i) for j, i in zip(y, x, strict=True) if (pixels[j : j + SIZE, i : i + SIZE] == picture).all()]


def variant(store, photo, distortion, level, table="published"):
    pictures = render(store.pixels(photo), photo, SIZE, SEED, table=table).permute(0, 2, 3, 1).numpy()
    return next(p for v, p in zip(VARIANTS, pictures, strict=True) if (v.distortion, v.level) == (distortion, level))


def test_the_overview_shows_the_first_photo(store, drawn):
    assert len(places(drawn / "overview.png", variant(store, NAMES[0], "tint", 5))) == 1
    assert len(places(drawn / "overview.png", variant(store, NAMES[0], None, 0))) >= 15  # rows that start from the photo
    assert places(drawn / "overview.png", variant(store, NAMES[1], "tint", 5)) == []


def test_a_distortions_sheet_shows_every_photo_in_every_table_that_differs(store, drawn):
    for photo in NAMES:
        assert len(places(drawn / "tint.png", variant(store, photo, "tint", 5))) == 1
        for table in ("published", "corrected"):
            # published shadows of a light photo are all alike, so it may stand there more than once
            assert places(drawn / "shadows.png", variant(store, photo, "shadows", -5, table)), (photo, table)
    heights = [np.asarray(Image.open(drawn / f"{name}.png")).shape[0] for name in ("shadows", "tint")]
    assert heights[0] > heights[1]


def test_examples_are_the_middle_and_the_end_of_each_side(store):
    shown = examples(store, NAMES[0], SIZE, SEED, "published", ["rotation", "shadows", "pixelate"])
    assert {name: list(levels) for name, levels in shown.items()} == {
        "rotation": [-5, -3, 0, 3, 5],
        "shadows": [-5, -3, 0, 2, 3],
        "pixelate": [0, 3, 5],
    }
    assert (shown["shadows"][3] == variant(store, NAMES[0], "shadows", 3)).all()


def test_a_photo_that_is_not_stored_leaves_nothing(store, tmp_path):
    with pytest.raises(KeyError):
        draw_sheets(store, ["gone.jpg"], SIZE, SEED, "published", tmp_path / "o.png", [tmp_path / "tint.png"], COUNTS)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def cells():
    """{position in VARIANTS: (rows, columns) of its cells on a sheet where each picture has its own colour}"""
    colours = np.array([(i + 20, 200 - i, 77) for i in range(174)], np.uint8)
    sheet = np.asarray(contact_sheet(np.broadcast_to(colours[:, None, None], (174, 6, 6, 3)).copy())).astype(int)
    found = {}
    for i, colour in enumerate(colours):
        here = (sheet == colour).all(axis=2)
        corners = here & ~np.pad(here, ((1, 0), (0, 0)))[:-1] & ~np.pad(here, ((0, 0), (1, 0)))[:, :-1]
        assert here.sum() == 36 * corners.sum(), i  # whole pictures only
        found[i] = list(zip(*map(list, np.nonzero(corners)), strict=True))
    return found


def test_every_picture_is_on_the_sheet_once(cells):
    assert [len(cells[i]) for i in range(3, 174)] == [1] * 171
    # level 0 stands once in each row: 15 + 1 (image ratio) from the photo, 4 crops, 1 rotation
    assert [len(cells[i]) for i in range(3)] == [16, 4, 1]


def test_rows_are_distortions_and_columns_are_levels(cells):
    tops, lefts = {}, {}
    for i, variant in enumerate(VARIANTS):
        for top, left in cells[i]:
            lefts.setdefault(variant.level, set()).add(left)
            if variant.distortion:
                tops.setdefault(variant.distortion, set()).add(top)
    assert all(len(s) == 1 for s in (*tops.values(), *lefts.values()))
    assert [max(lefts[level]) for level in range(-5, 6)] == sorted(max(s) for s in lefts.values())
    assert [max(tops[name]) for name in DISTORTIONS] == sorted(max(s) for s in tops.values())
    assert len(set(map(max, tops.values()))) == 21


def test_level_zero_is_the_rows_own_anchor(cells):
    top = {variant.distortion: cells[i][0][0] for i, variant in enumerate(VARIANTS) if variant.distortion}
    for anchor, position in (("original", 0), ("crop", 1), ("rotation", 2)):
        assert {t for t, _ in cells[position]} == {top[name] for name, d in DISTORTIONS.items() if d.anchor == anchor}
