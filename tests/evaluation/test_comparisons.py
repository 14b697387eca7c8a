"""Claims of many comparisons: by hand, and by how often a true claim is refuted."""

import numpy as np
import pytest
from scipy import stats

from aesthetic_pretraining.evaluation.statistics.comparisons import UNMEASURED, Quantity, count


def test_simultaneous_intervals_by_the_tables():
    # t with 4 degrees of freedom: 2.776 at 95 %, 4.604 at 99 %: five comparisons
    found = Quantity(1.0, 1 - 2.776445, 1 + 2.776445, 4).simultaneous(5, 0.95)
    assert (found.low, found.high) == pytest.approx((1 - 4.604095, 1 + 4.604095), abs=1e-5)
    assert Quantity(0.0, -1.959964, 1.959964).simultaneous(1, 0.95)[:3] == pytest.approx((0, -1.959964, 1.959964))
    # an interval that is not symmetric keeps its shape
    assert Quantity(0.0, -1.0, 3.0).simultaneous(21, 0.95).low * -3 == Quantity(0.0, -1.0, 3.0).simultaneous(21, 0.95).high


def test_all_need_no_correction_and_one_does():
    above, below = Quantity(1.0, 0.1, 1.9), Quantity(-1.0, -1.9, -0.1)
    assert count([above] * 21, 0.95, "better").all_above
    one = count([*[above] * 20, below], 0.95, "better")
    assert not one.all_above and not one.some_below and one.share == pytest.approx(20 / 21)
    assert one.words == "20 of 21 better, 20 beyond noise; 1 the other way beyond noise, 0 of them corrected for 21 comparisons"
    assert count([below], 0.95, "better").some_below
    assert count([*[above] * 20, Quantity(-3.0, -3.9, -2.1)], 0.95, "better").some_below


def test_what_is_not_measured_and_what_the_noise_is_of():
    found = count([Quantity(1.0, 0.5, 2.0, 4, "images"), UNMEASURED], 0.95, "better")
    assert found.words == "1 of 2 better, 1 beyond noise; 1 not measured; interval over images only"
    assert not found.measured and np.isnan(found.share)
    assert "alone" not in count([Quantity(1.0, 0.5, 2.0, 4, "seeds and images")], 0.95, "better").words


def test_a_claim_that_is_just_true_is_seldom_refuted():
    """21 quantities that are 0: each interval misses in 5 %, one of 21 is wholly below 0 in about 40 %, corrected in 2.5 % at most."""
    rng, refuted, naive = np.random.default_rng(0), 0, 0
    half = stats.norm.ppf(0.975)
    for _ in range(1000):
        values = rng.normal(0, 1, 21)
        found = [Quantity(v, v - half, v + half) for v in values]
        refuted += count(found, 0.95, "better").some_below
        naive += (values + half < 0).any()
    assert naive > 300 and refuted <= stats.binom.ppf(0.999, 1000, 0.025)
