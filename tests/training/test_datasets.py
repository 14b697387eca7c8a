"""The two datasets: against the pictures of the pipeline, and over whatever holds photos."""

import io
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from aesthetic_pretraining.data.sources import Folder
from aesthetic_pretraining.distortions import VARIANTS
from aesthetic_pretraining.distortions.native.render import render, rows, source_photo
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.training.datasets import LabelledImages, VariantsDataset

SIZE = 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory, make_photo, encode):
    path = tmp_path_factory.mktemp("photos")
    (path / "more").mkdir()
    (path / "a.png").write_bytes(encode(make_photo(1, 120, 90)))
    (path / "more" / "b.png").write_bytes(encode(make_photo(2, 60, 200)))
    (path / "notes.txt").write_text("no photo")
    return path


def test_a_folder_a_source_and_a_tar_file_give_the_pipelines_variants(folder, make_photo, tmp_path):
    tar = tmp_path / "photos.tar"
    with tarfile.open(tar, "w") as out:
        for name in ("a.png", "more/b.png"):
            out.add(folder / name, name)
    for photos in (folder, str(folder), Folder(folder), tar):
        data = VariantsDataset.of(photos, SIZE, seed=4, table="corrected")
        assert len(data) == 2 and data.ids == ["a.png", "more/b.png"] and data.labels == VARIANTS
        wanted = render(source_photo(make_photo(2, 60, 200), SIZE), "more/b.png", SIZE, 4, table="corrected")
        assert torch.equal(data[1], wanted) and data[1].dtype == torch.uint8


def test_a_store_gives_its_own_photos(store_of):
    store = store_of(["p", "q"], SIZE)
    data = VariantsDataset.of(store, SIZE)
    assert data.ids == ["p", "q"]
    assert torch.equal(data[0], render(store.pixels("p"), "p", SIZE, 0))


def test_a_subset_has_its_own_labels(folder):
    whole, some = VariantsDataset.of(folder, SIZE), VariantsDataset.of(folder, SIZE, distortions=["tint", "pixelate"])
    assert some.labels == tuple(VARIANTS[i] for i in rows(["tint", "pixelate"]))
    assert torch.equal(some[0], whole[0][list(rows(["tint", "pixelate"]))])
    with pytest.raises(ValueError, match="unknown distortion 'blur'"):
        VariantsDataset.of(folder, SIZE, distortions=["blur"])


def test_torchs_loader_takes_it(folder):
    data = VariantsDataset.of(folder, SIZE, distortions=["gaussian_noise"])
    (alone,), (shared,) = (list(DataLoader(data, batch_size=2, num_workers=workers)) for workers in (0, 1))
    assert alone.shape == (2, 8, 3, SIZE, SIZE) and torch.equal(alone, shared)


def test_what_makes_the_pictures_may_be_given(store_of):
    store = store_of(["p"], SIZE)
    data = VariantsDataset(VariantsDataset.of(store, SIZE).variants, ["p"], 3, make=lambda v, i, s: (v.size, i, s))
    assert data[0] == (SIZE, "p", 3) and data.labels == ()


def test_no_photos_and_a_broken_one_are_sentences(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(UserError, match=r"x: has no photos; put some there"):
        VariantsDataset.of(tmp_path / "x", SIZE)
    (tmp_path / "x" / "a.jpg").write_bytes(b"no photo")
    with pytest.raises(UserError, match=r"a\.jpg: is no photo that can be read .*; take it out"):
        VariantsDataset.of(tmp_path / "x", SIZE)[0]
    with pytest.raises(UserError, match="no such folder"):
        VariantsDataset.of(tmp_path / "y", SIZE)


def test_labelled_images_are_mirrored_where_asked(store_of):
    store = store_of(["p", "q"], SIZE)
    plain, some = LabelledImages(store, ["p", "q", "p"]), LabelledImages(store, ["p", "q"], [False, True])
    direct = np.asarray(Image.open(io.BytesIO(store.read("q"))))
    assert len(plain) == 3 and torch.equal(plain[2], plain[0]) and torch.equal(some[0], plain[0])
    assert np.array_equal(plain[1].permute(1, 2, 0), direct)
    assert np.array_equal(some[1].permute(1, 2, 0), direct[:, ::-1])
