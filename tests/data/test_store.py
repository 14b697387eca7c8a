"""Stores: where an image goes, what is recorded about it, and that nothing but the images decides the bytes."""

import hashlib
import io
import os
import tarfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from aesthetic_pretraining.data.images import Limits, encode_png, shrink
from aesthetic_pretraining.data.labelled.facts import FORMATS, lossless
from aesthetic_pretraining.data.labelled.tid2013 import read_tid2013
from aesthetic_pretraining.data.ledger import read_table
from aesthetic_pretraining.data.letterbox import letterbox
from aesthetic_pretraining.data.sources import Folder
from aesthetic_pretraining.data.store import Store, build_shard, shard_of

SHARDS = 3


@pytest.fixture
def root(make_folder, make_photo, encode):
    """Eight photos and four files that are none, in a folder."""
    photos = {f"p{k}.png": encode(make_photo(k, 60 + k, 48)) for k in range(6)}
    turned = Image.Exif()
    turned[0x0112] = 6
    return make_folder(photos | {
        "sub/with space.jpg": encode(make_photo(6), "JPEG", quality=95),
        "sub/turned.png": encode(make_photo(7), exif=turned),
        "html.jpg": b"<html>404</html>",
        "cut.jpg": encode(make_photo(8), "JPEG")[:900],
        "tiny.png": encode(make_photo(9)[:5, :5]),
        "empty.png": b"",
    })  # fmt: skip


def listing(root, *more):
    names = [*Folder(root).names(), *more]
    return pd.DataFrame({"id": names, "file": names})


def build(table, root, out, shards=SHARDS, prepare=lambda pixels: np.asarray(shrink(Image.fromarray(pixels), 32)), quality=95):
    """Build all shards; the paths of the tars, and the ledgers as one table."""
    out.mkdir(exist_ok=True)
    paths = [(out / f"{k}.tar", out / f"{k}.csv") for k in range(shards)]
    for k, (tar, ledger) in enumerate(paths):
        build_shard(table, Folder(root), k, shards, prepare, quality, tar, ledger)
    return [tar for tar, _ in paths], pd.concat([read_table(ledger) for _, ledger in paths]).set_index("id")


def test_a_picture_beyond_the_limits_is_on_the_record(root, tmp_path):
    table = listing(root)
    for megapixels, states in ((250, {"usable", "unreadable"}), (1e-4, {"unreadable"})):
        build_shard(
            table, Folder(root), 0, 1, lambda p: p, 95, tmp_path / "0.tar", tmp_path / "0.csv", limits=Limits(megapixels, 60)
        )
        ledger = read_table(tmp_path / "0.csv")
        assert set(ledger["state"]) == states
    assert ledger["reason"].str.contains("image.max_megapixels", regex=False).any()


def test_every_picture_has_one_row_and_every_usable_one_a_copy(root, tmp_path):
    tars, ledger = build(listing(root, "gone.jpg"), root, tmp_path / "out")
    assert sorted(ledger.index) == sorted([*Folder(root).names(), "gone.jpg"])
    stored = []
    for tar in tars:
        with tarfile.open(tar) as file:
            stored += file.getnames()
    usable = ledger.index[ledger["state"] == "usable"]
    assert sorted(stored) == sorted(f"{name}.jpg" for name in usable)
    assert len(usable) == 8


def test_the_ledger_says_what_became_of_each(root, tmp_path):
    (root / "folder.jpg").mkdir()
    _, ledger = build(listing(root, "gone.jpg", "folder.jpg"), root, tmp_path / "out")
    bad = ledger[ledger["state"] != "usable"]
    assert dict(bad["state"]) == {
        "gone.jpg": "missing",
        **dict.fromkeys(["html.jpg", "cut.jpg", "tiny.png", "empty.png", "folder.jpg"], "unreadable"),
    }
    assert (bad["reason"].str.len() > 5).all()
    assert not bad["reason"].str.contains("\n").any()
    assert "5 x 5" in bad["reason"]["tiny.png"]
    assert "truncated" in bad["reason"]["cut.jpg"]
    assert (ledger["reason"][ledger["state"] == "usable"] == "").all()
    assert (ledger["file"] == ledger.index).all()


def test_the_ledger_holds_the_originals_facts(root, tmp_path):
    _, ledger = build(listing(root, "gone.jpg"), root, tmp_path / "out")
    for name in Folder(root).names():
        assert ledger["sha256"][name] == hashlib.sha256((root / name).read_bytes()).hexdigest()
    assert ledger["sha256"]["gone.jpg"] == ""
    facts = {name: (*map(int, (row.width, row.height)), row.format) for name, row in ledger.iterrows() if row.state == "usable"}
    assert facts["p3.png"] == (63, 48, "PNG")
    assert facts["sub/with space.jpg"] == (96, 72, "JPEG")
    assert facts["sub/turned.png"] == (72, 96, "PNG")  # upright


def test_the_store_returns_what_was_put_in(root, make_photo, tmp_path):
    tars, _ = build(listing(root), root, tmp_path / "out", prepare=lambda image: image, quality=100)
    store = Store(tars)
    for name, expected in [(f"p{k}.png", make_photo(k, 60 + k, 48)) for k in range(6)] + [
        ("sub/turned.png", np.rot90(make_photo(7), -1))
    ]:
        off = np.abs(store.pixels(name).astype(int) - expected)
        assert off.max() <= 6, name
        assert off.mean() < 1, name
        assert (np.asarray(Image.open(io.BytesIO(store.read(name)))) == store.pixels(name)).all()
    assert store.pixels("sub/with space.jpg").shape == (72, 96, 3)


def test_prepare_makes_the_copy(root, tmp_path):
    tars, _ = build(listing(root), root, tmp_path / "out", prepare=lambda pixels: pixels[:10, :20])
    assert Store(tars).pixels("p0.png").shape == (10, 20, 3)


def test_the_store_does_not_depend_on_the_order_of_its_tars(root, tmp_path):
    tars, _ = build(listing(root), root, tmp_path / "out")
    assert Store(reversed(tars)).read("p1.png") == Store(map(str, tars)).read("p1.png")


@pytest.mark.parametrize("name", ["html.jpg", "gone.jpg", "p0", "p0.png.jpg"])
def test_what_is_not_in_the_store_is_an_error(root, tmp_path, name):
    tars, _ = build(listing(root, "gone.jpg"), root, tmp_path / "out")
    with pytest.raises(KeyError):
        Store(tars).read(name)


def test_written_again_the_bytes_are_the_same(root, tmp_path):
    table = listing(root, "gone.jpg")
    first, _ = build(table, root, tmp_path / "a")
    for k, path in enumerate(sorted(root.rglob("*.*"))):  # neither the order nor the files' times matter
        os.utime(path, (k, 10**9 + k))
    again, _ = build(table.sample(frac=1, random_state=1), root, tmp_path / "b")
    for one, two in zip(first, again, strict=True):
        assert one.read_bytes() == two.read_bytes()
        assert one.with_suffix(".csv").read_bytes() == two.with_suffix(".csv").read_bytes()


def test_members_carry_no_owner_and_no_time(root, tmp_path):
    tars, _ = build(listing(root), root, tmp_path / "out", shards=1)
    with tarfile.open(tars[0]) as file:
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in file} == {(0, 0, 0, "", "")}


def test_a_changed_picture_changes_only_its_own_shard(root, encode, make_photo, tmp_path):
    before, _ = build(listing(root), root, tmp_path / "a")
    (root / "p2.png").write_bytes(encode(make_photo(99)))
    after, _ = build(listing(root), root, tmp_path / "b")
    changed = [k for k, (a, b) in enumerate(zip(before, after, strict=True)) if a.read_bytes() != b.read_bytes()]
    assert changed == [shard_of("p2.png", SHARDS)]


def test_the_shard_depends_on_the_id_alone():
    # blake2b("shard" 0x1f "cat.jpg") by hand
    expected = int.from_bytes(hashlib.blake2b(b"shard\x1fcat.jpg", digest_size=8).digest(), "big") // 2 % 7
    assert shard_of("cat.jpg", 7) == expected


def test_shards_are_of_about_equal_size():
    counts = np.bincount([shard_of(f"{k}.jpg", 8) for k in range(4000)], minlength=8)
    assert len(counts) == 8
    assert np.abs(counts - 500).max() < 5 * np.sqrt(500)


def test_an_empty_shard_is_a_whole_file(root, tmp_path):
    table = listing(root)[lambda t: t["id"] == "p0.png"]
    tars, ledger = build(table, root, tmp_path / "out", shards=5)
    assert list(ledger.index) == ["p0.png"]
    assert Store(tars).read("p0.png")[:2] == b"\xff\xd8"


def test_an_error_on_the_way_leaves_no_shard(root, tmp_path):
    def broken(pixels):
        raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError):
        build(listing(root), root, tmp_path / "out", shards=1, prepare=broken)
    assert list((tmp_path / "out").iterdir()) == []


def test_ids_beyond_ascii(make_folder, make_photo, encode, tmp_path):
    names = ["café/写真 1.png", "a'b\"c,d.png", "0012", "NA", "-x.png"]
    root = make_folder({name: encode(make_photo(k)) for k, name in enumerate(names)})
    tars, ledger = build(listing(root), root, tmp_path / "out")
    assert sorted(ledger.index) == sorted(names)
    assert len({Store(tars).read(name) for name in names}) == len(names)


def test_long_ids(make_folder, make_photo, encode, tmp_path):
    name = "-".join(["a-photo-of-a-person-with-a-cup-of-coffee"] * 4) + "-1234567.png"
    root = make_folder({name: encode(make_photo(1))})
    tars, _ = build(listing(root), root, tmp_path / "out")
    assert Store(tars).pixels(name).shape == (32, 43, 3)


@pytest.mark.parametrize(("quality", "exact"), [(None, True), (95, False)])
def test_the_stored_copy_of_a_tid2013_picture_is_the_shrunk_picture_exactly(
    make_folder, make_photo, encode, tmp_path, quality, exact
):
    rng = np.random.default_rng(0)
    noisy = {f"i01_01_{k}": (make_photo(k, 64, 48) + rng.integers(-20, 20, (48, 64, 3))).clip(0, 255) for k in (1, 2)}
    files = {f"distorted_images/{name}.bmp": encode(p.astype(np.uint8), "BMP") for name, p in noisy.items()}
    source = Folder(make_folder({"mos_with_names.txt": "5 I01_01_1.bmp\n4 I01_01_2.BMP\n"} | files, "tid"))
    tar = tmp_path / "0.tar"
    build_shard(read_tid2013(source), source, 0, 1, lambda p: letterbox(p, 32), quality, tar, tmp_path / "0.csv")
    store = Store([tar])
    for name in noisy:
        original = np.asarray(Image.open(io.BytesIO(files[f"distorted_images/{name}.bmp"])))
        assert store.pixels(name).shape == (32, 32, 3)
        assert (store.pixels(name) == letterbox(original, 32)).all() == exact
        assert store.read(name)[:4] == (b"\x89PNG" if exact else b"\xff\xd8\xff\xe0")
    assert "i01_01_1" in store and "i01_01_1.png" not in store


def test_an_exact_copy_has_no_metadata_and_the_same_bytes_when_made_again(make_photo):
    data = encode_png(make_photo(3))
    assert data == encode_png(Image.fromarray(make_photo(3)))
    assert Image.open(io.BytesIO(data)).info == {}


def test_sets_about_technical_quality_are_kept_exactly():
    assert {form for form in FORMATS if lossless(form)} == {"tid2013", "koniq10k", "kadid10k", "folder"}
