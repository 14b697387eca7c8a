"""Wilson's interval against scipy and by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from aesthetic_pretraining.evaluation.statistics.proportions import wilson, with_shares


@pytest.mark.parametrize(("yes", "n"), [(0, 1), (1, 1), (0, 12), (5, 9), (74, 100), (12818, 12818), (1, 100000)])
@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_wilson_agrees_with_scipy(yes, n, confidence):
    expected = binomtest(yes, n).proportion_ci(confidence, method="wilson")
    assert wilson(yes, n, confidence) == pytest.approx(tuple(expected), abs=1e-12)


def test_nothing_asked_gives_no_interval_and_lists_work_at_once():
    low, high = wilson([0, 3], [0, 4])
    assert np.isnan([low[0], high[0]]).all()
    assert (low[1], high[1]) == pytest.approx((0.3006, 0.9544), abs=1e-4)  # by hand: (.75 + .4802 -+ .6410) / 1.9604


def test_shares_beside_their_counts():
    frame = with_shares(pd.DataFrame({"name": ["a", "b"], "right": [1, 0], "n": [2, 4]}), "right", "n")
    assert list(frame) == ["name", "right", "n", "share", "low", "high"]
    assert frame["share"].tolist() == [0.5, 0.0]
    assert (frame["low"] <= frame["share"]).all() and (frame["share"] <= frame["high"]).all()
