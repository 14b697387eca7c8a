"""What results of pretraining say of themselves: photos and updates of the run, and a mark only where votes enter."""

import pandas as pd
import pytest
from sets import ALONE, PAPERS

from aesthetic_pretraining.reporting import facts
from aesthetic_pretraining.reporting.captions import CAPTIONS, basis, caption_of, mark

NOTE = "demo: simulated votes"
VOTES = {"figure3", "figure5", "scatter", "histograms", "best_worst", "premise", "learning_curves", "photo_scores", "probes"}
LISTED = {"photos: listed": 49}
COUNTS = {"photos: labels": 28, "photos: test": 4, "photos: train": 12, "photos: val": 5, "ava: test": 1234, "ava: val": 99}


def history(*losses, steps=12):
    return pd.DataFrame(
        {"epoch": range(1, len(losses) + 1), "steps": [steps * k for k in range(1, len(losses) + 1)], "val_loss": losses}
    )


SEVERAL = {
    ("ranking", 1): history(3.0, 1.0),
    ("ranking", 2): history(1.0, 2.0),
    ("rotnet", 1): history(1.0, steps=2500),
}


def test_roles_are_counted():
    split = pd.DataFrame({"id": list("abcdef"), "split": ["train", "test", "train", "labels", "val", "train"]})
    assert facts.roles("photos", split) == {"photos: labels": 1, "photos: test": 1, "photos: train": 3, "photos: val": 1}


def test_updates_are_those_of_the_kept_weights():
    """The kept epoch is the one with the lowest validation loss, of equal ones the last (pretrain keeps at <=)."""
    assert facts.kept(history(3.0, 1.0, 2.0))["epoch"] == 2
    assert facts.kept(history(3.0, 1.0, 1.0))["epoch"] == 3
    assert facts.updates({("ranking", 1): history(3.0, 1.0, 2.0)}) == "24 updates"
    assert facts.updates({("ranking", 1): history(3.0, 1.0), ("rotnet", 1): history(2.0, 1.0)}) == "24 updates each"
    assert facts.updates({("ranking", 1): history(3.0, 1.0), ("ranking", 2): history(2.0, 1.0)}) == "24 updates each"
    assert facts.updates(SEVERAL) == "updates: 12 to 24 (ranking), 2,500 (RotNet)"


def test_histories_are_read_by_network(tmp_path):
    paths = [tmp_path / f"{name}.csv" for name in ("ranking/seed1", "ranking/seed2", "simclr/seed1")]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        history(2.0, 1.0).to_csv(path, index=False)
    found = facts.read(paths)
    assert list(found) == [("ranking", 1), ("ranking", 2), ("simclr", 1)] and facts.updates(found) == "24 updates each"


def test_sentences():
    histories = {("ranking", 1): history(2.0, 1.0)}
    assert facts.judged(COUNTS, histories) == (
        "Pretrained on 12 photos, 24 updates; evaluated on 4 others (test); no labels used."
    )
    assert facts.trained(COUNTS, histories) == ("Pretrained on 12 photos, validated on 5 others, 24 updates; no labels used.")
    assert facts.pretrained(COUNTS, histories) == "Pretrained on 12 photos, 24 updates; no labels used."
    assert "updates: 24 (ranking), 2,500 (RotNet); no label" in facts.pretrained(COUNTS, SEVERAL)
    # figures and claims look at a task's first pretraining, learning curves at all
    assert facts.judged(COUNTS, SEVERAL).startswith("Pretrained on 12 photos, updates: 24 (ranking), 2,500 (RotNet); evaluated")
    assert "updates: 12 to 24 (ranking), 2,500 (RotNet); no label" in facts.trained(COUNTS, SEVERAL)
    assert facts.shown(1, COUNTS, "test") == "1 of the run's 4 test photos; no labels used."
    assert facts.shown(24, COUNTS) == "24 of the run's 49 photos; no labels used."
    assert facts.shown(1, {"photos: test": 1}, "test") == "1 of the run's 1 test photo; no labels used."


def test_marks_stand_where_votes_enter_and_nowhere_else():
    assert {name for name in CAPTIONS if mark(name, NOTE)} == VOTES
    assert mark("figure3", NOTE) == NOTE
    assert mark("learning_curves", NOTE) == f"below: {NOTE}" and mark("premise", NOTE) == f"TID2013: {NOTE}"
    assert mark("a figure of somebody else", NOTE) == NOTE
    assert not any(mark(name, "") for name in CAPTIONS)


@pytest.mark.parametrize("name", CAPTIONS)
def test_every_caption_says_what_it_rests_on(name):
    tasks = ("rotnet", "ranking", "ranking_classification", "ranking_regression")
    histories = {(task, 1): history(2.0, 1.0) for task in tasks}
    text = basis(name, COUNTS | LISTED, histories, PAPERS.tested, "With seeds.", "Without seeds.")
    caption = CAPTIONS[name]
    assert text.endswith("With seeds." if caption.votes else "Without seeds.")
    assert ("no labels used" in text) == (not caption.votes or name == "learning_curves")
    if name in ("figure4", "heatmap", "confusion", "ranking_accuracy"):
        each = " each" if name == "ranking_accuracy" else ""
        assert text.startswith(f"Pretrained on 12 photos, 24 updates{each}; evaluated on 4 others (test)")
    if name in ("figure1", "overview"):
        assert text.startswith("4 photos (test)")
    if name in ("photo_scores", "photo_classes"):
        assert text.startswith("21 photos (train, val, test)")
    if name == "sensitivity":
        assert text.startswith("Pretrained on 12 photos, 24 updates each; no labels used.")


def test_figures_of_some_photos_say_of_how_many():
    """The report's counts hold the listed photos beside those of each role, which are not to be counted twice."""
    counts = COUNTS | LISTED
    for name, words in (("figure1", "1 of the run's 4 test photos"), ("figure2", "24 of the run's 49 photos")):
        text = basis(name, counts, {}, PAPERS.tested, "", "Without seeds.", {"figure1": 1, "figure2": 24})
        assert text == f"{words}; no labels used. Without seeds."


def test_captions_name_the_ablations_that_the_figure_draws():
    """Another number of updates than that of the paper's tasks shows which networks a caption counts."""
    histories = {
        ("ranking", 1): history(1.0),
        ("rotnet", 1): history(1.0),
        ("ranking_margin_04", 1): history(2.0, 1.0),
        ("ranking_aspects", 1): history(3.0, 2.0, 1.0),  # no single score, so no ranking accuracy
    }
    accuracy = basis("ranking_accuracy", COUNTS, histories, PAPERS.tested, "", "")
    assert "updates: 12 (ranking), 24 (ranking, margin 0.4);" in accuracy
    curves = basis("learning_curves", COUNTS, histories, PAPERS.tested, "", "")
    assert "updates: 12 (ranking), 12 (RotNet), 24 (ranking, margin 0.4), 36 (ranking, a score per aspect);" in curves


def test_images_of_folds_are_counted_as_tested():
    counts = COUNTS | {"oasis: fold": 600, "oasis: val": 120}
    assert basis("figure3", counts, {}, ALONE.tested, "With seeds.", "") == (
        "600 OASIS images (each the test image of one fold). With seeds."
    )
    assert basis("figure5", counts, {}, ALONE.tested, "With seeds.", "") == "120 OASIS images (val). With seeds."
    assert "on the OASIS test set" in caption_of("figure3", ALONE.home).text
    assert "above 4 with" in caption_of("photo_scores", ALONE.home).text
    assert "first fold" in caption_of("learning_curves", ALONE.home).text
    assert "fold" not in caption_of("learning_curves", PAPERS.home).text


@pytest.mark.parametrize("name", CAPTIONS)
def test_no_caption_keeps_a_placeholder_or_another_set(name):
    caption = caption_of(name, ALONE.home)
    assert "{" not in caption.text + caption.pictures and "AVA" not in caption.text
