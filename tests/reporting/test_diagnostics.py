"""The figures beside the paper's draw the numbers they are given, leave out what was not trained, carry the note where votes enter."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from diagnostics_input import (
    NAMES,
    NOTE,
    PHOTOS,
    TASKS,
    Pictures,
    confusion,
    cross,
    draw,
    history,
    moves,
    photo_scores,
    predictions,
    premise,
    ranking,
)
from matplotlib.collections import PolyCollection
from matplotlib.text import Text
from sets import AVA, OASIS, PAPERS

from aesthetic_pretraining.distortions import DISTORTIONS
from aesthetic_pretraining.reporting import facts
from aesthetic_pretraining.reporting.captions import CAPTIONS, SECTIONS, basis
from aesthetic_pretraining.reporting.figures import photos, pretext, scores, training
from aesthetic_pretraining.reporting.figures.style import bins_of, save, words

REPORTS = Path(__file__).parents[2] / "workflow/report"


@pytest.fixture(scope="module")
def drawn():
    return draw()


def test_every_figure_has_a_caption_a_place_on_the_page_and_a_text_for_snakemakes_report(drawn):
    listed = [name for names in SECTIONS.values() for name in names]
    assert sorted(listed) == sorted(CAPTIONS)
    others = {"overview", "probes", "figure1", "figure2", "figure3", "figure4", "figure5"}  # of other rules
    assert set(drawn) == set(CAPTIONS) - others
    for name in drawn:
        assert len((REPORTS / f"{name}.rst").read_text().strip()) > 40
    rules = (REPORTS.parent / "rules/report.smk").read_text()
    lists = re.findall(r"DIAGNOSTICS \+?= \[(.*)\]", rules)
    assert set(", ".join(lists).replace('"', "").split(", ")) == set(drawn)


def texts(figure):
    """Every text on a figure, unfolded."""
    return [text.get_text().replace("\n", " ") for text in figure.findobj(Text)]


def test_figures_carry_the_note_where_votes_enter_and_nowhere_else(drawn):
    plain = draw(note="")
    for name, figure in drawn.items():
        assert any(NOTE in text for text in texts(figure)) == CAPTIONS[name].votes, name
        assert (figure.get_suptitle().replace("\n", " ") == NOTE) == (CAPTIONS[name].votes and not CAPTIONS[name].part), name
        figure.draw_without_rendering()
        assert not any("simulated" in text for text in texts(plain[name])), name


def test_figures_of_pretraining_say_what_they_rest_on_as_their_captions_do(drawn):
    histories = {(task, 1): history() for task in TASKS}
    for name in ("ranking_accuracy", "heatmap", "confusion", "learning_curves", "sensitivity"):
        above = drawn[name].subfigs[0] if name == "learning_curves" else drawn[name]
        words = above.get_suptitle().replace("\n", " ")
        assert words.startswith("Pretrained on 12 photos") and f"{facts.kept(history())['steps']:.0f} updates" in words
        assert basis(name, PHOTOS, histories, PAPERS.tested, "", "").startswith(words)


def test_the_note_stands_above_the_part_that_votes_enter(drawn):
    above, below = drawn["learning_curves"].subfigs
    assert NOTE in texts(below) and NOTE not in texts(above)
    assert [axes.get_title() for axes in drawn["premise"].axes] == [f"TID2013: {NOTE}", "survey"]
    alone = scores.draw_premise(premise(survey=False), note=NOTE, noted="TID2013")
    assert alone.get_suptitle().replace("\n", " ") == NOTE and alone.axes[0].get_title() == "TID2013"


def test_networks_that_were_not_trained_are_left_out():
    few = draw(["ranking_regression"])
    assert "confusion" not in few
    assert [axes.get_title() for axes in few["ranking_accuracy"].axes[:-1]] == ["ranking +\nregression"]
    assert len(few["learning_curves"].subfigs[0].axes) == 1
    assert [axes.get_title() for axes in few["scatter"].axes] == ["ImageNet", "ranking + regression"]
    for figure in few.values():
        figure.draw_without_rendering()


def test_the_heat_map_has_each_pair_in_its_cell(drawn):
    axes = drawn["heatmap"].axes[0]
    values = cross().set_index(["applied", "output"])["correlation"]
    shown = axes.images[0].get_array()
    for (applied, output), value in values.items():
        assert shown[NAMES.index(applied), NAMES.index(output)] == value
    printed = {tuple(map(round, text.get_position()[::-1])): float(text.get_text()) for text in axes.texts}
    assert len(printed) == (values.abs() >= pretext.WORTH_PRINTING).sum()
    for (row, column), number in printed.items():
        assert number == pytest.approx(shown[row, column], abs=0.0501)
    assert [label.get_text() for label in axes.get_yticklabels()] == [words(name) for name in NAMES]
    undefined = cross().assign(correlation=lambda f: f["correlation"].where(f["output"] != "tint"))
    assert np.ma.masked_invalid(pretext.draw_heatmap(undefined).axes[0].images[0].get_array()).mask.sum() == 21


def test_ranking_accuracy_has_each_step_in_its_cell(drawn):
    frame = ranking()
    for axes, task in zip(drawn["ranking_accuracy"].axes, TASKS, strict=False):
        levels = [int(label.get_text()) for label in axes.get_xticklabels()]
        shown = np.ma.masked_invalid(axes.images[0].get_array())
        assert levels == [-5, -4, -3, -2, -1, 1, 2, 3, 4, 5] and shown.count() == 171
        for row in frame[frame["task"] == task].itertuples():
            assert shown[NAMES.index(row.distortion), levels.index(row.level)] == row.share


def test_accuracy_by_level_against_a_loop(drawn):
    frame = confusion()
    accuracy = pretext.accuracy_by_level(frame).set_index(["aspect", "level"])
    for (aspect, level), row in accuracy.iterrows():
        mine = [r for r in frame.itertuples() if r.aspect == aspect and abs(r.level) == level]
        right = sum(r.photos for r in mine if r.applied == r.answered)
        assert row["share"] == pytest.approx(right / sum(r.photos for r in mine))
    assert accuracy["chance"].groupby("aspect").first().to_dict() == pytest.approx(
        {"technical": 1 / 6, "style": 1 / 9, "composition": 1 / 6}
    )
    line = drawn["confusion"].subfigs[0].axes[1].lines[0]
    assert list(line.get_ydata()) == list(accuracy.loc["style", "share"])


def test_confusion_matrices_are_shares_of_their_rows(drawn):
    frame = confusion()
    panels = [axes for part in drawn["confusion"].subfigs[1:] for axes in part.axes]
    assert {axes.get_title() for axes in panels} == {"technical", "style", "composition"}
    for axes in panels:
        aspect = axes.get_title()
        shown = axes.images[0].get_array()
        assert np.allclose(shown.sum(axis=1), 1)
        names = [name for name, d in DISTORTIONS.items() if d.aspect == aspect]
        rows = frame[frame["aspect"] == aspect]
        for i, applied in enumerate(names):
            given = rows[rows["applied"] == applied]
            for j, answered in enumerate(names):
                count = given.loc[given["answered"] == answered, "photos"].sum()
                assert shown[i, j] == pytest.approx(count / given["photos"].sum())


def test_learning_curves_are_the_histories_and_mark_the_first_free_epoch():
    finetuning = {("imagenet", 0, 1): history(6), ("imagenet", 0, 2): history(7), ("rotnet", 2, 1): history(5, free=9)}
    figure = training.draw_learning_curves({("rotnet", 1): history(4), ("rotnet", 2): history(3)}, finetuning)
    above, below = (part.axes[0] for part in figure.subfigs)
    assert [list(line.get_ydata()) for line in above.lines] == [
        list(history(n)[c]) for n in (4, 3) for c in ("train_loss", "val_loss")
    ]
    assert [text.get_text() for text in figure.subfigs[0].legends[0].texts] == ["training", "validation"]  # each once
    curves = [line for line in below.lines if len(line.get_xdata()) > 1]
    assert [list(line.get_ydata()) for line in curves] == [list(h["val_loss"]) for h in finetuning.values()]
    rings = [line.get_xydata()[0].tolist() for line in below.lines if len(line.get_xdata()) == 1]
    assert rings == [[3, h["val_loss"][2]] for (init, _, _), h in finetuning.items() if init == "imagenet"]
    assert [text.get_text() for text in figure.subfigs[1].legends[0].texts] == [
        "ImageNet",
        "first epoch of the whole network",
        "RotNet",
    ]


def test_scatter_and_histograms_show_every_picture(drawn):
    for (init, frame), axes in zip(predictions(("imagenet", *TASKS)).items(), drawn["scatter"].axes, strict=False):
        points = axes.lines[0].get_xydata()
        assert points.tolist() == frame[["target", "predicted"]].to_numpy().tolist(), init
        assert axes.get_xlim() == axes.get_ylim()
    frame, axes = predictions(("imagenet", *TASKS))["imagenet"], drawn["histograms"].axes[0]
    bars = [patch.get_height() for patch in axes.patches if hasattr(patch, "get_height")]
    outline = next(patch for patch in axes.patches if not hasattr(patch, "get_height")).get_xy()
    assert bars == np.histogram(frame["target"], bins_of(AVA))[0].tolist() and sum(bars) == 30
    assert set(outline[:, 1]) == {0, *np.histogram(frame["predicted"], bins_of(AVA))[0]}


def test_many_pictures_become_a_density():
    axes = scores.draw_scatter(predictions(("imagenet",), scores.MANY), AVA).axes[0]
    (cells,) = [c for c in axes.collections if isinstance(c, PolyCollection)]
    assert cells.get_array().sum() == scores.MANY


def test_extremes_and_their_pictures():
    frame = pd.DataFrame({"id": ["p3", "p1", "p2", "p4", "p5"], "predicted": [5.0, 5.0, 9.0, 1.0, 2.0], "target": 4.0})
    best, worst = scores.extremes(frame, 2)
    assert (list(best["id"]), list(worst["id"])) == (["p2", "p1"], ["p4", "p5"])
    assert [len(part) for part in scores.extremes(frame, 9)] == [2, 2]  # never one in both
    ends = [[(Pictures().pixels(row.id), row.predicted, row.target) for row in part.itertuples()] for part in (best, worst)]
    above, below = scores.draw_best_worst(*ends).subfigs
    assert [int(axes.images[0].get_array()[0, 0, 0]) for axes in (*above.axes, *below.axes)] == [2, 1, 4, 5]
    assert above.axes[0].get_title() == "9.00 (true 4.00)"


def test_the_premise_draws_the_shares_over_all_levels(drawn):
    above, below = drawn["premise"].axes
    assert [label.get_text() for label in above.get_yticklabels()] == ["JPEG", "Gaussian noise"]  # first one on top
    assert list(above.containers[0].lines[0].get_xdata()) == [4 / 8, 3 / 8]
    assert list(below.containers[0].lines[0].get_xdata()) == [7 / 8]
    assert [text.get_text() for text in drawn["premise"].legends[0].texts] == ["published", "here"]
    assert scores.draw_premise(premise(published=False)).legends == []


def test_the_photos_scores_are_averaged_over_seeds_and_the_share_stands_above(drawn):
    axes = drawn["photo_scores"].axes[0]
    assert sum(bar.get_height() for bar in axes.patches) == 4
    assert axes.get_title().startswith("75% above 5 [") and axes.get_title().endswith("paper: 88%")


def test_classes_are_named_by_frequency_and_all_are_drawn(drawn):
    left, right, *other = drawn["photo_classes"].axes
    widths = [bar.get_width() for bar in left.patches]
    assert widths == sorted(widths) and widths[-1] == 15 and len(widths) == 20
    assert left.get_yticklabels()[-1].get_text() == "class 0"
    assert left.get_title() == "net: the 20 most frequent of 25 classes"
    assert [bar.get_height() for bar in right.patches] == [15, *[1] * 24]
    assert other[0].get_title() == "eye: the 0 most frequent of 0 kinds of objects"


def test_the_features_moves_stand_where_the_table_has_them(drawn):
    table = moves(["imagenet", *TASKS])
    style = drawn["sensitivity"].axes[1]
    assert style.get_title() == "style" and len(style.containers) == 4
    wanted = table[(table["init"] == "imagenet") & (table["aspect"] == "style") & (table["level"] == "all")]
    np.testing.assert_allclose(style.containers[0].lines[0].get_xdata().astype(float), wanted["distance"])
    assert [t.get_text() for t in style.get_yticklabels()][-1] == "all"


def test_axes_follow_the_scale_of_the_set():
    frames = {init: frame / 1.5 for init, frame in ((k, f[["target", "predicted"]]) for k, f in predictions().items())}
    line = scores.draw_scatter(frames, OASIS).axes[0].lines[-1]
    assert list(line.get_xdata()) == [1, 7] and bins_of(OASIS)[0] == 1 and bins_of(OASIS)[-1] == 7
    figure = scores.draw_histograms(frames, OASIS)
    assert figure.axes[0].get_ylabel() == "OASIS images" and figure.axes[0].get_xlim()[1] <= 7
    given, shares = photo_scores()
    axes = photos.draw_photo_scores(given, shares.assign(published=np.nan), OASIS).axes[0]
    assert axes.get_xlim() == (1, 7) and axes.lines[0].get_xdata()[0] == 4
    assert "above 4 [" in axes.get_title() and "paper" not in axes.get_title()


def test_a_dollar_in_a_name_that_people_chose_is_no_formula(tmp_path):
    odd = replace(OASIS, title=r"$\nothing{$ <b>")
    given = premise().replace({"Gaussian noise": r"tint $\nothing{$"})
    figures = draw(premise=given, scale=odd)
    for name in ("premise", "scatter", "histograms", "photo_scores"):
        assert any("nothing{$" in text for text in texts(figures[name])), name
        save(figures[name], tmp_path / f"{name}.png")  # matplotlib would refuse the formula here


def test_without_a_premise_there_is_no_figure_of_it():
    assert "premise" not in draw(premise=None)
