"""Table 2 on other sets than the paper's: one with folds alone, and three with scales of their own."""

import re

import numpy as np
import pytest
from sets import ALONE, OASIS, PAPERS, THREE, TID2013
from table2_models import PAPER, PUBLISHED, build, made_up, markdown_cells

from aesthetic_pretraining.evaluation.statistics.intervals import IntervalConfig, estimate
from aesthetic_pretraining.reporting import table2, table2_print, verdicts
from aesthetic_pretraining.settings.labels import LabelledSet, Labels

REASONS = {"votes": "networks trained on OASIS instead of AVA", "pretext": ""}


def attached(labels):
    frame, predictions = made_up(labels=labels)
    table = table2.build(frame, predictions, PUBLISHED, labels.tested)
    values = estimate(predictions, IntervalConfig(200, 0.95, "seeds_and_images", 1), labels)[0]
    return verdicts.attach(table, values, frame, 0.95, REASONS)


@pytest.mark.parametrize("labels", [ALONE, THREE, PAPERS])
def test_a_table_says_which_sets_it_is_about(labels, tmp_path):
    table = build(labels=labels)
    table2_print.write(table, tmp_path / "table2.csv")
    for each in (table, table2.read(tmp_path / "table2.csv")):
        assert table2.sets_of(each) == labels.tested
        assert [column.name for column in table2.columns(each) if column.name.endswith("_acc")] == [f"{labels.home.name}_acc"]


def test_one_set_has_columns_of_its_own_alone():
    text = table2_print.to_markdown(build(labels=ALONE))
    assert text.startswith("| Pretext task | Epochs | Best epoch | OASIS LCC↑ | OASIS SRCC↑ | OASIS ACC↑ | OASIS MAE↓ |\n")
    assert "60 OASIS images, 100 % of the training labels; OASIS's are predicted in 4 folds" in text
    assert "On OASIS, always predicting the majority class gives ACC" in text
    assert "Bonferroni-corrected for 5 comparisons" in text
    assert "without rescaling" not in text and not re.search("AVA|TID2013|47 %", text)


def test_nothing_of_the_paper_stands_beside_another_set():
    table = build(labels=ALONE)
    published = [name for name in table if name.endswith("_published")]
    assert len(published) == 7 and table[published].isna().all(axis=None)  # six columns, and whether the error is significant
    assert set(attached(ALONE).filter(like="_verdict").to_numpy().ravel()) == {verdicts.UNPUBLISHED}
    assert "is in the 95 % prediction interval" not in verdicts.to_markdown(attached(ALONE))
    # the paper's TID2013 stays beside it, but its epochs are of networks trained on AVA
    three = build(labels=THREE)
    assert three["tid2013_lcc_published"].notna().all() and three["epochs_published"].isna().all()


def test_each_other_set_has_its_own_scale_in_the_notes():
    frame, predictions = made_up(labels=THREE)
    table = table2.build(frame, predictions, PUBLISHED, THREE.tested)
    text = table2_print.to_markdown(table)
    assert (
        "TID2013 MAE compares predictions on 1 to 7 with opinion scores on 0 to 9 without rescaling, as the published" in text
    )
    assert "My & own MAE compares predictions on 1 to 7 with opinion scores on 0 to 100 without rescaling; with" in text
    errors = [
        np.abs(predictions[run]["target"] - 100 * (predictions[run]["predicted"] - 1) / 6).mean()
        for run in predictions
        if (run.init, run.dataset) == ("rotnet", "mine")
    ]
    assert f"RotNet {errors[0]:.4f}" in text.split("My & own MAE compares")[1]
    assert "60 OASIS, 60 TID2013 and 60 My & own images" in text
    tex = table2_print.to_latex(table)
    assert r" & & & \multicolumn{4}{c}{OASIS} & \multicolumn{3}{c}{TID2013} & \multicolumn{3}{c}{My \& own} \\" in tex
    assert r"\begin{tabular}{lrrrrrrrrrrrr}" in tex
    assert {len(cells) for cells in markdown_cells(table).values()} == {12}
    assert [len(texts) for _, texts in table2_print.tests(table)] == [3] * 5


def test_sets_on_one_scale_need_no_rescaling():
    same = Labels(OASIS, (OASIS, LabelledSet("near", "Near", 1, 7, 5, 4)), False)
    assert "without rescaling" not in table2_print.to_markdown(build(labels=same))


def test_rows_that_are_no_pretext_task_of_the_paper_have_a_title():
    assert "| ranking + regression, batch norm |" in table2_print.to_markdown(
        build(inits=[*PAPER, "ranking_regression_batch_norm"])
    )
    assert TID2013 in table2.sets_of(build())
