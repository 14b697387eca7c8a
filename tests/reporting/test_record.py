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
from aesthetic_pretraining.evaluation.probes.over_ridge import over_ridge
from aesthetic_pretraining.evaluation.statistics.intervals import IntervalConfig, estimate
from aesthetic_pretraining.reporting import claims, table2, table2_print, verdicts
from aesthetic_pretraining.reporting.claim_evidence import Evidence

REASONS = {"votes": "networks trained on OASIS instead of AVA, 96 pixels instead of 224", "pretext": "96 pixels instead of 224"}
INTERVALS = IntervalConfig(200, 0.95, "seeds_and_images", 1)
FACTS = {
    "scale": "oasis", "commit": "0123456789abcdef", "machine": ["processor: some"], "card": "", "minutes": 61.4,
    "comparison_minutes": None, "cores": 2, "load": 2.1, "note": "Trained twice.",
    "pretraining_seeds": [1], "finetuning_seeds": [1, 2, 3, 4, 5], "image_size": 96, "backbone": "efficientnet_lite0",
    "photo_sources": ["bsds500"], "comparisons": {"rotnet": "simclr"}, "left_out": {"of": 9, "photos": 2}, "licences": {"oasis": "free for research"},
    "images": {"oasis: fold": 600, "oasis: val": 120, "photos: train": 300, "photos: val": 40},
}  # fmt: skip


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """results/oasis/tables and metrics of a made-up run, in which ranking and ranking + regression are much better."""
    out = tmp_path_factory.mktemp("run") / "results/oasis"
    for folder in ("tables", "metrics", "figures"):
        (out / folder).mkdir(parents=True)
    frame, predictions = made_up(labels=ALONE, seeds=(1, 2, 3))
    values, differences = estimate(predictions, INTERVALS, ALONE)
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
        "reference,split,metric,value,low,high,pictures\nimagenet_ridge,test,srcc,0.5,0.4,0.6,60\nimagenet_ridge,test,mae,1,0.9,1.1,60\n"
    )
    over_ridge(predictions, next(iter(predictions.values())), INTERVALS, ALONE).to_csv(
        out / "metrics/over_ridge.csv", index=False
    )
    values.to_csv(out / "metrics/intervals.csv", index=False)
    lost = differences.assign(share=[20, *[100] * (len(differences) - 1)])
    lost.to_csv(out / "metrics/differences.csv", index=False)
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
    (split.parent / "listing.csv").write_text("id\na\nb\nc\n")
    (tmp_path / "data/raw/oasis").mkdir(parents=True)
    (tmp_path / "data/raw/oasis/means_per_image.csv").write_text("Theme\nA1\nA2\nB1\nB2\nC1\n")
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
    record.main(root, ["oasis", "--card", "H100", "--note", "Trained twice."])
    kept = root / "results/record/oasis"
    names = {path.name for path in kept.iterdir()}
    assert names == {*record.TABLES, *record.METRICS, "differences.csv", "figure3.png", "record.json", "captions.json"}
    assert (kept / "table2.csv").read_bytes() == (tables / "tables/table2.csv").read_bytes()
    whole = pd.read_csv(kept / "differences.csv")
    assert len(whole) == len(pd.read_csv(tables / "metrics/differences.csv")) - 1 and whole["share"].eq(100).all()
    facts = json.loads((kept / "record.json").read_text())
    assert facts["left_out"] == {"of": 5, "photos": 2} and facts["comparisons"] == {}
    assert facts["licences"].keys() == {"oasis", "bsds500"}
    assert (
        facts["images"] == {"oasis: fold": 2, "oasis: val": 1} and facts["card"] == "H100" and facts["note"] == "Trained twice."
    )
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
    above = "; ".join(each["label"] for _, each in table.iterrows() if each["oasis_srcc_diff_low"] > 0)
    assert above.count("ranking") >= 2 and f"Beyond noise above ImageNet in SRCC: {above}. Below: " in text
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


def test_what_ridge_regression_reaches_and_who_does_not_is_said(kept):
    rows = [
        ("imagenet", "srcc", 0.01, -0.02, 0.05),
        ("ranking", "srcc", -0.1, -0.3, -0.05),
        ("rotnet", "srcc", -0.1, -0.3, 0.1),
    ]
    rows += [("imagenet", "mae", 0.02, -0.1, 0.1), ("ranking", "mae", -0.3, -0.4, -0.2), ("rotnet", "mae", 0.1, -0.2, 0.3)]
    pd.DataFrame(rows, columns=["init", "metric", "difference", "low", "high"]).to_csv(kept / "over_ridge.csv", index=False)
    text = record_page.baseline(kept, table2.read(kept / "table2.csv"))
    srcc, mae = text.splitlines()[1:]
    assert srcc == (
        "  - SRCC 0.500 [0.400, 0.600]; fine-tuned ImageNet minus ridge +0.010 [-0.020, +0.050]. Behind ridge: ranking; RotNet. "
        "Beyond noise better: no row; worse: ranking."
    )
    # smaller errors are better
    assert mae == (
        "  - MAE 1.000 [0.900, 1.100]; fine-tuned ImageNet minus ridge +0.020 [-0.100, +0.100]. Behind ridge: ImageNet; RotNet. "
        "Beyond noise better: ranking; worse: no row."
    )
    assert f"\n- {text}\n" in record_page.lead(kept)


def test_choices_are_compared_with_the_row_that_lacks_them(kept):
    """The table has each pair in one order; the page wants some in the other."""
    table = table2.read(kept / "table2.csv")
    differences = pd.read_csv(kept / "differences.csv")
    lines = record_page.comparisons(kept, FACTS, table).splitlines()
    assert [line.split(" | ")[:2] for line in lines[2:]] == [
        ["| ranking + classification", "ranking"],
        ["| ranking + regression", "ranking"],
        ["| RotNet", "SimCLR"],
    ]
    one = record_page.difference(differences, "rotnet", "simclr", "srcc")
    back = record_page.difference(differences, "simclr", "rotnet", "srcc")
    assert one["low"] <= one["difference"] <= one["high"]
    assert [back["difference"], back["low"], back["high"]] == [-one["difference"], -one["high"], -one["low"]]
    rows = table.set_index("init")["oasis_srcc"]
    assert one["difference"] == pytest.approx(rows["rotnet"] - rows["simclr"], abs=2e-6)
    seen = "higher" if one["low"] > 0 else "lower" if one["high"] < 0 else "no difference"
    assert f"{one['difference']:+.3f} [{one['low']:+.3f}, {one['high']:+.3f}] | {one['detectable']:.3f} | {seen} |" in lines[4]


def test_the_long_text_is_complete(kept):
    text = record_page.page(kept.parent)
    for heading in (
        "Table 2 with intervals",
        "Choices compared",
        "Linear probes",
        "The paper's claims",
        "Figures",
        "What it was made from",
    ):
        assert f"\n## {heading}\n" in text
    assert (kept / "table2.md").read_text().strip() in text and "the probes" in text
    assert "![Figure 3: performance by share of the labels](../results/record/oasis/figure3.png)" in text
    assert "another experiment than the paper's: networks trained on OASIS instead of AVA, 96 pixels" in text
    assert "Below ImageNet + ridge: RotNet (0.1)." in text and "oasis: free for research" in text
    table = table2.read(kept / "table2.csv")
    least, gain = table["oasis_srcc_detectable"].max(), 0.5420 - 0.5372
    assert least > gain and f"could show (power 80 %) is {least:.3f}" in text and f"Table 2 is {gain:.4f}" in text
    assert "A gain of the paper's size would not be seen here, so that its absence refutes nothing." in text
    assert "\n- Trained twice.\n" in text
    assert "2 of the 9 published photos of OASIS are left out" in text
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
