"""AVA: the real format, its first real row by hand, and what can be wrong with the files."""

import numpy as np
import pytest

from aesthetic_pretraining.data.labelled.ava import mean_score, parse_ava, read_ava, read_split_lists
from aesthetic_pretraining.data.sources import Folder
from aesthetic_pretraining.errors import UserError

FIRST = "1 953619 0 1 5 17 38 36 15 6 5 1 1 22 1396"  # the first row of the real AVA.txt
COUNTS = [0, 1, 5, 17, 38, 36, 15, 6, 5, 1]
# 124 votes: (2*1 + 3*5 + 4*17 + 5*38 + 6*36 + 7*15 + 8*6 + 9*5 + 10*1) / 124
MEAN = 699 / 124


def said(text):
    with pytest.raises(UserError) as caught:
        parse_ava(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250
    return str(caught.value)


def test_the_first_real_row():
    row = parse_ava(FIRST + "\n").iloc[0]
    assert row["id"] == "953619"
    assert [row[f"v{k}"] for k in range(1, 11)] == COUNTS
    assert row["score"] == pytest.approx(MEAN, abs=1e-12)
    assert round(MEAN, 4) == 5.6371


def test_blanks_and_line_ends_do_not_matter():
    second = FIRST.replace("953619", "0012")
    frame = parse_ava(f"\n  {FIRST.replace(' ', chr(9))} \r\n\n{second}")
    assert list(frame["id"]) == ["953619", "0012"]  # text: leading zeros stay
    assert frame["score"].nunique() == 1


@pytest.mark.parametrize(
    "line",
    [FIRST.rsplit(" ", 1)[0], FIRST + " 7", FIRST.replace("38", "38.5"), FIRST.replace("38", "-38"), FIRST.replace("38", "many"),
     FIRST.replace(" ", ","), "<html>", FIRST.replace("1396", "")],
    ids=["14 columns", "16 columns", "fraction", "negative", "word", "commas", "HTML", "no challenge"],
)  # fmt: skip
def test_a_malformed_row_is_named(line):
    message = said(f"{FIRST}\n\n{line}\n")
    assert message.startswith("AVA.txt, row 3:")
    assert "15 whole numbers" in message


def test_a_long_malformed_row_is_not_quoted_whole():
    assert len(said("x" * 10_000)) < 250


def test_a_superscript_is_no_count():
    assert said(FIRST.replace("38", "²")).startswith("AVA.txt, row 1:")


def test_a_picture_without_votes_is_named():
    message = said(f"{FIRST}\n2 77 0 0 0 0 0 0 0 0 0 0 1 22 1396\n")
    assert "row 2" in message
    assert "77" in message
    assert "no votes" in message


def test_a_picture_that_stands_twice_is_named():
    other = FIRST.replace("953619", "1")
    message = said(f"{FIRST}\n{other}\n{FIRST}\n")
    assert "953619" in message
    assert "twice" in message


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_file(text):
    assert "empty" in said(text)


def test_mean_score_against_a_list_of_votes():
    rng = np.random.default_rng(0)
    votes = rng.integers(0, 30, (50, 10)) + np.eye(10, dtype=int)[rng.integers(0, 10, 50)]
    expected = [np.mean([score for score, n in enumerate(row, start=1) for _ in range(n)]) for row in votes]
    assert mean_score(votes) == pytest.approx(expected)
    assert mean_score(np.eye(10)) == pytest.approx(np.arange(1, 11))
    assert mean_score(votes * 3) == pytest.approx(mean_score(votes))


def test_the_listing_names_the_pictures(make_folder):
    listing = read_ava(Folder(make_folder({"AVA.txt": FIRST, "images/953619.jpg": b""})))
    assert list(listing["file"]) == ["images/953619.jpg"]


def test_listed_but_missing_pictures_stay_in_the_listing(make_folder):
    assert len(read_ava(Folder(make_folder({"AVA.txt": FIRST})))) == 1  # the ledger says that they are missing


def test_no_ava_txt(make_folder):
    with pytest.raises(UserError, match=r"AVA\.txt is missing"):
        read_ava(Folder(make_folder({"ava.csv": FIRST})))


def test_an_archive_in_place_of_the_text(make_folder):
    with pytest.raises(UserError, match=r"AVA\.txt"):
        read_ava(Folder(make_folder({"AVA.txt": b"7z\xbc\xaf\x27\x1c" * 50})))


def row(picture):
    return f"{picture}," + ",".join(map(str, COUNTS)) + "\n"


LISTS = {"splits/train.csv": row(1) + row(2) + row("003"), "splits/val.csv": row(4), "splits/test.csv": row(5) + row(6)}


def lists(make_folder, **changed):
    return Folder(make_folder(LISTS | {f"splits/{name}.csv": text for name, text in changed.items()}))


def test_split_lists(make_folder):
    expected = {"1": "train", "2": "train", "003": "train", "4": "val", "5": "test", "6": "test"}
    rows = read_split_lists(lists(make_folder))
    assert dict(zip(rows["id"], rows["split"], strict=True)) == expected
    assert rows.drop(columns=["id", "split"]).to_numpy().tolist() == [list(COUNTS)] * 6


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"test": row(5) + row(2)}, ["splits/test.csv", "image 2 ", "splits/train.csv"]),
        ({"val": row(4) + row(9) + row(4)}, ["splits/val.csv", "image 4 ", "twice"]),
        ({"val": "4\n"}, ["splits/val.csv", "row 1", "11 whole numbers", "'4'"]),
        ({"val": row(4).strip() + ",1\n"}, ["splits/val.csv", "row 1", "11 whole numbers"]),
        ({"val": "<html>\n"}, ["splits/val.csv", "row 1", "11 whole numbers", "<html>"]),
    ],
    ids=["overlap", "duplicate", "ids only", "12 columns", "HTML"],
)
def test_wrong_split_lists_are_named(make_folder, changed, parts):
    with pytest.raises(UserError) as caught:
        read_split_lists(lists(make_folder, **changed))
    assert all(part in str(caught.value) for part in parts)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", LISTS)
def test_a_missing_split_list_is_named(make_folder, missing):
    source = Folder(make_folder({name: text for name, text in LISTS.items() if name != missing}))
    with pytest.raises(UserError, match=f"{missing} is missing"):
        read_split_lists(source)


@pytest.mark.parametrize(
    "text", ["", row(4) + row(7).strip() + ",1\n", row(4) + "7,1\n", "id,1,2,3,4,5,6,7,8,9,10\n" + row(4)],
    ids=["empty", "a longer row", "a shorter row", "header"],
)  # fmt: skip
def test_malformed_rows_of_split_lists_are_named(make_folder, text):
    with pytest.raises(UserError, match=r"splits/val\.csv"):
        read_split_lists(lists(make_folder, val=text))
