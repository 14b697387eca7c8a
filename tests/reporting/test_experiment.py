"""Whether a run is the paper's experiment."""

import pytest
from sets import ALONE, AVA, PAPERS, TID2013

from aesthetic_pretraining.config import leaf, load, resolve
from aesthetic_pretraining.reporting.experiment import PARAMETERS, PICTURES, other_than_published
from aesthetic_pretraining.settings.labels import FIELDS, Labels

PAPER = {
    **{"sets.ava.split": "paper", "photos.sources": ["folder"], "photos.limit": 0},
    **{"image.size": 224, "backbone.name": "mobilenet_v2"},
}


def test_the_papers_own_is_no_other_experiment():
    assert other_than_published(PAPER, PAPERS, PICTURES) == {"votes": "", "pretext": ""}
    fewer = {"ava": 12_810, "tid2013": 3_000}  # AVA lost a few files
    assert other_than_published(PAPER, PAPERS, fewer) == {"votes": "", "pretext": ""}
    assert other_than_published(PAPER, Labels(AVA, (AVA,), False), {"ava": 12_818}) == {"votes": "", "pretext": ""}


@pytest.mark.parametrize(
    ("change", "pictures", "votes", "pretext"),
    [
        ({"sets.ava.split": "official"}, {}, "AVA's official split", ""),
        ({"sets.ava.split": "random"}, {}, "AVA's random split", ""),
        ({}, {"ava": 228}, "228 AVA test images instead of 12,818", ""),  # another set laid in AVA's place
        ({}, {"tid2013": 1_000}, "1,000 TID2013 test images instead of 3,000", ""),
        ({"image.size": 96}, {}, "96 pixels instead of 224", "96 pixels instead of 224"),
        ({"backbone.name": "efficientnet_lite0"}, {}, *["efficientnet_lite0 instead of mobilenet_v2"] * 2),
        ({"photos.sources": ["unsplash_lite"], "photos.limit": 500}, {}, *["unsplash lite photos, at most 500 photos"] * 2),
        ({"photos.sources": ["bsds500", "folder", "packaged"]}, {}, *["bsds500 and packaged photos"] * 2),
    ],
)
def test_what_is_not_the_papers_is_named(change, pictures, votes, pretext):
    assert other_than_published(PAPER | change, PAPERS, PICTURES | pictures) == {"votes": votes, "pretext": pretext}


def test_simulated_votes_and_other_sets_are_named():
    assert other_than_published(PAPER, Labels(AVA, (AVA, TID2013), True), PICTURES)["votes"] == "simulated votes"
    found = other_than_published(PAPER, ALONE, {"oasis": 742})
    assert found == {"votes": "networks trained on OASIS instead of AVA", "pretext": ""}


def test_the_scale_paper_is_the_papers_experiment_and_the_others_are_not(project):
    params = load(project / "params.yaml")
    for scale in params["scales"]:
        config = resolve(params | {"scale": scale})
        home = config["labels"]["train_on"]
        cfg = {name: leaf(config, name) for name in (*PARAMETERS, f"sets.{home}.split")}
        keys = ("labels.source", "labels.test_on", *(f"sets.{k}.{f}" for k in config["labels"]["test_on"] for f in FIELDS))
        found = other_than_published(cfg, Labels.of({key: leaf(config, key) for key in keys}), PICTURES)
        assert [found[kind] == "" for kind in ("votes", "pretext")] == [scale == "paper"] * 2, scale
