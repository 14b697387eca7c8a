"""lineage.py: the chain behind a number, followed over records like Snakemake's in a folder made by hand."""

import base64
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys

import pytest

import lineage
from projects import ROOT, Project

INIT = "ranking_regression"
HOW = {  # output -> rule, inputs, parameters
    "data/demo/photos/ledger.csv": ("ledger", [], {}),
    "data/demo/ava/split.csv": ("split", [], {"seed": 1}),
    "data/demo/tid2013/split.csv": ("split", [], {"seed": 1}),
    "models/demo/pretrained/ranking_regression/seed1.safetensors": (
        "pretrain",
        ["data/demo/photos/ledger.csv"],
        {"pretrain.margin": 0.2},
    ),
    **{
        f"models/demo/finetuned/{init}/share{share}_pretraining1_seed1.safetensors": (
            "finetune",
            ["models/demo/pretrained/ranking_regression/seed1.safetensors", "data/demo/ava/split.csv"],
            {"finetune.batch": 16},
        )
        for init, share in [(INIT, 100), (INIT, 20), ("imagenet", 100)]
    },
    **{
        f"results/demo/predictions/{init}/share{share}_pretraining1_seed1/{dataset}.parquet": (
            "predict",
            [
                f"models/demo/finetuned/{init}/share{share}_pretraining1_seed1.safetensors",
                "data/demo/ava/split.csv",
                "data/demo/tid2013/split.csv",
            ],
            {},
        )
        for init, share in [(INIT, 100), (INIT, 20), ("imagenet", 100)]
        for dataset in ("ava", "tid2013")
    },
}
HOW["results/demo/tables/table2.csv"] = (
    "table2",
    [*(path for path in HOW if "predictions" in path), "resources/published.csv", "workflow/scripts/report/table2.py"],
    {"report.alpha": 0.01},
)


@pytest.fixture
def project(tmp_path, warm):
    """The scripts, files with one number each, and Snakemake's records of them."""
    for folder in ("workflow/lib", "workflow/scripts", "tools", "src"):
        (tmp_path / folder).mkdir(parents=True)
        for path in (ROOT / folder).rglob("*.py"):
            to = tmp_path / path.relative_to(ROOT)
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(path.read_bytes())
    write(tmp_path / "resources/published.csv", b"published")
    for path in HOW:
        content = path.encode()
        if path.endswith("split.csv"):
            content = b"id,split\na,test\nb,test\nc,train\n"
        elif path.endswith("ledger.csv"):
            content = b"id,state\na,usable\nb,missing\n"
        elif path.endswith(".parquet"):
            content = parquet()
        elif path.endswith("table2.csv"):
            content = (
                f"init,seeds,ava_lcc,ava_lcc_published,ava_lcc_low,note\n{INIT},1,0.5,0.55,0.4,demo: simulated votes\n".encode()
            )
        write(tmp_path / path, content)
    for path in HOW:
        record(tmp_path, path)
    return Project(tmp_path, warm)


def parquet():
    import io

    import pandas as pd

    buffer = io.BytesIO()
    pd.DataFrame({"id": ["a", "b"]}).to_parquet(buffer)
    return buffer.getvalue()


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def record(root, path):
    rule, inputs, parameters = HOW[path]
    known = {
        name: "sha256:" + hashlib.sha256((root / name).read_bytes()).hexdigest() for name in inputs if (root / name).exists()
    }
    made = os.stat(root / path).st_mtime
    content = {"rule": rule, "input": inputs, "params": [str(parameters)], "input_checksums": known}
    content |= {"starttime": made - 2, "endtime": made}
    write(root / ".snakemake/metadata" / base64.urlsafe_b64encode(path.encode()).decode(), json.dumps(content).encode())


def why(project, *arguments, ok=True):
    return project.run("python", "tools/lineage.py", *arguments, ok=ok)


def blocks(text):
    """{rule: its lines}; rules in the order in which they stand there."""
    found = {}
    for block in text.split("\n\n")[1:-1]:  # the last one is of versions and machine
        head, *lines = block.splitlines()
        found.setdefault(head, []).extend(lines)
    return found


def test_the_chain_of_one_number_has_every_link_and_nothing_else(project):
    text = why(project, "results/demo/tables/table2.csv", INIT, "ava_lcc")
    assert text.startswith(f"{INIT} ava_lcc = 0.5 (published 0.55, low 0.4, seeds 1)\ndemo: simulated votes\n")
    found = blocks(text)
    assert list(found)[:3] == ["table2", "predict", "finetune"] and set(list(found)[3:]) == {"pretrain", "ledger", "split"}
    assert "imagenet" not in text and "share20" not in text and "tid2013" not in text
    (line,) = [line for line in found["predict"] if "ava.parquet" in line]
    digest = hashlib.sha256(parquet()).hexdigest()[:16]
    assert line.split() == [
        f"results/demo/predictions/{INIT}/share100_pretraining1_seed1/ava.parquet",
        "sha256",
        digest,
        "(2",
        "pictures)",
    ]
    assert "  parameters  finetune.batch=16" in found["finetune"] and "  parameters  pretrain.margin=0.2" in found["pretrain"]
    assert any("(test 2, train 1 pictures)" in line for line in found["split"])
    assert any("(1 usable pictures)" in line for line in found["ledger"])
    assert any(line.startswith("  given       resources/published.csv") for line in found["table2"])
    code = next(k for k, line in enumerate(found["table2"]) if line.startswith("  code"))
    script = hashlib.sha256((project.path / "workflow/scripts/report/table2.py").read_bytes()).hexdigest()
    joint = hashlib.sha256(f"sha256:{script} workflow/scripts/report/table2.py".encode()).hexdigest()
    program, sha = found["table2"][code : code + 2]
    assert program.startswith("  code        workflow/scripts/report/table2.py -> aesthetic_pretraining.")
    assert "aesthetic_pretraining.reporting.table2.build" in program and "read_table" not in program
    assert sha.split() == ["sha256", joint[:16], "with", "all", "that", "it", "imports"]


def test_an_edited_script_is_not_named_with_todays_functions(project):
    script = project.path / "workflow/scripts/report/table2.py"
    script.write_text(script.read_text() + "# edited\n")
    text = why(project, "results/demo/tables/table2.csv")
    assert "  code        workflow/scripts/report/table2.py, which has been edited since\n" in text


@pytest.mark.parametrize(
    ("script", "functions"),
    [
        ("pretrain/pretrain", ["training.pretrain.pretrain"]),
        ("finetune/finetune", ["training.finetune.finetune"]),
        ("data/ledger", ["data.ledger.merge_ledger"]),
        ("report/figure3", ["reporting.figures.paper.draw_figure3"]),
        (
            "evaluate/metrics",
            [
                *("evaluation.runs.runs_of", "evaluation.folds.fold_by_image", "evaluation.predictions.collect"),
                *("settings.labels.Labels.of", "evaluation.metrics.summary"),
            ],
        ),
    ],
)
def test_a_scripts_functions_are_found(script, functions):
    found = lineage.called(ROOT / f"workflow/scripts/{script}.py")
    assert found == [f"aesthetic_pretraining.{name}" for name in functions]


def test_a_number_on_tid2013_still_rests_on_avas_training(project):
    other = project.path / "results/demo/tables/table2.csv"
    other.write_text(other.read_text().replace("ava_lcc", "tid2013_lcc"))
    record(project.path, "results/demo/tables/table2.csv")
    text = why(project, "results/demo/tables/table2.csv", INIT, "tid2013_lcc")
    assert "tid2013.parquet" in text and "ava.parquet" not in text
    assert "data/demo/tid2013/split.csv" in text and "data/demo/ava/split.csv" in text


@pytest.mark.parametrize(("column", "dataset"), [("best_epoch", "ava"), ("tid2013_mae_rescaled", "tid2013")])
def test_a_column_of_any_name_rests_on_predictions(project, column, dataset):
    table = project.path / "results/demo/tables/table2.csv"
    table.write_text(table.read_text().replace("ava_lcc,", f"{column},"))
    record(project.path, "results/demo/tables/table2.csv")
    assert f"{dataset}.parquet" in why(project, "results/demo/tables/table2.csv", INIT, column)


def test_a_whole_file_has_all_of_its_chain(project):
    found = blocks(why(project, "results/demo/tables/table2.csv"))
    assert "  and 3 more" in found["predict"] and len([line for line in found["finetune"] if "safetensors" in line]) == 3


def save(project, **how):
    """What provenance.py saves of all outputs, instead of Snakemake's records; `how` they were made in the untracked file."""
    saved, made = {}, {}
    for path in HOW:
        place = project.path / ".snakemake/metadata" / base64.urlsafe_b64encode(path.encode()).decode()
        record = json.loads(place.read_text())
        digest = "sha256:" + hashlib.sha256((project.path / path).read_bytes()).hexdigest()
        inputs = {name: record["input_checksums"].get(name) for name in record["input"]}
        content = {name: record[name] for name in ("rule", "params")}
        saved[path] = {"sha256": digest, "inputs": inputs, "record": content, "versions": "beads 3"}
        made[path] = {"sha256": digest, "ended": record["endtime"], "seconds": 2.0, "command": ""} | how
        place.unlink()
    write(project.path / "results/demo/provenance/all.json", json.dumps(saved).encode())
    if how:
        write(project.path / "logs/demo/made/all.json", json.dumps(made).encode())


def test_saved_records_serve_a_fresh_clone_which_does_not_know_the_machine(project):
    save(project)
    text = why(project, "results/demo/tables/table2.csv", INIT, "ava_lcc")
    assert text.rstrip().endswith("versions    beads 3\nmachine     not known on this machine")
    assert list(blocks(text))[:3] == ["table2", "predict", "finetune"]
    assert text.count("  made        not known on this machine\n") == len(blocks(text))


def test_the_machine_that_made_a_file_knows_when_and_by_whom(project):
    save(project, machine="an abacus", user="ada", command="snakemake all")
    text = why(project, "results/demo/tables/table2.csv", INIT, "ava_lcc")
    assert text.rstrip().endswith("machine     an abacus")
    assert re.search(r"  made        20\d\d-\d\d-\d\d \d\d:\d\d:\d\d by ada in 2\.0 s \(snakemake all\)\n", text)
    (project.path / "logs/demo/made/all.json").write_text("damaged")
    assert "made        not known" in why(project, "results/demo/tables/table2.csv", INIT, "ava_lcc")


def test_a_file_that_does_not_fit_its_record_is_named(project):
    (project.path / "data/demo/ava/split.csv").write_text("id,split\n")
    text = why(project, "results/demo/tables/table2.csv", ok=False)
    assert "lineage: data/demo/ava/split.csv is not what its record describes" in text


def test_bad_questions_are_answered_in_one_sentence(project):
    for arguments, answer in {
        (
            "results/demo/tables/table2.csv",
            "nobody",
            "ava_lcc",
        ): "has no 'nobody' 'ava_lcc'; rows: ranking_regression; columns: ava_lcc\n",
        ("resources/published.csv",): "is no file that the workflow made",
        ("results/demo/tables/table3.csv",): "is no file that the workflow made",
        ("results/demo/tables/table2.csv", INIT): "usage: lineage.py FILE [ROW COLUMN]",
    }.items():
        text = why(project, *arguments, ok=False)
        assert answer in text and "Traceback" not in text


def test_the_machine_and_the_versions_are_those_of_this_process():
    import platform

    import numpy as np

    import machine

    assert machine.versions().startswith("python 3.") and f"numpy {np.__version__}" in machine.versions()
    assert "snakemake" not in machine.versions()  # no number depends on it
    assert platform.release() in machine.description() and platform.release() not in machine.kind()


def test_the_end_of_a_pipe_is_no_error(project):
    command = f"{shlex.quote(sys.executable)} tools/lineage.py results/demo/tables/table2.csv | head -1"
    done = subprocess.run(command, shell=True, cwd=project.path, capture_output=True, text=True, check=True)
    assert done.stderr == ""
