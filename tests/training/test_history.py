"""What a training says of itself."""

import csv
import json
import logging

from aesthetic_pretraining.training import history


def test_history(tmp_path):
    rows = [{"epoch": 1, "loss": 1 / 3, "rate": 1e-4}, {"epoch": 2, "loss": 2.0, "rate": 9.8e-5}]
    history.write_history(rows, tmp_path / "history.csv")
    assert (tmp_path / "history.csv").read_text() == "epoch,loss,rate\n1,0.33333333,0.0001\n2,2,9.8e-05\n"


def test_the_time_left_is_that_of_the_last_epoch_and_not_of_cached_ones_before_it(monkeypatch, caplog):
    now = [50.0]
    monkeypatch.setattr(history.time, "monotonic", lambda: now[0])
    lines = history.Progress("task", epochs=10)
    with caplog.at_level(logging.INFO, "aesthetic_pretraining"):
        now[0] = 51.0  # a second, on cached features
        lines.epoch(4, pictures=200, val=0.5)
        now[0] = 71.0  # 20 s through the whole network; five are left
        lines.epoch(5, pictures=400, val=0.25)
        now[0] = 82.0
        lines.step(6, 5, 10, 500, 100)
    assert caplog.messages[1:] == [
        "task epoch 5 of at most 10  val 0.2500  10 pictures/s  100 s left at this rate",
        "task epoch 6 step 5 of 10  9 pictures/s  11 s left in the epoch",
    ]


def test_those_who_watch_see_the_whole_course_also_after_a_resume(tmp_path):
    rows = [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}, {"epoch": 3, "loss": 0.125}]
    history.show(rows[:2], tmp_path / "live")
    history.show(rows, tmp_path / "live")
    assert json.loads((tmp_path / "live" / "metrics.json").read_text())["loss"] == 0.125
    with open(tmp_path / "live" / "plots" / "metrics" / "loss.tsv") as file:
        assert [(row["step"], row["loss"]) for row in csv.DictReader(file, delimiter="\t")] == [
            ("1", "0.5"),
            ("2", "0.25"),
            ("3", "0.125"),
        ]
    history.show(rows, None)


def test_progress_lines_inside_an_epoch_are_rare(monkeypatch, caplog):
    now = [0.0]
    monkeypatch.setattr(history.time, "monotonic", lambda: now[0])
    lines = history.Progress("rotnet", 3)
    with caplog.at_level(logging.INFO, "aesthetic_pretraining"):
        for step in range(1, 31):
            now[0] += 1
            lines.step(1, step, 40, step * 5, (40 - step) * 5)
        lines.epoch(1, 150, train=1.0)
        now[0] += 9
        lines.step(2, 1, 40, 155, 195)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 4
    assert said[1] == "rotnet epoch 1 step 20 of 40  5 pictures/s  20 s left in the epoch"
