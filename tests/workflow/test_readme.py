"""The generated parts of the README and the docs: filled from the demo's tables, and stale as soon as a table changes."""

import pandas as pd
import pytest

import readme
from aesthetic_pretraining.reporting.claims import CLAIM_COLUMNS

TEXT = "# Title\n<!-- generated: {name} -->\n\nold\n\n<!-- end -->\nkept\n"


def write_claims(folder, verdict="another experiment"):
    rows = [("saved", "abstract", "Fewer epochs.", "47 %", 0.1, "", "", "10 % [2 %, 18 %]", verdict, "simulated votes")]
    rows.append(
        (
            "table2.imagenet.ava_lcc",
            "Table 2",
            "ImageNet: AVA LCC",
            "0.5491",
            0.5,
            0.4,
            0.6,
            "0.5000 [0.4, 0.6]",
            verdict,
            "simulated votes",
        )
    )
    pd.DataFrame(rows, columns=CLAIM_COLUMNS[:-1]).assign(note="demo: simulated votes").to_csv(
        folder / "claims.csv", index=False
    )


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A README with every mark, and the demo's tables."""
    tables = tmp_path / readme.TABLES
    tables.mkdir(parents=True)
    (tables / "table2.md").write_text("| the table |\n")
    write_claims(tables)
    (tmp_path / "README.md").write_text(TEXT.format(name="oasis"))
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/demo.md").write_text("".join(TEXT.format(name=name) for name in ("demo table", "demo claims")))
    (tmp_path / "docs/workflow.md").write_text(TEXT.format(name="rule graph"))
    (tmp_path / "docs/distortions.md").write_text(TEXT.format(name="Table 1"))
    (tmp_path / "docs/results.md").write_text(TEXT.format(name="record"))
    monkeypatch.setattr(readme, "ROOT", tmp_path)
    monkeypatch.setattr(readme, "README", tmp_path / "README.md")
    monkeypatch.setattr(readme, "DISTORTIONS", tmp_path / "docs/distortions.md")
    monkeypatch.setattr(readme, "RESULTS", tmp_path / "docs/results.md")
    monkeypatch.setattr(readme, "DEMO", tmp_path / "docs/demo.md")
    monkeypatch.setattr(readme, "WORKFLOW", tmp_path / "docs/workflow.md")
    monkeypatch.setattr(readme, "rule_graph", lambda: "the graph")
    monkeypatch.setattr(readme, "certified", lambda: True)
    return tmp_path


def test_blocks_are_filled_and_the_rest_is_kept(project, capsys):
    readme.main(check=False)
    text = (project / "docs/demo.md").read_text()
    assert "| the table |" in text and text.count("kept") == 2 and "old" not in text
    assert "the graph" in (project / "docs/workflow.md").read_text()
    assert r"| Fewer epochs. | abstract | 47 % | 10 % \[2 %, 18 %\] | another experiment |" in text
    assert "**demo: simulated votes**" in text
    assert (
        "No run on real ratings has been recorded yet." in (project / "README.md").read_text()
        and "No run" in (project / "docs/results.md").read_text()
    )
    assert "(1): 1 another experiment." in text and "ImageNet: AVA LCC" not in text  # of single numbers, counts
    readme.main(check=True)
    assert "current" in capsys.readouterr().out


def test_a_changed_verdict_makes_the_page_stale(project):
    readme.main(check=False)
    write_claims(project / readme.TABLES, "within noise")
    with pytest.raises(SystemExit, match=r"docs/demo\.md is stale: run 'make readme'"):
        readme.main(check=True)


def test_tables_of_another_machine_make_nothing_stale(project, monkeypatch):
    readme.main(check=False)
    write_claims(project / readme.TABLES, "within noise")
    monkeypatch.setattr(readme, "certified", lambda: False)
    readme.main(check=True)
