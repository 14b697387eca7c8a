"""The audit: against brute force, against copies that were really made, and by hand."""

import io
import tarfile

import imagehash
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from aesthetic_pretraining.data import alike, audit
from aesthetic_pretraining.data.letterbox import letterbox
from aesthetic_pretraining.data.sources import Folder
from aesthetic_pretraining.data.store import Store, add_member

VOTES = ",0,1,5,17,38,36,15,6,5,1\n"


def distance(a, b):
    return (a ^ b).bit_count()


def test_the_hash_is_the_librarys(make_photo, encode):
    for k in range(5):
        data = encode(make_photo(k, 64, 48), "JPEG", quality=95)
        small = Image.fromarray(np.asarray(Image.open(io.BytesIO(data)).convert("L"))).resize((32, 32), 1)
        bits = "".join(str(int(b)) for b in imagehash.phash(small).hash.flatten())
        assert distance(alike.perceptual_hash(data, 64, 48)[0], int(bits, 2)) <= 2  # the copy may be decoded in grey at once


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (240, 240), (301, 97)])
def test_black_bars_do_not_count(make_photo, encode, size):
    photo = make_photo(1, *size)
    whole = alike.perceptual_hash(encode(photo, "JPEG", quality=95), *size)[0]
    boxed = alike.perceptual_hash(encode(letterbox(photo, 128), "JPEG", quality=95, subsampling=0), *size)[0]
    other = alike.perceptual_hash(encode(letterbox(make_photo(2, *size), 128), "JPEG"), *size)[0]
    assert distance(whole, boxed) <= alike.NEAR < distance(whole, other)


def test_plain_pictures_are_told(encode):
    grey = np.full((64, 64, 3), 127, np.uint8)
    assert alike.perceptual_hash(encode(grey, "JPEG"), 64, 64)[1]
    grey[:, :32] = 30
    assert not alike.perceptual_hash(encode(grey, "JPEG"), 64, 64)[1]


@pytest.mark.parametrize("near", [0, 1, 3, 5])
def test_near_pairs_against_brute_force(near):
    rng = np.random.default_rng(near)
    base = rng.integers(0, 2**63, 120, dtype=np.uint64)
    flips = [sum(1 << int(b) for b in rng.choice(64, size=rng.integers(0, 9), replace=False)) for _ in range(360)]
    hashes = np.unique(np.concatenate([base, np.tile(base, 3) ^ np.array(flips, np.uint64)]))
    expected = [
        (i, j, distance(int(hashes[i]), int(hashes[j])))
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
        if distance(int(hashes[i]), int(hashes[j])) <= near
    ]
    assert [tuple(map(int, row)) for row in alike.near_pairs(hashes, near)] == sorted(expected)
    assert near == 0 or len(expected) > 20


def test_what_is_not_sure_to_be_found_is_refused():
    with pytest.raises(ValueError, match="5 bits"):
        alike.near_pairs(np.zeros(1, np.uint64), 6)


def test_no_pictures_and_one():
    assert alike.near_pairs(np.array([], np.uint64)).shape == (0, 3)
    assert alike.near_pairs(np.array([7], np.uint64)).shape == (0, 3)


def rows(*pictures):
    """dataset, split, id, hash, and optionally sha256; no mirror image is like another image."""
    frame = pd.DataFrame(
        [(*p, f"sha of {p[0]} {p[2]}")[:5] for p in pictures], columns=["dataset", "split", "id", "hash", "sha256"]
    )
    frame = frame.astype({"hash": np.uint64})
    return frame.assign(plain=False, mirrored=~frame["hash"])


def test_duplicates_and_leakage_by_hand():
    far = 0xFFFF_0000_FFFF_0000
    pictures = rows(
        ("ava", "train", "1", 0b1), ("ava", "train", "2", 0b1), ("ava", "train", "3", far),
        ("ava", "test", "4", 0b10), ("ava", "test", "5", 0b1), ("ava", "val", "6", far ^ 0xFF),
        ("photos", "train", "p", far, "sha of ava 3"),
    )  # fmt: skip
    found = alike.near_duplicates(pictures)
    assert [tuple(row) for row in found.itertuples(index=False)] == [
        ("ava", "test", "4", "ava", "train", "1", 2, 0, 0),
        ("ava", "test", "5", "ava", "train", "1", 0, 0, 0),
        ("ava", "train", "1", "ava", "test", "5", 0, 0, 0),  # the nearest of two
        ("ava", "train", "2", "ava", "test", "5", 0, 0, 0),
        ("ava", "train", "3", "photos", "train", "p", 0, 0, 1),
        ("photos", "train", "p", "ava", "train", "3", 0, 0, 1),
    ]
    table = audit.leakage(pictures, found).set_index(["dataset", "split", "other_dataset", "other_split"])
    assert len(table) == 4 * 3
    assert dict(table.loc[("ava", "train", "ava", "test")]) == {"pictures": 3, "plain": 0, "alike": 2, "identical": 0}
    assert dict(table.loc[("ava", "val", "ava", "train")]) == {"pictures": 1, "plain": 0, "alike": 0, "identical": 0}
    assert dict(table.loc[("photos", "train", "ava", "train")]) == {"pictures": 1, "plain": 0, "alike": 1, "identical": 1}


def test_a_thousand_equal_pictures_are_no_million_pairs():
    pictures = rows(*(("x", ("train", "test")[k % 2], f"{k:04d}", 5, "same") for k in range(2000)))
    found = alike.near_duplicates(pictures)
    assert len(found) == 2000
    assert found["identical"].all()
    assert alike.near_duplicates(pictures.assign(plain=True)).empty


def test_real_copies_are_found_across_sets(tmp_path, make_photo, encode):
    """A photo, and it resized, saved again, brighter, mirrored, under another name: in two stores, one of them letterboxed."""
    photos = {f"p{k}": make_photo(k, 180, 120) for k in range(12)}
    smaller = np.asarray(Image.fromarray(photos["p3"]).resize((90, 60)))
    brighter = (photos["p5"] * 0.9 + 20).astype(np.uint8)
    rated = {"1": smaller, "2": brighter, "3": make_photo(99, 180, 120), "4": photos["p7"][:, ::-1]}
    frames = []
    for name, pictures, box in (("photos", photos, False), ("ava", rated, True)):
        with tarfile.open(tmp_path / f"{name}.tar", "w") as tar:
            for key, picture in pictures.items():
                add_member(tar, f"{key}.jpg", encode(letterbox(picture, 96) if box else picture, "JPEG", quality=90))
        ledger = pd.DataFrame(
            {"id": list(pictures), "sha256": "", "state": "usable", "width": [p.shape[1] for p in pictures.values()],
             "height": [p.shape[0] for p in pictures.values()]}
        )  # fmt: skip
        split = pd.DataFrame({"id": list(pictures), "split": "test" if box else "train"})
        frames.append(alike.hash_set(name, ledger, split, Store([tmp_path / f"{name}.tar"])))
    found = alike.near_duplicates(pd.concat(frames))
    copies = {("1", "p3", 0), ("2", "p5", 0), ("4", "p7", 1)}
    assert {(row.id, row.other_id, row.mirrored) for row in found[found["dataset"] == "ava"].itertuples()} == copies
    back = found[found["dataset"] == "photos"]
    assert {(row.other_id, row.id, row.mirrored) for row in back.itertuples()} == copies
    assert (audit.leakage(pd.concat(frames), found)["alike"] == 3).all()


def test_overlaps_of_lists_by_hand(make_folder):
    source = Folder(make_folder({
        "splits/train.csv": "1" + VOTES + "2" + VOTES, "splits/val.csv": "3" + VOTES, "splits/test.csv": "4" + VOTES,
        "splits/pred.txt": "4 mean\n", "aesthetics_image_lists/generic_test.jpgl": "2\n4\n99\n",
    }))  # fmt: skip
    lists = audit.public_lists(source) | {"ours": ["3", "4"]}
    ledger = pd.DataFrame({"id": list("12345"), "state": ["missing"] + ["usable"] * 4})
    table = audit.overlaps(lists, ledger).set_index("list")
    assert list(table.index) == [*(f"splits/{s}.csv" for s in ("train", "val", "test")), "splits/pred.txt",
                                 "aesthetics_image_lists/generic_test.jpgl", "ours"]  # fmt: skip
    assert list(table["ids"]) == [2, 1, 1, 1, 3, 2]
    assert list(table["in the labels"]) == [2, 1, 1, 1, 2, 2]
    assert list(table["usable"]) == [1, 1, 1, 1, 2, 2]
    assert list(table["also in aesthetics_image_lists/generic_test.jpgl"]) == [1, 0, 1, 1, 3, 1]
    assert audit.public_lists(Folder(make_folder({"AVA.txt": ""}, "bare"))) == {}


def test_the_work_grows_with_the_pictures_and_not_with_their_square(monkeypatch):
    compared = []

    def counting(values, count=np.bitwise_count):
        compared.append(len(values))
        return count(values)

    monkeypatch.setattr(np, "bitwise_count", counting)
    alike.near_pairs(np.unique(np.random.default_rng(0).integers(0, 2**63, 50_000, dtype=np.uint64)))
    assert 0 < sum(compared) < 50_000  # brute force compares 1.25 billion


def hashed(*pictures):
    """Rows of `hash_set`: (id, content, hash, plain)."""
    far = np.random.default_rng(0).integers(2**62, 2**63, len(pictures), dtype=np.uint64)
    rows = [
        {"id": i, "sha256": content, "dataset": "ours", "split": "", "hash": h, "plain": plain, "mirrored": mirrored}
        for (i, content, h, plain), mirrored in zip(pictures, far, strict=True)
    ]
    return pd.DataFrame(rows).astype({"hash": np.uint64, "mirrored": np.uint64})


def test_families_join_groups_through_equal_files_and_near_duplicates():
    pictures = hashed(
        ("a", "1", 0b1011 << 40, False),
        ("b", "2", 0b1000 << 40, False),  # two bits from a
        ("c", "3", 0xFFFF << 20, False),
        ("d", "3", 0, True),  # plain, but the same file as c
        ("e", "5", 0, True),  # plain and another file: on its own
        ("f", "6", 0x1234 << 44, False),
    )
    groups = {"a": "lake", "b": "shore", "c": "shore", "d": "sea", "e": "plain", "f": "wood"}
    assert alike.families(pictures, groups) == {**dict.fromkeys("abcd", "lake"), "e": "plain", "f": "wood"}


def test_families_find_copies_that_were_mirrored_and_resized(make_photo, encode, tmp_path):
    photo = {k: make_photo(k, 180, 120) for k in range(4)}
    pictures = {"0": photo[0], "1": photo[1], "mirrored": photo[0][:, ::-1], "3": photo[3]}
    pictures["small"] = np.asarray(Image.fromarray(photo[1]).resize((90, 60)))
    with tarfile.open(tmp_path / "x.tar", "w") as out:
        for name, pixels in pictures.items():
            add_member(out, f"{name}.png", encode(pixels))
    ledger = pd.DataFrame({"id": list(pictures), "sha256": list(pictures), "state": "usable"})
    ledger["width"], ledger["height"] = [p.shape[1] for p in pictures.values()], [p.shape[0] for p in pictures.values()]
    rows = alike.hash_set("ours", ledger, pd.DataFrame({"id": [], "split": []}, dtype=str), Store([tmp_path / "x.tar"]))
    assert alike.families(rows, {i: i for i in pictures}) == {"0": "0", "mirrored": "0", "1": "1", "small": "1", "3": "3"}
    others = rows[rows["id"].isin(["0", "1"])].assign(dataset="labelled")
    assert alike.copies(rows[~rows["id"].isin(["0", "1"])], others) == ["mirrored", "small"]
