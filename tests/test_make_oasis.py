"""make oasis: what it fetches and runs, the time that it keeps, and the estimate that it begins with."""

import dataclasses
import json
import os
import signal
import sys
import threading
import time

import pandas as pd
import pytest
import torch
from limits import limit
from snakemake.cli import parse_config

import estimate
import oasis
from aesthetic_pretraining.config import leaf, leaf_keys, overlay, resolve


@pytest.fixture
def values(params):
    return resolve({**params, "scale": "oasis"})


def flat(values):
    return {key: leaf(values, key) for section in values for key in leaf_keys(values, section)}


def test_both_public_sets_are_fetched_and_nothing_else(values):
    assert oasis.public_sets(values) == ["bsds500", "oasis"]
    values["photos"]["sources"] = ["folder", "packaged"]
    values["labels"]["source"] = "simulated"
    assert oasis.public_sets(values) == []


def test_the_mirror_reaches_the_rule_as_a_parameter(params):
    command = oasis.fetch_command(["bsds500", "oasis"], "2", "http://127.0.0.1:8000/files")
    assert command[-2:] == ["data/raw/bsds500/download.csv", "data/raw/oasis/download.csv"]
    given = command[command.index("--config") + 1 : command.index("--quiet")]
    values = resolve(overlay(params, parse_config(given)))
    assert values["scale"] == "oasis"
    assert values["download"]["mirror"] == "http://127.0.0.1:8000/files"
    assert values["download"]["requests_per_second"] == oasis.REQUESTS_PER_SECOND
    assert "mirror" not in " ".join(oasis.fetch_command(["oasis"], "2", ""))


def test_the_time_adds_up_over_interruptions_and_starts_at_zero_without_a_run(tmp_path, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(oasis.time, "time", lambda: clock[0])
    monkeypatch.setattr(oasis.os, "getloadavg", lambda: (3.0, 0, 0))

    def call(seconds, begun, job=True, comparisons=False):
        wall = oasis.Wall(tmp_path, 2, begun, comparisons)
        log = tmp_path / "pretrain/ranking.log"
        log.parent.mkdir(exist_ok=True)
        log.touch()
        os.utime(log, (clock[0] + (1 if job else -1),) * 2)
        for _ in range(2):
            clock[0] += seconds / 2
            wall.tick()
        clock[0] += 500  # before the next call
        return wall.seconds

    assert call(60, begun=False) == 60
    assert json.loads((tmp_path / "wall.json").read_text()) == {"seconds": 60, "comparisons": 0, "cores": 2, "load": 3}
    monkeypatch.setattr(oasis.os, "getloadavg", lambda: (6.0, 0, 0))
    assert call(30, begun=True) == 90
    told = json.loads((tmp_path / "wall.json").read_text())
    assert told == {"seconds": 90, "comparisons": 0, "cores": 2, "load": 4}
    call(40, begun=True, job=False)  # nothing was left to do
    assert json.loads((tmp_path / "wall.json").read_text()) == told
    assert call(30, begun=True, comparisons=True) == 120
    assert json.loads((tmp_path / "wall.json").read_text()) == {"seconds": 90, "comparisons": 30, "cores": 2, "load": 4.5}
    assert call(10, begun=False) == 10


def test_sigterm_ends_the_program_that_runs_and_the_time_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(oasis, "ROOT", tmp_path)
    monkeypatch.setattr(oasis, "TICK_S", 0.05)
    wall = oasis.Wall(tmp_path / "logs", 1, begun=False)
    code = "import time; from pathlib import Path; p = Path('logs'); p.mkdir(); (p / 'a.log').touch(); time.sleep(600)"

    def kill():
        until = time.monotonic() + limit(60)
        while not (tmp_path / "logs/wall.json").exists() and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=kill)
    thread.start()
    try:
        assert oasis.run([sys.executable, "-c", code], wall) == -signal.SIGTERM
    finally:
        thread.join()
        signal.signal(signal.SIGTERM, before)
    assert json.loads((tmp_path / "logs/wall.json").read_text())["seconds"] > 0


def test_the_work_is_counted(values):
    """By hand: 100 photos, 80 for training and 10 for validation; 40 labelled images in 4 folds after 10 for validation."""
    pretraining = {"tasks": ["ranking_regression", "rotnet"], "ablations": [], "comparisons": [], "seeds": [1], "epochs": 3, "batch_photos": 2, "contrast_batch": 8, "contrast_updates": "epochs"}  # fmt: skip
    values["pretrain"] |= pretraining
    values["photos"]["shares"] = {"train": 0.8, "val": 0.1, "test": 0.1, "labels": 0}
    values["sets"]["oasis"]["folds"] = 4
    values["sets"]["oasis"]["shares"] = {"train": 0.6, "val": 0.2, "test": 0.2}
    values["finetune"] |= {
        "compared": ["imagenet"],
        "shares": [50, 100],
        "seeds": [1, 2],
        "stop_after": 10,
        "max_epochs": 99,
        "flip": True,
    }
    values["photo_check"]["distorted_photos"] = 5
    work = estimate.work_of(flat(values), 100, 50)
    assert work.pretrained == 3 * 80 * (174 + 4)
    assert work.rendered == 3 * 90 * 174 + 2 * 174 * 10
    # eight runs of four folds: three inits with 100 %, one with 50 %, two seeds; 30 images in training; 23 epochs with all layers
    assert work.finetuned == 4 * 23 * (6 * 30 + 2 * 15)
    features, validation = 3 * 2 * 50, 4 * 8 * 23 * 10  # of three inits all images and their mirror images
    evaluation = 174 * (10 + 3 * 5) + 8 * 50
    assert work.judged == 3 * 10 * (174 + 4) + features + validation + evaluation
    assert work.jobs == 2 + 8 + 3 + 8  # the folds of a run are one job


def test_a_comparison_costs_what_its_task_does(values):
    values["pretrain"] |= {"tasks": ["ranking_regression"], "comparisons": []}
    alone = estimate.work_of(flat(values), 100, 50)
    values["pretrain"]["comparisons"] = ["ranking_regression_corrected"]
    assert estimate.work_of(flat(values), 100, 50).pretrained == 2 * alone.pretrained


def test_what_the_gpu_does_is_not_divided_by_the_cores():
    work, pace = estimate.Work(100, 10, 10, 1000, 5), estimate.Pace(1.0, 2.0, 0.5, 0.1, 3.0)
    assert pace.seconds(work, 4) == pytest.approx((100 + 20 + 5 + 100 + 15) / 4)
    assert dataclasses.replace(pace, card=True).seconds(work, 4) == pytest.approx(100 + 20 + 5 + 15 + 100 / 4)


def test_the_pace_is_measured(params, monkeypatch):
    monkeypatch.setattr(estimate, "MEASURED_S", 0)
    pace = estimate.pace_of(flat(resolve({**params, "scale": "smoke"})))
    assert all(seconds > 0 for name, seconds in vars(pace).items() if name != "card")
    assert pace.card == torch.cuda.is_available()
    assert pace.judged < pace.finetuned
    assert dataclasses.replace(pace, card=False).seconds(estimate.Work(1, 0, 0, 0, 2), 2) == pytest.approx(
        (pace.pretrained + 2 * pace.jobs) / 2
    )


def test_the_rates_of_the_scale_are_those_that_the_recorded_search_chose(project, values):
    record = project / "results/record/oasis/finetune_search.csv"
    if not record.exists():
        pytest.skip("the search of the scale oasis is not recorded yet")
    found = pd.read_csv(record)
    best = found[(found["phase"] == "all") & (found["chosen"] == 1)].iloc[0]
    for name in ("learning_rate_head", "dropout", "learning_rate_features", "halve_after", "stop_after"):
        assert values["finetune"][name] == pytest.approx(best[name]), name
