"""Time the evidence at the size of the paper, on one core (make bench-evidence).

Synthetic predictions, as many as the paper's test sets have pictures. Prints a table, then one line per figure: name = value.
bootstrap_seconds: all metrics of six rows of five seeds on 12,818 pictures, 10,000 resamples, and all differences; measured with fewer
resamples (--resamples) and extrapolated along the line through two numbers of them. null_beyond_noise: how often two equal
initialisations differ beyond noise, where 0.05 is claimed (null_experiment.py); the largest of its metrics. figures_seconds: everything that is made of saved predictions and responses once the intervals are there, but Figures 1
and 2, which show photos.
"""

import argparse
import json
import os

os.environ |= dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], "1")  # before NumPy is imported

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import null_experiment
import numpy as np
import pandas as pd
import yaml
from matplotlib.figure import Figure

from aesthetic_pretraining.config import load
from aesthetic_pretraining.distortions import ASPECTS, DISTORTIONS, VARIANTS
from aesthetic_pretraining.evaluation import metrics
from aesthetic_pretraining.evaluation.photos.classes import DIVERSITY, Tally
from aesthetic_pretraining.evaluation.photos.shares import shares_above
from aesthetic_pretraining.evaluation.predictions import collect, read_predictions, write_predictions
from aesthetic_pretraining.evaluation.premise import falls
from aesthetic_pretraining.evaluation.pretext_metrics import Confusion, CrossResponse, RankingAccuracy
from aesthetic_pretraining.evaluation.runs import Run
from aesthetic_pretraining.evaluation.sensitivity import Moves
from aesthetic_pretraining.evaluation.statistics.intervals import IntervalConfig, estimate
from aesthetic_pretraining.evaluation.statistics.training_luck import INTERVAL_KINDS
from aesthetic_pretraining.initialisations import PAPER, PAPER_RANKING, RESPONDING
from aesthetic_pretraining.reporting import claims, table2, table2_print, verdicts
from aesthetic_pretraining.reporting.claim_evidence import Evidence
from aesthetic_pretraining.reporting.figures.diagnostics import diagnostics
from aesthetic_pretraining.reporting.figures.paper import COMPARED, draw_figure3, draw_figure4, draw_figure5
from aesthetic_pretraining.reporting.figures.style import save
from aesthetic_pretraining.settings.labels import FIELDS, LabelledSet, Labels
from aesthetic_pretraining.training.losses import aspect_distortions

ROOT = Path(__file__).resolve().parents[1]
PICTURES = {"ava": 12818, "tid2013": 3000}
PHOTOS = 15000  # of the test split, whose responses Figure 4 shows
RESAMPLES = 10_000
SHARES, SEEDS = (20, 40, 60, 80, 100), (1, 2, 3, 4, 5)  # of the scale paper
EPOCHS = 20
DISTORTED = 2_000  # photos whose features are compared, photo_check.distorted_photos at the scale paper
SAME = {"votes": "", "pretext": ""}  # as if the experiment were the paper's, so that there are verdicts
EXTREME = 8  # pictures of the highest and of the lowest scores


def labels() -> Labels:
    """The paper's sets, as params.yaml describes them."""
    sets = load(ROOT / "params.yaml")["sets"]
    tested = tuple(LabelledSet(name, **{field: sets[name][field] for field in FIELDS}) for name in PICTURES)
    return Labels(tested[0], tested, simulated=False)


LABELS = labels()


def predictions(dataset: str, salt: int) -> pd.DataFrame:
    """Predictions of one network whose correlation with the labels is about the paper's."""
    home, on = LABELS.home, LABELS.by_name[dataset]
    scores = np.array(home.values)
    fixed, own = np.random.default_rng(0), np.random.default_rng(salt)
    target = np.clip(fixed.normal(5.4, 0.73, PICTURES[dataset]), on.low, on.high).round(4)
    predicted = 5.4 + 0.3 * (target - 5.4) + own.normal(0, 0.33, len(target))

    def shares(means: np.ndarray) -> np.ndarray:
        bell = np.exp(-((scores - means[:, None]) ** 2) / 4)
        return bell / bell.sum(axis=1, keepdims=True)

    frame = pd.DataFrame({"id": np.arange(len(target)).astype(str), "target": target})
    frame["scene"] = frame["id"]
    p = metrics.probabilities(home.bins)
    frame[p] = shares(predicted)
    frame["predicted"] = metrics.mean_score(frame[p], home.values)
    if on == home:
        frame[metrics.histogram(home.bins)] = shares(target)
    return frame


def save_all(folder: Path) -> tuple[list[Path], list[Path]]:
    """Summaries and predictions of every network that the scale paper trains, as files."""
    summaries, saved = [], []
    for init in PAPER:
        for share in SHARES if init in COMPARED else (100,):
            for seed in SEEDS:
                summary = folder / f"{init}-{share}-{seed}.json"
                summary.write_text(
                    json.dumps(
                        {
                            "init": init,
                            "share": share,
                            "pretraining": 0,
                            "seed": seed,
                            "epochs": 90,
                            "best_epoch": 80,
                            "stopped": "early",
                            "train_mean": 5.4,
                        }
                    )
                )
                summaries.append(summary)
                for dataset in LABELS.by_name:
                    saved.append(folder / f"predictions/{init}/share{share}_pretraining0_seed{seed}/{dataset}.parquet")
                    write_predictions(predictions(dataset, len(saved)), saved[-1])
    return summaries, saved


def responses() -> pd.DataFrame:
    """What the pretrained network may read off every test photo under eleven levels of brightness."""
    rows = pd.MultiIndex.from_product([range(PHOTOS), range(-5, 6)], names=["photo", "level"]).to_frame(index=False)
    noise = np.random.default_rng(0).normal(0, 0.1, (len(rows), len(DISTORTIONS)))
    answers = pd.DataFrame(rows["level"].to_numpy()[:, None] / 10 + noise, columns=list(DISTORTIONS))
    return pd.concat([rows.assign(pretraining=1, distortion="brightness"), answers], axis=1)


def judged() -> dict[str, pd.DataFrame]:
    """What rule respond counts; the tables are as long for one photo as for all."""
    random = np.random.default_rng(0)
    ranking, confusion, cross = RankingAccuracy(), Confusion(), CrossResponse()
    for task in PAPER_RANKING:
        ranking.add(task, 1, random.random(len(VARIANTS)))
    confusion.add(1, {a: random.random((len(VARIANTS), len(aspect_distortions(a)))) for a in ASPECTS})
    cross.add(1, random.random((len(VARIANTS), len(DISTORTIONS))))
    return {"ranking": ranking.frame(), "confusion": confusion.frame(), "cross": cross.frame()}


def history(salt: int) -> pd.DataFrame:
    """A training of `EPOCHS` epochs."""
    losses = np.random.default_rng(salt).random((EPOCHS, 2))
    epochs = np.arange(1, EPOCHS + 1)
    return pd.DataFrame(
        {"epoch": epochs, "steps": epochs, "train_loss": losses[:, 0], "val_loss": losses[:, 1], "frozen": epochs < EPOCHS // 2}
    )


def opinions() -> pd.DataFrame:
    """What rule premise makes of TID2013: 25 references, 24 kinds of distortion, five levels."""
    rows = pd.MultiIndex.from_product([range(25), range(24), range(1, 6)], names=["reference", "distortion", "level"])
    frame = rows.to_frame(index=False).astype({"reference": str, "distortion": str})
    return falls("TID2013", frame.assign(score=9 - frame["level"] + np.random.default_rng(0).normal(0, 1, len(frame))), {})


def others(frames: Mapping[Run, pd.DataFrame]) -> dict[str, Figure]:
    """All figures of rule diagnostics."""
    return diagnostics(
        **judged(),
        premise=opinions(),
        pretraining={(task, 1): history(k) for k, task in enumerate(PAPER[1:])},
        finetuning={(init, 0, seed): history(seed) for init in PAPER for seed in SEEDS},
        predictions={init: frames[Run(init, 100, 0, 1, "ava")] for init in PAPER},
        sensitivity=distances(),
        photo_scores=scores(),
        photo_classes=classes(),
        scale=LABELS.home,
        judge=RESPONDING,
        store=SimpleNamespace(pixels=lambda _: np.zeros((336, 448, 3), np.uint8)),
        count=EXTREME,
        photos={"photos: train": 100_000, "photos: val": 15_000, "photos: test": PHOTOS},
    )


def distances() -> pd.DataFrame:
    """Distances of random features of all variants, of `DISTORTED` photos, as rule sensitivity writes them."""
    random, tables = np.random.default_rng(4), []
    for init in PAPER:
        moves = Moves()
        for _ in range(DISTORTED):
            moves.add(random.normal(size=(len(VARIANTS), 5)))
        tables.append(moves.frame(init, 0.95))
    return pd.concat(tables)


def scores() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Random scores of the unlabelled photos by the five seeds of one network, as rule photo_scores writes them."""
    random = np.random.default_rng(5)
    table = pd.DataFrame({"split": "test"} | {f"seed{seed}": random.normal(6, 0.7, PHOTOS) for seed in SEEDS})
    return table, shares_above(table, LABELS.home.above)


def classes() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Random classes of the unlabelled photos, as rule photo_classes writes them."""
    tally = Tally("network", "class", [f"class {k}" for k in range(1000)])
    for k in np.random.default_rng(6).integers(0, 1000, PHOTOS):
        tally.add([int(k)])
    return tally.counts(), pd.DataFrame([tally.diversity()], columns=DIVERSITY)


def paths(folder: Path, figure: str) -> list[Path]:
    """Where a figure goes."""
    return [folder / f"{figure}.{suffix}" for suffix in ("pdf", "png")]


def timed(steps: list[tuple[str, float, float]], name: str, work: Callable):
    """Do some work and note its seconds, and those of the processor, which other processes do not stretch as much."""
    start, used = time.monotonic(), time.process_time()
    result = work()
    steps.append((name, time.monotonic() - start, time.process_time() - used))
    return result


def main() -> None:
    """Time all and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resamples", type=int, default=500, help="of the timed bootstrap")
    parser.add_argument("--trials", type=int, default=400, help="of the null experiment")
    asked = parser.parse_args()
    report = load(ROOT / "params.yaml")["report"]
    seeds = {
        Run(init, 100, 0, seed, "ava"): predictions("ava", 100 * k + seed)
        for k, init in enumerate(PAPER, start=1)
        for seed in SEEDS
    }
    resampling: list[tuple[str, float, float]] = []
    for number in (asked.resamples // 5, asked.resamples):
        config = IntervalConfig(number, report["confidence"], report["interval"], seed=1)
        timed(resampling, f"bootstrap, {number} resamples", lambda config=config: estimate(seeds, config, LABELS))
    null: list[tuple[str, float, float]] = []
    rates = timed(null, "null experiment", lambda: null_experiment.rates(asked.trials))

    steps: list[tuple[str, float, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        summaries, saved = save_all(folder)
        values, differences = estimate(
            read_predictions(saved, LABELS), IntervalConfig(100, report["confidence"], report["interval"], 1), LABELS
        )
        published = pd.read_csv(ROOT / "resources/table2_published.csv")
        frame = timed(steps, "metrics", lambda: collect(summaries, saved, LABELS))
        frames = timed(steps, "read predictions", lambda: read_predictions(saved, LABELS))
        table = timed(
            steps,
            "Table 2 with its tests",
            lambda: table2.build(frame, frames, published, LABELS.tested, alpha=report["alpha"]),
        )
        table = timed(steps, "verdicts", lambda: verdicts.attach(table, values, frame, report["confidence"], SAME))
        timed(
            steps, "tables, written", lambda: table2_print.write(table, *(folder / f"table2.{s}" for s in ("csv", "md", "tex")))
        )
        evidence = Evidence(table, differences, frame, responses(), judged()["confusion"], report["confidence"], published)
        listed = yaml.safe_load((ROOT / "resources/claims.yaml").read_text())
        timed(steps, "claims", lambda: claims.check(listed, evidence))
        for figure, draw in {
            "figure3": lambda: draw_figure3(frame, LABELS.home),
            "figure4": lambda: draw_figure4(evidence.responses),
            "figure5": lambda: draw_figure5(frame, LABELS.home),
        }.items():
            timed(steps, figure, lambda figure=figure, draw=draw: save(draw(), *paths(folder, figure)))
        timed(steps, "the other figures", lambda: [save(f, *paths(folder, k)) for k, f in others(frames).items()])

    print(f"{'step':<44} {'seconds':>8} {'of CPU':>8}")
    for name, seconds, used in [*resampling, *null, *steps]:
        print(f"{name:<44} {seconds:>8.1f} {used:>8.1f}")
    for (kind, number, metric), rate in rates.items():
        print(f"null experiment, {kind}, {number} seeds, {metric}: {rate:.3f} of {asked.trials} trials beyond noise")
    few, many = (seconds for _, seconds, _ in resampling)
    per_resample = (many - few) / (asked.resamples - asked.resamples // 5)
    print(f"bootstrap_seconds = {many + per_resample * (RESAMPLES - asked.resamples):.1f}")
    print(f"null_beyond_noise = {max(rate for (kind, *_), rate in rates.items() if kind == INTERVAL_KINDS[0]):.3f}")
    print(f"figures_seconds = {sum(seconds for _, seconds, _ in steps):.1f}")


if __name__ == "__main__":
    main()
