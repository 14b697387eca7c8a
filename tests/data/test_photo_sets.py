"""Published sets of photos: lists pinned by digest, addresses, the published split, terms; odd names down to the store."""

import hashlib
import os
import subprocess

import pandas as pd
import pytest

from aesthetic_pretraining.data.download import pexels, unsplash
from aesthetic_pretraining.data.ledger import merge_ledger, read_table
from aesthetic_pretraining.data.listing import list_photos, open_set, published_photos
from aesthetic_pretraining.data.split import split_photos
from aesthetic_pretraining.data.store import Store, build_shard
from aesthetic_pretraining.errors import UserError

NAMES = {
    "train": ["pexels-photo-11.jpeg", "a-slug-22.jpg", "x%2By-33.png"],
    "val": ["no-id-here.jpg"],
    "test": ["pexels-photo-44.jpeg", "unknown.jpg"],
}
ADDRESSES = "https://images.pexels.com/photos/55/no-id-here.jpg\nhttps://images.pexels.com/photos/11/pexels-photo-11.jpeg\n"


@pytest.fixture
def lists(make_folder, monkeypatch):
    """Small lists in the place of the authors', with their digests as pins."""
    texts = {split: "\n".join(names) + "\n" for split, names in NAMES.items()}
    pins = {s: (f"{s}_set.txt", hashlib.sha256(text.encode()).hexdigest()) for s, text in texts.items()}
    root = make_folder({**{f"lists/{s}_set.txt": text for s, text in texts.items()}, "lists/urls.txt": ADDRESSES}, "pexels")
    blob = subprocess.run(["git", "hash-object", root / "lists/urls.txt"], capture_output=True, text=True, check=True)
    monkeypatch.setattr(pexels, "LISTS", pins)
    monkeypatch.setattr(pexels, "URLS_BLOB", blob.stdout.strip())
    return root


def test_addresses_come_from_the_list_or_from_the_id(lists):
    urls = {row["id"]: row["url"] for row in pexels.photo_rows(lists)}
    at = "https://images.pexels.com/photos/"
    assert urls == {
        "pexels-photo-11.jpeg": at + "11/pexels-photo-11.jpeg?w=1000",
        "a-slug-22.jpg": at + "22/a-slug-22.jpg?w=1000",
        "x%2By-33.png": at + "33/x%2By-33.png?w=1000",
        "no-id-here.jpg": at + "55/no-id-here.jpg?w=1000",
        "pexels-photo-44.jpeg": at + "44/pexels-photo-44.jpeg?w=1000",
        "unknown.jpg": "",
    }


@pytest.mark.parametrize("drawn", [6, 5])
def test_the_published_split_is_used(lists, monkeypatch, drawn):
    found = pexels.roles(lists)
    assert found == {name: split for split, names in NAMES.items() for name in names}
    monkeypatch.setattr(pexels, "roles", lambda: found)
    ledger = pd.DataFrame({"id": sorted(found)[:drawn], "sha256": "x", "state": "usable"})
    split = split_photos(ledger, ["pexels"], {"train": 1.0}, 1)
    assert dict(split.values) == {photo: found[photo] for photo in ledger["id"]}
    assert set(split_photos(ledger, ["folder", "pexels"], {"train": 1.0}, 1)["split"]) == {"train"}


def test_a_changed_a_missing_and_a_doubled_list(lists, monkeypatch):
    with open(lists / "lists/val_set.txt", "a") as file:
        file.write("one-more.jpg\n")
    with pytest.raises(UserError, match=r"val_set\.txt: other bytes than the authors'"):
        pexels.roles(lists)
    (lists / "lists/val_set.txt").write_text("a-slug-22.jpg\n")
    pin = ("val_set.txt", hashlib.sha256(b"a-slug-22.jpg\n").hexdigest())
    monkeypatch.setitem(pexels.LISTS, "val", pin)
    with pytest.raises(UserError, match=r"a-slug-22\.jpg is also in the list of train"):
        pexels.roles(lists)
    (lists / "lists/urls.txt").write_text("https://elsewhere.example/x.jpg\n")
    assert "other bytes" in pexels.wrong_list("urls.txt", b"https://elsewhere.example/x.jpg\n")
    (lists / "lists/train_set.txt").unlink()
    with pytest.raises(UserError, match=r"train_set\.txt is missing; 'snakemake"):
        pexels.roles(lists)


def test_the_pins_are_whole_and_the_terms_name_the_key():
    assert all(len(digest) == 64 for _, digest in pexels.LISTS.values())
    assert len(pexels.URLS_BLOB) == 40
    with pytest.raises(UserError, match=r"pexels\.accept_terms is false.*forbid.*unsplash_lite") as caught:
        pexels.require_terms(False)
    assert "\n" not in str(caught.value)
    pexels.require_terms(True)


def test_a_published_set_lists_what_there_should_be(lists, monkeypatch):
    monkeypatch.setattr(pexels, "ROOT", lists)
    monkeypatch.setattr(pexels.photo_rows, "__defaults__", (lists,))
    assert list(list_photos(["pexels"], "", 0, 1)["id"]) == sorted(n for names in NAMES.values() for n in names)
    drawn = list_photos(["pexels"], "", 3, 1)
    assert list(drawn["id"]) == list(
        published_photos("pexels", ["pexels"], "", 3, 1)["id"]
    )  # what is fetched is what is listed
    assert len(drawn) == 3
    (lists / "photos").mkdir()
    (lists / "photos/a-slug-22.jpg").write_bytes(b"x")
    assert open_set("photos", {"photos.sources": ["pexels"], "photos.folder": ""}).read("a-slug-22.jpg") == b"x"


def test_unsplash_lite(make_folder):
    text = "photo_id\tphoto_url\tphoto_image_url\nb-_9\tx\thttps://images.example/p2\naA1\ty\thttps://images.example/p1\n"
    rows = unsplash.photo_rows(make_folder({"photos.tsv": text}))
    assert rows == [
        {"id": "aA1", "file": "aA1.jpg", "url": "https://images.example/p1?w=1000", "sha256": ""},
        {"id": "b-_9", "file": "b-_9.jpg", "url": "https://images.example/p2?w=1000", "sha256": ""},
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<html>", "lacks the column"),
        ("photo_id\tphoto_image_url\n", "has no rows"),
        ("photo_id\tphoto_image_url\n../a\thttps://x/y\n", "row 2: photo_id is '../a'"),
        ("photo_id\tphoto_image_url\na\thttps://x/y\nb\n", "row 3: has 1 fields"),
        ("photo_id\tphoto_image_url\na\tb\thttps://x/y\n", "row 2: has 3 fields"),
        ("photo_id\tphoto_image_url\na\t" + "x" * 200_000 + "\n", "is not a table"),
        ("photo_id\tphoto_image_url\na\thttps://x/y\na\thttps://x/z\n", "photo a appears twice"),
    ],
)
def test_a_table_of_unsplash_that_is_none(make_folder, text, words):
    with pytest.raises(UserError, match=words) as caught:
        unsplash.photo_rows(make_folder({"photos.tsv": text}))
    assert "photos.tsv" in str(caught.value)


def test_a_missing_table_of_unsplash(tmp_path):
    with pytest.raises(UserError, match=r"photos\.tsv is missing"):
        unsplash.photo_rows(tmp_path)


ODD = ["a b .jpg", "ü/ñ/雪.jpg", "two\nlines.jpg", 'quo"te,.jpg', "n" * 251 + ".jpg",
       "d" * 150 + "/" + "e" * 146 + ".jpg", "x%2By.jpg", "0012.jpg", " .jpg"]  # fmt: skip


def test_odd_names_reach_the_store_and_the_ledger(make_folder, make_photo, encode, tmp_path):
    root = make_folder({name: encode(make_photo(k, 32, 24)) for k, name in enumerate(ODD)})
    list_photos(["folder"], str(root), 0, 1).to_csv(tmp_path / "listing.csv", index=False)
    listing = read_table(tmp_path / "listing.csv")
    assert list(listing["id"]) == sorted(ODD)
    source = open_set("photos", {"photos.sources": ["folder"], "photos.folder": str(root)})
    build_shard(listing, source, 0, 1, lambda image: image, 95, tmp_path / "0.tar", tmp_path / "0.csv")
    ledger = merge_ledger(listing, [tmp_path / "0.csv"], 0, "photos")
    assert list(ledger["id"]) == sorted(ODD)
    assert dict(zip(ledger["id"], ledger["sha256"])) == {n: hashlib.sha256((root / n).read_bytes()).hexdigest() for n in ODD}
    store = Store([tmp_path / "0.tar"])
    assert all(store.pixels(name).shape == (24, 32, 3) for name in ODD)


def test_a_name_that_no_table_can_hold_is_refused(make_folder):
    with pytest.raises(UserError, match=r"'car\\rriage\.jpg' holds a carriage return"):
        list_photos(["folder"], str(make_folder({"car\rriage.jpg": b"x"})), 0, 1)


def test_a_name_that_is_no_text_is_refused(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"x")
    with pytest.raises(UserError, match=r"caf\\xe9\.jpg.* is not valid UTF-8; rename"):
        list_photos(["folder"], str(tmp_path), 0, 1)
