"""Commit, dates, machine and duration of a run, from times by hand."""

import pytest

from aesthetic_pretraining.reporting import run_details
from aesthetic_pretraining.reporting.run_details import Making

NOON = 1_767_268_800.0  # 2026-01-01 12:00 UTC


def test_the_time_in_which_any_job_ran_is_counted_once():
    makings = [
        Making(NOON + 100, 100, "a"),
        Making(NOON + 150, 100, "a"),
        Making(NOON + 60, 10, "a"),
        Making(NOON + 400, 50, "b"),
    ]
    assert run_details.busy(makings) == 150 + 50
    assert run_details.terms("abc", makings) == [
        ("Commit", "abc"),
        ("Dates", "2026-01-01 12:00 to 2026-01-01 12:06 (UTC)"),
        ("Duration", "3 min 20 s in which at least one job ran"),
        ("Machine", "a; b"),
    ]


def test_where_nothing_was_made_nothing_is_made_up():
    assert "not known" in run_details.terms("abc", [])[1][1]


@pytest.mark.parametrize(("seconds", "words"), [(3.4, "3 s"), (303, "5 min 3 s"), (7500, "2 h 5 min")])
def test_durations_in_words(seconds, words):
    assert run_details.in_words(seconds) == words
