"""Sets of which every file is known by its SHA-256: fetched whole, or refused with one sentence."""

import hashlib

import pandas as pd
import pytest
from servers import QUICK

from aesthetic_pretraining.data import pinned
from aesthetic_pretraining.data.download import bsds500
from aesthetic_pretraining.data.download.batch import download_pinned
from aesthetic_pretraining.data.download.http import Policy
from aesthetic_pretraining.data.listing import list_photos, photo_source, published_photos
from aesthetic_pretraining.errors import UserError

FILES = {f"{k}.jpg": f"photo {k}".encode() for k in range(6)}


@pytest.fixture
def table(server):
    """Factory: how the server treats a file -> the rows to fetch."""

    def make(faults=()):
        server.files |= FILES
        rows = [
            {"id": name, "file": f"images/{name}", "url": f"{server.url}/{dict(faults).get(name[0], 'ok')}/{name}",
             "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in FILES.items()
        ]  # fmt: skip
        return pd.DataFrame(rows)

    return make


def said(*args):
    with pytest.raises(UserError) as caught:
        download_pinned(*args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_all_files_are_fetched_though_they_are_no_pictures(table, tmp_path):
    result = download_pinned(table(), tmp_path, Policy(**QUICK))
    assert set(result["state"]) == {"fetched"}
    assert {name: (tmp_path / "images" / name).read_bytes() for name in FILES} == FILES


def test_a_mirror_that_serves_a_page_or_other_bytes(table, server, tmp_path):
    rows = table({"3": "html"})
    message = said(rows, tmp_path, Policy(**QUICK))
    assert "3.jpg: a web page came in its place" in message and "(1 of 6 files)" in message and "download.mirror" in message
    rows = table()
    server.files["4.jpg"] = b"something else"
    message = said(rows, tmp_path / "other", Policy(**QUICK))
    assert "4.jpg: other bytes than published: its SHA-256 differs" in message
    assert not (tmp_path / "other/images/4.jpg").exists()


def test_without_a_network_one_file_is_tried(table, server, tmp_path):
    rows = table()
    rows["url"] = [f"http://127.0.0.1:9/{name}" for name in FILES]  # the port of discard, where nobody listens
    message = said(rows, tmp_path, Policy(**QUICK))
    assert "http://127.0.0.1:9/0.jpg: the connection failed or was dropped (1 of 1 files)" in message
    assert "look at the network" in message


@pytest.fixture
def berkeley(tmp_path, monkeypatch, make_photo, encode):
    """A small BSDS500 in data/raw of an empty folder, with three of its four photos."""
    monkeypatch.chdir(tmp_path)
    photos = {f"{part}/{k}.jpg": encode(make_photo(k), "JPEG") for k, part in enumerate(["test", "train", "train", "val"])}
    pins = "".join(f"{file},{hashlib.sha256(data).hexdigest()}\n" for file, data in photos.items())
    (tmp_path / "pins.csv").write_text("file,sha256\n" + pins)
    monkeypatch.setattr(bsds500, "BSDS500", tmp_path / "pins.csv")
    for file, data in list(photos.items())[:3]:
        path = bsds500.ROOT / "photos" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return photos


def test_photos_of_bsds500_are_listed_by_their_table(berkeley):
    listing = list_photos(["bsds500"], "", 0, 1)
    assert list(listing["id"]) == list(listing["file"]) == sorted(berkeley)
    assert photo_source(["bsds500"], "").read("train/1.jpg") == berkeley["train/1.jpg"]


def test_a_photo_that_changed_is_named(berkeley):
    (bsds500.ROOT / "photos/train/1.jpg").write_bytes(b"changed")
    with pytest.raises(
        UserError, match=r"train/1\.jpg \(1 in all\) has other bytes than published; delete it and run 'snakemake"
    ):
        list_photos(["bsds500"], "", 0, 1)


def test_photos_that_were_not_fetched_are_named_with_the_command(tmp_path, monkeypatch, project):
    monkeypatch.setattr(bsds500, "BSDS500", project / pinned.BSDS500)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError, match=r"^data/raw/bsds500/photos: no such folder; 'snakemake .*bsds500/download.csv' fetches"
    ):
        list_photos(["bsds500"], "", 0, 1)


def test_several_sources_are_one_set_whose_ids_say_their_source(berkeley, make_folder):
    root = str(make_folder({"a.jpg": b"a", "b c.png": b"b"}, "mine"))
    sources = ["folder", "bsds500"]
    listing = list_photos(sources, root, 0, 1)
    assert list(listing["id"]) == sorted([*(f"bsds500/{file}" for file in berkeley), "folder/a.jpg", "folder/b c.png"])
    source = photo_source(sources, root)
    assert source.read("folder/b c.png") == b"b" and source.read("bsds500/train/2.jpg") == berkeley["train/2.jpg"]
    with pytest.raises(FileNotFoundError):
        source.read("pexels/a.jpg")
    assert set(source.names()) == set(listing["id"]) - {"bsds500/val/3.jpg"}  # the one that was not fetched
    few = list_photos(sources, root, 4, 1)
    fetched = published_photos("bsds500", sources, root, 4, 1)
    assert len(few) == 4  # of all sources together
    assert {f"bsds500/{photo}" for photo in fetched["id"]} == {photo for photo in few["id"] if photo.startswith("bsds500/")}
    assert len(published_photos("bsds500", ["folder"], root, 1, 1)) == 4  # a run that does not use it limits nothing
