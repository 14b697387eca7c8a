"""The lines of a run on the terminal, from the records that Snakemake gives to its logger plugins."""

import logging
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

import snakemake_logger_plugin_lines as lines


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(lines.time, "monotonic", lambda: now[0])
    return now


def handler():
    return lines.LogHandler(SimpleNamespace(), None)


def record(event=None, message=None, level=logging.INFO, **fields):
    made = logging.LogRecord("snakemake", level, "", 0, message, None, None)
    made.__dict__.update(fields, **({"event": event} if event else {}))
    return made


def test_snakemake_finds_the_plugin_by_its_folder():
    registry = LoggerPluginRegistry()
    registry.register_plugin("snakemake_logger_plugin_lines", lines)
    assert "lines" in registry.plugins
    assert Path(lines.__file__).name == "__init__.py"  # Snakemake looks for packages alone


def test_one_line_a_job_with_its_message_a_bar_and_the_time_left(clock, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    ours = handler()
    ours.emit(record(LogEvent.RUN_INFO, stats={"draw": 2, "train": 2, "total": 4}))
    for job, (rule, message, end) in enumerate((("draw", "draw Figure 5", 10.0), ("train", None, 40.0))):
        ours.emit(record(LogEvent.JOB_INFO, jobid=job, rule_name=rule, rule_msg=message, log=["logs/demo/x.log"]))
        clock[0] = end
        ours.emit(record(LogEvent.JOB_FINISHED, job_id=job))
    ours.emit(record(message="Select jobs to execute..."))
    ours.emit(record(message="Execute 1 jobs..."))
    assert capsys.readouterr().err.splitlines() == [
        "[#####...............] 1 of 4, about 30 s left: draw Figure 5 (10 s)",  # three jobs of 10 s
        "[##########..........] 2 of 4, about 40 s left: train (30 s)",  # one of 10 s and one of 30 s
    ]


def test_the_last_run_says_how_long_rules_take_that_have_not_begun(tmp_path):
    for path, seconds in (("train/a.tsv", 100), ("train/b.tsv", 200), ("draw.tsv", 5)):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(f"s\th:m:s\n{seconds}\t0\n")
    estimate = lines.Estimate(Counter(draw=2, train=2))
    estimate.before = lines.last_run(tmp_path)
    assert estimate.before == {"train": 150, "draw": 5}
    estimate.finish("draw", 10.0)
    assert estimate.seconds(10.0) == 10 + 2 * 150  # this run's own time of a rule before the last one's
    estimate.finish("train", 30.0)
    assert estimate.seconds(20.0) == (10 + 30) / 2  # 40 s of work in 20 s: two jobs at once


def test_failures_and_warnings_are_said(clock, capsys):
    ours = handler()
    ours.emit(record(LogEvent.JOB_ERROR, level=logging.ERROR, rule_name="train", log=["logs/x.log"]))
    ours.emit(record(message="something is odd", level=logging.WARNING))
    ours.emit(record(message="Nothing to be done (all requested files are present and up to date)."))
    assert capsys.readouterr().err.splitlines() == [
        "failed: train (log: logs/x.log)",
        "something is odd",
        "Nothing to be done (all requested files are present and up to date).",
    ]
