"""Shards of rendered variants: what they hold, that a killed job goes on to the same bytes, and that they are read back."""

import io
import json
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from aesthetic_pretraining.distortions import DISTORTIONS, VARIANTS, shards, variants
from aesthetic_pretraining.distortions.native.render import render, rows
from aesthetic_pretraining.distortions.shards import render_shard
from aesthetic_pretraining.distortions.variants import RenderedVariants, Variants, open_variants
from aesthetic_pretraining.errors import UserError

SIZE, SEED = 32, 3
PHOTOS = ("sub/with space.jpg", "b.png", "c.v2.jpg")


@pytest.fixture(scope="module")
def store(store_of):
    return store_of(PHOTOS, SIZE)


@pytest.fixture(scope="module")
def shard(store, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    render_shard(store, PHOTOS, SIZE, SEED, "native", "corrected", out / "0.tar", out / "work")
    assert not list((out / "work").iterdir())
    return out / "0.tar"


def test_members_are_samples_of_webdataset(shard):
    """WebDataset's rule: the key is the name up to the first dot after the last slash; a sample's files stand together."""
    with tarfile.open(shard) as tar:
        names = tar.getnames()
    keys = []
    for name in names:
        folder, _, file = name.rpartition("/")
        key = f"{folder}/{file.split('.')[0]}"
        if not keys or keys[-1] != key:
            keys.append(key)
    assert len(keys) == len(set(keys)) == 3
    endings = {f"{d.name}_{level:+d}.png" for d in DISTORTIONS.values() for level in d.levels}
    endings |= {f"{anchor}_+0.png" for anchor in ("original", "crop", "rotation")} | {"json"}
    assert len(endings) == 175
    assert len(names) == 3 * 175 and {name.split(".", 1)[1] for name in names} == endings


def test_pictures_and_their_origin_are_read_back(store, shard):
    expected = render(store.pixels("c.v2.jpg"), "c.v2.jpg", SIZE, SEED, table="corrected")
    back = RenderedVariants(store, SIZE, "corrected", [shard])
    assert torch.equal(back.pictures("c.v2.jpg", seed=99), expected)
    some = back.pictures("c.v2.jpg", 0, only=["tint"])
    assert torch.equal(some, expected[list(rows(["tint"]))])
    with tarfile.open(shard) as tar:
        facts = json.loads(tar.extractfile("c%2Ev2%2Ejpg.json").read())
        picture = Image.open(io.BytesIO(tar.extractfile("c%2Ev2%2Ejpg.original_+0.png").read()))
    assert facts == {
        "id": "c.v2.jpg",
        "engine": "native",
        "table": "corrected",
        "edited_width": 1000,
        "kernels": "torch",
        "size": SIZE,
        "seed": SEED,
    }
    assert (np.asarray(picture) == expected[0].permute(1, 2, 0).numpy()).all()
    with pytest.raises(UserError, match="nobody.* is in no rendered shard"):
        back.pictures("nobody", 0)
    with pytest.raises(KeyError, match="smear"):  # a mistake of the caller's and no reason to delete shards
        back.pictures("c.v2.jpg", 0, only=["smear"])


def test_live_variants_are_what_render_makes_and_no_shards_mean_live(store):
    live = open_variants(store, SIZE, "corrected", [])
    assert type(live) is Variants
    assert torch.equal(live.pictures("b.png", 5), render(store.pixels("b.png"), "b.png", SIZE, 5, table="corrected"))
    assert not torch.equal(live.pictures("b.png", 5), live.pictures("b.png", 6))


@pytest.mark.parametrize("cut", [0, 1, 511, 70_000, 200_000, -1, -11_000])
def test_a_killed_job_goes_on_to_the_same_bytes(cut, store, shard, tmp_path, monkeypatch):
    """The unfinished file cut off anywhere; photos that were whole are not made again."""
    made, whole = [], shard.read_bytes()
    digest = shards._digest(store, PHOTOS, SIZE, SEED, "native", "corrected", 1000, "torch")
    (tmp_path / f"render-{digest:016x}.tar").write_bytes(whole[:cut])
    monkeypatch.setitem(shards.LIVE, "native", lambda photo, i, *rest: made.append(i) or render(photo, i, *rest))
    render_shard(store, PHOTOS, SIZE, SEED, "native", "corrected", tmp_path / "out/0.tar", tmp_path)
    assert (tmp_path / "out/0.tar").read_bytes() == whole
    with tarfile.open(shard) as tar:
        ends = {json.loads(tar.extractfile(m).read())["id"]: m.offset_data + 512 for m in tar if m.name.endswith(".json")}
    assert made == [i for i in PHOTOS if ends[i] > len(whole[:cut])]


def test_other_settings_never_meet_the_unfinished_file(store, tmp_path):
    names = {
        shards._digest(store, photos, size, SEED, engine, table, width)
        for photos in (PHOTOS, PHOTOS[:2])
        for size in (32, 34)
        for engine in shards.ENGINES
        for table in ("published", "corrected")
        for width in (0, 1000)
    }
    assert len(names) == 2 * 2 * len(shards.ENGINES) * 2 * 2


def test_other_code_or_other_photos_never_meet_the_unfinished_file_and_those_of_other_shards_are_not_read(store, monkeypatch):
    digest = lambda: shards._digest(store, PHOTOS[:2], SIZE, SEED)  # noqa: E731
    before, mine, read = digest(), shards.code.digests(shards.__file__), store.read
    for file in ("seeding", "distortions/native/render", "distortions/shards", "data/store"):
        assert f"aesthetic_pretraining/{file}.py" in mine
    with monkeypatch.context() as patch:
        patch.setattr(shards.code, "digests", lambda program: mine | {"aesthetic_pretraining/seeding.py": "edited"})
        assert digest() != before
    with monkeypatch.context() as patch:
        patch.setattr(store, "read", lambda photo: read(photo) + b"x" * (photo == PHOTOS[2]))
        assert digest() == before
        patch.setattr(store, "read", lambda photo: read(photo) + b"x" * (photo == PHOTOS[1]))
        assert digest() != before


def test_a_shard_with_a_wrong_picture_is_refused(store, tmp_path, monkeypatch):
    wrong = lambda *args: torch.zeros(1, 174, 3, SIZE, SIZE + 1, dtype=torch.uint8)  # noqa: E731
    monkeypatch.setattr(shards, "engine", lambda name: wrong)
    with pytest.raises(UserError, match=r"b%2Epng\.\w+_\+\d\.png is RGB \(33, 32\)"):
        render_shard(store, ["b.png"], SIZE, SEED, "native", "published", tmp_path / "0.tar", tmp_path / "work")
    assert not (tmp_path / "0.tar").exists()


def test_a_picture_that_rotted_in_the_unfinished_file_is_one_sentence(store, shard, tmp_path):
    whole = bytearray(shard.read_bytes())
    with tarfile.open(shard) as tar:
        member = next(m for m in tar if m.name.endswith(".png"))
    whole[member.offset_data + 60] ^= 1  # the PNG's own checksum tells
    digest = shards._digest(store, PHOTOS, SIZE, SEED, "native", "corrected", 1000, "torch")
    (tmp_path / f"render-{digest:016x}.tar").write_bytes(whole)
    with pytest.raises(UserError, match=f"{member.name.replace('+', '.')} is damaged; delete the file and run again"):
        render_shard(store, PHOTOS, SIZE, SEED, "native", "corrected", tmp_path / "out/0.tar", tmp_path)
    assert not (tmp_path / "out/0.tar").exists()


def test_keys_are_one_to_one():
    ids = ["a.jpg", "a%2Ejpg", "a jpg", "a/b.jpg", "a%2Fb.jpg", "\u00e4.png", "a\nb"]
    assert len({variants.key(i) for i in ids}) == len(ids)
    assert not any(set(variants.key(i)) & set(". \n") for i in ids)
    assert len({variants.member_name("a", v) for v in VARIANTS}) == 174
