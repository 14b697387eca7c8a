"""Whether a run is the paper's experiment, and which pictures show one scene."""

import pytest

from aesthetic_pretraining.config import leaf, load, resolve
from aesthetic_pretraining.reporting.experiment import PARAMETERS, PICTURES, other_than_published

PAPER = {
    **{"labels.source": "folder", "labels.ava_split": "paper", "photos.source": "pexels", "photos.limit": 0},
    **{"image.size": 224, "backbone.name": "mobilenet_v2"},
}


def test_the_papers_own_is_no_other_experiment():
    assert other_than_published(PAPER, PICTURES) == {"votes": "", "pretext": ""}
    assert other_than_published(PAPER, {"ava": 12_810, "tid2013": 3_000}) == {
        "votes": "",
        "pretext": "",
    }  # AVA lost a few files


@pytest.mark.parametrize(
    ("change", "pictures", "votes", "pretext"),
    [
        ({"labels.source": "simulated"}, {}, "simulated votes", ""),
        ({"labels.ava_split": "official"}, {}, "AVA's official split", ""),
        ({"labels.ava_split": "random"}, {}, "AVA's random split", ""),
        ({}, {"ava": 228}, "228 AVA test images instead of 12,818", ""),  # another set laid in AVA's place
        ({}, {"tid2013": 1_000}, "1,000 TID2013 test images instead of 3,000", ""),
        ({"image.size": 96}, {}, "96 pixels instead of 224", "96 pixels instead of 224"),
        ({"backbone.name": "efficientnet_lite0"}, {}, *["efficientnet_lite0 instead of mobilenet_v2"] * 2),
        ({"photos.source": "unsplash_lite", "photos.limit": 500}, {}, *["unsplash lite photos, at most 500 photos"] * 2),
    ],
)
def test_what_is_not_the_papers_is_named(change, pictures, votes, pretext):
    assert other_than_published(PAPER | change, PICTURES | pictures) == {"votes": votes, "pretext": pretext}


def test_the_scale_paper_is_the_papers_experiment_and_the_demo_is_not(project):
    params = load(project / "params.yaml")
    for scale, same in {"paper": True, "demo": False, "smoke": False}.items():
        config = resolve(params | {"scale": scale})
        found = other_than_published({name: leaf(config, name) for name in PARAMETERS}, PICTURES)
        assert (found["votes"] == "") == same and (found["pretext"] == "") == same
