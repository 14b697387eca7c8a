"""Time the evidence at the size of the paper, on one core (make bench-evidence).

Synthetic predictions, as many as the paper's test sets have pictures. Prints a table, then one line per figure: name = value.
bootstrap_seconds: all metrics of six rows on 12,818 pictures, 10,000 resamples, and all differences, with the kind of interval
that params.yaml names. figures_seconds: everything that is made of saved predictions once the intervals are there.
"""

import json
import os

os.environ |= dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], "1")  # before NumPy is imported

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from aesthetic_pretraining import claims, figures, metrics, table2, verdicts
from aesthetic_pretraining.claim_checks import Evidence
from aesthetic_pretraining.intervals import IntervalConfig, estimate
from aesthetic_pretraining.metrics import HISTOGRAM, PROBABILITIES, TARGET_SCALES, Run

ROOT = Path(__file__).resolve().parents[1]
PICTURES = {"ava": 12818, "tid2013": 3000}
PHOTOS = 15000  # of the test split, whose responses Figure 4 shows
RESAMPLES = 10_000
SHARES, SEEDS = (20, 40, 60, 80, 100), (1, 2, 3, 4, 5)  # of the scale paper
COMPARED = ("imagenet", "ranking_regression")


def predictions(dataset: str, salt: int) -> pd.DataFrame:
    """Predictions of one network whose correlation with the labels is about the paper's."""
    scores = np.arange(1, 11)
    fixed, own = np.random.default_rng(0), np.random.default_rng(salt)
    target = np.clip(fixed.normal(5.4, 0.73, PICTURES[dataset]), *TARGET_SCALES[dataset]).round(4)
    predicted = 5.4 + 0.3 * (target - 5.4) + own.normal(0, 0.33, len(target))

    def shares(means: np.ndarray) -> np.ndarray:
        bell = np.exp(-((scores - means[:, None]) ** 2) / 4)
        return bell / bell.sum(axis=1, keepdims=True)

    frame = pd.DataFrame({"id": np.arange(len(target)).astype(str), "target": target})
    frame[PROBABILITIES] = shares(predicted)
    frame["predicted"] = metrics.mean_score(frame[PROBABILITIES])
    if dataset in metrics.VOTED:
        frame[HISTOGRAM] = shares(target)
    return frame


def save_all(folder: Path) -> tuple[list[Path], list[Path]]:
    """Summaries and predictions of every network that the scale paper trains, as files."""
    summaries, saved = [], []
    for init in metrics.LABELS:
        for share in SHARES if init in COMPARED else (100,):
            for seed in SEEDS:
                summary = folder / f"{init}-{share}-{seed}.json"
                summary.write_text(json.dumps({"init": init, "share": share, "seed": seed, "epochs": 90, "stopped": "early"}))
                summaries.append(summary)
                for dataset in TARGET_SCALES:
                    saved.append(folder / f"predictions/{init}/share{share}_seed{seed}/{dataset}.parquet")
                    metrics.write_predictions(predictions(dataset, len(saved)), saved[-1])
    return summaries, saved


def responses() -> pd.DataFrame:
    """What the pretrained network may read off every test photo under eleven levels of brightness."""
    rows = pd.MultiIndex.from_product(
        [range(PHOTOS), range(-5, 6), figures.ANSWERS], names=["photo", "level", "output"]
    ).to_frame(index=False)
    return rows.assign(distortion="brightness", value=rows["level"] / 10 + np.random.default_rng(0).normal(0, 0.1, len(rows)))


def timed(steps: list[tuple[str, float, float]], name: str, work: Callable):
    """Do some work and note its seconds, and those of the processor, which other processes do not stretch as much."""
    start, used = time.monotonic(), time.process_time()
    result = work()
    steps.append((name, time.monotonic() - start, time.process_time() - used))
    return result


def main() -> None:
    """Time all and print."""
    report = yaml.safe_load((ROOT / "params.yaml").read_text())["report"]
    one_seed = {Run(init, 100, 1, "ava"): predictions("ava", k) for k, init in enumerate(metrics.LABELS, start=1)}
    resampling: list[tuple[str, float, float]] = []
    for kind in ("percentile", "bca"):
        config = IntervalConfig(RESAMPLES, report["confidence"], kind, seed=1)
        timed(resampling, kind, lambda config=config: estimate(one_seed, config))

    steps: list[tuple[str, float, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        summaries, saved = save_all(folder)
        values, differences = estimate(
            metrics.read_predictions(saved), IntervalConfig(100, report["confidence"], "percentile", 1)
        )
        published = pd.read_csv(ROOT / "resources/table2_published.csv")
        frame = timed(steps, "metrics", lambda: metrics.collect(summaries, saved, training_mean=5.4))
        frames = timed(steps, "read predictions", lambda: metrics.read_predictions(saved))
        table = timed(steps, "Table 2 with its tests", lambda: table2.build(frame, frames, published, alpha=report["alpha"]))
        table = timed(steps, "verdicts", lambda: verdicts.attach(table, values, report["confidence"], comparable=True))
        timed(steps, "tables, written", lambda: table2.write(table, *(folder / f"table2.{s}" for s in ("csv", "md", "tex"))))
        evidence = Evidence(table, differences, frame, responses(), report["confidence"])
        listed = yaml.safe_load((ROOT / "resources/claims.yaml").read_text())
        timed(steps, "claims", lambda: claims.check(listed, evidence, comparable=True))
        for figure, draw in {
            "figure3": lambda: figures.draw_figure3(frame, inits=COMPARED),
            "figure4": lambda: figures.draw_figure4(evidence.responses),
            "figure5": lambda: figures.draw_figure5(frame, inits=COMPARED),
        }.items():
            paths = [folder / f"{figure}.{suffix}" for suffix in ("pdf", "png")]
            timed(steps, figure, lambda draw=draw, paths=paths: figures.save(draw(), *paths))

    print(f"{'step':<44} {'seconds':>8} {'of CPU':>8}")
    for name, seconds, used in resampling:
        print(f"{f'bootstrap, {RESAMPLES} resamples, {name}':<44} {seconds:>8.1f} {used:>8.1f}")
    for name, seconds, used in steps:
        print(f"{name:<44} {seconds:>8.1f} {used:>8.1f}")
    wall = {name: seconds for name, seconds, _ in resampling}
    print(f"bootstrap_seconds = {wall[report['interval']]:.1f}")
    print(f"figures_seconds = {sum(seconds for _, seconds, _ in steps):.1f}")


if __name__ == "__main__":
    main()
