"""The printed probes against their frame, and the sentences on what a network has to beat."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sets import ALONE, PAPERS, THREE

from aesthetic_pretraining.evaluation.probes import references
from aesthetic_pretraining.evaluation.probes.over_ridge import OVER_COLUMNS
from aesthetic_pretraining.reporting import probe_table
from aesthetic_pretraining.reporting.figures.probes import draw_probes
from aesthetic_pretraining.reporting.figures.style import save

TITLES = ["AVA", "TID2013, probe of AVA", "TID2013, unseen scenes"]
INITS = ["imagenet", "my|net", "ranking", "rotnet"]
PANELS = [("ava", "ava"), ("ava", "tid2013"), ("tid2013", "tid2013")]


def probes(shares=(50, 100)):
    """Made-up rows of probe/probes.csv; every number tells where it belongs."""
    rows = []
    for i, init in enumerate(INITS):
        for share in shares:
            for p, (trained_on, dataset) in enumerate(PANELS):
                if trained_on == "tid2013" and share != 100:
                    continue
                metrics = ["lcc", "srcc", "mae"] + (["acc", "emd1", "emd2"] if dataset == "ava" else [])
                for m, metric in enumerate(metrics):
                    value = 0.1 * i + 0.01 * p + 0.001 * m + share / 1000
                    base = init == "imagenet"
                    rows.append((init, share, trained_on, dataset, metric, 1, 1200 if dataset == "ava" else 30, value, value - 0.05,
                                 value + 0.07, *((np.nan,) * 4 if base else (value - 0.2, value - 0.3, value, 0.1)), "", "10"))  # fmt: skip
    names = ["init", "share", "trained_on", "dataset", "metric", "seeds", "pictures", "value", "low", "high", "difference",
             "diff_low", "diff_high", "detectable", "problem", "regularisation"]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def build(frame, note="demo: simulated votes"):
    return probe_table.build(frame, PAPERS.tested, note=note, strengths=(1e-4, 1e4), confidence=0.9)


def cells(line):
    return [cell.strip() for cell in line.replace(r"\|", "/").strip("|").split("|")]


def test_every_printed_number_is_the_frames():
    frame = probes()
    text = probe_table.to_markdown(build(frame))
    lines = [cells(line) for line in text.splitlines() if line.startswith("| ")]
    first = {line[0]: line[1:] for line in lines[1:5]}
    assert list(first) == ["ImageNet", "RotNet", "ranking", "my/net"]  # the paper's order, then others
    known = frame.set_index(["init", "share", "trained_on", "dataset", "metric"])
    for label, init in {"ImageNet": "imagenet", "ranking": "ranking"}.items():
        for k, panel in enumerate(PANELS):
            row = known.loc[(init, 100, *panel, "srcc")]
            assert first[label][2 * k] == f"{row.value:.4f} [{row.low:.4f}, {row.high:.4f}]"
            wanted = f"{row.difference:+.4f} [{row.diff_low:+.4f}, {row.diff_high:+.4f}]" if init == "ranking" else "–"
            assert first[label][2 * k + 1] == wanted
    by_share = next(line for line in lines[-4:] if line[0] == "RotNet")
    assert by_share[1].startswith("0.3510 [") and by_share[2].startswith("0.4010 [")
    assert "1,200 AVA and 30 TID2013 images" in text and "90 % intervals" in text
    assert text.startswith("**demo: simulated votes**") and "simulated" not in probe_table.to_markdown(build(frame, note=""))


def test_one_share_has_no_table_by_share():
    assert len(probe_table.parts(build(probes(shares=(100,))))) == 2 and len(probe_table.parts(build(probes()))) == 3


def test_undefined_numbers_and_ends_of_the_range_are_said():
    frame = probes()
    odd = frame["init"].eq("rotnet") & frame["trained_on"].eq("tid2013")
    frame.loc[odd, ["value", "low", "high", "difference", "diff_low", "diff_high"]] = np.nan
    frame.loc[odd, "problem"] = "needs 3 reference scenes"
    frame.loc[frame["init"].eq("ranking") & frame["share"].eq(50), "regularisation"] = "0.1 1e+04"
    table = build(frame)
    text = probe_table.to_markdown(table)
    assert "| undef. | – |" in text and "TID2013: needs 3 reference scenes (RotNet)." in text
    assert "at least one probe of: ranking (ava, 50 %: 0.1 1e+04)." in text


def test_written_and_read_back(tmp_path):
    table = build(probes())
    probe_table.write(table, tmp_path / "probes.csv", tmp_path / "probes.md")
    again = probe_table.read(tmp_path / "probes.csv")
    assert (tmp_path / "probes.md").read_text() == probe_table.to_markdown(again)
    probe_table.write(again, tmp_path / "again.csv", tmp_path / "again.md")
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "probes.csv").read_bytes()


def test_text_of_the_long_table_stays_text(tmp_path):
    frame = probes()
    frame.loc[0, "regularisation"], frame.loc[1, "regularisation"] = "", "1 10"
    frame.to_csv(tmp_path / "probes.csv", index=False)
    again = probe_table.read_probes(tmp_path / "probes.csv")
    assert again["regularisation"].tolist() == frame["regularisation"].tolist() and set(again["problem"]) == {""}


def test_the_figure_shows_every_value_with_its_interval(tmp_path):
    frame = probes()
    figure = draw_probes(frame, PAPERS.tested, note="demo: simulated votes")
    assert figure._suptitle.get_text() == "demo: simulated votes"
    assert [axes.get_title() for axes in figure.axes] == [*TITLES, ""]
    mine = frame[frame["metric"].eq("srcc") & frame["share"].eq(100)].set_index(["init", "trained_on", "dataset"])
    for axes, panel in zip(figure.axes, PANELS, strict=False):
        for container, init in zip(axes.containers, ["imagenet", "rotnet", "ranking", "my|net"], strict=True):
            row = mine.loc[(init, *panel)]
            (segment,) = container.lines[2][0].get_segments()
            np.testing.assert_allclose(segment[:, 0], [row.low, row.high])
            assert container.lines[0].get_xdata()[0] == pytest.approx(row.value)
    lines = figure.axes[-1].containers
    assert [line.get_label() for line in lines] == ["ImageNet", "RotNet", "ranking", "my|net"]
    assert np.allclose(lines[0].lines[0].get_ydata(), [0.051, 0.101])
    save(figure, tmp_path / "a.png", tmp_path / "a.pdf")
    save(draw_probes(frame, PAPERS.tested, note="demo: simulated votes"), tmp_path / "b.png", tmp_path / "b.pdf")
    assert all((tmp_path / f"a.{s}").read_bytes() == (tmp_path / f"b.{s}").read_bytes() for s in ("png", "pdf"))


def test_a_dollar_in_a_sets_name_is_no_formula(tmp_path):
    odd, other = (replace(each, title=r"$\nothing{$") for each in PAPERS.tested)
    figure = draw_probes(probes(), (odd, other))
    save(figure, tmp_path / "a.png")  # matplotlib would refuse the formula here
    assert figure.axes[0].get_title() == odd.title and odd.title in figure.axes[-1].get_ylabel()


def test_the_figure_of_one_share_and_of_undefined_probes():
    frame = probes(shares=(100,))
    frame.loc[frame["trained_on"] == "tid2013", ["value", "low", "high"]] = np.nan
    figure = draw_probes(frame, PAPERS.tested)
    assert len(figure.axes) == 3
    assert [text.get_text() for text in figure.axes[2].texts] == ["undefined"] * 4 and not figure.axes[2].containers


def reference_table(srcc=0.5):
    ridge = {"lcc": 0.52, "srcc": srcc, "acc": 0.7, "mae": 0.4, "emd2": 0.08, "loss": 0.08}
    rows = [("imagenet_ridge", "test", name, v, v - 0.01, v + 0.02, 99) for name, v in ridge.items()]
    rows += [("constant", "test", "emd2", 0.1, np.nan, np.nan, 99), ("constant", "val", "emd2", 0.3, np.nan, np.nan, 99)]
    return pd.DataFrame(rows, columns=references.REFERENCE_COLUMNS)


def over(metric, **differences):
    """{row: (difference to ridge, its interval's ends)}"""
    rows = [(init, metric, *numbers, "seeds and images", 0.1) for init, numbers in differences.items()]
    return pd.DataFrame(rows, columns=OVER_COLUMNS)


def test_the_sentences_name_the_numbers_and_the_rows_that_are_worse():
    none = (np.nan, np.nan, np.nan)
    srcc = over("srcc", imagenet=(0.1, -0.1, 0.3), ranking=(-0.05, -0.1, -0.01), rotnet=none, my_row_ranking=(-0.02, -0.1, 0.1))
    mae = over("mae", imagenet=(0.01, -0.1, 0.1), ranking=(-0.05, -0.1, -0.01))
    said = references.sentences(reference_table(), pd.concat([srcc, mae]), PAPERS)
    text = " ".join(said)
    for number in ("LCC 0.5200 [0.5100, 0.5400]", "SRCC 0.5000 [0.4900, 0.5200]", "ACC 0.7000 [", "MAE 0.4000 ["):
        assert number in text
    assert "gives EMD (r = 2) 0.1000, ImageNet + ridge 0.0800 [0.0700, 0.1000]" in text
    assert (
        "Worse than ImageNet + ridge in SRCC on AVA: ranking (-0.0500); my row ranking (-0.0200). Beyond noise better: no row. "
        "Beyond noise worse: ranking. Without a value to compare: RotNet."
    ) in said
    # smaller errors are better
    assert (
        "Worse than ImageNet + ridge in MAE on AVA: ImageNet (+0.0100). Beyond noise better: ranking. Beyond noise worse: no row."
        in said
    )
    assert "Rows cannot be compared with ImageNet + ridge in LCC, which is undefined." in said


def test_what_there_is_no_number_of():
    assert np.isnan(references.value(reference_table(), "constant", "test", "srcc"))


def test_one_set_alone_and_three():
    alone = probes().query("dataset == 'ava'").replace({"trained_on": {"ava": "oasis"}, "dataset": {"ava": "oasis"}})
    table = probe_table.build(alone, ALONE.tested, note="", strengths=(1e-4, 1e4), confidence=0.95)
    text = probe_table.to_markdown(table)
    assert "| Linear probe of | OASIS ↑ | difference |" in text and "Spearman correlation on OASIS by share" in text
    assert "1,200 OASIS images" in text and "predicted in 4 folds" in text and "nseen scenes" not in text and "AVA" not in text
    assert [axes.get_title() for axes in draw_probes(alone, ALONE.tested).axes] == ["OASIS", ""]
    mine = probes().query("trained_on == 'ava' and dataset == 'tid2013'")
    more = pd.concat([mine.assign(trained_on="oasis"), mine.assign(trained_on="oasis", dataset="mine"), alone])
    text = probe_table.to_markdown(probe_table.build(more, THREE.tested, note="", strengths=(1e-4, 1e4), confidence=0.95))
    assert (
        "| OASIS ↑ | difference | TID2013, probe of OASIS ↑ | difference | My \\& own, probe of OASIS ↑ | difference |" in text
    )
