"""Simulated AVA and TID2013: the real formats as an independent reader sees them, and no leak between splits."""

import csv
import hashlib
import io
import tarfile
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from aesthetic_pretraining.data.labelled.ava import read_split_lists
from aesthetic_pretraining.data.listing import list_labelled
from aesthetic_pretraining.data.simulated.raters import RaterConfig, Raters
from aesthetic_pretraining.data.simulated.sets import EDITS, TID_TYPES, distorted_references, simulate, snapshot
from aesthetic_pretraining.data.sources import Folder, Tar
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.settings.labels import SetSource

PICTURES, LEVELS, VOTERS = 2, 2, 60
SHARES = {"train": 0.4, "val": 0.2, "test": 0.2, "tid2013": 0.2}
RATERS = RaterConfig(
    VOTERS,
    5.4,
    0.7,
    1.4,
    0.15,
    {"sharpness": 1.0, "contrast": 1.0, "exposure": 1.0, "colourfulness": 0.8, "cleanness": 1.0, "balance": 0.4},
)


class Watched(Folder):
    """A folder that remembers what was read."""

    def __init__(self, root):
        super().__init__(root)
        self.read_names = set()

    def read(self, name):
        self.read_names.add(name)
        return super().read(name)


@pytest.fixture(scope="module")
def photos(tmp_path_factory, make_photo, encode):
    """Thirteen photos: ten for labels, one of them twice, and two for pretraining; their folder, ledger and split."""
    root = tmp_path_factory.mktemp("photos")
    rows = []
    for k in range(13):
        data = encode(make_photo(min(k, 9) if k != 10 else 0, 96, 72) if k < 11 else make_photo(50 + k))
        (root / f"p{k:02d}.png").write_bytes(data)
        rows.append(
            (f"p{k:02d}.png", f"p{k:02d}.png", hashlib.sha256(data).hexdigest(), "usable", "labels" if k < 11 else "train")
        )
    table = pd.DataFrame(rows, columns=["id", "file", "sha256", "state", "split"])
    return root, table.drop(columns="split"), table[["id", "split"]]


def run(photos, out, seed=1, source=None, ledger=None, shares=SHARES):
    root, table, split = photos
    out.mkdir(exist_ok=True)
    simulate(
        table if ledger is None else ledger, split, source or Folder(root), out / "ava.tar", out / "tid2013.tar",
        make_raters=lambda measured: Raters(measured, RATERS, seed), pictures=PICTURES, levels=LEVELS, shares=shares, seed=seed,
    )  # fmt: skip
    return out


@pytest.fixture(scope="module")
def done(photos, tmp_path_factory):
    source = Watched(photos[0])
    return run(photos, tmp_path_factory.mktemp("done"), source=source), source.read_names


@pytest.fixture(scope="module")
def ava(done):
    with tarfile.open(done[0] / "ava.tar") as tar:
        return {m.name: tar.extractfile(m).read() for m in tar}


@pytest.fixture(scope="module")
def tid(done):
    with tarfile.open(done[0] / "tid2013.tar") as tar:
        return {m.name: tar.extractfile(m).read() for m in tar}


def rows_of(ava):
    """AVA.txt by its published layout: row, id, ten counts, two tags, challenge."""
    return [[int(field) for field in line.split(" ")] for line in ava["AVA.txt"].decode().split("\n")[:-1]]


def lists_of(ava):
    return {split: list(csv.reader(io.StringIO(ava[f"splits/{split}.csv"].decode()))) for split in ("train", "val", "test")}


def test_ava_txt_has_the_published_layout(ava):
    rows = rows_of(ava)
    assert {len(row) for row in rows} == {15}
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    assert all(sum(row[2:12]) == VOTERS and min(row) >= 0 for row in rows)
    assert len({row[1] for row in rows}) == len(rows)


def test_every_row_has_its_picture_and_nothing_else_is_there(ava):
    assert set(ava) == {
        "AVA.txt",
        *(f"splits/{s}.csv" for s in SHARES if s != "tid2013"),
        *(f"images/{row[1]}.jpg" for row in rows_of(ava)),
    }
    for name in ava:
        if name.startswith("images/"):
            image = Image.open(io.BytesIO(ava[name]))
            image.load()
            assert image.format == "JPEG"
            assert image.mode == "RGB"
            assert max(image.size) == 320


def test_the_lists_hold_every_picture_once_with_its_votes(ava):
    votes = {str(row[1]): list(map(str, row[2:12])) for row in rows_of(ava)}
    listed = [row for rows in lists_of(ava).values() for row in rows]
    assert sorted(row[0] for row in listed) == sorted(votes)
    assert all(row[1:] == votes[row[0]] for row in listed)


def test_no_two_splits_share_a_source_photo(ava):
    photo = {str(row[1]): row[14] for row in rows_of(ava)}
    sources = {split: {photo[row[0]] for row in rows} for split, rows in lists_of(ava).items()}
    assert all(sources.values())
    assert len(set.union(*sources.values())) == sum(map(len, sources.values()))
    assert set(Counter(photo.values()).values()) == {PICTURES}


def test_each_source_photo_serves_as_often_as_asked(ava, tid):
    references = {name.split("/")[1].split("_")[0] for name in tid if name.startswith("distorted_images/")}
    photos = {row[14] for row in rows_of(ava)}
    assert len(photos) + len(references) == 11
    assert 1 <= len(references) <= 3


def test_one_photo_under_two_names_serves_one_split(ava):
    """p00 and p10 are the same bytes: sorted by id they are the source photos 1 and 11."""
    role = {row[0]: split for split, rows in lists_of(ava).items() for row in rows}
    roles = {number: {role[str(row[1])] for row in rows_of(ava) if row[14] == number} for number in (1, 11)}
    assert roles[1] == roles[11]


def test_photos_of_other_roles_are_not_even_read(done):
    assert done[1] == {f"p{k:02d}.png" for k in range(11)}


def test_scores_vary_within_the_scale(ava):
    means = np.array([np.dot(row[2:12], range(1, 11)) / VOTERS for row in rows_of(ava)])
    assert means.min() >= 1
    assert means.max() <= 10
    assert 0.3 < means.std() < 1.5
    assert abs(means.mean() - 5.4) < 0.5
    assert len(set(means)) > len(means) / 2


def test_pictures_differ(ava):
    unique = {data for name, data in ava.items() if name.startswith("images/")}
    twins = PICTURES  # of the photo that is there twice
    assert len(unique) >= len(rows_of(ava)) - twins


def test_tid2013_has_the_published_layout(tid):
    lines = [line.split(" ") for line in tid["mos_with_names.txt"].decode().split("\n")[:-1]]
    on_disk = {name.removeprefix("distorted_images/") for name in tid} - {"mos_with_names.txt"}
    assert sorted(name.lower() for _, name in lines) == sorted(name.lower() for name in on_disk)
    assert all(0 <= float(score) <= 9 for score, _ in lines)
    assert len({score for score, _ in lines}) > 5
    references = {name[:3].lower() for name in on_disk}
    expected = {f"{r}_{kind:02d}_{level}.bmp" for r in references for kind in (1, 8, 10, 16, 17, 18) for level in (1, 2)}
    assert {name.lower() for name in on_disk} == expected
    sizes = set()
    for name in on_disk:
        image = Image.open(io.BytesIO(tid[f"distorted_images/{name}"]))
        assert image.format == "BMP"
        sizes.add(image.size)
    assert len(sizes) == 1


def test_tid2013_names_differ_in_letter_case_as_the_real_ones(tid):
    names = [line.split(" ")[1] for line in tid["mos_with_names.txt"].decode().splitlines()]
    assert not [name for name in names if f"distorted_images/{name}" in tid]
    assert {name[-4:] for name in names} == {".bmp", ".BMP"}


def test_our_readers_read_them(done, ava, tid):
    listing = list_labelled(SetSource("ava", "ava", 1, 10, 10), str(done[0] / "ava.tar"))
    assert listing[["id", *(f"v{k}" for k in range(1, 11))]].astype(int).to_numpy().tolist() == [
        row[1:12] for row in rows_of(ava)
    ]
    assert set(listing["file"]) <= set(ava)
    assert dict(zip(listing["id"], listing["group"])) == {str(row[1]): str(row[14]) for row in rows_of(ava)}  # the source photo
    roles = read_split_lists(Tar(done[0] / "ava.tar"))["split"]
    assert Counter(roles) == {split: len(rows) for split, rows in lists_of(ava).items()}
    listing = list_labelled(SetSource("tid2013", "tid2013", 0, 9, 10), str(done[0] / "tid2013.tar"))
    assert set(listing["file"]) == set(tid) - {"mos_with_names.txt"}
    assert (listing["group"] == listing["id"].str[:3]).all()


def test_the_same_bytes_again_and_in_another_order(photos, done, tmp_path):
    again = run(photos, tmp_path / "again", ledger=photos[1].sample(frac=1, random_state=3))
    for name in ("ava.tar", "tid2013.tar"):
        assert (again / name).read_bytes() == (done[0] / name).read_bytes()


def test_another_seed_is_another_set(photos, done, tmp_path):
    other = run(photos, tmp_path / "other", seed=2)
    for name in ("ava.tar", "tid2013.tar"):
        assert (other / name).read_bytes() != (done[0] / name).read_bytes()


def test_too_few_photos_are_an_error_and_leave_nothing(photos, tmp_path):
    root, ledger, split = photos
    few = (root, ledger.head(2), split)
    with pytest.raises(UserError, match=r"no source photo is left for '(train|val|test|tid2013)'") as caught:
        run(few, tmp_path / "few")
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "few").iterdir()) == []


def test_no_photos_at_all(photos, tmp_path):
    root, ledger, split = photos
    with pytest.raises(UserError, match="no source photo"):
        run((root, ledger, split.assign(split="train")), tmp_path / "none")


# the edits


def test_edits_are_stronger_at_higher_strength(make_photo):
    base = make_photo(3, 160, 120).astype(np.float32)
    for edit in {*EDITS, *TID_TYPES.values()}:
        off = [np.abs(edit(base, strength, np.random.default_rng(1)) - base).mean() for strength in (0.2, 0.4, 0.6, 0.8, 1.0)]
        assert off == sorted(off), edit.__name__
        assert off[-1] > max(2, off[0]), edit.__name__


def test_edits_by_hand(make_photo):
    base = np.full((20, 30, 3), (100.0, 120.0, 140.0), np.float32)
    edits = {edit.__name__: edit for edit in EDITS}
    rng = np.random.default_rng
    assert edits["blur"](base, 1.0, rng(0)) == pytest.approx(base, abs=1e-3)
    assert edits["saturation_change"](base, 1.0, rng(0)) == pytest.approx(np.full_like(base, 120))
    assert edits["saturation_change"](base, 0.25, rng(0))[0, 0] == pytest.approx([105, 120, 135])
    assert {round(float(edits["mean_shift"](base, 0.5, rng(seed))[0, 0, 0])) for seed in range(20)} == {55, 145}
    assert {tuple(edits["contrast_change"](base, 0.5, rng(seed))[0, 0].round()) for seed in range(20)} == {
        (108, 120, 132),
        (92, 120, 148),
    }
    noise = edits["noise"](np.zeros((200, 300, 3)), 0.5, rng(0))
    assert noise.std() == pytest.approx(20, rel=0.02)
    assert abs(noise.mean()) < 0.3


def test_distorted_references(make_photo):
    image = Image.fromarray(make_photo(4, 640, 480))
    out = distorted_references(image, 7, 5, 1)
    assert sorted(out) == sorted(f"i07_{kind:02d}_{level}" for kind in TID_TYPES for level in range(1, 6))
    shape = next(iter(out.values())).shape
    base = np.asarray(image.resize(shape[1::-1], Image.Resampling.LANCZOS)).astype(int)
    for kind in TID_TYPES:
        off = [out[f"i07_{kind:02d}_{level}"].astype(int) - base for level in range(1, 6)]
        sizes = [np.abs(o).mean() for o in off]
        assert sizes == sorted(sizes), kind
        assert sizes[0] < sizes[4], kind
        assert len({np.sign(o.mean()) for o in off}) == 1 or kind != 16  # brighter at every level, or darker
    for name, picture in distorted_references(image, 7, 3, 1).items():  # fewer levels are the same levels
        assert (picture == out[name]).all()


def test_snapshots(make_photo):
    image = Image.fromarray(make_photo(5, 300, 200))
    shots = [snapshot(image, np.random.default_rng(k)) for k in range(25)]
    assert all(s.dtype == np.uint8 and max(s.shape[:2]) == 320 and s.shape[2] == 3 for s in shots)
    assert (snapshot(image, np.random.default_rng(3)) == shots[3]).all()
    assert len({s.tobytes() for s in shots}) == 25
    # between 45 and 95 % of each side are kept, so the ratio of the sides changes by at most 95/45
    ratios = np.array([s.shape[1] / s.shape[0] for s in shots]) / 1.5
    assert ratios.min() > 45 / 95 - 0.02
    assert ratios.max() < 95 / 45 + 0.02
    assert ratios.std() > 0.05
