"""What is in the photos: counts by hand, entropies against scipy, photos that are known, and faults."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.stats import entropy
from skimage import data

from aesthetic_pretraining.data.sources import Folder
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.photos import classes as module
from aesthetic_pretraining.evaluation.photos.classes import COUNTS, DIVERSITY, ClassesConfig, Photos, Tally, photo_classes
from aesthetic_pretraining.models.backbones import Detector

PHOTOS = ["chelsea", "coffee", "rocket", "astronaut"]


def test_diversity_against_scipy():
    rng = np.random.default_rng(0)
    tally, answers = Tally("net", "class", [f"c{k}" for k in range(50)]), rng.zipf(1.6, 300) % 50
    for k in answers:
        tally.add([int(k)])
    row = dict(zip(DIVERSITY, tally.diversity()))
    counts = np.bincount(answers, minlength=50)
    assert row["effective"] == pytest.approx(np.exp(entropy(counts)))
    assert row["evenness"] == pytest.approx(entropy(counts) / np.log((counts > 0).sum()))
    assert (row["photos"], row["classes"], row["seen"], row["nothing"]) == (300, 50, (counts > 0).sum(), 0)
    assert (row["most"], row["most_share"]) == (f"c{counts.argmax()}", counts.max() / 300)
    table = tally.counts()
    assert list(table) == COUNTS and table["first"].sum() == 300 and table["first"].is_monotonic_decreasing
    assert dict(zip(table["index"], table["photos"])) == {k: n for k, n in enumerate(counts) if n}


def test_objects_by_hand():
    tally = Tally("net", "object", ["__background__", "cat", "N/A", "dog", "cup"])
    for kinds in ([1, 3, 1], [3, 1], [], [1], [4, 4]):
        tally.add(kinds)
    table = tally.counts().set_index("name")
    assert table["first"].to_dict() == {"cat": 2, "dog": 1, "cup": 1}
    assert table["photos"].to_dict() == {"cat": 3, "dog": 2, "cup": 1}
    row = dict(zip(DIVERSITY, tally.diversity()))
    assert (row["photos"], row["nothing"], row["classes"], row["seen"]) == (5, 1, 3, 3)
    assert row["effective"] == pytest.approx(np.exp(entropy([2, 1, 1]))) and row["most_share"] == 2 / 5


def test_nothing_at_all_and_one_class_alone():
    tally = Tally("net", "object", ["cat", "dog"])
    tally.add([])
    assert np.isnan(dict(zip(DIVERSITY, tally.diversity()))["effective"]) and tally.counts().empty
    tally.add([1])
    row = dict(zip(DIVERSITY, tally.diversity()))
    assert row["effective"] == 1 and np.isnan(row["evenness"]) and row["most"] == "dog"


@pytest.fixture
def folder(make_folder, encode):
    return make_folder({f"{name}.png": encode(getattr(data, name)()) for name in PHOTOS}, "photos")


@pytest.fixture
def run(folder, tmp_path):
    def call(name="out", networks=("backbone",), files=None, **more):
        out = {"counts": tmp_path / name / "counts.csv", "diversity": tmp_path / name / "diversity.csv"}
        config = ClassesConfig("efficientnet_lite0", networks, 0.5, 3, 1)
        photo_classes(config, Folder(folder), files or {n: f"{n}.png" for n in PHOTOS}, **out, **more)
        return out

    return call


def test_the_packaged_network_sees_what_is_there(run):
    out = run()
    table, diversity = pd.read_csv(out["counts"]), pd.read_csv(out["diversity"])
    names = " ".join(table["name"]).lower()
    assert "cat" in names or "tabby" in names or "lynx" in names
    assert "espresso" in names or "cup" in names
    assert table["first"].sum() == 4 and (table["first"] == table["photos"]).all()
    assert set(table["network"]) == {"efficientnet_lite0"} and list(diversity) == DIVERSITY
    assert list(diversity["photos"]) == [4] and list(diversity["classes"]) == [1000]
    again = run("again", networks=("backbone", "efficientnet_lite0"), workers=1)  # the same network is asked once
    assert all(out[name].read_bytes() == again[name].read_bytes() for name in out)


def test_the_detectors_objects_count_from_the_score_on(run, monkeypatch):
    """With a detector that is told what to find, by the photo's width."""
    answers = {512: ([2, 1], [0.9, 0.5]), 600: ([3, 1], [0.8, 0.49]), 451: ([1], [0.2]), 640: ([], [])}
    widths = []

    class Told(Detector):
        def __init__(self):
            torch.nn.Module.__init__(self)
            self.names, self.short_side = ("__background__", "cat", "person", "cup"), 300

        def forward(self, photo):
            assert photo.dtype == torch.uint8 and min(photo.shape[1:]) == 300
            kinds, scores = list(answers.values())[len(widths)]
            widths.append(photo.shape[2])
            return torch.tensor(kinds, dtype=int), torch.tensor(scores)

    monkeypatch.setattr(module, "object_detector", Told)
    out = run(networks=["backbone", "retinanet_resnet50_fpn"])
    assert len(widths) == 4
    table = pd.read_csv(out["counts"]).query("kind == 'object'").set_index("name")
    assert table["photos"].to_dict() == {"person": 1, "cup": 1, "cat": 1}  # "cat" at 0.5 counts, at 0.49 and 0.2 not
    assert table["first"].to_dict() == {"person": 1, "cup": 1, "cat": 0}
    row = pd.read_csv(out["diversity"]).iloc[1]
    assert (row["network"], row["nothing"], row["seen"], row["classes"]) == ("retinanet_resnet50_fpn", 2, 3, 3)


def test_a_photo_is_cut_in_its_middle(make_folder, encode):
    stripes = np.zeros((40, 80, 3), np.uint8)
    stripes[:, 30:50] = 255
    source = Folder(make_folder({"a.png": encode(stripes)}, "one"))
    square = Photos(source, {"a": "a.png"}, 40, 20)[0]
    assert square.shape == (3, 20, 20) and (square == 255).all()
    whole = Photos(source, {"a": "a.png"}, 20)[0]
    expected = np.asarray(Image.fromarray(stripes).resize((40, 20), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(whole.permute(1, 2, 0).numpy(), expected)


def test_faults_are_one_sentence_and_leave_nothing(run, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "torchvision.models._api.load_state_dict_from_url", lambda *a, **k: (_ for _ in ()).throw(OSError("no net"))
    )
    read = []
    monkeypatch.setattr(Folder, "read", lambda self, name: read.append(name))
    for network in ("densenet121", "retinanet_resnet50_fpn"):
        with pytest.raises(UserError, match=rf"{network} cannot be had \(no net\); .* remove it from photo_check.networks"):
            run(networks=["backbone", network])
    with pytest.raises(UserError, match=r"photo_check\.networks: 'densnet121' is unknown; near it are"):
        run(networks=["densnet121"])
    assert read == []  # said before the first photo
    monkeypatch.undo()
    with pytest.raises(UserError, match=r"photos: gone\.png no longer exists; put it back"):
        run(files={"gone": "gone.png"})
    (folder / "rocket.png").write_text("<html>")
    with pytest.raises(UserError, match=r"photos: rocket\.png can no longer be read \(not an image in a known format"):
        run()
    assert not list((tmp_path / "out").glob("*"))
