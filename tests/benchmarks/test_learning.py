"""`make bench-learning` against tables made by hand: every figure is one that can be worked out on paper."""

import importlib.util
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from aesthetic_pretraining.initialisations import PAPER
from aesthetic_pretraining.settings.labels import FIELDS, LabelledSet

TASKS = ("ranking", "ranking_classification", "ranking_regression")
TEST_EMD = dict(zip(PAPER, (0.10, 0.11, 0.12, 0.13, 0.09, 0.30)))
FIRST = {"imagenet": 0}


@pytest.fixture(scope="module")
def bench(project):
    spec = importlib.util.spec_from_file_location("bench_learning", project / "benchmarks/learning.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(frame, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_csv(path, index=False)


def responses():
    """Two photos, five levels: brightness rises in one and does as (2, 1, 3, 5, 4) in the other, contrast falls in both."""
    rows = [("a", level, level / 10) for level in (1, 2, 3, 4, 5)]
    rows += [("b", level, value / 10) for level, value in zip((1, 2, 3, 4, 5), (2, 1, 3, 5, 4))]
    frame = pd.DataFrame(rows, columns=["photo", "level", "brightness"]).assign(pretraining=1, distortion="brightness")
    frame["contrast"] = -frame["level"].astype(float)
    another = frame.assign(distortion="tint", brightness=0.0, contrast=0.0)
    return pd.concat([frame, another, frame.assign(pretraining=2, brightness=-9.0)], ignore_index=True)


def ranking():
    """8 of 10, 6 of 8 over two pretrainings, 7 of 10: pooled, so pairs count alike whatever level they are of."""
    rows = [("ranking", 1, "tint", 1, 9, 8), ("ranking", 1, "tint", 2, 1, 0), ("ranking_classification", 1, "tint", 1, 4, 4)]
    rows += [("ranking_classification", 2, "tint", 1, 4, 2), ("ranking_regression", 1, "tint", 1, 10, 7)]
    return pd.DataFrame(rows, columns=["task", "pretraining", "distortion", "level", "photos", "right"])


def pooled():
    """Shares of equation 1's pairs; of two pretrainings 0.7 and 0.9, whose mean is 0.8."""
    rows = [
        ("ranking", 1, 0.9),
        ("ranking_classification", 1, 0.7),
        ("ranking_classification", 2, 0.9),
        ("ranking_regression", 1, 0.6),
    ]
    return pd.DataFrame(rows, columns=["task", "pretraining", "all_pairs"])


def confusion():
    """technical: 3 of 4 of two distortions; style: 2 of 6 of three; composition: all of one of two, none of the other."""
    rows = [
        ("technical", "x", 1, "x", 2),
        ("technical", "x", 2, "y", 0),
        ("technical", "y", 1, "x", 1),
        ("technical", "y", 1, "y", 1),
    ]
    rows += [("style", "p", 1, "p", 2), ("style", "q", 1, "p", 2), ("style", "r", 1, "q", 2)]
    rows += [("composition", "u", 1, "u", 5), ("composition", "v", 1, "u", 5)]
    return pd.DataFrame(rows, columns=["aspect", "applied", "level", "answered", "photos"]).assign(pretraining=1)


def run(root, scale="demo"):
    """The saved tables of a run that the benchmark reads."""
    results, models = root / f"results/{scale}", root / f"models/{scale}"
    write(ranking(), results / "metrics/ranking_accuracy.csv")
    write(pooled(), results / "metrics/ranking_pooled.csv")
    write(confusion(), results / "metrics/confusion.csv")
    write(responses(), results / "metrics/responses.parquet")
    split = pd.DataFrame({"id": [f"{k}" for k in range(12)], "split": ["train"] * 7 + ["val"] * 2 + ["test"] * 3})
    write(split, root / f"data/{scale}/photos/split.csv")
    for task, seed in ((task, seed) for task in TASKS for seed in (1, 2)):
        write(
            pd.DataFrame({"epoch": [1, 2, 3], "steps": [5, 10, 15], "val_loss": [3.0, 1.0, 2.0]}),
            models / f"pretrained/{task}/seed{seed}.csv",
        )
    keys = [(init, 100, FIRST.get(init, 1), seed) for init in PAPER for seed in (1, 2)] + [("imagenet", 20, 0, 1)]
    metrics = pd.DataFrame(keys, columns=["init", "share", "pretraining", "seed"])
    metrics["ava_emd2"] = [TEST_EMD[init] + 0.001 * seed + 0.5 * (share < 100) for init, share, _, seed in keys]
    write(metrics, results / "metrics/metrics.csv")
    for k, (init, share, pretraining, seed) in enumerate(keys):
        history = pd.DataFrame({"epoch": [1, 2, 3], "val_loss": [0.5, 0.1 + k / 1000, 0.4]})
        write(history, models / f"finetuned/{init}/share{share}_pretraining{pretraining}_seed{seed}.csv")
    references = [("constant", "val", "loss", 0.14), ("constant", "test", "emd2", 0.1315), ("constant", "test", "emd1", 9)]
    references += [("imagenet_ridge", "val", "loss", 0.12), ("imagenet_ridge", "test", "emd2", 0.1105)]
    write(pd.DataFrame(references, columns=["reference", "split", "metric", "value"]), results / "metrics/references.csv")
    probes = [(init, 100, "ava", "ava", "srcc", srcc) for init, srcc in zip(("imagenet", *TASKS), (0.4, 0.5, 0.38, 0.4))]
    probes += [
        ("ranking", 20, "ava", "ava", "srcc", 9),
        ("ranking", 100, "tid2013", "tid2013", "srcc", 9),
        ("ranking", 100, "ava", "ava", "lcc", 9),
    ]
    write(
        pd.DataFrame(probes, columns=["init", "share", "trained_on", "dataset", "metric", "value"]),
        results / "probe/probes.csv",
    )
    described = {f"ava_{field}": value for field, value in zip(FIELDS, ("AVA", 1, 10, 10, 5, 0))}
    write(pd.DataFrame([{"init": "imagenet"} | described]), results / "tables/table2.csv")
    return root


def printed(bench, root, capsys, *arguments):
    bench.main(root, list(arguments))
    return capsys.readouterr().out


def figures(text):
    """{name: value} of the lines name = value."""
    return {name: float(value) for name, value in re.findall(r"^(\w+) = (\S+)$", text, re.M)}


def test_every_figure_by_hand(bench, tmp_path, capsys):
    found = figures(printed(bench, run(tmp_path), capsys))
    assert found == pytest.approx(
        {
            "ranking_accuracy_ranking": 0.8,
            "ranking_accuracy_ranking_classification": 0.75,
            "ranking_accuracy_ranking_regression": 0.7,
            "ranking_accuracy_min": 0.7,
            "loss_pairs_ranking": 0.9,
            "loss_pairs_ranking_classification": 0.8,
            "loss_pairs_ranking_regression": 0.6,
            "loss_pairs_min": 0.6,
            "classification_technical": 0.75,
            "classification_over_chance_technical": 1.5,
            "classification_style": 0.333,
            "classification_over_chance_style": 1.0,
            "classification_composition": 0.5,
            "classification_over_chance_composition": 1.0,
            "classification_over_chance": 1.0,
            "figure4_brightness": (1 + spearmanr([1, 2, 3, 4, 5], [2, 1, 3, 5, 4])[0]) / 2,
            "figure4_contrast": -1.0,
            "probe_imagenet": 0.4,
            "probe_kept_ranking": 1.25,
            "probe_kept_ranking_classification": 0.95,
            "probe_kept_ranking_regression": 1.0,
            "probe_kept": 0.95,
            "constant_val_loss": 0.14,
            "constant_test_emd": 0.1315,
            "imagenet_ridge_val_loss": 0.12,
            "imagenet_ridge_test_emd": 0.1105,
            # imagenet .101 .102, rotnet .111 .112, simclr .121 .122, ranking .131 .132, + class .091 .092, + regression .301 .302
            "better_than_constant": 4,
            "better_than_ridge": 2,
        },
        abs=6e-4,
    )


def test_every_network_stands_beside_the_references(bench, tmp_path, capsys):
    text = printed(bench, run(tmp_path), capsys)
    assert text.startswith("demo: pretrained on 7 photos, 10 updates each; evaluated on 3 others (test); no labels used\n")
    rows = dict(re.findall(r"^(\S.*?)  +(.*)$", text, re.M))
    assert rows["constant histogram"].split() == ["0.1400", "0.1315"]
    assert rows["ImageNet, 100 %, pretraining 0, seed 2"].split() == ["0.1010", "0.1020"]  # the kept epoch's loss, not the last
    assert rows["ImageNet, 20 %, pretraining 0, seed 1"].split() == ["0.1120", "0.6010"]
    assert rows["ranking: ranking + classification, seed 2"].split()[:2] == ["0.500", "0.500"]
    assert rows["naming: style"].split() == ["0.333", "0.333", "6", "answers"]
    assert rows["ranking + classification"].split() == ["0.380", "0.950"]


def test_what_was_not_trained_is_no_number_and_spoils_the_least(bench, tmp_path, capsys):
    root = run(tmp_path)
    write(ranking().query("task != 'ranking'"), root / "results/demo/metrics/ranking_accuracy.csv")
    write(confusion().head(0), root / "results/demo/metrics/confusion.csv")
    write(
        pd.read_csv(root / "results/demo/probe/probes.csv").query("init != 'ranking'"), root / "results/demo/probe/probes.csv"
    )
    found = figures(printed(bench, root, capsys))
    for name in (
        "ranking_accuracy_ranking",
        "ranking_accuracy_min",
        "classification_over_chance",
        "probe_kept",
        "probe_kept_ranking",
    ):
        assert np.isnan(found[name]), name
    assert found["ranking_accuracy_ranking_regression"] == 0.7 and found["probe_kept_ranking_classification"] == 0.95


def test_nothing_is_kept_of_a_start_that_tells_nothing(bench):
    rows = [("imagenet", -0.1), *((task, 0.2) for task in TASKS)]
    probes = pd.DataFrame(rows, columns=["init", "value"]).assign(share=100, trained_on="ava", dataset="ava", metric="srcc")
    found = bench.probed(probes, "ava")
    assert np.isnan(found["probe_kept"]) and found["probe_imagenet"] == -0.1
    assert [
        line.split()[-2:] for line in bench.probe_table(probes, found, LabelledSet("ava", "AVA", 1, 10, 10, 5)).splitlines()[1:]
    ] == [
        ["-0.100", "1.000"],
        *[["0.200", "nan"]] * 3,
    ]


def test_a_network_without_an_emd_is_not_better(bench):
    networks = pd.DataFrame({"init": ["rotnet", "rotnet"], "share": 100, "test_emd": [0.1, np.nan]})
    references = pd.DataFrame({"reference": ["constant"], "split": ["test"], "metric": ["emd2"], "value": [0.2]})
    assert bench.finetuned(networks, references)["better_than_constant"] == 0


def test_one_sentence_for_the_end_of_the_demo(bench, tmp_path, capsys):
    assert printed(bench, run(tmp_path), capsys, "--brief") == (
        "Pretraining (7 photos, 10 updates each; evaluated on 3 others (test); no labels used): pairs of levels ranked rightly: "
        "ranking 0.80, ranking + classification 0.75, ranking + regression 0.70 (chance 0.50); under rising brightness the brightness "
        "output correlates by +0.90 with the level, the contrast output by -1.00.\n"
    )


@pytest.mark.parametrize(
    ("scale", "gone", "command"),
    [
        ("demo", "results/demo/metrics/metrics.csv", "make demo"),
        ("paper", "results/paper/probe/probes.csv", "snakemake --cores all --config scale=paper -- all"),
        ("demo", "models/demo/finetuned/imagenet/share100_pretraining0_seed2.csv", "make demo"),
    ],
)
def test_a_missing_file_is_one_sentence(bench, tmp_path, scale, gone, command):
    (run(tmp_path, scale) / gone).unlink()
    with pytest.raises(bench.UserError) as error:
        bench.main(tmp_path, ["--scale", scale])
    assert str(error.value) == f"scale {scale}: there is no {gone}; run '{command}' first, which makes it"


def test_a_scale_that_never_ran_ends_with_the_sentence_alone(project):
    command = [sys.executable, project / "benchmarks/learning.py", "--scale", "nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(project / "src")}, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(
        r"error: scale nowhere: there is no results/nowhere/\S+; run '.*scale=nowhere.*' first, which makes it\n", done.stderr
    )


def test_two_values_for_one_are_refused(bench, tmp_path):
    table = pd.DataFrame({"init": ["a", "a"], "share": [100, 100], "value": [1.0, 2.0]})
    with pytest.raises(bench.UserError, match="two values of a, 100 in a table of the run"):
        bench.value(table, init="a", share=100)


def test_folds_of_another_set_are_averaged_and_its_title_is_printed(bench, tmp_path, capsys):
    """Two networks a row, whose kept epochs have 0.1 + k / 1000 and 0.3: their mean is printed, under the set's own title."""
    root = run(tmp_path, "oasis")
    results, models = root / "results/oasis", root / "models/oasis/finetuned"
    described = {f"oasis_{field}": value for field, value in zip(FIELDS, ("OASIS", 1, 7, 7, 4, 2))}
    write(pd.DataFrame([{"init": "imagenet"} | described]), results / "tables/table2.csv")
    for name in ("metrics/metrics.csv", "probe/probes.csv"):
        text = (results / name).read_text()
        (results / name).write_text(text.replace("ava", "oasis"))
    for path in list(models.rglob("*.csv")):
        write(pd.DataFrame({"epoch": [1], "val_loss": [0.3]}), path.with_name(f"{path.stem}_fold2.csv"))
        path.rename(path.with_name(f"{path.stem}_fold1.csv"))
    text = printed(bench, root, capsys, "--scale", "oasis")
    rows = dict(re.findall(r"^(\S.*?)  +(.*)$", text, re.M))
    assert rows["ImageNet, 100 %, pretraining 0, seed 2"].split() == ["0.2005", "0.1020"]
    assert "fine-tuned networks, OASIS" in text and "all labels, OASIS" in text and "AVA" not in text
    assert figures(text)["probe_imagenet"] == 0.4
