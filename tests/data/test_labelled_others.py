"""Sets for cross-checks: each one's layout and traps by hand, and labels that are none."""

import pytest

from aesthetic_pretraining.data.labelled import others
from aesthetic_pretraining.data.labelled.facts import FORMATS, SETS, scale_of
from aesthetic_pretraining.data.listing import list_labelled, open_set
from aesthetic_pretraining.data.sources import Folder
from aesthetic_pretraining.errors import UserError

KONIQ = (
    '"image_name","c1","c2","c3","c4","c5","c_total","MOS","SD","set"\n'
    '"10004473376.jpg",0,0.05,0.25,0.62,0.08,105,68.9,12.1,"training"\n'
    '"10007357496.jpg",0,0.05,0.2,0.6,0.15,107,71.6,11.5,"validation"\n'
    '"10009096245.jpg",0,0.01,0.3,0.6,0.09,106,72.1,10.9,"test"\n'
)
KADID = "dist_img,ref_img,dmos,var\nI01_01_01.png,I01.png,4.57,0.496\nI01_01_05.png,I01.png,1.33,0.5\n"
OASIS = "item,beauty_mean,Theme,Category\n1,4.86,Acorns1,Object\n2,4.20,Acorns2,Object\n"
TAD = {"train.csv": "image,score\na.jpg,5.5\nb.jpg,1.2\n", "test.csv": "image,score\nc.jpg,9.1\n"}


def rows(listing):
    return listing.to_dict("records")


def said(read, source):
    with pytest.raises(UserError) as caught:
        read(source)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250
    return str(caught.value)


def test_koniq_is_judged_by_its_mos_and_keeps_its_roles(make_folder):
    listing = others.read_koniq10k(Folder(make_folder({SETS["koniq10k"].labels: KONIQ, "1024x768/10004473376.jpg": b""})))
    assert rows(listing) == [
        {"id": "10004473376.jpg", "file": "1024x768/10004473376.jpg", "score": 68.9, "split": "train"},
        {"id": "10007357496.jpg", "file": "1024x768/10007357496.jpg", "score": 71.6, "split": "val"},
        {"id": "10009096245.jpg", "file": "1024x768/10009096245.jpg", "score": 72.1, "split": "test"},
    ]


def test_koniq_in_the_smaller_copy(make_folder):
    listing = others.read_koniq10k(Folder(make_folder({SETS["koniq10k"].labels: KONIQ, "512x384/1.jpg": b""})))
    assert listing["file"][0] == "512x384/10004473376.jpg"


def test_koniq_with_an_unknown_role(make_folder):
    text = KONIQ.replace("validation", "dev")
    assert "'dev'" in said(others.read_koniq10k, Folder(make_folder({SETS["koniq10k"].labels: text})))


def test_kadid_takes_higher_for_better_and_no_references(make_folder):
    files = {"dmos.csv": KADID, "images/I01.png": b"", "images/I01_01_01.png": b""}
    assert rows(others.read_kadid10k(Folder(make_folder(files)))) == [
        {"id": "I01_01_01.png", "file": "images/I01_01_01.png", "score": 4.57},
        {"id": "I01_01_05.png", "file": "images/I01_01_05.png", "score": 1.33},
    ]


def test_oasis_finds_names_with_blanks_and_in_another_case(make_folder):
    files = {"means_per_image.csv": OASIS, "images/Acorns 1.jpg": b"", "images/acorns 2.JPG": b""}
    assert rows(others.read_oasis(Folder(make_folder(files)))) == [
        {"id": "Acorns1", "file": "images/Acorns 1.jpg", "score": 4.86},
        {"id": "Acorns2", "file": "images/acorns 2.JPG", "score": 4.20},
    ]


def test_tad66k_has_its_two_lists(make_folder):
    listing = others.read_tad66k(Folder(make_folder(TAD)))
    assert list(listing["split"]) == ["train", "train", "test"]
    assert list(listing["file"]) == ["images/a.jpg", "images/b.jpg", "images/c.jpg"]
    again = TAD | {"test.csv": "image,score\nb.jpg,9.1\n"}
    assert "b.jpg appears twice" in said(others.read_tad66k, Folder(make_folder(again, "again")))


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
        (others.read_oasis, {"means_per_image.csv": OASIS.replace("4.86", "7.5")}, ["row 2", "Acorns1", "1 to 7"]),
        (others.read_tad66k, {"train.csv": TAD["train.csv"]}, ["test.csv is missing"]),
    ],
    ids=["off the scale", "no score", "nan", "twice", "web page", "empty", "header alone", "letter case", "archive", "oasis", "half"],
)  # fmt: skip
def test_labels_that_are_none_are_named(make_folder, read, files, parts):
    message = said(read, Folder(make_folder(files)))
    assert all(part in message for part in parts), message


def folder(make_folder, labels, **files):
    return Folder(make_folder({"labels.csv": labels, "sub/a 1.jpg": b"", "b.png": b"", "b.jpg": b"", "é.jpg": b""} | files))


def test_a_folder_with_votes_has_their_mean(make_folder):
    source = folder(make_folder, "id,v1,v2,v3,split\nsub/a 1,1,0,3,test\nb.png,0,2,0,train\né.jpg,0,0,1,test\ngone,1,1,1,val\n")
    assert rows(others.read_folder(source, 1, 3)) == [
        {"id": "sub/a 1", "file": "sub/a 1.jpg", "score": 10 / 4, "split": "test"},
        {"id": "b.png", "file": "b.png", "score": 2, "split": "train"},
        {"id": "é.jpg", "file": "é.jpg", "score": 3, "split": "test"},
        {"id": "gone", "file": "gone", "score": 2, "split": "val"},  # the ledger will say that it is missing
    ]


def test_a_folder_with_scores(make_folder):
    assert rows(others.read_folder(folder(make_folder, "id,score\nb.png,-0.5\n"), -1, 1)) == [
        {"id": "b.png", "file": "b.png", "score": -0.5}
    ]


def test_pictures_without_a_label_are_counted(make_folder, caplog):
    root = folder(make_folder, "id,score\nb.png,0.5\n", **{"notes.txt": b""}).root
    with caplog.at_level("INFO", "aesthetic_pretraining"):
        assert len(list_labelled("folder", str(root), (0, 1))) == 1
    assert caplog.messages == [f"{root}: 3 images have no label and are ignored, such as 'b.jpg'"]


@pytest.mark.parametrize(
    ("labels", "scale", "part"),
    [
        ("id,score\nb,1\n", (0, 1), "b may be b.jpg or b.png"),
        ("id,score,v1\nb.png,1,1\n", (1, 1), "either"),
        ("id\nb.png\n", (1, 7), "either"),
        ("id,v1,v3\nb.png,1,1\n", (1, 3), "either"),
        ("id,v1,v2\nb.png,1,1\n", (1, 7), "1 to 2"),
        ("id,v1,v2\nb.png,0,0\n", (1, 2), "row 2"),
        ("id,v1,v2\nb.png,3,-1\n", (1, 2), "row 2"),
        ("id,score,split\nb.png,1,dev\n", (0, 1), "'dev'"),
        ("name,score\nb.png,1\n", (0, 1), "'id'"),
    ],
)
def test_wrong_labels_of_a_folder(make_folder, labels, scale, part):
    assert part in said(lambda source: others.read_folder(source, *scale), folder(make_folder, labels))


def test_every_format_has_a_reader_and_a_scale(make_folder):
    root = make_folder({SETS["koniq10k"].labels: KONIQ, "means_per_image.csv": OASIS, "b.jpg": b""} | TAD)
    assert len(list_labelled("koniq10k", root)) == len(list_labelled("tad66k", root)) == 3
    assert len(list_labelled("oasis", root)) == 2
    assert [scale_of(form, [0, 1]) for form in FORMATS] == [(1, 10), (0, 9), (0, 100), (1, 5), (1, 7), (0, 10), (0, 1)]
    root = make_folder({"labels.csv": "id,score\nb.jpg,0.5\n", "b.jpg": b"x"}, "own")
    assert list_labelled("folder", root, (0, 1))["score"][0] == 0.5
    entry = {"name": "own", "format": "folder", "folder": str(root), "range": [0, 1]}
    assert open_set("own", {"labels.extra": [entry]}).read("b.jpg") == b"x"


def test_a_set_by_design_has_to_be_whole(make_folder):
    root = make_folder({"dmos.csv": KADID})
    with pytest.raises(UserError, match=r"dmos\.csv: 2 images, but the set has 10125"):
        list_labelled("kadid10k", root)
    whole = "dist_img,ref_img,dmos,var\n" + "".join(
        f"I{r:02d}_{k:02d}_{v:02d}.png,I{r:02d}.png,3,1\n" for r in range(1, 82) for k in range(1, 26) for v in range(1, 6)
    )
    assert len(list_labelled("kadid10k", make_folder({"dmos.csv": whole}, "whole"))) == 10_125
