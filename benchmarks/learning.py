"""Say what the networks of the last run of a scale have learned (make bench-learning).

usage: learning.py [--scale SCALE] [--brief]

Nothing is trained: the numbers come from the run's saved tables (docs/learning.md says which). Prints tables, then one line per
figure: name = value; "nan" stands for what the run did not train or could not measure. --brief: one sentence on pretraining alone.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from aesthetic_pretraining.data.ledger import read_table
from aesthetic_pretraining.distortions import ASPECTS
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.initialisations import BASELINE, LABELS, PAPER, PAPER_RANKING, title_of
from aesthetic_pretraining.reporting import facts
from aesthetic_pretraining.reporting.claim_checks import response
from aesthetic_pretraining.reporting.table2 import sets_of
from aesthetic_pretraining.settings.labels import LabelledSet

ROOT = Path(__file__).resolve().parents[1]
APPLIED, OUTPUTS = "brightness", ("brightness", "contrast")  # Figure 4
CONSTANT, RIDGE = "constant", f"{BASELINE}_ridge"  # in metrics/references.csv
COMMANDS = {"demo": "make demo", "oasis": "make oasis"}
NETWORK = ["init", "share", "pretraining", "seed"]


def main(root: Path, arguments: list[str]) -> None:
    """Read, compute, print. `root`: the project's folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", default="demo")
    parser.add_argument("--brief", action="store_true", help="one sentence on what pretraining taught")
    args = parser.parse_args(arguments)
    tables = Tables(root, args.scale)
    if args.brief:
        print(sentence(tables))
        return
    networks, references, probes = tables.networks(), tables.csv("metrics/references.csv"), tables.csv("probe/probes.csv")
    home = tables.home()
    found = pretext(tables) | probed(probes, home.name) | finetuned(networks, references)
    print(f"{args.scale}: pretrained on {tables.basis()}; {facts.UNLABELLED}\n")
    print(pretext_table(tables))
    print(probe_table(probes, found, home))
    print(network_table(networks, references, home))
    for name, value in found.items():
        print(f"{name} = {value:g}" if isinstance(value, int) else f"{name} = {value:.4f}")


class Tables:
    """The saved files of one scale's last run; UserError, one sentence, for one that is not there."""

    def __init__(self, root: Path, scale: str):
        self.root, self.scale = root, scale

    def path(self, name: str) -> Path:
        """A file of the run, which has to be there."""
        if not (path := self.root / name).is_file():
            command = COMMANDS.get(self.scale, f"snakemake --cores all --config scale={self.scale} -- all")
            raise UserError(f"scale {self.scale}: there is no {name}; run '{command}' first, which makes it")
        return path

    def csv(self, name: str) -> pd.DataFrame:
        """A table below results/<scale>."""
        return pd.read_csv(self.path(f"results/{self.scale}/{name}"))

    def ranking(self) -> pd.DataFrame:
        """Pairs of neighbouring levels that each pretrained network ranks rightly."""
        return self.csv("metrics/ranking_accuracy.csv")

    def pooled(self) -> pd.DataFrame:
        """The same over all levels, and over all pairs of equation 1, network by network."""
        return self.csv("metrics/ranking_pooled.csv")

    def confusion(self) -> pd.DataFrame:
        """Answers of the classification heads."""
        return self.csv("metrics/confusion.csv")

    def responses(self) -> pd.DataFrame:
        """What Figure 4 shows; no other row, because at full size there are millions."""
        path = self.path(f"results/{self.scale}/metrics/responses.parquet")
        columns = ["pretraining", "photo", "distortion", "level", *OUTPUTS]
        return pd.read_parquet(path, columns=columns, filters=[("distortion", "==", APPLIED)])

    def basis(self) -> str:
        """On how many photos, and after how many updates."""
        pretrained = self.ranking()[["task", "pretraining"]].drop_duplicates().itertuples(index=False)
        histories = [self.path(f"models/{self.scale}/pretrained/{task}/seed{seed}.csv") for task, seed in pretrained]
        roles = facts.roles("photos", read_table(self.path(f"data/{self.scale}/photos/split.csv")))
        return facts.basis(roles, facts.read(histories))

    def home(self) -> LabelledSet:
        """The set that networks are trained on."""
        return sets_of(self.csv("tables/table2.csv"))[0]

    def networks(self) -> pd.DataFrame:
        """Every fine-tuned row: columns `NETWORK`, val_loss (of the kept epoch, as it was trained) and test_emd (r = 2).

        With folds, val_loss is the mean over the networks of the folds.
        """
        metrics, home = self.csv("metrics/metrics.csv"), self.home()
        folds = [f"_fold{fold}" for fold in range(1, home.folds + 1)] or [""]
        losses = []
        for init, share, pretraining, seed in metrics[NETWORK].itertuples(index=False):
            start = f"models/{self.scale}/finetuned/{init}/share{share}_pretraining{pretraining}_seed{seed}"
            losses.append(np.mean([facts.kept(pd.read_csv(self.path(f"{start}{fold}.csv")))["val_loss"] for fold in folds]))
        return metrics[NETWORK].assign(val_loss=losses, test_emd=metrics[f"{home.name}_emd2"])


def pretext(tables: Tables) -> dict[str, float]:
    """What pretraining taught: ranking accuracies, accuracies of the classification heads, Figure 4's curves."""
    ranked, named, curves = ranking_accuracy(tables.ranking()), classification(tables.confusion()), figure4(tables.responses())
    found = {f"ranking_accuracy_{task}": ranked.get(task, np.nan) for task in {**dict.fromkeys(PAPER_RANKING), **ranked}}
    found["ranking_accuracy_min"] = min_or_nan(ranked.get(task, np.nan) for task in PAPER_RANKING)
    loss_pairs = tables.pooled().groupby("task")["all_pairs"].mean()
    found |= {f"loss_pairs_{task}": loss_pairs.get(task, np.nan) for task in PAPER_RANKING}
    found["loss_pairs_min"] = min_or_nan(loss_pairs.get(task, np.nan) for task in PAPER_RANKING)
    for aspect, (accuracy, chance) in named.items():
        found |= {f"classification_{aspect}": accuracy, f"classification_over_chance_{aspect}": accuracy / chance}
    found["classification_over_chance"] = min_or_nan(accuracy / chance for accuracy, chance in named.values())
    return found | {f"figure4_{output}": value for output, value in curves.items()}


def ranking_accuracy(ranking: pd.DataFrame) -> dict[str, float]:
    """{task: share of all pairs ranked rightly}, over distortions, levels, photos and pretrainings together; chance is 0.5."""
    sums = ranking.groupby("task", sort=False)[["right", "photos"]].sum()
    return (sums["right"] / sums["photos"]).to_dict()


def classification(confusion: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """{aspect: (share of right answers over levels and pretrainings, chance)}; chance: one over the aspect's distortions."""
    found = {}
    for aspect in ASPECTS:
        rows = confusion[confusion["aspect"] == aspect]
        right = rows["photos"][rows["applied"] == rows["answered"]].sum()
        found[aspect] = (right / rows["photos"].sum(), 1 / rows["applied"].nunique()) if len(rows) else (np.nan, np.nan)
    return found


def figure4(responses: pd.DataFrame) -> dict[str, float]:
    """{output: mean over photos of its rank correlation with the level of brightness}, as the claims on Figure 4 compute it."""
    evidence = SimpleNamespace(responses=responses, confidence=0.95)
    return {output: float(response(evidence, "", APPLIED, output, 1).value) for output in OUTPUTS}


def probe_of(home: str) -> dict[str, object]:
    """The probe that is printed, as `value` looks it up."""
    return {"share": 100, "trained_on": home, "dataset": home, "metric": "srcc"}


def probed(probes: pd.DataFrame, home: str) -> dict[str, float]:
    """SRCC on the set `home` of the linear probe of all labels: ImageNet's, and over it those of the three ranking tasks, with the least.

    Over an SRCC that is not above 0 nothing is kept or lost: NaN.
    """
    start = value(probes, init=BASELINE, **probe_of(home))
    whole = start if start > 0 else np.nan
    kept = {f"probe_kept_{task}": value(probes, init=task, **probe_of(home)) / whole for task in PAPER_RANKING}
    return {f"probe_{BASELINE}": start} | kept | {"probe_kept": min_or_nan(kept.values())}


def finetuned(networks: pd.DataFrame, references: pd.DataFrame) -> dict[str, float]:
    """The references, and how many of the paper's six initialisations are better than them on the test split.

    An initialisation counts if, with all labels, the EMD of every one of its networks is below that of the reference.
    """
    found: dict[str, float] = {}
    for reference in (CONSTANT, RIDGE):
        found[f"{reference}_val_loss"] = value(references, reference=reference, split="val", metric="loss")
        found[f"{reference}_test_emd"] = value(references, reference=reference, split="test", metric="emd2")
    whole = networks[(networks["share"] == 100) & networks["init"].isin(PAPER)]
    worst = whole.groupby("init")["test_emd"].agg(lambda values: values.max(skipna=False))
    for name, reference in (("constant", CONSTANT), ("ridge", RIDGE)):
        found[f"better_than_{name}"] = int((worst < found[f"{reference}_test_emd"]).sum())
    return found


def value(table: pd.DataFrame, **where: object) -> float:
    """The one value of a long table, whose column `value` holds it, in the row that these columns name; NaN if there is none."""
    rows = table[table[list(where)].eq(list(where.values())).all(axis=1)]
    if len(rows) > 1:
        raise UserError(f"two values of {', '.join(map(str, where.values()))} in a table of the run; run its scale again")
    return float(rows["value"].iloc[0]) if len(rows) else np.nan


def min_or_nan(values: Iterable[float]) -> float:
    """The least of some numbers; NaN if one of them is, or there are none."""
    return float(np.min([*values] or [np.nan]))


def sentence(tables: Tables) -> str:
    """What pretraining taught, in one sentence."""
    accuracy = ", ".join(f"{title_of(task)} {share:.2f}" for task, share in ranking_accuracy(tables.ranking()).items())
    curves = figure4(tables.responses())
    return (
        f"Pretraining ({tables.basis()}; {facts.UNLABELLED}): pairs of levels ranked rightly: {accuracy} (chance 0.50); under rising "
        f"brightness the brightness output correlates by {curves['brightness']:+.2f} with the level, the contrast output by "
        f"{curves['contrast']:+.2f}."
    )


def pretext_table(tables: Tables) -> str:
    """A line for each pretrained network, then one for each aspect."""
    ranking, rows = tables.ranking(), []
    for (task, seed), group in ranking.groupby(["task", "pretraining"], sort=False):
        share, pairs = ranking_accuracy(group)[task], group["photos"].sum()
        rows.append((f"ranking: {title_of(task)}, seed {seed}", f"{share:.3f}", "0.500", f"{pairs:,} pairs"))
    confusion = tables.confusion()
    for aspect, (accuracy, chance) in classification(confusion).items():
        answers = confusion["photos"][confusion["aspect"] == aspect].sum()
        rows.append((f"naming: {aspect}", f"{accuracy:.3f}", f"{chance:.3f}", f"{answers:,} answers"))
    return lines(("pretrained networks", "right", "chance", "of"), rows)


def probe_table(probes: pd.DataFrame, found: Mapping[str, float], home: LabelledSet) -> str:
    """SRCC of the linear probes as parts of ImageNet's."""
    rows = [(LABELS[BASELINE], f"{found[f'probe_{BASELINE}']:.3f}", "1.000")]
    for task in PAPER_RANKING:
        rows.append(
            (LABELS[task], f"{value(probes, init=task, **probe_of(home.name)):.3f}", f"{found[f'probe_kept_{task}']:.3f}")
        )
    return lines((f"linear probe, all labels, {home.title}", "SRCC", f"over {LABELS[BASELINE]}'s"), rows)


def network_table(networks: pd.DataFrame, references: pd.DataFrame, home: LabelledSet) -> str:
    """A line for each reference and each fine-tuned network or, with folds, run."""
    shown = {CONSTANT: "constant histogram", RIDGE: f"{LABELS[BASELINE]} + ridge"}
    found = finetuned(networks, references)
    rows = [(text, f"{found[f'{name}_val_loss']:.4f}", f"{found[f'{name}_test_emd']:.4f}") for name, text in shown.items()]
    for row in networks.itertuples():
        name = f"{title_of(row.init)}, {row.share} %, pretraining {row.pretraining}, seed {row.seed}"
        rows.append((name, f"{row.val_loss:.4f}", f"{row.test_emd:.4f}"))
    return lines((f"fine-tuned networks, {home.title}", "validation loss", "test EMD, r = 2"), rows)


def lines(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Columns of text, the first one to the left."""
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
    printed = [
        [text.rjust(w) if k else text.ljust(w) for k, (text, w) in enumerate(zip(r, widths, strict=True))]
        for r in (head, *rows)
    ]
    return "\n".join("  ".join(row).rstrip() for row in printed) + "\n"


if __name__ == "__main__":
    try:
        main(ROOT, sys.argv[1:])
    except UserError as error:
        sys.exit(f"error: {error}")
