"""What Table 2 says in each of its printed forms, and that all of them say the same."""

import re

import pandas as pd
import pytest
from sets import PAPERS
from table2_models import NOTE, ODD, PAPER, PUBLISHED, build, made_up, markdown_cells

from aesthetic_pretraining.reporting import table2, table2_print


@pytest.fixture(scope="module")
def table():
    return build(note=NOTE, inits=[ODD, *reversed(PAPER)], seeds=(0, 1))


def test_warnings_stand_under_every_version(tmp_path):
    said = ["Warning: nothing moved_here.", "Warning: 50 % is chance."]
    made = table2.build(*made_up(), PUBLISHED, PAPERS.tested, warnings=said)
    assert table2_print.footnotes(made).count(" ".join(said)) == 1
    table2_print.write(made, *(tmp_path / f"table2.{suffix}" for suffix in ("csv", "md", "tex")))
    assert table2_print.footnotes(table2.read(tmp_path / "table2.csv")) == table2_print.footnotes(made)
    assert "Warning: 50 % is chance." in (tmp_path / "table2.md").read_text()
    assert r"Warning: 50 \% is chance." in (tmp_path / "table2.tex").read_text()
    assert "warnings" not in build().columns


def test_the_note_is_in_every_version(table, tmp_path):
    table2_print.write(table, *(tmp_path / f"table2{suffix}" for suffix in (".csv", ".md", ".tex")))
    assert pd.read_csv(tmp_path / "table2.csv")["note"].tolist() == [NOTE] * 7
    assert r"**demo: simulated votes, 50% \& \#1**" in (tmp_path / "table2.md").read_text(encoding="utf-8")
    tex = (tmp_path / "table2.tex").read_text(encoding="utf-8")
    assert r"\caption{{[}demo: simulated votes, 50\% \& \#1{]}" in tex
    assert "note" not in build().columns


def test_references_are_in_the_notes_of_every_version(tmp_path):
    sentences = ["Baseline on AVA: ImageNet + ridge has SRCC 0.5000 [0.4, 0.6].", "Below it: RotNet (0.1000)."]
    table = table2.build(*made_up(), PUBLISHED, PAPERS.tested, references=sentences)
    assert " ".join(sentences) in table2_print.footnotes(table)
    table2_print.write(table, tmp_path / "t.csv", tmp_path / "t.md", tmp_path / "t.tex")
    assert table2_print.footnotes(table2.read(tmp_path / "t.csv")) == table2_print.footnotes(table)
    assert all("Below it: RotNet (0.1000)." in (tmp_path / f"t.{suffix}").read_text() for suffix in ("csv", "md", "tex"))
    assert "references" not in build()


def test_comparisons_are_stated(table):
    for text in (table2_print.to_markdown(table), table2_print.to_latex(table)):
        assert "Bonferroni-corrected for 12 comparisons, alpha = 0.01" in text


def test_latex_is_balanced_and_escaped(table):
    tex = table2_print.to_latex(table)
    assert r"my net\textbar{}50\%\textbackslash{}x & " in tex
    body = tex.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    assert len(body) == 7
    for line in body:
        assert line.endswith(r" \\") and len(re.findall(r"(?<!\\)&", line)) == 9
    bare = re.sub(r"\\[{}]", "", tex)
    assert bare.count("{") == bare.count("}")
    assert len(re.findall(r"(?<!\\)\$", tex)) % 2 == 0
    assert tex.isascii()
    assert r" & & & \multicolumn{4}{c}{AVA} & \multicolumn{3}{c}{TID2013} \\" in tex
    assert r"\cmidrule(lr){4-7}\cmidrule(lr){8-10}" in tex and r"\begin{tabular}{lrrrrrrrrr}" in tex
    assert re.findall(r"\\(begin|end)\{(.*?)\}", tex) == [
        ("begin", "table*"), ("begin", "tabular"), ("end", "tabular"), ("end", "table*"),
    ]  # fmt: skip


def test_markdown_keeps_its_columns(table):
    assert {len(cells) for cells in markdown_cells(table).values()} == {9}
    assert r" my net\|50%\\x " in markdown_cells(table)


def test_csv_comes_back_as_it_was_and_the_same_bytes(table, tmp_path):
    for name in ("one", "two"):
        again = build(note=NOTE, inits=[ODD, *reversed(PAPER)], seeds=(0, 1))
        table2_print.write(again, *(tmp_path / f"{name}{suffix}" for suffix in (".csv", ".md", ".tex")))
    for suffix in (".csv", ".md", ".tex"):
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()
    back = table2.read(tmp_path / "one.csv")
    pd.testing.assert_frame_equal(back, table, check_dtype=False)
    assert table2_print.to_markdown(back) == table2_print.to_markdown(table)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{n}{s}" for n in ("one", "two") for s in (".csv", ".md", ".tex")
    )
    with pytest.raises(ValueError, match=r"one of \.csv, \.md, \.tex"):
        table2_print.write(table, tmp_path / "table2.xlsx")
