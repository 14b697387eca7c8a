"""LaTeX that the real pdflatex compiles, whatever sets and rows are called."""

import shutil
import subprocess

import pytest
from table2_models import NOTE, ODD, PAPER, build

from aesthetic_pretraining.reporting import table2_print
from aesthetic_pretraining.reporting.markup import escape_latex, latex_needs

needs_pdflatex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")


def compiled(folder, body):
    """Compile a document with this body; returns pdflatex's error lines."""
    head = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs}\begin{document}"
    (folder / "table.tex").write_text(f"{head}\n{body}\n\\end{{document}}\n", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    out = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace").stdout
    return [line for line in out.splitlines() if line.startswith("!")]


@needs_pdflatex
def test_the_whole_table_compiles(tmp_path):
    assert compiled(tmp_path, table2_print.to_latex(build(note=NOTE, inits=[ODD, *reversed(PAPER)], seeds=(0, 1)))) == []
    assert (tmp_path / "table.pdf").stat().st_size > 1000


@needs_pdflatex
@pytest.mark.parametrize(
    "name",
    [
        r"A_b & C% #1 {x} ~^\ $5 <b> | \input{/etc/passwd} \\ `q' ^^41",
        "[2] after a row's end, where LaTeX looks for a length",
        "Zürich “AVA” – it’s 100 € × 2 … é",
        "e\u0301",  # an accent after its letter, which pdflatex has no character for
    ],
)
def test_hostile_names_compile(name, tmp_path):
    body = r"\begin{tabular}{lr} a & 1 \\" + "\n" + rf"{escape_latex(name)} & 2 \\ \end{{tabular}}"
    assert compiled(tmp_path, body) == []


def test_other_alphabets_are_kept_and_said_to_need_another_latex():
    assert escape_latex("美学 50 %") == r"美学 50 \%"
    assert latex_needs("美学").startswith("% ") and "LuaLaTeX" in latex_needs("美学")
    assert "fontenc" in latex_needs("Zürich") and latex_needs("Zurich") == ""
