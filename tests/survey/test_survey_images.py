"""Both versions of a pair, as the engine makes them: which is which, what is kept, and photos that cannot be shown."""

import asyncio
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aesthetic_pretraining.data.images import Unreadable
from aesthetic_pretraining.distortions.transforms import distort
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.survey.images import Images
from aesthetic_pretraining.survey.photos import examine, open_photos


class Pixels:
    """Photos in memory; counts how often each was asked for."""

    def __init__(self, photos):
        self.photos, self.asked = photos, []

    def ids(self):
        return sorted(self.photos)

    def pixels(self, photo):
        self.asked.append(photo)
        return self.photos[photo]


@pytest.fixture
def pixels(make_photo):
    return Pixels({f"p{k}": make_photo(k) for k in range(5)})


def decoded(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


@pytest.mark.parametrize(("name", "level"), [("brightness", 4), ("gaussian_noise", 5), ("rotation", 5)])
def test_the_original_stands_where_the_plan_says(name, level, pixels):
    images = Images(pixels, "published", seed=3)
    wanted = [distort(pixels.photos["p0"], name, at, seed=3, photo_id="p0").astype(int) for at in (0, level)]
    for first in (True, False):
        both = asyncio.run(images.pair("p0", name, level, first))
        shown = [decoded(data) for data in both][:: 1 if first else -1]
        assert [s.shape for s in shown] == [w.shape for w in wanted] and wanted[0].shape == wanted[1].shape
        own = [np.abs(s - w).mean() for s, w in zip(shown, wanted)]
        swapped = [np.abs(s - w).mean() for s, w in zip(shown, wanted[::-1])]
        assert max(own) < 8 and max(own) < min(swapped) / 2, (own, swapped)  # JPEG's own error is a few steps, of noise most
    images.close()


def test_what_was_rendered_is_kept_up_to_its_room_and_the_oldest_goes(pixels):
    images = Images(pixels, "published", seed=1, megabytes=1)

    async def ask(*photos):
        return [await images.get(photo, "tint", 0) for photo in photos]

    size = len(asyncio.run(ask("p0"))[0])
    images.room = 3 * size + size // 2  # about three of them
    asyncio.run(ask("p1", "p2", "p0", "p1"))
    assert pixels.asked == ["p0", "p1", "p2"]
    asyncio.run(ask("p3", "p4"))
    assert ("p0", "original", 0) not in images.kept and images.used == sum(map(len, images.kept.values())) <= images.room
    asyncio.run(ask("p4"))
    assert pixels.asked == ["p0", "p1", "p2", "p3", "p4"]
    # the original of another filter of the same kind is the same image
    assert asyncio.run(images.get("p4", "contrast", 0)) is images.kept["p4", "original", 0]
    images.close()


def test_many_who_wait_for_one_image_have_it_rendered_once(pixels):
    images = Images(pixels, "published", seed=1)

    async def ask():
        return await asyncio.gather(*(images.get("p0", "tint", 2) for _ in range(20)))

    assert len(set(asyncio.run(ask()))) == 1 and pixels.asked == ["p0"]
    images.close()


def test_a_folder_and_a_store(photos, tmp_path, store_of, encode, make_photo):
    folder = open_photos(photos, 100)
    assert folder.ids() == [f"photo{k}.jpg" for k in range(6)]
    assert folder.pixels("photo0.jpg").shape == (100, 133, 3)
    assert open_photos(photos, 480).pixels("photo0.jpg").shape == (180, 240, 3)  # never enlarged
    store = store_of(["a", "b/c.jpg"], 64)
    (tar,) = store.files
    (tmp_path / "photos/store").mkdir(parents=True)
    (tmp_path / "photos/store/0.tar").write_bytes(Path(tar).read_bytes())
    for place in (tmp_path / "photos", tmp_path / "photos/store"):
        stored = open_photos(place, 480)
        assert stored.ids() == ["a", "b/c.jpg"] and min(stored.pixels("b/c.jpg").shape[:2]) == 96


def test_an_archive_beside_photos_is_no_store(photos, store_of, tmp_path):
    mine = tmp_path / "mine"
    shutil.copytree(photos, mine)
    (tar,) = store_of(["a"], 64).files
    shutil.copy(tar, mine / "backup.tar")
    assert open_photos(mine, 100).ids() == [f"photo{k}.jpg" for k in range(6)]


@pytest.mark.parametrize("files", [{}, {"notes.txt": "no photo", ".hidden.jpg": "x"}])
def test_no_photos_is_one_sentence(files, make_folder, tmp_path):
    folder = make_folder(files) if files else tmp_path
    with pytest.raises(UserError, match="no photo here; name a folder with photos, or a store"):
        open_photos(folder, 480)
    with pytest.raises(UserError, match="no such folder"):
        open_photos(tmp_path / "missing", 480)


def test_photos_that_cannot_be_shown_are_listed_with_their_reason(make_folder, make_photo, encode):
    good = encode(make_photo(1), "JPEG")
    files = {"good.jpg": good, "cut.jpg": good[:400], "small.png": encode(make_photo(1, 60, 40)), "text.jpg": "hello"}
    found = open_photos(make_folder(files), 480)
    sound, broken = examine(found, 10, 1)
    assert sound == ["good.jpg"] and set(broken) == set(files) - {"good.jpg"}
    assert "60 x 40 pixels; a survey needs 48" in broken["small.png"]
    with pytest.raises(Unreadable):
        found.pixels("gone.jpg")


def test_no_more_photos_are_examined_than_pairs_can_use(pixels):
    sound, broken = examine(pixels, 2, 1)
    assert len(sound) == 2 == len(pixels.asked) and not broken
    assert examine(pixels, 2, 1)[0] == sound
