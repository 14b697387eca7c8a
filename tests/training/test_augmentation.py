"""Random views of photos: parts of the photo, seeded, never in validation, refused where pictures were rendered before."""

import importlib

import numpy as np
import pytest
from pretraining import outputs

from aesthetic_pretraining.distortions.variants import RenderedVariants, Variants, augmented
from aesthetic_pretraining.distortions.views import SMALLEST, flip_crop
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.training.pretrain import pretrain

module = importlib.import_module("aesthetic_pretraining.training.pretrain")


def coordinates(height=96, width=144):
    """A photo whose red says the column and whose green says the row."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns, rows, np.zeros_like(rows)], axis=2).astype(np.uint8)


def test_a_view_is_a_connected_part_of_the_photo_mirrored_half_the_time():
    photo, mirrored = coordinates(), 0
    for seed in range(200):
        view = flip_crop(photo, seed).astype(int)
        assert view.shape == photo.shape
        left, right = view[48, 2, 0], view[48, -3, 0]
        mirrored += left > right
        top, bottom = view[2, 72, 1], view[-3, 72, 1]
        for shown, whole in ((abs(right - left), 144), (bottom - top, 96)):
            assert SMALLEST * whole - 9 <= shown <= whole
        columns = np.diff(view[48, 2:-2, 0]) * (1 if left < right else -1)
        assert columns.min() >= 0 and columns.max() <= 2
    assert 70 < mirrored < 130  # 200 fair coins are outside of that once in 30,000 times


def test_a_view_depends_on_its_seed_alone():
    photo = coordinates()
    np.testing.assert_array_equal(flip_crop(photo, 1, "a"), flip_crop(photo.copy(), 1, "a"))
    assert (flip_crop(photo, 1, "a") != flip_crop(photo, 1, "b")).any()
    assert (flip_crop(photo, 1, "a") != flip_crop(photo, 2, "a")).any()


def test_training_sees_views_validation_whole_photos_and_a_run_repeats_itself(arguments, tmp_path, monkeypatch):
    seen, call = [], module.Loader.__call__

    def spy(self, photo_id):
        seen.append((photo_id, type(self.variants).__name__))
        return call(self, photo_id)

    def run(name, augment):
        seen.clear()
        pretrain(**arguments(tmp_path / name, task="ranking", train=["wide"], learning_rate=1e-6, augment=augment))

    monkeypatch.setattr(module.Loader, "__call__", spy)
    run("none", "none")
    assert set(seen) == {("wide", "Variants"), ("square", "Variants")}
    for name in ("one", "two"):
        run(name, "flip_crop")
        assert set(seen) == {("wide", "AugmentedVariants"), ("square", "Variants")}
    assert outputs(tmp_path / "one") == outputs(tmp_path / "two")
    assert outputs(tmp_path / "one") != outputs(tmp_path / "none")


def test_rendered_pictures_have_no_other_view(photo_store):
    rendered = RenderedVariants(photo_store, 32, "published", [])
    with pytest.raises(UserError, match=r"pretrain\.augment is 'flip_crop', but distortions\.engine 'reference'"):
        augmented(rendered, "flip_crop", 0)
    assert augmented(rendered, "none", 0) is rendered
    plain = Variants(photo_store, 32, "published")
    assert augmented(plain, "none", 0) is plain
