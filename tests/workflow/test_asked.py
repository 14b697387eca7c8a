"""What jobs that only ask networks are said to need: beside torchvision's own counts, what runs have taken, and sums by hand."""

import re

import pytest
import torchvision

import asked
import needs
from aesthetic_pretraining.config import leaf, leaf_keys, load, resolve
from projects import ROOT, checkout


def values(scale):
    cfg = resolve(load(ROOT / "params.yaml") | {"scale": scale})
    return {key: leaf(cfg, key) for section in cfg for key in leaf_keys(cfg, section)}


def test_multiplications_are_those_that_torchvision_counts():
    named = {name: count for name, count in asked.GMACS.items() if name != "efficientnet_lite0"}
    assert {name: torchvision.models.get_model_weights(name).DEFAULT.meta["_ops"] for name in named} == named


def works(cfg, inits, ranking, seeds, sets):
    """Of each rule, as workflow/rules say."""
    return {
        "features": asked.of_labelled(cfg, [*sets, "ava"]),
        "predict": asked.of_labelled(cfg, sets),
        "respond": asked.of_variants(cfg, ranking, needs.photos(cfg) * cfg["photos.shares.test"]),
        "photo_scores": asked.of_photos(cfg, seeds),
        "photo_classes": asked.of_originals(cfg),
        "sensitivity": asked.of_variants(cfg, inits, cfg["photo_check.distorted_photos"]),
    }


def test_estimates_cover_what_the_demo_took_and_memory_is_not_thrice_as_much():
    found = works(values("demo"), inits=6, ranking=3, seeds=1, sets=["ava", "tid2013"])
    # the largest of each rule's jobs, in seconds and MB, from logs/demo/benchmark on one thread
    took = {
        "features": (14.3, 736),
        "predict": (10.0, 900),
        "respond": (21.5, 840),
        "photo_scores": (7.7, 768),
        "photo_classes": (16.6, 1157),
        "sensitivity": (26.3, 889),
    }
    for rule, (seconds, memory) in took.items():
        assert memory <= asked.memory_mb(found[rule], False, 0) <= 3 * memory, rule
        assert seconds <= 60 * asked.runtime_min(found[rule], 1, False, 0), rule


def test_the_papers_hours_by_hand():
    found = works(values("paper"), inits=6, ranking=3, seeds=5, sets=["ava", "tid2013"])
    # 259,000 pictures, which three loaders decode at 100 a second each while a card waits
    assert asked.runtime_min(found["predict"], 4, True, 3) == 60  # three times 14 minutes, in halves of an hour
    # 15,000 photos in 174 variants, which one core makes at 4.5 photos a second, and three networks; the card takes seconds of each
    hours = asked.runtime_min(found["respond"], 4, True, 0) / 60
    passes = 15_000 * 174 * 3 * 0.301 / (2500 * 3 * 0.301)
    assert hours == pytest.approx(3 * (15_000 / 4.5 + passes) / 3600, abs=0.5)
    # 130,000 photos in RetinaNet and two classifiers: days on four threads, hours on a card
    on_cpus, on_card = (asked.runtime_min(found["photo_classes"], 4, gpu, 3) / 60 for gpu in (False, True))
    assert on_cpus > 48 > on_card


def test_memory_grows_with_the_batch_the_image_and_loaders():
    paper = values("paper")
    small, large = (asked.of_labelled(paper | {"finetune.batch": batch}, ["ava"]) for batch in (50, 450))
    more = asked.memory_mb(large, False, 0) - asked.memory_mb(small, False, 0)
    assert more == pytest.approx(400 * (15 + 5 * 3 * 224**2 / 1e6), abs=100)
    fed = asked.memory_mb(large, True, 3) - asked.memory_mb(large, True, 0)
    assert fed == pytest.approx(3 * (700 + 2 * 450 * 3 * 224**2 / 1e6), abs=100)
    assert asked.of_labelled(paper | {"image.size": 112}, ["ava"]).gmacs == pytest.approx(large.gmacs / 4)
    assert asked.of_labelled(paper | {"backbone.name": "some_network"}, ["ava"]).gmacs > 10 * large.gmacs


@pytest.mark.slow
def test_the_rules_ask_for_these(warm, tmp_path):
    project = checkout(tmp_path / "project", warm)
    for path in (project.path / "workflow/rules").glob("*.smk"):  # with a message, Snakemake does not say what a job asks for
        path.write_text(re.sub(r"^    message:\n        .*\n", "", path.read_text(), flags=re.M))
    plan = project.snakemake("-n", "--config", "scale=paper", "--set-resources", "predict:runtime=77")
    for rule in ("features", "predict", "respond", "photo_scores", "photo_classes", "sensitivity"):
        job = re.search(rf"rule {rule}:\n(?:    .*\n)*?    resources: (.*)", plan)[1]
        asks = dict(part.split("=") for part in job.split(", ") if part.startswith(("mem_mb=", "runtime=")))
        assert int(asks["mem_mb"]) > 1000 and int(asks["runtime"]) >= (77 if rule == "predict" else 30), rule
