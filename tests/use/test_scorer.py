"""Scores in Python, against votes computed from the mean colour by numpy."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from small_bundles import SIZE, VALUES

import aesthetic_pretraining
from aesthetic_pretraining.data.letterbox import letterbox
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.use.scorer import load


@pytest.fixture
def scorer(bundle):
    return load(bundle)


def test_score_spread_and_votes_are_those_of_the_mean_colour(scorer, votes_of):
    photo = np.full((48, 48, 3), (200, 100, 50), np.uint8)
    found = scorer.score(photo)
    votes = votes_of(np.array([200, 100, 50]) / 255)
    assert found.votes == pytest.approx(votes, abs=1e-6)
    assert found.score == pytest.approx(votes @ VALUES, abs=1e-5)
    assert found.spread == pytest.approx(np.sqrt(votes @ (np.array(VALUES) - votes @ VALUES) ** 2), abs=1e-5)
    assert found.values == tuple(VALUES)


def test_bars_of_the_letterbox_are_seen_by_the_network(scorer, votes_of):
    wide = np.full((40, 80, 3), 255, np.uint8)
    mean = letterbox(wide, SIZE).mean(axis=(0, 1)) / 255
    assert mean == pytest.approx([0.5] * 3, abs=0.02)
    assert scorer.score(wide).votes == pytest.approx(votes_of(mean), abs=1e-6)


def test_dark_photos_are_said_to_be_dark_and_others_not(scorer):
    assert scorer.score(np.full((40, 40, 3), 20, np.uint8)).explanation == "too dark, about level -4"
    assert scorer.score(np.full((40, 40, 3), 120, np.uint8)).explanation == ""


def test_without_explanations_nothing_is_said(bundle):
    assert load(bundle, explain=False).score(np.full((40, 40, 3), 20, np.uint8)).explanation == ""


def test_file_image_array_and_tensor_of_one_photo_have_one_score(scorer, make_photo, encode, tmp_path):
    photo = make_photo(3, 60, 48)
    (tmp_path / "a.png").write_bytes(encode(photo))
    scores = {
        scorer.score(image)
        for image in (
            tmp_path / "a.png",
            str(tmp_path / "a.png"),
            Image.fromarray(photo),
            Image.open(tmp_path / "a.png"),
            photo,
            torch.from_numpy(photo).permute(2, 0, 1),
        )
    }
    assert len(scores) == 1


def test_grey_images_of_every_kind_have_one_score(scorer, make_photo):
    grey = make_photo(1)[..., 0]
    kinds = (grey, grey[..., None], np.dstack([grey] * 3), Image.fromarray(grey), torch.from_numpy(grey)[None])
    assert len({scorer.score(image) for image in kinds}) == 1


def test_an_image_is_turned_upright_and_transparency_is_white(scorer, encode, tmp_path):
    photo = np.zeros((40, 60, 3), np.uint8)
    photo[:20] = 250
    image = Image.fromarray(photo)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as turned:
        assert scorer.score(turned) == scorer.score(tmp_path / "turned.png")
        assert (scorer.seen(turned) == letterbox(np.rot90(photo, -1).copy(), SIZE)).all()
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    assert scorer.score(clear) == scorer.score(np.full((40, 40, 3), 255, np.uint8))


def test_the_order_of_photos_in_a_batch_does_not_matter(scorer, make_photo):
    seen = [scorer.seen(make_photo(seed)) for seed in range(5)]
    forth, back = scorer.scores(seen), scorer.scores(seen[::-1])[::-1]
    assert np.allclose([each.votes for each in forth], [each.votes for each in back], atol=1e-6)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((40, 40, 3), np.float32), "uint8"),
        (np.zeros((40, 40, 4), np.uint8), "channels"),
        (np.zeros((4, 40, 3), np.uint8), "too few"),
        (np.zeros((10, 300, 3), np.uint8), "strip"),
        (torch.zeros(2, 3, 40, 40, dtype=torch.uint8), "three dimensions"),
        (b"bytes", "a bytes is neither"),
        (Image.new("F", (40, 40)), "32 bits"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_images_are_refused_in_one_sentence(scorer, image, words):
    with pytest.raises(UserError, match=words) as error:
        scorer.score(image)
    assert "\n" not in str(error.value)


def test_files_that_are_no_image_are_refused_by_name(scorer, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"a\.jpg: cannot be scored \(not an image in a known format"):
        scorer.score(tmp_path / "a.jpg")
    with pytest.raises(UserError, match=r"b\.jpg: cannot be read \(No such file"):
        scorer.score(tmp_path / "b.jpg")


def test_an_unknown_device_and_a_gpu_that_is_not_there(bundle):
    with pytest.raises(UserError, match="device 'tpu' is unknown; known are cpu, cuda"):
        load(bundle, device="tpu")


def test_load_is_at_hand_and_importing_the_package_imports_nothing():
    assert aesthetic_pretraining.load is load and "load" in dir(aesthetic_pretraining)
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        _ = aesthetic_pretraining.lod
    code = "import sys, aesthetic_pretraining; print([m for m in sys.modules if m.split('.')[0] in ('aesthetic_pretraining', 'torch', 'numpy')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['aesthetic_pretraining']"


def test_rules_do_not_depend_on_the_room(project):
    """Importing the package runs its __init__, and what that imports is in every rule's closure."""
    from aesthetic_pretraining import code

    assert code.closure(project / "src", "aesthetic_pretraining/__init__.py") == ["aesthetic_pretraining/__init__.py"]


def test_scoring_imports_no_torch(bundle, make_photo, encode, tmp_path):
    (tmp_path / "a.png").write_bytes(encode(make_photo(1)))
    code = (
        "import sys; from aesthetic_pretraining import load;"
        f"print(load({str(bundle)!r}).score({str(tmp_path / 'a.png')!r}).score > 1, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
