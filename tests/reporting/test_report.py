"""The report page, read back with an HTML parser: complete, labelled, and loading nothing."""

import base64
import hashlib
import io
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sets import AVA, PAPERS

from aesthetic_pretraining.evaluation import metrics
from aesthetic_pretraining.evaluation.runs import Run
from aesthetic_pretraining.reporting import captions, findings, media, probe_table, report, run_details, table2, table2_print

PUBLISHED = pd.read_csv(Path(__file__).parents[2] / "resources" / "table2_published.csv")
COLUMNS = table2.columns_of(PAPERS.tested)
NOTE = "demo: simulated <votes> & more"
SEEN = "A grey square, darker on the left."
PIXELS = np.arange(2400, dtype=np.uint32).astype(np.uint8).reshape(20, 40, 3)
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """All elements with their attributes, text by table cell, and whether the tags close in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.rows, self.text = [], [], [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.text += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


FIGURES = ["figure3", "heatmap", "figure4", "figure5", "overview", "my own", "scatter"]
TRAINED = ["imagenet", "ranking", "ranking_regression", "simclr"]
HISTORIES = {(task, 3): pd.DataFrame({"steps": [12, 24], "val_loss": [2.0, 1.0]}) for task in TRAINED[1:]}
UNLABELLED = report.context_of("demo", [3], [], "published", "native")
CONTEXT = report.context_of("demo", [3], [1, 2], "published", "native")
CLAIMS = """id,place,claim,published,value,ours,verdict,note
prefer,section 4.2,74 % <prefer>,74 %,0.71,0.71,not comparable: demo data,x
table2.imagenet.epochs,Table 2,ImageNet: Epochs,147,12,12,not trained,x
table2.imagenet.ava_lcc,Table 2,ImageNet: AVA LCC,0.5491,0.5,0.5,not trained,x
"""


def write(folder, note=NOTE, extra="<my net>", claims=CLAIMS, probes=None):
    """A report of made-up models; returns the page's text and the table behind it."""
    rng = np.random.default_rng(0)
    target, predictions, rows = rng.uniform(2, 8, 30), {}, []
    for init in [*PUBLISHED["initialisation"], extra]:
        row = {"init": init, "share": 100, "pretraining": 0, "seed": 0, "epochs": 77, "best_epoch": 67, "capped": 0}
        for dataset in ("ava", "tid2013"):
            frame = pd.DataFrame({"id": np.arange(30).astype(str), "target": target})
            predictions[Run(init, 100, 0, 0, dataset)] = frame.assign(
                predicted=target + rng.normal(0, 0.1 if init == extra else 1, 30)
            )
            row |= metrics.evaluate(predictions[Run(init, 100, 0, 0, dataset)], dataset, PAPERS, 5.5)
        rows.append(row)
    table2_print.write(
        table2.build(pd.DataFrame(rows), predictions, PUBLISHED, PAPERS.tested, note=note), folder / "table2.csv"
    )
    write_picture(folder / "picture.png")
    (folder / "figure3.pdf").write_bytes(b"%PDF of a figure")
    (folder / "metrics.csv").write_text("init,epochs\nimagenet,77\n")
    (folder / "claims.csv").write_text(claims or "")
    report.write_report(
        folder / "report.html",
        table=folder / "table2.csv",
        figures=dict.fromkeys(FIGURES, folder / "picture.png"),
        sheets={"gaussian_noise": folder / "picture.png"},
        counts={"ava: train": 229981, "ava: test": 12818, "photos: train": 100000, "photos: test": 15000},
        histories=HISTORIES,
        context=CONTEXT,
        unlabelled=UNLABELLED,
        trained=TRAINED,
        facts=[("Votes", "<of nobody>")],
        files=[folder / name for name in ("table2.csv", "figure3.pdf", "metrics.csv", *(["claims.csv"] if claims else []))],
        claims=folder / "claims.csv" if claims else None,
        probes=probes,
        params_text="pretrain:\n  lr: 1.0e-4  # <b>\n",
        versions={"python": "3.11.7", "torch": "2.15.0"},
        note=note,
        scale="demo",
    )
    return (folder / "report.html").read_text(encoding="utf-8"), table2.read(folder / "table2.csv")


def write_picture(path):
    """A PNG of 40 x 20 pixels, all of other values, with what is seen on it."""
    chunks = PngInfo()
    chunks.add_text("Description", SEEN)
    Image.fromarray(PIXELS).save(path, pnginfo=chunks, dpi=(200, 200))


def caption_of(page, name):
    """The text that belongs to one figure, read back."""
    found = page[page.index(f'id="{name.replace(" ", "_")}"') :]
    return unescape(found[: found.index("</figcaption>")].split("<figcaption>")[1])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    text, table = write(tmp_path_factory.mktemp("report"))
    return text, Page(text), table


def test_every_cell_of_table_2_is_there(written):
    _, page, table = written
    rows = {row[0]: row[1:] for row in page.rows if len(row) == 1 + len(COLUMNS)}
    assert len(rows) == 8  # heads and seven rows
    for label, cells in table2_print.rows(table):
        for shown, cell in zip(rows[label], cells, strict=True):
            expected = cell.mean + ("†" if cell.dagger else "") + cell.published
            assert shown == expected
    assert sum("†" in cell for cell in rows["<my net>"]) == 2


def test_the_heads_stand_above_their_columns(written):
    _, page, _ = written
    at = page.rows.index(["", "", "AVA", "TID2013"])
    spans = [int(attributes["colspan"]) for attributes in page.all("th") if "colspan" in attributes]
    assert spans == [2, 4, 3]
    assert [head.rstrip(" ↑↓") for head in page.rows[at + 1][1:]] == [column.title for column in COLUMNS]


def test_nothing_is_loaded_from_elsewhere(written):
    text, page, _ = written
    for tag, attributes in page.elements:
        assert tag not in {"link", "iframe", "object"}
        assert tag != "script" or not attributes
        for name in {"src", "href", "srcset", "data", "poster"} & attributes.keys():
            assert attributes[name].startswith(("data:", "#"))
    assert "url(" not in text and "@import" not in text and "http:" not in text and "https:" not in text


def test_a_policy_allows_this_style_and_this_script_alone(written):
    text, page, _ = written
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"
    assert not {"connect-src", "frame-src", "object-src"} & set(rules)
    assert text.index("Content-Security-Policy") < text.index("<style")


def test_images_are_inside_without_loss_and_say_what_is_seen(written):
    _, page, _ = written
    images = page.all("img")
    assert len(images) == 8  # seven figures and one sheet
    for image in images:
        kind, content = image["src"].split(";base64,")
        with Image.open(io.BytesIO(base64.b64decode(content))) as read:
            assert kind == "data:image/webp" and np.array_equal(np.asarray(read.convert("RGB")), PIXELS)
        assert image["alt"] == SEEN and (image["width"], image["height"]) == ("22", "11")  # 110 of 200 pixels an inch
    shown = ["figure3", "figure4", "figure5", "heatmap", "scatter", "overview"]
    assert all(captions.caption_of(name, AVA).text in page.text for name in shown)


def test_tables_and_vector_figures_can_be_downloaded(written, tmp_path):
    _, page, _ = written
    offered = {link["download"]: link["href"] for link in page.all("a") if "download" in link}
    assert set(offered) == {"table2.csv", "claims.csv", "metrics.csv", "figure3.pdf"}
    assert base64.b64decode(offered["metrics.csv"].split(",")[1]) == b"init,epochs\nimagenet,77\n"
    assert offered["figure3.pdf"].startswith("data:application/pdf;base64,")
    assert [link["href"] for link in page.all("a")].count("#data-metrics") == 2  # Figures 3 and 5
    with pytest.raises(ValueError, match="the report offers files of"):
        media.download(tmp_path / "weights.safetensors")


def test_captions_state_pictures_scale_seeds_table_and_engine(written):
    _, page, _ = written
    assert CONTEXT == "Scale demo; pretraining seed 3; fine-tuning seeds 1, 2; distortions: table published, engine native."
    assert f"12,818 AVA images (test). {CONTEXT}" in page.text  # Figure 3 and the scatter plots
    assert UNLABELLED == "Scale demo; pretraining seed 3; distortions: table published, engine native."
    rests = "Pretrained on 100,000 photos, 24 updates; evaluated on 15,000 others (test); no labels used."
    assert page.text.count(f"{rests} {UNLABELLED}") == 2  # Figure 4 and the heat map
    assert f"15,000 photos (test); no labels used. {UNLABELLED}" in page.text  # the distortions
    assert report.context_of("smoke", [1, 4], [7], "corrected", "reference").startswith(
        "Scale smoke; pretraining seeds 1, 4; fine-tuning seed 7; "
    )


def test_what_was_not_trained_is_said_where_it_would_stand(written, tmp_path):
    _, page, _ = written
    assert "Left out. Not trained in this run: ranking + classification." in page.text
    assert CONTEXT + " Not trained in this run: RotNet, ranking + classification." in page.text  # scatter plots
    assert page.text.count("Not trained in this run: ranking + classification.") == 2  # confusion and ranking accuracy


def test_claims_stand_below_table_2_as_they_are_written(written, tmp_path):
    _, page, _ = written
    assert page.rows.count(["claim", "place", "published", "ours", "verdict"]) == 2
    assert ["74 % <prefer>", "section 4.2", "74 %", "0.71", "not comparabledemo data"] in page.rows
    assert "dagger by dagger (2): 2 not trained." in page.text
    assert ["ImageNet: AVA LCC", "Table 2", "0.5491", "0.5", "not trained"] in page.rows  # in a folded table
    assert page.text.rindex("Table 2: results") < page.text.rindex("The paper’s claims")
    assert 'id="claims"' not in write(tmp_path, claims=None)[0]


def test_the_page_opens_with_what_was_found_and_what_ran(written):
    text, page, table = written
    found = findings.sentences(table, None, simulated=True)
    assert all(sentence in page.text for sentence in found) and "<of nobody>" in page.text
    assert page.text.index(found[0]) < page.text.rindex("What ran") < page.text.rindex("Table 2: results")
    filled = run_details.fill(text, [("Commit", "<abc>")])
    assert "<dt>Commit</dt><dd>&lt;abc&gt;</dd>" in filled and "leaves them out" in text and "leaves them out" not in filled
    with pytest.raises(ValueError, match="one place"):
        run_details.fill(filled, [])


def test_every_link_has_its_target_and_wide_figures_are_folded(written):
    _, page, _ = written
    links = [link["href"] for link in page.all("a") if "download" not in link]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids) and {link.removeprefix("#") for link in links} <= set(ids)
    assert [d["id"] for d in page.all("details") if d.get("class") == "wide"] == ["heatmap", "overview"]


def test_the_note_is_prominent_or_absent(written, tmp_path):
    _, page, _ = written
    # title, banner, Table 2, significance; Figures 3 and 5, scatter plots, a figure of one's own
    assert page.text.count(NOTE) == 4 + 4
    for name in ("figure3", "figure5", "scatter", "my own"):
        assert f"{NOTE}" in caption_of(written[0], name)
    for name in ("figure4", "heatmap", "overview"):
        assert "simulated" not in caption_of(written[0], name)
    banner = page.text.index(NOTE, page.text.index(NOTE) + 1)  # the first is the title's
    assert banner < page.text.index("The paper’s claims")
    assert {"class": "note", "role": "note"} in page.all("p")
    plain, _ = write(tmp_path, note="")
    assert "simulated" not in plain and 'class="note"' not in plain


def test_significance_counts_parameters_and_versions(written):
    text, page, table = written
    assert "Bonferroni-corrected for 12 comparisons, alpha = 0.01" in page.text
    p = table.set_index("init").loc["rotnet", "ava_mae_p"]
    assert [f"{p:.3g} (0 of 1)", "RotNet"] == [
        row[i] for row in page.rows if len(row) == 3 for i in (1, 0) if row[0] == "RotNet"
    ]
    assert "TID2013 MAE compares predictions on 1 to 10" in page.text
    assert ["ava: train", "229,981"] in page.rows and ["torch", "2.15.0"] in page.rows
    assert "lr: 1.0e-4  # <b>" in page.text and "<b>" not in text
    assert len(page.all("details")) == 6  # two wide figures, a sheet, parameters, versions, claims of single numbers


def test_page_says_its_language_and_fits_a_phone(written):
    _, page, _ = written
    assert page.all("html") == [{"lang": "en"}]
    assert any(meta.get("name") == "viewport" for meta in page.all("meta"))


def test_linear_probes_stand_below_table_2_with_their_notes(written, tmp_path):
    assert "linear-probes" not in written[0]
    keys = {
        "share": 100,
        "trained_on": "ava",
        "dataset": "ava",
        "metric": "srcc",
        "pictures": 30,
        "problem": "",
        "regularisation": "1",
    }
    known = [("imagenet", 0.5, np.nan), ("<b>", 0.25, -0.25)]
    rows = [
        {"init": init, "value": v, "low": 0.125, "high": 0.75, "difference": d, "diff_low": d, "diff_high": d} | keys
        for init, v, d in known
    ]
    rows += [row | {"dataset": "tid2013"} for row in rows]
    table = probe_table.build(pd.DataFrame(rows), PAPERS.tested, note=NOTE, strengths=(1e-4, 1e4), confidence=0.95)
    probe_table.write(table, tmp_path / "probes.csv", tmp_path / "probes.md")
    page = Page(write(tmp_path, probes=tmp_path / "probes.csv")[0])
    assert (
        page.text.index("Table 2: results")
        < page.text.index("Linear probes: what")
        < page.text.index("Figures of the paper", 2000)
    )
    shown = {row[0]: row[1:3] for row in page.rows if row and row[0] in ("ImageNet", "<b>") and "[" in row[1]}
    assert shown == {
        "ImageNet": ["0.5000 [0.1250, 0.7500]", "–"],
        "<b>": ["0.2500 [0.1250, 0.7500]", "-0.2500 [-0.2500, -0.2500]"],
    }
    assert all(line in page.text for line in probe_table.footnotes(table))


def test_same_input_same_bytes(written, tmp_path):
    assert write(tmp_path)[0] == written[0]


def test_a_table_with_another_note_is_refused(tmp_path):
    write(tmp_path)
    with pytest.raises(ValueError, match="carries the note"):
        report.write_report(
            tmp_path / "report.html",
            table=tmp_path / "table2.csv",
            figures={},
            sheets={},
            counts={},
            histories={},
            context="",
            unlabelled="",
            trained=[],
            params_text="",
            versions={},
            scale="demo",
        )
