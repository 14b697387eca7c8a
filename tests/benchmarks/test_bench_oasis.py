"""`make bench-oasis` against tables made by hand."""

import importlib.util
import json
import re
import sys

import pandas as pd
import pytest

from aesthetic_pretraining.settings.labels import FIELDS

SRCC = {"imagenet": 0.50, "rotnet": 0.42, "simclr": 0.51, "ranking": 0.55, "my_row": 0.53}


@pytest.fixture
def bench(project, monkeypatch):
    monkeypatch.syspath_prepend(str(project / "benchmarks"))
    spec = importlib.util.spec_from_file_location("bench_oasis", project / "benchmarks/oasis.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("learning", None)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def root(tmp_path):
    """Five trained rows, one of them no row of the paper, with five seeds of one pretraining; one row that was not trained."""
    described = {f"oasis_{field}": value for field, value in zip(FIELDS, ("OASIS", 1, 7, 7, 4, 4))}
    rows = [
        {"init": init, "label": init, "seeds": 5, "pretrainings": 1, "oasis_srcc": srcc, "oasis_srcc_low": srcc - 0.1}
        | {
            "oasis_srcc_high": srcc + 0.1,
            "oasis_srcc_diff": srcc - 0.5,
            "oasis_srcc_diff_low": -0.1,
            "oasis_srcc_diff_high": 0.2,
        }
        for init, srcc in SRCC.items()
    ]
    rows.append(rows[0] | {"init": "ranking_regression", "seeds": 0, "pretrainings": 0, "oasis_srcc": 0.9})
    out = tmp_path / "results/oasis"
    write(out / "tables/table2.csv", pd.DataFrame(rows).assign(**described).to_csv(index=False))
    write(
        out / "metrics/references.csv",
        "reference,split,metric,value\nimagenet_ridge,test,srcc,0.45\nimagenet_ridge,test,lcc,9\n",
    )
    write(tmp_path / "logs/oasis/wall.json", json.dumps({"seconds": 3600, "comparisons": 600, "cores": 2, "load": 2.5}))
    for name, seconds, memory in (("a", 60, 1024), ("b/c", 120, 3072), ("b/d", 30, "-"), ("e", 30, 2048)):
        write(tmp_path / f"logs/oasis/benchmark/{name}.tsv", f"s\tmax_rss\tcpu_time\n{2 * seconds}\t{memory}\t{seconds}\n")
    return tmp_path


def test_every_figure_by_hand(bench, root, capsys):
    bench.main(root, [])
    text = capsys.readouterr().out
    found = {name: float(value) for name, value in re.findall(r"^(\w+) = (\S+)$", text, re.M)}
    assert found == pytest.approx(
        {"rows": 4, "comparisons": 1, "seeds": 5, "ridge_srcc": 0.45, "imagenet_srcc": 0.5, "best_srcc": 0.55}
        | {"imagenet_over_ridge": 0.05, "minutes": 60, "comparison_minutes": 10, "cpu_minutes": 2, "peak_gib": 5}
    )
    assert text.startswith("oasis: 2 cores, mean load 2.5\n")
    assert re.search(r"^ranking +5 +0\.550 \[0\.450, 0\.650\] +\+0\.050 \[-0\.100, \+0\.200\]$", text, re.M)
    assert "ranking_regression" not in text


def test_a_run_that_is_not_there_is_one_sentence(bench, root):
    (root / "logs/oasis/wall.json").unlink()
    with pytest.raises(bench.UserError) as error:
        bench.main(root, [])
    assert str(error.value) == "scale oasis: there is no logs/oasis/wall.json; run 'make oasis' first, which makes it"
