"""The learning-rate search: the rates, the curve it writes, and where it ends."""

import dataclasses

import numpy as np
import pandas as pd
import pretraining
import pytest
from pretraining import TASK

from aesthetic_pretraining.distortions.variants import Variants
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.reporting.figures.training import draw_rate_search
from aesthetic_pretraining.training.lr_finder import SearchConfig, rates, search_rate

CONFIG = dataclasses.replace(pretraining.CONFIG, contrast_batch=2, frozen_steps=9, learning_rate=1e-4)


@pytest.fixture(scope="module")
def search(photo_store, backbone_file):
    """search(folder, **changes of the search) -> the curve as written, which is the one returned."""

    def run(folder, **changes):
        curve = search_rate(
            "rotnet", TASK, CONFIG, dataclasses.replace(SearchConfig(1e-6, 1e-3, 6), **changes), Variants(photo_store, 32, "published"),
            train=["wide", "folder/tall", "square"], start=backbone_file, out_csv=folder / "rotnet.csv",
        )  # fmt: skip
        written = pd.read_csv(folder / "rotnet.csv")
        pd.testing.assert_frame_equal(written, curve, rtol=1e-5)
        return written

    return run


def test_rates_rise_by_equal_factors():
    assert rates(SearchConfig(1e-6, 1e-2, 5)) == pytest.approx([1e-6, 1e-5, 1e-4, 1e-3, 1e-2])


def test_the_curve_has_each_rate_once_and_is_the_same_again(search, tmp_path):
    curve = search(tmp_path / "one")
    assert list(curve) == ["step", "learning_rate", "loss"]
    assert curve["step"].tolist() == [1, 2, 3, 4, 5, 6]  # three photos in batches of two: it went on from the beginning
    np.testing.assert_allclose(curve["learning_rate"], np.geomspace(1e-6, 1e-3, 6), rtol=1e-6)
    assert curve["loss"].between(0.01, 20).all()
    search(tmp_path / "other")
    assert (tmp_path / "one/rotnet.csv").read_bytes() == (tmp_path / "other/rotnet.csv").read_bytes()


def test_each_loss_is_taken_before_the_step_of_its_rate(search, tmp_path):
    ranges = ((1e-30, 1.01e-30), (1e-30, 1e-2), (0.99e-2, 1e-2))
    still, last, all_high = (search(tmp_path, lowest=low, highest=high, steps=3)["loss"] for low, high in ranges)
    assert last.tolist() == still.tolist()  # only its last rate moves the weights, after the last loss
    assert all_high[0] == still[0] and all_high[1] != still[1]


def test_it_ends_where_the_loss_breaks_away(search, tmp_path):
    curve = search(tmp_path, lowest=1e8, highest=1e10, steps=20)
    assert len(curve) < 5


def test_a_range_upside_down_is_refused(search, tmp_path):
    with pytest.raises(UserError, match=r"search\.lowest"):
        search(tmp_path, lowest=1.0)


def test_the_figure_shows_the_curve_and_marks_the_rate_in_use():
    history = pd.DataFrame({"learning_rate": [1e-4, 1e-3, 1e-2], "loss": [2.0, 1.0, np.nan]})
    (axes,) = draw_rate_search(history, task="ranking", chosen=3e-4).axes
    curve, mark = axes.get_lines()
    assert curve.get_xdata().tolist() == history["learning_rate"].tolist()
    assert curve.get_ydata()[:2].tolist() == [2, 1]
    assert set(mark.get_xdata()) == {3e-4}
    assert axes.get_xscale() == "log"
