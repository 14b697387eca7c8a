"""The contact sheet and the rendered files: every variant in its place."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from aesthetic_pretraining.distortions import DISTORTIONS, VARIANTS
from aesthetic_pretraining.distortions.render import render, source_photo
from aesthetic_pretraining.inspection import contact_sheet, render_photos
from aesthetic_pretraining.store import Store, add_member

SIZE, SEED = 32, 3
NAMES = ("sub/with space.jpg", "b.png")


@pytest.fixture(scope="module")
def store(tmp_path_factory, make_photo, encode):
    path = tmp_path_factory.mktemp("store") / "0.tar"
    with tarfile.open(path, "w") as tar:
        for k, name in enumerate(NAMES):
            add_member(
                tar, f"{name}.jpg", encode(source_photo(make_photo(k, 120, 90), SIZE), "JPEG", quality=95, subsampling=0)
            )
    return Store([path])


@pytest.fixture(scope="module")
def rendered(store, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    render_photos(store, NAMES, SIZE, SEED, out / "variants.tar", out / "sheet.png")
    return out


@pytest.fixture(scope="module")
def files(rendered):
    with tarfile.open(rendered / "variants.tar") as tar:
        return {m.name: np.asarray(Image.open(io.BytesIO(tar.extractfile(m).read()))) for m in tar}


def test_every_variant_of_every_photo_is_a_file(files):
    expected = {f"{d.name}_{level:+d}.png" for d in DISTORTIONS.values() for level in d.levels}
    expected |= {f"{anchor}_+0.png" for anchor in ("original", "crop", "rotation")}
    assert len(expected) == 174
    assert set(files) == {f"{photo}/{name}" for photo in NAMES for name in expected}
    assert {picture.shape for picture in files.values()} == {(SIZE, SIZE, 3)}


def test_files_hold_what_training_sees(store, files):
    pictures = render(store.pixels(NAMES[0]), NAMES[0], SIZE, SEED)
    for variant, picture in zip(VARIANTS, pictures, strict=True):
        name = f"{variant.distortion}_{variant.level:+d}" if variant.distortion else f"{variant.anchor}_+0"
        assert (files[f"{NAMES[0]}/{name}.png"] == picture.permute(1, 2, 0).numpy()).all(), name


def test_one_photo_alone_gives_the_same_sheet(store, rendered, files, tmp_path):
    render_photos(store, NAMES[:1], SIZE, SEED, tmp_path / "v.tar", tmp_path / "s.png")
    assert (tmp_path / "s.png").read_bytes() == (rendered / "sheet.png").read_bytes()
    with tarfile.open(tmp_path / "v.tar") as tar:
        assert tar.getnames() == [name for name in files if name.startswith(NAMES[0])]


def test_the_sheet_shows_the_first_photo(rendered, files):
    sheet = Image.open(rendered / "sheet.png")
    assert sheet.format == "PNG"
    assert sheet.mode == "RGB"
    pixels = np.asarray(sheet)
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (SIZE, SIZE), axis=(0, 1))

    def places(picture):
        row = picture[SIZE // 2]  # a cheap first look: the middle line
        y, x = np.nonzero((windows[:, :, :, SIZE // 2] == row.T).all(axis=(2, 3)))
        return [(j, i) for j, i in zip(y, x, strict=True) if (pixels[j : j + SIZE, i : i + SIZE] == picture).all()]

    assert len(places(files[f"{NAMES[0]}/tint_+5.png"])) == 1
    assert len(places(files[f"{NAMES[0]}/original_+0.png"])) >= 15  # the middle of each row that starts from the photo
    assert places(files[f"{NAMES[1]}/tint_+5.png"]) == []


def test_a_photo_that_is_not_stored_leaves_nothing(store, tmp_path):
    with pytest.raises(KeyError):
        render_photos(store, ["gone.jpg"], SIZE, SEED, tmp_path / "v.tar", tmp_path / "s.png")
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
