"""make check-gpu: bounds, limits of time, and what is written."""

import contextlib
import sys
from pathlib import Path

import pytest

sys.path.append(
    str(Path(__file__).resolve().parents[2] / "benchmarks")
)  # at the end: some modules there are called as tests' are

from gpu_checks.report import Report


@pytest.mark.parametrize("cpu", [False, True])
def test_a_block_that_takes_too_long_fails_and_the_next_one_runs(cpu, capsys):
    report = Report(cpu)

    def endless():
        while True:
            with contextlib.suppress(Exception):  # as a library on the way might
                sum(range(1000))

    report.run("slow", endless, 0.05)
    report.run("late", endless, 0)
    report.run("next", lambda: report.check("figure", 1.0, 2.0), 60)
    out = capsys.readouterr().out
    assert "slow_error = out of time after 0 s" in out and "late_error = no time was left" in out
    assert report.named("failed") == ["slow_error", "late_error"]
    assert report.named("passed") == ["figure"]


@pytest.mark.parametrize(
    ("value", "state"), [(1.0, "passed"), (1.1, "failed"), (float("nan"), "failed"), (float("inf"), "failed")]
)
def test_a_bound_holds_for_numbers_alone(value, state):
    report = Report()
    report.check("figure", value, 1.0)
    assert report.named(state) == ["figure"]


def test_a_pipe_in_a_value_does_not_break_the_table(tmp_path):
    report = Report()
    report.say("odd", "a | b")
    report.write_markdown(tmp_path / "page.md")
    assert "| `odd` | a \\| b |  |  |" in (tmp_path / "page.md").read_text()
