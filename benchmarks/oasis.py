"""Say what the last run on real ratings found, and what it took (make bench-oasis).

usage: oasis.py [--scale SCALE]

Nothing is trained: the numbers come from the run's saved tables, from Snakemake's benchmark files and from logs/<scale>/wall.json,
which `make oasis` writes. Prints a table of all rows, then one line per figure: name = value; "nan" stands for what the run did not
train or could not measure.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from learning import RIDGE, ROOT, Tables, lines, value

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.initialisations import BASELINE, PAPER
from aesthetic_pretraining.reporting import table2


def main(root: Path, arguments: list[str]) -> None:
    """Read, compute, print. `root`: the project's folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", default="oasis")
    scale = parser.parse_args(arguments).scale
    tables = Tables(root, scale)
    table = table2.read(tables.path(f"results/{scale}/tables/table2.csv"))
    wall = json.loads(tables.path(f"logs/{scale}/wall.json").read_text())
    found = results(table, tables.csv("metrics/references.csv")) | costs(root / f"logs/{scale}/benchmark", wall)
    print(f"{scale}: {wall['cores']} cores, mean load {wall['load']:.1f}\n")
    print(row_table(table))
    for name, number in found.items():
        print(f"{name} = {number:g}" if isinstance(number, int) else f"{name} = {number:.4f}")


def results(table: pd.DataFrame, references: pd.DataFrame) -> dict[str, float]:
    """Rows and seeds of Table 2, and its rank correlations beside that of ridge regression on ImageNet's frozen features.

    rows: the paper's initialisations that were trained; comparisons: further ones. seeds: the fewest fine-tunings of a pretraining.
    """
    home, trained = table2.sets_of(table)[0].name, table[table["seeds"] > 0]
    srcc = trained.set_index("init")[f"{home}_srcc"]
    ridge = value(references, reference=RIDGE, split="test", metric="srcc")
    imagenet = float(srcc.get(BASELINE, np.nan))
    return {
        "rows": int(trained["init"].isin(PAPER).sum()),
        "comparisons": int((~trained["init"].isin(PAPER)).sum()),
        "seeds": int((trained["seeds"] // trained["pretrainings"]).min()),
        "ridge_srcc": ridge,
        "imagenet_srcc": imagenet,
        "best_srcc": float(srcc.max(skipna=False)),
        "imagenet_over_ridge": imagenet - ridge,
    }


def costs(benchmarks: Path, wall: dict[str, float]) -> dict[str, float]:
    """What the run took.

    minutes: by the clock, as `make oasis` counts them without comparison rows; nan, if all was trained at once. comparison_minutes: of
    calls with them. cpu_minutes: the processor time of all jobs divided by the cores: what it takes
    where nothing else computes. peak_gib: an upper bound, the largest jobs at once, one for each core.
    """
    jobs = pd.concat(
        [pd.read_csv(path, sep="\t", na_values="-") for path in sorted(benchmarks.rglob("*.tsv"))] or [pd.DataFrame()]
    )
    if jobs.empty:
        raise UserError(f"there are no benchmark files in {benchmarks}; run 'make oasis' first, which makes them")
    largest = jobs["max_rss"].nlargest(max(1, int(wall["cores"])))  # MiB, of a job with its children
    cpu = jobs["cpu_time"].sum() / 60 / wall["cores"]
    clock = {"minutes": wall["seconds"] / 60 or np.nan, "comparison_minutes": wall.get("comparisons", 0) / 60}
    return clock | {"cpu_minutes": cpu, "peak_gib": largest.sum() / 1024}


def row_table(table: pd.DataFrame) -> str:
    """A line for each row: rank correlation and its difference to ImageNet's, with their intervals."""
    home = table2.sets_of(table)[0]
    name, rows = f"{home.name}_srcc", []
    for _, row in table[table["seeds"] > 0].iterrows():
        difference = "" if row["init"] == BASELINE else f"{row[f'{name}_diff']:+.3f}{_ends(row, f'{name}_diff', '+')}"
        rows.append((row["label"], str(row["seeds"]), f"{row[name]:.3f}{_ends(row, name)}", difference))
    return lines(("fine-tuned on all labels", "runs", f"{home.title} SRCC", "over ImageNet"), rows)


def _ends(row: pd.Series, name: str, sign: str = "") -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "" if np.isnan(low) else f" [{low:{sign}.3f}, {high:{sign}.3f}]"


if __name__ == "__main__":
    try:
        main(ROOT, sys.argv[1:])
    except UserError as error:
        sys.exit(f"error: {error}")
