"""The demo's results, once `make demo` has run: they move, they are complete, and they say that the votes are simulated."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr, wilcoxon

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "results/demo"
PAPER_ROWS = ["imagenet", "rotnet", "simclr", "ranking", "ranking_classification", "ranking_regression"]


@pytest.fixture(autouse=True)
def demo():
    if not (RESULTS / "report.html").exists():
        assert not os.environ.get("REQUIRE_DEMO"), "the demo has not run, although this test run needs it"
        pytest.skip("no results of the demo here: run 'make demo' first")


def first(init):
    """Which pretraining of an initialisation is looked at."""
    return "pretraining0" if init == "imagenet" else "pretraining1"


@pytest.mark.parametrize("init", PAPER_ROWS)
def test_networks_beat_a_constant_prediction(init):
    """On the test images, against the mean of the training votes."""
    summary = json.loads((ROOT / f"models/demo/finetuned/{init}/share100_{first(init)}_seed1.json").read_text())
    table = pd.read_parquet(RESULTS / f"predictions/{init}/share100_{first(init)}_seed1/ava.parquet")
    ours, constant = (table["target"] - table["predicted"]).abs(), (table["target"] - summary["train_mean"]).abs()
    assert ours.mean() < 0.95 * constant.mean()
    # a constant has no order at all
    assert spearmanr(table["target"], table["predicted"], alternative="greater").pvalue < 0.001
    assert wilcoxon(ours, constant, alternative="less").pvalue < 0.001


def test_the_constant_is_the_mean_of_the_training_votes():
    """Recomputed from the simulated AVA itself."""
    ledger = pd.read_csv(ROOT / "data/demo/ava/ledger.csv", dtype={"id": str}).set_index("id")
    split = pd.read_csv(ROOT / "data/demo/ava/split.csv", dtype={"id": str}).set_index("id")["split"]
    votes = ledger[[f"v{s}" for s in range(1, 11)]].to_numpy()
    score = pd.Series(votes @ np.arange(1, 11) / votes.sum(axis=1), index=ledger.index)
    train, test = score[split[split == "train"].index], score[split[split == "test"].index]
    constant = np.abs(test - train.mean()).mean()
    metrics = pd.read_csv(RESULTS / "metrics/metrics.csv")
    assert np.allclose(metrics["ava_constant_mae"], constant, atol=1e-4)


def test_no_source_photo_serves_two_purposes():
    ledger = pd.read_csv(ROOT / "data/demo/photos/ledger.csv").set_index("id")
    split = pd.read_csv(ROOT / "data/demo/photos/split.csv").set_index("id")["split"]
    assert set(split) == {"train", "val", "test", "labels"}
    assert ledger.loc[split.index].groupby("sha256").apply(lambda rows: split[rows.index].nunique()).max() == 1
    ava = pd.read_csv(ROOT / "data/demo/ava/split.csv", dtype={"id": str})
    assert ava.groupby(ava["id"].str[:-3])["split"].nunique().max() == 1  # the number of the source photo heads the id


def test_table_has_the_papers_rows_and_columns_and_every_page_its_note():
    table = pd.read_csv(RESULTS / "tables/table2.csv")
    assert list(table["init"]) == PAPER_ROWS
    for column in ("epochs", "ava_lcc", "ava_srcc", "ava_acc", "ava_mae", "tid2013_lcc", "tid2013_srcc", "tid2013_mae"):
        assert table[column].notna().all()
        assert f"{column}_published" in table
    names = [
        "table2.csv",
        "table2.md",
        "table2.tex",
        "table2_verdicts.md",
        "claims.csv",
        "claims.md",
        "probes.csv",
        "probes.md",
    ]
    for name in (*(f"tables/{name}" for name in names), "report.html"):
        assert "demo: simulated votes" in (RESULTS / name).read_text(), name
    figures = {f"figure{n}" for n in range(1, 6)} | {"heatmap", "ranking_accuracy", "confusion", "learning_curves", "premise"}
    for name in figures | {"scatter", "histograms", "best_worst", "probes"}:
        assert (RESULTS / f"figures/{name}.png").stat().st_size > 5000
        assert b"%PDF" in (RESULTS / f"figures/{name}.pdf").read_bytes()[:8]


def test_what_no_vote_enters_is_another_experiment_for_other_reasons_and_carries_no_mark():
    claims = pd.read_csv(RESULTS / "tables/claims.csv", keep_default_na=False).set_index("id")
    page = (RESULTS / "report.html").read_text()
    for claim in ("brightness_is_read", "contrast_falls_with_brightness", "technical_is_easiest", "baselines_blind_to_style"):
        verdict, reason, ours = claims.loc[claim, ["verdict", "reason", "ours"]]
        assert verdict == "another experiment" and ours
        assert "64 pixels instead of 224" in reason and "votes" not in reason
    assert "simulated votes" in claims.loc["better_than_imagenet", "reason"]
    for name, marked in {"figure3": True, "scatter": True, "figure4": False, "heatmap": False, "confusion": False}.items():
        caption = page[page.index(f'id="{name}"') :].split("<figcaption>")[1].split("</figcaption>")[0]
        assert ("simulated votes" in caption) == marked, name


def test_the_pretext_networks_have_learned_something():
    """On test photos, in inference mode; with four of them, intervals over photos are wide (docs/learning.md)."""
    table = pd.read_csv(RESULTS / "metrics/pretraining.csv").set_index("task")
    ranked = table["ranking_accuracy"].dropna()
    assert len(ranked) == 3 and (ranked > 0.55).all()
    assert table.loc["ranking", "ranking_low"] > 0.5
    assert (table["weights_moved"] > 0).all() and (table["statistics_moved"] == 0).all()  # frozen batch normalisation
    confusion = pd.read_csv(RESULTS / "metrics/confusion.csv")
    for aspect in ("technical", "style"):
        rows = confusion[confusion["aspect"] == aspect]
        right, asked = rows["photos"][rows["applied"] == rows["answered"]].sum(), rows["photos"].sum()
        assert right / asked > 1.5 / rows["applied"].nunique()


def test_figures_3_and_5_have_every_share():
    metrics = pd.read_csv(RESULTS / "metrics/metrics.csv")
    for init in ("imagenet", "ranking_regression"):
        assert set(metrics[metrics["init"] == init]["share"]) == {20, 40, 60, 80, 100}


def test_figure_4_and_its_summaries_rest_on_the_same_answers():
    answers = pd.read_parquet(RESULTS / "metrics/responses.parquet")
    photos = pd.read_csv(ROOT / "data/demo/photos/split.csv").query("split == 'test'")["id"]
    assert set(answers["photo"]) == set(photos) and len(answers) == len(photos) * (171 + 21)
    cross = pd.read_csv(RESULTS / "metrics/cross_responses.csv").set_index(["applied", "output"])
    shown = answers[answers["distortion"] == "brightness"].pivot(index="photo", columns="level", values="contrast")
    centred = shown.sub(shown.mean(axis=1), axis=0)
    levels = np.tile(shown.columns, len(shown))
    assert np.isclose(
        np.corrcoef(levels, centred.to_numpy().ravel())[0, 1], cross.loc[("brightness", "contrast"), "correlation"], atol=1e-4
    )


def test_early_stopping_or_the_cap_ended_each_training_and_the_table_tells_which():
    """Most end at the cap: with less patience, a network that would have gone on learning was stopped (docs/learning.md)."""
    metrics = pd.read_csv(RESULTS / "metrics/metrics.csv")
    for row in metrics.itertuples():
        name = f"share{row.share}_pretraining{row.pretraining}_seed{row.seed}.json"
        summary = json.loads((ROOT / "models/demo/finetuned" / row.init / name).read_text())
        assert (row.epochs, bool(row.capped)) == (summary["epochs"], summary["stopped"] == "cap")
    assert 0 < metrics["capped"].mean() < 1


def test_the_report_loads_nothing_from_elsewhere():
    page = (RESULTS / "report.html").read_text()
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
