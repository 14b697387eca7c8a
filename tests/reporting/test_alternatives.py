"""What figures say of themselves in words: numbers by hand, and the words in the files."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sets import AVA
from test_diagnostics import draw
from test_figures import metrics, responses

from aesthetic_pretraining.reporting.captions import CAPTIONS
from aesthetic_pretraining.reporting.figures import alternatives, paper, style


def test_every_diagnostic_says_what_is_seen_and_not_its_caption():
    figures = draw(["ranking", "ranking_classification", "ranking_regression"])
    said = {name: figure.get_label() for name, figure in figures.items()}
    assert all(text.endswith(".") and any(c.isdigit() for c in text) for text in said.values()), said
    assert not {caption.text for caption in CAPTIONS.values()} & set(said.values())


def test_shares_are_said_one_by_one():
    frame = metrics(seeds=2)
    mean = frame.query("init == 'imagenet' and share == 60")["epochs"].mean()
    figure = paper.draw_figure5(frame, AVA)
    assert f"{mean:.0f} at 60 %" in figure.get_label() and "Ended by the cap: no network." in figure.get_label()


def test_medians_of_figure_4_are_said():
    frame = responses()
    value = frame.query("distortion == 'brightness' and level == -5")["brightness"].median()
    assert f"brightness output: median {value:.2f} at level -5" in paper.draw_figure4(frame).get_label()


def test_the_strongest_response_off_the_diagonal_is_named():
    cross = pd.DataFrame(
        [("tint", "tint", 0.5), ("tint", "contrast", -0.75), ("contrast", "contrast", 0.25), ("contrast", "tint", np.nan)],
        columns=["applied", "output", "correlation"],
    )
    assert alternatives.of_heatmap(cross) == (
        "Mean correlation on the diagonal 0.38; strongest off it: the output for contrast under tint, -0.75."
    )


def test_the_words_go_into_both_files(tmp_path):
    figure = paper.draw_figure2([np.zeros((8, 9, 3), np.uint8)] * 7)
    style.save(figure, tmp_path / "f.png", tmp_path / "f.pdf")
    with Image.open(tmp_path / "f.png") as image:
        assert image.info["Description"] == "A grid of 7 photos in 2 rows."
    assert b"A grid of 7 photos" in (tmp_path / "f.pdf").read_bytes()


@pytest.mark.parametrize(("parts", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_lists_read_as_sentences(parts, text):
    assert alternatives.listed(parts) == text
