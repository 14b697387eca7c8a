"""OASIS: ratings into histograms, checked by the published means; which photos are used; what is not as published."""

import hashlib
import io

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

from aesthetic_pretraining.data import pinned
from aesthetic_pretraining.data.download import oasis
from aesthetic_pretraining.data.labelled.oasis import read_oasis
from aesthetic_pretraining.data.listing import list_labelled
from aesthetic_pretraining.data.sources import Folder
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.settings.labels import SetSource

NAN = np.nan
# participants x photos: Acorns 1, War 2, Beach 1, Beach 12
RATINGS = np.array([[7, 1, NAN, 4], [6, 2, 5, 4], [NAN, 1, 5, 3], [6, NAN, 7, 4.0]])
MEANS = (
    "\ufeffitem,beauty_mean,Theme,Category,N,women_beauty_mean,,\r\n"
    "1,6.33,Acorns1,Object,3,9,,\r\n2,1.33,War2 ,Scenery,3,9,,\r\n3,5.67,Beach1,Scenery,3,9,,\r\n4,3.75,beach12,Scenery,4,9,,\r\n"
)
PHOTOS = {"Acorns 1.jpg": b"acorns", "Beach 1.jpg": b"one beach", "Beach 12.jpg": b"the other", "War 2.jpg": b"not used"}


def matrix(ratings, name="corrData"):
    buffer = io.BytesIO()
    savemat(buffer, {name: ratings, "theme_matrix": np.array([["a"]], object)})
    return buffer.getvalue()


@pytest.fixture
def a_set(make_folder, monkeypatch):
    """Factory: changed files -> the entry of a small OASIS, whose photos are pinned, with the theme War left out."""

    def make(**changes):
        pins = "file,sha256,theme\n" + "".join(
            f"{name},{hashlib.sha256(data).hexdigest()},{name.rpartition(' ')[0]}\n" for name, data in PHOTOS.items()
        )
        tables = make_folder({"oasis.csv": pins, "out.csv": "theme\nWar\n"}, "resources")
        monkeypatch.setattr(pinned, "OASIS", tables / "oasis.csv")
        monkeypatch.setattr(pinned, "OASIS_LEFT_OUT", tables / "out.csv")
        files = {f"images/{name}": data for name, data in PHOTOS.items()}
        files |= {"corrData.mat": matrix(RATINGS), "means_per_image.csv": MEANS} | changes
        root = make_folder({name: data for name, data in files.items() if data is not None})
        return SetSource("oasis", "oasis", 1, 7, 7, folder=str(root))

    return make


def said(entry):
    with pytest.raises(UserError) as caught:
        list_labelled(entry)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_ratings_become_one_histogram_a_photo_by_hand(a_set):
    listing = list_labelled(a_set())
    assert listing.to_dict("list") == {
        "id": ["Acorns 1", "Beach 1", "Beach 12"],
        "file": ["images/Acorns 1.jpg", "images/Beach 1.jpg", "images/Beach 12.jpg"],
        "score": [pytest.approx(19 / 3), pytest.approx(17 / 3), 15 / 4],
        "v1": [0, 0, 0],
        "v2": [0, 0, 0],
        "v3": [0, 0, 1],
        "v4": [0, 0, 3],
        "v5": [0, 2, 0],
        "v6": [2, 0, 0],
        "v7": [1, 1, 0],
        "group": ["Acorns", "Beach", "Beach"],
    }


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"means_per_image.csv": MEANS.replace("5.67", "5.68")}, ["means_per_image.csv, row 4", "Beach1", "5.68", "5.667", "fetch both"]),
        ({"means_per_image.csv": MEANS.replace("Object,3", "Object,4")}, ["row 2", "N 4", "give 3"]),
        ({"means_per_image.csv": MEANS.replace("3.75", "")}, ["row 5", "beach12"]),
        ({"means_per_image.csv": MEANS.rpartition("4,3.75")[0]}, ["corrData.mat has 4 photos, but means_per_image.csv 3"]),
        ({"means_per_image.csv": MEANS.replace("Acorns1", "Oaks1")}, ["no ratings of the photo 'Acorns 1'"]),
        ({"means_per_image.csv": "<!DOCTYPE html>\n"}, ["lacks the column 'Theme'", "web page"]),
        ({"corrData.mat": matrix(np.where(RATINGS == 7, 8, RATINGS))}, ["participant 1 gave photo 1 the rating 8"]),
        ({"corrData.mat": matrix(np.where(RATINGS == 7, 6.5, RATINGS))}, ["the rating 6.5"]),
        ({"corrData.mat": matrix(RATINGS, "other")}, ["corrData.mat: is not a MATLAB file with the matrix corrData"]),
        ({"corrData.mat": b"<!DOCTYPE html>" * 40}, ["corrData.mat: is not a MATLAB file"]),
        ({"corrData.mat": matrix(RATINGS)[:300]}, ["corrData.mat: is not a MATLAB file"]),
        ({"corrData.mat": b""}, ["corrData.mat: is not a MATLAB file"]),
        ({"corrData.mat": None}, ["corrData.mat is missing"]),
        ({"images/Beach 1.jpg": b"another"}, ["images/Beach 1.jpg (1 in all) has other bytes than published", "--forcerun download"]),
    ],
)  # fmt: skip
def test_what_is_not_as_published_is_named(a_set, changes, parts):
    message = said(a_set(**changes))
    assert all(part in message for part in parts), message


def test_a_photo_that_is_gone_stays_listed_for_the_ledger(a_set):
    assert "images/Beach 1.jpg" in set(list_labelled(a_set(**{"images/Beach 1.jpg": None}))["file"])


def test_bins_that_are_not_the_ratings_are_named(a_set):
    entry = a_set()
    other = SetSource("oasis", "oasis", 1, 7, 10, folder=entry.folder)
    assert "sets.oasis.bins is 10, but the labels of sets.oasis have 7 votes" in said(other)


def test_means_are_rounded_to_two_decimals(a_set):
    """6.335 may be printed as 6.33 or as 6.34."""
    rated = np.full((200, 4), NAN)
    rated[:, :] = 6
    rated[:67, 0] = 7  # 6.335
    means = "item,beauty_mean,Theme,N\n1,{},Acorns1,200\n2,6,War2,200\n3,6.0,Beach1,200\n4,6,Beach12,200\n"
    for printed in ("6.33", "6.34"):
        changes = {"corrData.mat": matrix(rated), "means_per_image.csv": means.format(printed)}
        assert len(read_oasis(Folder(a_set(**changes).root), a_set(**changes))) == 3
    assert "row 2" in said(a_set(**{"corrData.mat": matrix(rated), "means_per_image.csv": means.format("6.32")}))


def test_the_tables_of_digests_and_the_themes_that_are_left_out(project, monkeypatch):
    monkeypatch.chdir(project)
    photos = pinned.oasis_photos()
    assert len(photos) == 742 and photos["file"].is_unique and photos["sha256"].is_unique
    assert photos["sha256"].str.fullmatch("[0-9a-f]{64}").all()
    left_out = set(pinned.read_pins(pinned.OASIS_LEFT_OUT)["theme"])
    assert {"War", "Nude woman", "Injury", "KKK rally", "Dead bodies"} <= left_out
    assert not left_out & set(pinned.read_pins(pinned.OASIS)["theme"])
    assert (photos["theme"] == photos["file"].str.replace(r" \d+\.jpg$", "", regex=True)).all()
    bsds = pinned.read_pins(pinned.BSDS500)
    assert bsds["file"].str.split("/").str[0].value_counts().to_dict() == {"train": 200, "test": 200, "val": 100}
    assert bsds["file"].is_unique and bsds["sha256"].str.fullmatch("[0-9a-f]{64}").all()


def test_a_theme_that_is_left_out_is_never_asked_for(a_set):
    a_set()
    rows = pd.DataFrame(oasis.file_rows())
    assert list(rows["file"]) == [name for name, _, _ in oasis.TABLES] + [f"images/{n}" for n in PHOTOS if n != "War 2.jpg"]
    assert rows["url"].iloc[3] == oasis.PHOTOS_AT + "images/Acorns%201.jpg"
    assert (rows["sha256"].str.len() == 64).all()


def test_missing_tables_of_digests_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"resources/oasis\.csv is missing; take it back from version control"):
        pinned.oasis_photos()
