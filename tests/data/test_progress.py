"""Progress of long jobs: a line at each tenth at most, none from short jobs."""

import logging

import pytest

from aesthetic_pretraining.data import progress


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_long_job_says_each_tenth_with_rate_and_time_left(clock, caplog):
    one = progress.Progress("shard 3", 1000, "pictures")
    with caplog.at_level(logging.INFO, "aesthetic_pretraining"):
        for _ in range(1000):
            clock[0] += 0.5
            one.step()
    assert len(caplog.messages) == 10
    assert caplog.messages[0] == "shard 3: 100 of 1000 pictures  2/s  450 s left"
    assert caplog.messages[-1] == "shard 3: 1000 of 1000 pictures  2/s  0 s left"


def test_a_short_job_says_nothing_and_steps_may_be_long(clock, caplog):
    with caplog.at_level(logging.INFO, "aesthetic_pretraining"):
        short = progress.Progress("x", 20, "photos")
        for _ in range(20):
            clock[0] += progress.SECONDS / 21
            short.step()
        assert caplog.messages == []
        progress.Progress("nothing to do", 0, "photos")
        clock[0] += 100
        coarse = progress.Progress("y", 8, "photos")
        for _ in range(2):
            clock[0] += 20
            coarse.step(4)
    assert caplog.messages == ["y: 4 of 8 photos  0.2/s  20 s left", "y: 8 of 8 photos  0.2/s  0 s left"]
