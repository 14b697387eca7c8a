"""Pictures that were trained on: found by file and by looks, whatever their split, and said."""

import hashlib
import logging

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from aesthetic_pretraining.data.alike import MATCHES
from aesthetic_pretraining.data.ledger import read_table
from aesthetic_pretraining.data.letterbox import letterbox
from aesthetic_pretraining.data.seen import seen
from aesthetic_pretraining.data.sources import Folder
from aesthetic_pretraining.data.store import Store, build_shard
from aesthetic_pretraining.errors import UserError


@pytest.fixture
def a_set(make_folder, tmp_path):
    """a_set(name, {file: bytes}, {file: role}, boxed) -> (ledger, split, store), read as the rules read them."""

    def make(name, files, roles, boxed=True):
        source = Folder(make_folder(files, name))
        listing = pd.DataFrame({"id": list(files), "file": list(files)})
        prepare = (lambda p: letterbox(p, 96)) if boxed else (lambda p: p)
        build_shard(
            listing, source, 0, 1, prepare, None if name == "ours" else 90, tmp_path / f"{name}.tar", tmp_path / f"{name}.csv"
        )
        split = pd.DataFrame({"id": list(roles), "split": list(roles.values())})
        return read_table(tmp_path / f"{name}.csv"), split, Store([tmp_path / f"{name}.tar"])

    return make


@pytest.fixture
def tables(a_set, make_photo, encode):
    """Ten photos in four roles, six rated images in three, and a set of one's own with copies of some of both."""
    photo = {k: make_photo(k, 180, 120) for k in range(20)}
    photos = {f"p{k}.png": encode(photo[k]) for k in range(10)}
    rated = {f"{k}.jpg": encode(photo[k], "JPEG", quality=95) for k in range(10, 16)}
    grey = np.full((90, 120, 3), 99, np.uint8)  # too plain for a hash
    ours = {
        "same file": photos["p0.png"],
        "smaller": encode(np.asarray(Image.fromarray(photo[1]).resize((90, 60)))),
        "mirrored": encode(photo[2][:, ::-1], "JPEG", quality=90),
        "of the test photos": photos["p6.png"],
        "of the sources": photos["p8.png"],
        "rated": encode(photo[10], "JPEG", quality=70),
        "rated in validation": rated["13.jpg"],
        "rated in the test": rated["15.jpg"],
        "new": encode(photo[17]),
        "plain": encode(grey),
        "plain, new": encode(grey + 50),
        "own training": photos["p3.png"],
    }
    roles = dict.fromkeys(ours, "test") | {"own training": "train"}
    photo_roles = {f"p{k}.png": role for k, role in enumerate(["train"] * 4 + ["val"] + ["test"] * 3 + ["labels"] * 2)}
    return {
        "photos": a_set("photos", photos | {"plain.png": encode(grey)}, photo_roles | {"plain.png": "val"}, boxed=False),
        "ava": a_set("ava", rated, dict(zip(rated, ["train"] * 3 + ["val"] + ["test"] * 2))),
        "ours": a_set("ours", ours, roles),
    }


WANTED = {
    "same file": ("photos", "train", "p0.png", 1),
    "smaller": ("photos", "train", "p1.png", 0),
    "mirrored": ("photos", "train", "p2.png", 0),
    "rated": ("ava", "train", "10.jpg", 0),
    "rated in validation": ("ava", "val", "13.jpg", 1),
    "plain": ("photos", "val", "plain.png", 1),
}


def found(table):
    return {row.id: (row.dataset, row.split, row.other_id, row.identical) for row in table.itertuples()}


def test_what_was_trained_or_validated_on_is_found_and_nothing_else(tables, caplog):
    with caplog.at_level(logging.INFO, "aesthetic_pretraining"):
        table = seen("ours", tables)
    assert list(table) == MATCHES
    assert found(table) == WANTED
    assert list(table["id"]) == sorted(WANTED)
    row = table.set_index("id")
    assert row["mirrored"]["mirrored"] == 1 and row["mirrored"]["smaller"] == 0
    assert pd.isna(row["distance"]["plain"]) and row["distance"]["same file"] == 0
    assert "ours: 6 of 11 test images were trained on and are left out (3 are the same files" in caplog.text


def test_photos_that_simulated_pictures_are_cut_from_count_too(tables):
    assert found(seen("ours", tables, simulated=True)) == WANTED | {"of the sources": ("photos", "labels", "p8.png", 1)}


def test_the_same_file_is_told_by_its_digest_alone(tables):
    """Against a loop over the files' own digests."""
    files = {name: {r.id: r.sha256 for r in ledger.itertuples()} for name, (ledger, _, _) in tables.items()}
    splits = {name: split.set_index("id")["split"] for name, (_, split, _) in tables.items()}
    trained = {digest for name in ("photos", "ava") for i, digest in files[name].items() if splits[name][i] in ("train", "val")}
    same = {i for i, digest in files["ours"].items() if digest in trained and splits["ours"][i] == "test"}
    table = seen("ours", tables)
    assert set(table["id"][table["identical"] == 1]) == same
    assert all(len(digest) == len(hashlib.sha256().hexdigest()) for digest in files["ours"].values())


def test_a_set_that_shares_nothing_has_an_empty_table(tables, a_set, make_photo, encode, tmp_path):
    own = a_set("other", {f"{k}.png": encode(make_photo(50 + k)) for k in range(3)}, {f"{k}.png": "test" for k in range(3)})
    table = seen("other", tables | {"other": own})
    assert table.empty and list(table) == MATCHES
    table.to_csv(tmp_path / "seen.csv", index=False)
    assert read_table(tmp_path / "seen.csv").empty


def test_nothing_left_is_one_sentence(tables):
    ledger, split, store = tables["ours"]
    split = split[split["id"].isin(["same file", "rated"])]
    with pytest.raises(
        UserError, match=r"trained on all 2 test images of ours, such as rated; .* take the set out of labels.crosscheck"
    ) as e:
        seen("ours", tables | {"ours": (ledger, split, store)})
    assert "\n" not in str(e.value)
