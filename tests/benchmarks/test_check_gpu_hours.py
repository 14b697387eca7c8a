"""make check-gpu: the hours of the paper's run, worked out by hand."""

import sys
from pathlib import Path

import pytest

sys.path.append(
    str(Path(__file__).resolve().parents[2] / "benchmarks")
)  # at the end: some modules there are called as tests' are

from gpu_checks import paper_hours

VALUES = {
    "photos": {"shares": {"train": 0.7692, "val": 0.1154, "test": 0.1154}},
    "pretrain": {"tasks": ["ranking", "simclr"], "ablations": [], "epochs": 20, "batch_photos": 8, "contrast_batch": 512},
    "finetune": {"shares": [50, 100], "seeds": [1, 2], "compared": ["imagenet"], "batch": 450, "halve_after": 5, "flip": True},
}


def test_hours_by_hand():
    ranking, simclr, frozen, tuning = paper_hours.stages(VALUES, {"imagenet": 10, "ranking": 7})
    # section 4.3: 20 epochs of 100,000 photos with 174 pictures, 8 photos a step; 15,000 photos are looked at after each
    assert (ranking.updates, ranking.learned, ranking.seen) == (250_000, 348_000_000, 52_200_000)
    assert (simclr.updates, simclr.learned, simclr.seen, simclr.rendered) == (20 * 196, 4_000_000, 600_000, 0)
    # 348e6 / 10,000 + 52.2e6 / 30,000 = 34,800 + 1,740 seconds
    assert ranking.hours(10_000, 30_000, None) == pytest.approx(36_540 / 3600)
    assert ranking.hours(10_000, 30_000, 1e9) == pytest.approx(36_540 / 3600)
    # 20 x 115,000 photos at 46 a second are 50,000 seconds, which is longer
    assert ranking.hours(10_000, 30_000, 46) == pytest.approx(50_000 / 3600)
    assert simclr.hours(10_000, 30_000, 46) == pytest.approx(420 / 3600)
    # two seeds each: half of the labels (114,990) by ImageNet, 10 epochs, 6 of them frozen; all 229,981 by ImageNet, by ranking
    # with 7 epochs, and by SimCLR, of which no number is given here: the largest, 10
    assert tuning.runs == 2 * (1 + 3)
    assert tuning.updates == 2 * (10 * 256 + (10 + 7 + 10) * 512)
    assert tuning.learned == 2 * (4 * 114_990 + (4 + 1 + 4) * 229_981)
    assert tuning.seen == 2 * (4 + 4 + 1 + 4) * 12_691
    # ImageNet, ranking and SimCLR: 255,490 images of AVA and their mirror images, and 3,000 of TID2013
    assert (frozen.runs, frozen.updates, frozen.seen) == (3, 0, 3 * (2 * 255_490 + 3_000))


def test_rendering_on_the_card_takes_time_of_its_own():
    ranking, simclr, _, _ = paper_hours.stages(VALUES, {"imagenet": 10})
    # 36,540 seconds of passes, as above, and 2.3 million photos at 100 a second
    assert ranking.hours(10_000, 30_000, 100, beside=False) == pytest.approx((36_540 + 23_000) / 3600)
    assert simclr.hours(10_000, 30_000, 100, beside=False) == simclr.hours(10_000, 30_000, 100)


FIGURES = {
    "rate_float32_channels_last": 20_000.0, "rate_tf32_channels_last": 40_000.0, "rate_bfloat16_channels_last": 50_000.0,
    "step_rate_float32": 10_000.0, "rate_forward_float32": 30_000.0, "rate_forward_tf32": 60_000.0,
    "live_cores": 16.0, "live_4": 20.0, "live_8": 40.0, "live_14": 70.0,
}  # fmt: skip


def test_a_whole_steps_rate_comes_before_the_bare_networks():
    assert paper_hours.passes_rates(FIGURES, "float32") == (10_000, 30_000)
    assert paper_hours.passes_rates(FIGURES, "tf32") == (40_000, 60_000)
    assert paper_hours.passes_rates(FIGURES, "bfloat16") is None  # its forward pass was not measured


def test_loaders_that_were_not_measured_lie_between_those_that_were():
    assert [paper_hours.loaded_rate(FIGURES, n) for n in (4, 7, 8, 14, 30)] == [20, 35, 40, 70, 70]
    assert paper_hours.loaded_rate({"live_cores": 16.0}, 7) is None


def test_hours_by_engine_and_cards():
    """On one card 14 loaders render 70 photos a second, on each of eight 7 render 35; on the card itself 50 are rendered."""
    parts = [paper_hours.pretraining(VALUES, "ranking"), paper_hours.Stage("finetune", 16, 0, 360_000_000, 0)]
    tuning = 36_000 / 3600  # 360 million at 10,000 a second; on eight cards two rounds of a sixteenth each
    native = paper_hours.plan(parts, FIGURES, "float32", "native")
    assert native["pretrain_ranking"] == pytest.approx(36_540 / 3600)  # 2.3 million photos at 70 take 32,857 seconds
    assert native["all"] == pytest.approx(36_540 / 3600 + tuning)
    assert native["all_on_eight_cards"] == pytest.approx(2_300_000 / 35 / 3600 + 2 * tuning / 16)
    device = paper_hours.plan(parts, FIGURES | {"rendering_rate": 50.0}, "float32", "device")
    assert device["pretrain_ranking"] == pytest.approx((36_540 + 46_000) / 3600)
    assert device["all_on_eight_cards"] == pytest.approx((36_540 + 46_000) / 3600 + 2 * tuning / 16)
    assert paper_hours.plan(parts, FIGURES, "float32", "device") == paper_hours.plan(parts, FIGURES, "bfloat16", "native") == {}


def test_jobs_get_as_many_loaders_as_needs_says():
    assert paper_hours.LOADERS == {1: 14, 8: 7}


def test_eight_cards_by_hand():
    """Six pretrainings of 6 and two of 3 hours on four cards: 6, 6, 6, 6, then 6 + 6 beside 6 + 3 twice; ten fine-tunings of an hour: three rounds."""
    long, short = (paper_hours.Stage(f"pretrain_{name}", runs, 0, 0, 0) for name, runs in (("a", 6), ("b", 2)))
    tuning = paper_hours.Stage("finetune", 10, 0, 0, 0)
    parts = [(short, 6.0), (long, 36.0), (tuning, 10.0)]
    assert paper_hours.makespan(parts, 4) == pytest.approx(12 + 3)
    assert paper_hours.makespan(parts, 1) == pytest.approx(6 + 36 + 10)
    assert paper_hours.makespan(parts, 100) == pytest.approx(6 + 1)


def test_matched_updates_by_hand():
    values = VALUES | {"pretrain": VALUES["pretrain"] | {"contrast_updates": "matched"}}
    _, simclr, _, _ = paper_hours.stages(values, {"imagenet": 10})
    # 250,000 updates of 512 photos, 196 to a pass: 1275 passes and 100 updates
    assert simclr.updates == 250_000
    assert simclr.learned == 2 * (1275 * 100_000 + 100 * 512)
    assert simclr.seen == 2 * 1276 * 15_000


def test_more_pretraining_seeds_are_more_trainings():
    values = VALUES | {"pretrain": VALUES["pretrain"] | {"seeds": [1, 2, 3]}}
    ranking, _, frozen, tuning = paper_hours.stages(values, {"imagenet": 10})
    assert (ranking.runs, ranking.updates) == (3, 750_000)
    assert tuning.runs == 2 * (1 + 1 + 3 + 3)  # ImageNet has one start, and two shares
    assert frozen.runs == 1 + 3 + 3


def test_hours_take_the_paper_scale_of_params_yaml():
    parts = {
        part.name: part
        for part in paper_hours.stages(paper_hours.resolved(paper_hours.read_params(), "paper"), {"imagenet": 147})
    }
    assert parts["pretrain_ranking_regression"].learned % (100_000 * 174) == 0
    assert paper_hours.published_epochs()["imagenet"] == 147


def test_params_read_without_ruamel_or_pydantic_are_the_same(monkeypatch):
    """A machine with a GPU often has PyYAML alone, whose YAML is older."""
    expected = paper_hours.read_params()
    for name in [name for name in sys.modules if name.startswith("aesthetic_pretraining.config")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pydantic", None)
    assert paper_hours.read_params() == expected
