"""Made-up models for the tests of Table 2 and of what reads it."""

import re
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from labelled_sets import PAPER as LABELS

from aesthetic_pretraining.evaluation import metrics
from aesthetic_pretraining.evaluation.runs import Run, pretrainings_of
from aesthetic_pretraining.reporting import table2, table2_print

PUBLISHED = pd.read_csv(Path(__file__).parents[2] / "resources" / "table2_published.csv")
PAPER = ["imagenet", "rotnet", "simclr", "ranking", "ranking_classification", "ranking_regression"]
NOTE = "demo: simulated votes, 50% & #1"
ODD = r"my_net|50%\x"  # what a user may call an initialisation


def made_up(inits=PAPER, seeds=(0,), better=("ranking", "ranking_regression"), pretrainings=(1,)):
    """Metrics and predictions in which `better` are much closer to the votes than imagenet, the others as far."""
    rng = np.random.default_rng(0)
    target = {"ava": rng.uniform(3, 8, 60), "tid2013": rng.uniform(1, 7, 60)}
    predictions, rows = {}, []
    for place, init in enumerate(inits):
        for pretraining, seed in product(pretrainings_of(init, pretrainings), seeds):
            row = {"init": init, "share": 100, "pretraining": pretraining, "seed": seed, "epochs": 100 - 5 * place + seed}
            row |= {"best_epoch": row["epochs"] - 10 - pretraining, "capped": 0}
            for dataset, scores in target.items():
                noise = rng.normal(0, 0.2 if init in better else 1.0, 60)
                frame = pd.DataFrame({"id": np.arange(60).astype(str), "target": scores, "predicted": scores + noise})
                predictions[Run(init, 100, pretraining, seed, dataset)] = frame
                row |= metrics.evaluate(frame, dataset, LABELS, training_mean=5.5)
            rows.append(row)
    return pd.DataFrame(rows, columns=metrics.metrics_columns(LABELS)), predictions


def build(note="", **models):
    return table2.build(*made_up(**models), PUBLISHED, note=note)


def markdown_cells(table):
    """label -> printed cells, read back from the Markdown."""
    lines = [line for line in table2_print.to_markdown(table).splitlines() if line.startswith("| ")][1:]
    return {cells[0]: cells[1:] for cells in (re.split(r"(?<!\\)\|", line)[1:-1] for line in lines)}
