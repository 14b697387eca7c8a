"""TID2013: names that differ in letter case, and what can be wrong with the files."""

import pytest

from aesthetic_pretraining.data.labelled.tid2013 import read_tid2013
from aesthetic_pretraining.data.sources import Folder
from aesthetic_pretraining.errors import UserError

FILES = {
    "mos_with_names.txt": "5.51429 I01_01_1.bmp\r\n0.24200 i01_10_5.bmp\r\n\r\n7.21400 I01_11_1.BMP\r\n",
    "distorted_images/i01_01_1.bmp": b"a",
    "distorted_images/I01_10_5.BMP": b"b",
    "distorted_images/I01_11_1.bmp": b"c",
    "distorted_images/i25_24_5.bmp": b"not labelled",
    "reference_images/I01_01_1.BMP": b"another folder",
}


def said(make_folder, files):
    with pytest.raises(UserError) as caught:
        read_tid2013(Folder(make_folder(files)))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250
    return str(caught.value)


def test_names_match_in_any_letter_case(make_folder):
    root = make_folder(FILES)
    listing = read_tid2013(Folder(root))
    assert listing.to_dict("records") == [
        {"id": "i01_01_1", "file": "distorted_images/i01_01_1.bmp", "score": 5.51429, "group": "i01"},
        {"id": "i01_10_5", "file": "distorted_images/I01_10_5.BMP", "score": 0.242, "group": "i01"},
        {"id": "i01_11_1", "file": "distorted_images/I01_11_1.bmp", "score": 7.214, "group": "i01"},
    ]
    assert [Folder(root).read(file) for file in listing["file"]] == [b"a", b"b", b"c"]


def test_copies_elsewhere_and_foreign_files_are_no_pictures_of_the_set(make_folder):
    whole = read_tid2013(Folder(make_folder(FILES)))
    more = {
        "distorted_images/small/i01_01_1.bmp": b"copy",
        "distorted_images/Thumbs.db": b"",
        "other/distorted_images/i01_01_1.bmp": b"",
    }
    assert read_tid2013(Folder(make_folder(FILES | more, "more"))).equals(whole)


def test_twins_that_differ_in_letter_case_are_both_named(make_folder):
    message = said(make_folder, FILES | {"distorted_images/I01_01_1.BMP": b"twin"})
    assert "distorted_images/I01_01_1.BMP and distorted_images/i01_01_1.bmp differ in letter case alone" in message


@pytest.mark.parametrize("lost", [name for name in FILES if name.startswith("distorted_images/") and "i25" not in name])
def test_a_labelled_picture_that_is_not_there_is_named(make_folder, lost):
    message = said(make_folder, {name: data for name, data in FILES.items() if name != lost})
    assert lost.lower() in message.lower()
    assert "row" in message


@pytest.mark.parametrize("score", ["-0.1", "9.01", "nan", "inf", "1e9"])
def test_a_score_outside_of_the_scale_is_named(make_folder, score):
    text = FILES["mos_with_names.txt"].replace("7.21400", score)
    assert said(make_folder, FILES | {"mos_with_names.txt": text}).startswith("mos_with_names.txt, row 4: the score " + score)


def test_the_ends_of_the_scale_are_allowed(make_folder):
    text = "0 I01_01_1.bmp\n9 i01_10_5.bmp\n"
    assert list(read_tid2013(Folder(make_folder(FILES | {"mos_with_names.txt": text})))["score"]) == [0, 9]


@pytest.mark.parametrize(
    "line", ["I01_01_1.bmp 5.5", "5.51429", "5.5 I01_01_1.bmp 3", "<html>", "5,5 I01_01_1.bmp", "x" * 5000]
)
def test_a_malformed_row_is_named(make_folder, line):
    message = said(make_folder, FILES | {"mos_with_names.txt": f"5.51429 I01_01_1.bmp\n{line}\n"})
    assert message.startswith("mos_with_names.txt, row 2: needs a score and a file name")


@pytest.mark.parametrize("again", ["5.0 I01_01_1.bmp", "5.0 i01_01_1.BMP"])
def test_a_picture_that_stands_twice(make_folder, again):
    assert "twice" in said(make_folder, FILES | {"mos_with_names.txt": f"5.51429 I01_01_1.bmp\n{again}\n"})


def test_no_labels(make_folder):
    assert "mos_with_names.txt is missing" in said(make_folder, {"mos.txt": "5.5", "distorted_images/i01_01_1.bmp": b""})


@pytest.mark.parametrize("content", [b"", b"\n\n", b"Rar!\x1a\x07\x01\x00\xff\xfe" * 9])
def test_labels_that_are_none(make_folder, content):
    assert "mos_with_names.txt" in said(make_folder, FILES | {"mos_with_names.txt": content})
