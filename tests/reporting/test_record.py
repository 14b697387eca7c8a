"""The record of a run on real ratings: what goes into git, and the texts that are generated from it alone."""

import json
import re
import subprocess

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sets import ALONE
from table2_models import PUBLISHED, made_up

import readme
import record
import record_page
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.statistics.intervals import IntervalConfig, estimate
from aesthetic_pretraining.reporting import claims, table2, table2_print, verdicts
from aesthetic_pretraining.reporting.claim_evidence import Evidence

REASONS = {"votes": "networks trained on OASIS instead of AVA, 96 pixels instead of 224", "pretext": "96 pixels instead of 224"}
FACTS = {
    "scale": "oasis", "commit": "0123456789abcdef", "machine": ["processor: some"], "card": "", "minutes": 61.4,
    "comparison_minutes": None, "cores": 2, "load": 2.1,
    "pretraining_seeds": [1], "finetuning_seeds": [1, 2, 3, 4, 5], "image_size": 96, "backbone": "efficientnet_lite0",
    "photo_sources": ["bsds500"], "licences": {"oasis": "free for research"},
    "images": {"oasis: fold": 600, "oasis: val": 120, "photos: train": 300, "photos: val": 40},
}  # fmt: skip


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """results/oasis/tables and metrics of a made-up run, in which ranking and ranking + regression are much better."""
    out = tmp_path_factory.mktemp("run") / "results/oasis"
    for folder in ("tables", "metrics", "figures"):
        (out / folder).mkdir(parents=True)
    frame, predictions = made_up(labels=ALONE, seeds=(1, 2, 3))
    values, differences = estimate(predictions, IntervalConfig(200, 0.95, "seeds_and_images", 1), ALONE)
    table = table2.build(frame, predictions, PUBLISHED, ALONE.tested, references=["Below ImageNet + ridge: RotNet (0.1)."])
    table = verdicts.attach(table, values, frame, 0.95, REASONS)
    table2_print.write(table, out / "tables/table2.csv", out / "tables/table2.md")
    verdicts.write(table, out / "tables/table2_verdicts.md")
    listed = [{"id": "better_than_imagenet", "place": "abstract", "claim": "Each beats ImageNet on every metric of {sets}.", "published": "all",
               "compute": "better", "with": {"inits": ["ranking", "ranking_regression"], "others": ["imagenet"], "columns": ["home_srcc"]}}]  # fmt: skip
    evidence = Evidence(table, differences, frame, pd.DataFrame(), pd.DataFrame(), 0.95, PUBLISHED)
    claims.write(claims.check(listed, evidence), out / "tables/claims.csv", out / "tables/claims.md")
    (out / "tables/probes.csv").write_text("init\n")
    (out / "tables/probes.md").write_text("the probes\n")
    for name in record.METRICS:
        (out / "metrics" / name).write_text("a,b\n1,2\n")
    (out / "metrics/references.csv").write_text(
        "reference,split,metric,value,low,high,pictures\nimagenet_ridge,test,srcc,0.5,0.4,0.6,60\nconstant,test,mae,1,,,60\n"
    )
    differences.assign(other_share=[100, *[20] * (len(differences) - 1)]).to_csv(out / "metrics/differences.csv", index=False)
    noise = np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)
    Image.fromarray(noise).save(out / "figures/figure3.png")
    Image.fromarray(noise[:9, :9]).save(out / "figures/figure1.png")
    return out


@pytest.fixture
def root(tables, tmp_path, monkeypatch):
    """A project with that run, at a known commit."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results/oasis").symlink_to(tables)
    split = tmp_path / "data/oasis/oasis/split.csv"
    split.parent.mkdir(parents=True)
    split.write_text("id,split,fold\na,fold,1\nb,fold,2\nc,val,\n")
    (tmp_path / "logs/oasis").mkdir(parents=True)
    (tmp_path / "logs/oasis/wall.json").write_text('{"seconds": 3690.0, "comparisons": 0, "cores": 2, "load": 2.1}')
    monkeypatch.setattr(record, "commit", lambda root, scale, rows: "0123456789abcdef")
    params = {"pretrain": {"seeds": [1]}, "finetune": {"seeds": [1, 2]}, "image": {"size": 96}, "backbone": {"name": "net"}}
    params |= {
        "photos": {"sources": ["bsds500"]},
        "labels": {"source": "real", "test_on": ["oasis"]},
        "sets": {"oasis": {"licence": "free"}},
    }
    monkeypatch.setattr(record, "load", lambda path: {})
    monkeypatch.setattr(record, "resolve", lambda params_: params)
    return tmp_path


def test_small_results_are_kept_and_photos_are_not(root, tables):
    record.main(root, ["oasis", "--card", "H100"])
    kept = root / "results/record/oasis"
    names = {path.name for path in kept.iterdir()}
    assert names == {*record.TABLES, *record.METRICS, "differences.csv", "figure3.png", "record.json", "captions.json"}
    assert (kept / "table2.csv").read_bytes() == (tables / "tables/table2.csv").read_bytes()
    assert len(pd.read_csv(kept / "differences.csv")) == 1  # with all labels
    facts = json.loads((kept / "record.json").read_text())
    assert facts["images"] == {"oasis: fold": 2, "oasis: val": 1} and facts["card"] == "H100"
    assert facts["minutes"] == 61.5 and facts["comparison_minutes"] is None
    assert facts["commit"] == "0123456789abcdef" and any(line.startswith("versions: python") for line in facts["machine"])


def test_figures_are_made_small(tmp_path):
    rows = np.full((1200, 1600, 3), 255, np.uint8)
    rows[::20] = 0
    rows[:, ::31] = (200, 30, 60)
    Image.fromarray(rows).save(tmp_path / "a.png")
    record.shrink(tmp_path / "a.png", tmp_path / "b.png")
    assert (tmp_path / "b.png").stat().st_size <= record.BYTES
    with Image.open(tmp_path / "b.png") as small:
        assert small.width in record.WIDTHS and small.height == round(1200 * small.width / 1600)


def test_a_run_that_is_not_there_or_not_committed_is_one_sentence(root, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"scale mine: there is no tables/table2\.csv; run the scale first"):
        record.main(root, ["mine"])
    monkeypatch.undo()
    repository = tmp_path / "repository"
    (repository / "src").mkdir(parents=True)
    (repository / "src/a.py").write_text("")
    subprocess.run(["git", "init", "-q"], cwd=repository, check=True)
    with pytest.raises(UserError, match="src/ is in no commit; commit it"):
        record.commit(repository, "oasis", [])


def test_simulated_votes_are_not_recorded(root, monkeypatch):
    monkeypatch.setattr(record, "resolve", lambda params: {"labels": {"source": "simulated"}})
    with pytest.raises(UserError, match="scale oasis: its votes are simulated, and the record is of real ratings"):
        record.main(root, ["oasis"])


@pytest.fixture
def kept(root):
    """The record of the made-up run."""
    record.main(root, ["oasis"])
    kept = root / "results/record/oasis"
    (kept / "record.json").write_text(json.dumps(FACTS))
    return kept


def test_the_short_text_has_the_question_the_table_a_figure_and_the_verdict(kept):
    text = record_page.lead(kept)
    table = table2.read(kept / "table2.csv").set_index("init")
    row = table.loc["ranking"]
    shown = f"{row['oasis_srcc']:.3f} [{row['oasis_srcc_low']:.3f}, {row['oasis_srcc_high']:.3f}]"
    over = f"{row['oasis_srcc_diff']:+.3f} [{row['oasis_srcc_diff_low']:+.3f}, {row['oasis_srcc_diff_high']:+.3f}]"
    assert f"| ranking | 3 | {shown} | {over} |" in text and "| ImageNet | 3 |" in text
    assert "60 images of OASIS, rated by people, each predicted in one of 4 folds: 6 starts, 5 fine-tuning seeds" in text
    assert "pretrained on 340 photos (bsds500), without labels" in text
    above = ", ".join(each["label"] for _, each in table.iterrows() if each["oasis_srcc_diff_low"] > 0)
    assert above.count("ranking") >= 2 and f"Beyond noise above ImageNet in SRCC: {above}; below: " in text
    assert "**holds here** (2 of 2 better" in text
    assert "![Figure 3: performance by share of the labels](results/record/oasis/figure3.png)" in text
    assert "commit `0123456789ab`, in 61 minutes on 2 cores" in text


@pytest.mark.parametrize(
    ("minutes", "comparison_minutes", "told"),
    [
        (61.4, 40.2, "in 61 minutes plus 40 minutes with the comparison rows on 2 cores (mean load 2.1)."),
        (None, 101.6, "in 102 minutes with the comparison rows on 2 cores (mean load 2.1)."),
        (None, None, "Recorded at commit `0123456789ab`."),
    ],
)
def test_the_time_with_comparison_rows_is_told_apart(minutes, comparison_minutes, told):
    facts = FACTS | {"minutes": minutes, "comparison_minutes": comparison_minutes}
    assert record_page._made(facts).endswith(told)


@pytest.mark.parametrize(
    ("ridge", "said"), [(-1, "no row lies below it"), (2, "all rows lie below it"), (None, "below it lie ")]
)
def test_what_lies_below_ridge_regression_is_said(kept, ridge, said):
    table = table2.read(kept / "table2.csv")
    rows = table.set_index("label")["oasis_srcc"]
    value = (rows.min() + rows.max()) / 2 if ridge is None else ridge
    (kept / "references.csv").write_text(
        f"reference,split,metric,value,low,high\nimagenet_ridge,test,srcc,{value},{value - 1},{value + 1}\n"
    )
    text = record_page.baseline(kept, table)
    assert f"has SRCC {value:.3f} [{value - 1:.3f}, {value + 1:.3f}]: {said}" in text and text in record_page.lead(kept)
    if ridge is None:
        assert all((label in text) == (rows[label] < value) for label in rows.index if label != "ranking")


def test_the_long_text_is_complete(kept):
    text = record_page.page(kept.parent)
    for heading in ("Table 2 with intervals", "Linear probes", "The paper's claims", "Figures", "What it was made from"):
        assert f"\n## {heading}\n" in text
    assert (kept / "table2.md").read_text().strip() in text and "the probes" in text
    assert "![Figure 3: performance by share of the labels](../results/record/oasis/figure3.png)" in text
    assert "another experiment than the paper's: networks trained on OASIS instead of AVA, 96 pixels" in text
    assert "Below ImageNet + ridge: RotNet (0.1)." in text and "oasis: free for research" in text
    table = table2.read(kept / "table2.csv")
    least, gain = table["oasis_srcc_detectable"].max(), 0.5420 - 0.5372
    assert least > gain and f"could show (power 80 %) is {least:.3f}" in text and f"Table 2 is {gain:.4f}" in text
    assert "A gain of the paper's size would not be seen here, so that its absence refutes nothing." in text
    assert "| oasis: fold | 600 |" in text and not re.search(r"\bnan\b", text)


def test_without_a_record_a_sentence_says_so(tmp_path):
    assert record_page.lead(tmp_path / "oasis").startswith("No run on real ratings has been recorded yet.")
    assert record_page.page(tmp_path) == record_page.NONE


def test_the_texts_in_the_project_are_those_of_its_record(project):
    """As `make readme` writes them; of a stale text this says the command."""
    for path, renewed in ((readme.README, readme.recorded_in_readme), (readme.RESULTS, readme.recorded_in_results)):
        text = path.read_text()
        assert "<!-- generated: " in text and renewed(text) == text, f"{path.name} is stale: run 'make readme'"


def test_every_recorded_run_is_small_and_names_its_commit(project):
    for path in (project / record.RECORD).glob("*/*"):
        assert path.stat().st_size < 400_000, path
    for path in (project / record.RECORD).glob("*/record.json"):
        assert re.fullmatch(r"[0-9a-f]{40}", json.loads(path.read_text())["commit"])
