"""Labelled sets: each one's layout and traps by hand, labels that are none, and what every set must fulfil."""

import unicodedata

import pytest

from aesthetic_pretraining.data.labelled import others
from aesthetic_pretraining.data.labelled.facts import SETS
from aesthetic_pretraining.data.listing import list_labelled, open_labelled
from aesthetic_pretraining.data.sources import Folder
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.settings.labels import SetSource

KONIQ = (
    '"image_name","c1","c2","c3","c4","c5","c_total","MOS","SD","set"\n'
    '"10004473376.jpg",0,0.05,0.25,0.62,0.08,105,68.9,12.1,"training"\n'
    '"10007357496.jpg",0,0.05,0.2,0.6,0.15,107,71.6,11.5,"validation"\n'
    '"10009096245.jpg",0,0.01,0.3,0.6,0.09,106,72.1,10.9,"test"\n'
)
KADID = "dist_img,ref_img,dmos,var\nI01_01_01.png,I01.png,4.57,0.496\nI01_01_05.png,I01.png,1.33,0.5\n"
TAD = {"train.csv": "image,score\na.jpg,5.5\nb.jpg,1.2\n", "test.csv": "image,score\nc.jpg,9.1\n"}


KONIQ_SET = SetSource("koniq10k", "koniq10k", 0, 100, 10)
KADID_SET = SetSource("kadid10k", "kadid10k", 1, 5, 5)
TAD_SET = SetSource("tad66k", "tad66k", 0, 10, 10)


def own(low, high, bins=10, root=""):
    """A folder of one's own."""
    return SetSource("ours", "folder", low, high, bins, folder=str(root))


def rows(listing):
    return listing.to_dict("records")


def said(read, *args):
    with pytest.raises(UserError) as caught:
        read(*args)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
    return str(caught.value)


def test_koniq_is_judged_by_its_mos_and_keeps_its_roles(make_folder):
    source = Folder(make_folder({SETS["koniq10k"].labels: KONIQ, "1024x768/10004473376.jpg": b""}))
    assert rows(others.read_koniq10k(source, KONIQ_SET)) == [
        {"id": "10004473376.jpg", "file": "1024x768/10004473376.jpg", "score": 68.9, "split": "train", "spread": 12.1},
        {"id": "10007357496.jpg", "file": "1024x768/10007357496.jpg", "score": 71.6, "split": "val", "spread": 11.5},
        {"id": "10009096245.jpg", "file": "1024x768/10009096245.jpg", "score": 72.1, "split": "test", "spread": 10.9},
    ]


def test_koniq_whose_spread_is_of_the_votes_on_1_to_5(make_folder):
    text = KONIQ.replace("12.1", "0.52").replace("11.5", "0.6").replace("10.9", "")
    listing = others.read_koniq10k(Folder(make_folder({SETS["koniq10k"].labels: text})), KONIQ_SET)
    assert listing["spread"][:2].tolist() == [13, 15] and listing["spread"].isna()[2]


@pytest.mark.parametrize("foreign", [{}, {"1024x768/Thumbs.db": b""}])
def test_koniq_in_the_smaller_copy(make_folder, foreign):
    files = {SETS["koniq10k"].labels: KONIQ, "512x384/1.jpg": b""} | foreign
    listing = others.read_koniq10k(Folder(make_folder(files)), KONIQ_SET)
    assert listing["file"][0] == "512x384/10004473376.jpg"


def test_koniq_with_an_unknown_role(make_folder):
    text = KONIQ.replace("validation", "dev")
    assert "'dev'" in said(others.read_koniq10k, Folder(make_folder({SETS["koniq10k"].labels: text})), KONIQ_SET)


def test_kadid_takes_higher_for_better_and_no_references(make_folder):
    files = {"dmos.csv": KADID, "images/I01.png": b"", "images/I01_01_01.png": b""}
    first, second = rows(others.read_kadid10k(Folder(make_folder(files)), KADID_SET))
    assert first.pop("spread") == pytest.approx(0.496**0.5)
    assert second.pop("spread") == pytest.approx(0.5**0.5)
    assert [first, second] == [
        {"id": "I01_01_01.png", "file": "images/I01_01_01.png", "score": 4.57, "group": "I01.png"},
        {"id": "I01_01_05.png", "file": "images/I01_01_05.png", "score": 1.33, "group": "I01.png"},
    ]


def test_tad66k_has_its_two_lists(make_folder):
    listing = others.read_tad66k(Folder(make_folder(TAD)), TAD_SET)
    assert list(listing["split"]) == ["train", "train", "test"]
    assert list(listing["file"]) == ["images/a.jpg", "images/b.jpg", "images/c.jpg"]
    again = TAD | {"test.csv": "image,score\nb.jpg,9.1\n"}
    assert "b.jpg appears twice" in said(others.read_tad66k, Folder(make_folder(again, "again")), TAD_SET)


@pytest.mark.parametrize(
    ("read", "files", "parts"),
    [
        (others.read_kadid10k, {"dmos.csv": KADID.replace("4.57", "5.01")}, ["dmos.csv, row 2", "5.01", "I01_01_01.png", "1 to 5"]),
        (others.read_kadid10k, {"dmos.csv": KADID.replace("1.33", "")}, ["dmos.csv, row 3", "I01_01_05.png"]),
        (others.read_kadid10k, {"dmos.csv": KADID.replace("1.33", "nan")}, ["row 3", "nan"]),
        (others.read_kadid10k, {"dmos.csv": KADID + "I01_01_01.png,I01.png,4,1\n"}, ["I01_01_01.png appears twice"]),
        (others.read_kadid10k, {"dmos.csv": "<!DOCTYPE html>\n<title>Log in</title>\n"}, ["dmos.csv", "dist_img", "web page"]),
        (others.read_kadid10k, {"dmos.csv": ""}, ["dmos.csv", "not a table"]),
        (others.read_kadid10k, {"dmos.csv": KADID.splitlines()[0]}, ["dmos.csv", "no rows"]),
        (others.read_kadid10k, {"DMOS.csv": KADID}, ["dmos.csv is missing"]),
        (others.read_kadid10k, {"dmos.csv": b"PK\x03\x04\xff\xfe" * 20}, ["dmos.csv", "not a text file"]),
        (others.read_tad66k, {"train.csv": TAD["train.csv"]}, ["test.csv is missing"]),
    ],
    ids=["off the scale", "no score", "nan", "twice", "web page", "empty", "header alone", "letter case", "archive", "half"],
)  # fmt: skip
def test_labels_that_are_none_are_named(make_folder, read, files, parts):
    entry = TAD_SET if read is others.read_tad66k else KADID_SET
    message = said(read, Folder(make_folder(files)), entry)
    assert all(part in message for part in parts), message


def folder(make_folder, labels, **files):
    return Folder(make_folder({"labels.csv": labels, "sub/a 1.jpg": b"", "b.png": b"", "b.jpg": b"", "é.jpg": b""} | files))


def test_a_folder_with_votes_has_their_mean(make_folder):
    source = folder(make_folder, "id,v1,v2,v3,split\nsub/a 1,1,0,3,test\nb.png,0,2,0,train\né.jpg,0,0,1,test\ngone,1,1,1,val\n")
    found = others.read_folder(source, own(1, 3, 3))
    assert rows(found[["id", "file", "score", "split"]]) == [
        {"id": "sub/a 1", "file": "sub/a 1.jpg", "score": 10 / 4, "split": "test"},
        {"id": "b.png", "file": "b.png", "score": 2, "split": "train"},
        {"id": "é.jpg", "file": "é.jpg", "score": 3, "split": "test"},
        {"id": "gone", "file": "gone", "score": 2, "split": "val"},  # the ledger will say that it is missing
    ]
    assert found[["v1", "v2", "v3"]].to_numpy().tolist() == [[1, 0, 3], [0, 2, 0], [0, 0, 1], [1, 1, 1]]


def test_votes_count_at_the_values_of_the_bins(make_folder):
    source = folder(make_folder, "id,v1,v2,v3\nb.png,1,1,2\n")
    assert list(others.read_folder(source, own(0, 1, 3))["score"]) == [(0 + 0.5 + 2) / 4]


def test_a_folder_with_scores_groups_and_spreads(make_folder):
    source = folder(make_folder, "id,score,group,spread\nb.png,-0.5,beach,0.2\né.jpg,0.5,,\n")
    first, second = rows(others.read_folder(source, own(-1, 1)))
    assert first == {"id": "b.png", "file": "b.png", "score": -0.5, "spread": 0.2, "group": "beach"}
    assert second["group"] == "" and second["spread"] != second["spread"]


@pytest.mark.parametrize(
    ("encoded", "ends"),
    [("utf-8", "\n"), ("utf-8-sig", "\r\n"), ("utf-16", "\n"), ("utf-16", "\r\n"), ("utf-8", "\r")],
)
def test_any_unicode_and_any_line_ends_are_the_same_labels(make_folder, encoded, ends):
    text = "id,score\nb.png,0.5\né.jpg,0.25\n\n \n\n"
    plain = others.read_folder(folder(make_folder, text), own(0, 1))
    other = others.read_folder(folder(make_folder, text.replace("\n", ends).encode(encoded)), own(0, 1))
    assert other.equals(plain)


def test_another_encoding_is_named(make_folder):
    message = said(others.read_folder, folder(make_folder, "id,score\né.jpg,0.5\n".encode("latin-1")), own(0, 1))
    assert "labels.csv: is not a text file in UTF-8, perhaps in Latin-1" in message


def test_an_accent_matches_however_it_is_written(make_folder):
    for form in ("NFC", "NFD"):
        listing = others.read_folder(folder(make_folder, f"id,score\n{unicodedata.normalize(form, 'é.jpg')},0.5\n"), own(0, 1))
        assert listing["file"][0] == "é.jpg"


def listed(make_folder, labels, low=0, high=1, bins=10, trained_on=False, **files):
    source = folder(make_folder, labels, **files)
    return list_labelled(own(low, high, bins, source.root), trained_on=trained_on)


@pytest.mark.parametrize(
    ("read", "entry", "name", "text"),
    [
        (others.read_koniq10k, KONIQ_SET, SETS["koniq10k"].labels, KONIQ + KONIQ.splitlines()[1].replace('"1000', '"./1000')),
        (others.read_kadid10k, KADID_SET, "dmos.csv", KADID + "x/../I01_01_05.png,I01.png,2,0.5\n"),
        (others.read_tad66k, TAD_SET, "train.csv", TAD["train.csv"] + ".//b.jpg,4\n"),
    ],
)
def test_two_rows_for_one_picture_are_refused_by_every_reader(make_folder, read, entry, name, text):
    folder = make_folder({"test.csv": TAD["test.csv"]} | {name: text})
    assert " are one picture, " in said(read, Folder(folder), entry)


def test_pictures_without_a_label_are_counted(make_folder, caplog, tmp_path):
    with caplog.at_level("INFO", "aesthetic_pretraining"):
        assert len(listed(make_folder, "id,score\nb.png,0.5\nb.jpg,0.2\n", **{"notes.txt": b""})) == 2
    assert caplog.messages == [f"{tmp_path / 'folder'}: 2 images have no label and are ignored, such as 'sub/a 1.jpg'"]


@pytest.mark.parametrize(
    ("labels", "scale", "part"),
    [
        ("id,score\nb,1\n", (0, 1), "b may be b.jpg or b.png"),
        ("id,score\nb.png,1\n./b.png,0.5\n", (0, 1), "b.png and ./b.png are one picture"),
        ("id,score\né,1\né.jpg,0.5\n", (0, 1), "é and é.jpg are one picture"),
        ("id,score,v1\nb.png,1,1\n", (1, 2), "either"),
        ("id\nb.png\n", (1, 7), "either"),
        ("id,v1,v3\nb.png,1,1\n", (1, 3), "either"),
        ("id,v1,v2\nb.png,1,1\n", (1, 7), "has 2 columns of votes, but sets.ours.bins in params.yaml is 10"),
        ("id,v1,v2,spread\nb.png,1,1,1\n", (1, 2, 2), "remove the column 'spread'"),
        ("id,v1,v2\nb.png,0,0\n", (1, 2, 2), "row 2"),
        ("id,v1,v2\nb.png,3,-1\n", (1, 2, 2), "row 2"),
        ("id,v1,v2\nb.png,3,\n", (1, 2, 2), "row 2"),
        ("id,v1,v2\nb.png,3,1e30\n", (1, 2, 2), "row 2: b.png has 1e+30 votes for one score, more than there are people"),
        ("id,score,spread\nb.png,1,wide\n", (1, 2), "row 2: spread is 'wide'"),
        ("id,score,split\nb.png,1,dev\n", (0, 1), "'dev'"),
        ("name,score\nb.png,1\n", (0, 1), "'id'"),
        ("id,score\nb.png,b.jpg,0.5\n", (0, 1), "labels.csv, row 2: has 3 fields, but the first line has 2"),
        ("id,score\nb.png,0.5\nb.jpg\n", (0, 1), "labels.csv, row 3: has 1 fields"),
        ("id,score,score\nb.png,0.5,1\n", (0, 1), "two columns 'score'"),
        ('id,score\n"b.png,0.5\n', (0, 1), "not a table"),
        ("id,score\nb.png,0.5\nb.jpg,0.5\n", (0, 1), "sets.ours: all 2 scores are 0.5"),
    ],
)
def test_wrong_labels_of_a_folder(make_folder, labels, scale, part):
    assert part in said(lambda: listed(make_folder, labels, *scale))


def test_the_row_of_a_wrong_score_is_that_of_the_file(make_folder):
    assert "labels.csv, row 5" in said(lambda: listed(make_folder, "id,score\nb.png,0.5\n\n\nb.jpg,3\n"))


def test_a_set_of_single_ratings_is_read_with_a_warning(make_folder, caplog):
    listing = listed(make_folder, "id,v1,v2\nb.png,1,0\nb.jpg,0,1\né.jpg,0,1\nsub/a 1,3,1\n", 1, 2, 2)
    assert len(listing) == 4
    assert "sets.ours: 3 of 4 images have a single rating" in caplog.text


def test_mean_scores_become_votes_for_a_set_that_is_trained_on(make_folder):
    labels = "id,score,spread\nb.png,3.2,\nb.jpg,4,1\n"
    listing = listed(make_folder, labels, 1, 5, 5, trained_on=True)
    assert list(listing) == ["id", "file", "score", "v1", "v2", "v3", "v4", "v5"]
    first, second = listing[["v1", "v2", "v3", "v4", "v5"]].to_numpy()
    assert first == pytest.approx([0, 0, 0.8, 0.2, 0])
    assert second @ [1, 2, 3, 4, 5] == pytest.approx(4)
    assert second @ [9, 4, 1, 0, 1] == pytest.approx(1)  # the variance
    assert list(listed(make_folder, labels, 1, 5, 5)) == ["id", "file", "score"]


def test_votes_that_do_not_fit_the_bins_or_the_scale_are_named(make_folder):
    text = "1 7 0 0 0 0 1 0 0 0 0 0 0 0 3\n2 8 0 0 0 0 0 1 0 0 0 0 0 0 3\n"
    root = str(make_folder({"AVA.txt": text}))
    assert len(list_labelled(SetSource("ava", "ava", 1, 10, 10, folder=root))) == 2
    message = said(list_labelled, SetSource("ava", "ava", 1, 10, 7, folder=root))
    assert message == "params.yaml: sets.ava.bins is 7, but the labels of sets.ava have 10 votes; set it to 10"
    message = said(list_labelled, SetSource("ava", "ava", 0, 9, 10, folder=root))
    assert "sets.ava.low and high are 0 and 9, but the votes of sets.ava are on 1 to 10" in message


def test_a_missing_folder_is_named_with_the_way_to_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (
        said(open_labelled, SetSource("oasis", "oasis", 1, 7, 7, source="oasis"))
        == "data/raw/oasis: no such folder; 'snakemake --cores 1 data/raw/oasis/download.csv' fetches the set"
    )
    assert "or name its folder in params.yaml, sets.ours.folder" in said(open_labelled, own(0, 1, root="gone"))


def test_known_sets_are_listed_from_their_folder(make_folder):
    files = {SETS["koniq10k"].labels: KONIQ, **TAD}
    root = str(make_folder(files))
    for entry in (KONIQ_SET, TAD_SET):
        assert len(list_labelled(SetSource(entry.name, entry.reader, entry.low, entry.high, entry.bins, folder=root))) == 3


def test_a_factorial_set_must_be_whole(make_folder):
    entry = SetSource("kadid10k", "kadid10k", 1, 5, 5, folder=str(make_folder({"dmos.csv": KADID})))
    assert "dmos.csv: 2 images, but the set has 10125" in said(list_labelled, entry)
    whole = "dist_img,ref_img,dmos,var\n" + "".join(f"I{k}.png,I.png,{1 + k % 5},1\n" for k in range(10_125))
    entry = SetSource("kadid10k", "kadid10k", 1, 5, 5, folder=str(make_folder({"dmos.csv": whole}, "whole")))
    assert len(list_labelled(entry)) == 10_125
