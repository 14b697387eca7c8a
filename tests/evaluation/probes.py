"""Made-up labelled sets with features, for the tests of the linear probes."""

import numpy as np
import pandas as pd

from aesthetic_pretraining.evaluation.probes.frozen import ProbeConfig
from aesthetic_pretraining.evaluation.statistics.intervals import IntervalConfig

CONFIG = ProbeConfig(
    lowest=1e-3, highest=1e3, steps=7, folds=4, shares=[50, 100], seeds=[1, 2], emd="per_image", emd_r=2, seed=3
)
INTERVALS = IntervalConfig(resamples=200, confidence=0.95, interval="seeds_and_images", seed=3)
VOTES = [f"v{k}" for k in range(1, 11)]
SCORES = np.arange(1, 11)


def ava(counts=(60, 20, 30), seed=0):
    """(ledger, split, hidden quality): votes around a mean that follows the quality; the last picture cannot be used."""
    rng = np.random.default_rng(seed)
    n = sum(counts)
    quality = rng.normal(size=n)
    votes = np.array([np.bincount(rng.binomial(9, 1 / (1 + np.exp(-0.5 * q)), 80), minlength=10) for q in quality])
    ledger = pd.DataFrame(votes, columns=VOTES)
    ledger.insert(0, "id", [f"a{k:03d}" for k in range(n)])
    ledger["score"], ledger["state"] = votes @ SCORES / votes.sum(axis=1), "usable"
    broken = ledger.iloc[[-1]].assign(id="zzz", state="unreadable")
    roles = rng.permutation(np.repeat(["train", "val", "test"], counts))
    return pd.concat([ledger, broken]), pd.DataFrame({"id": ledger["id"], "split": roles}), quality


def tid2013(scenes=6, seed=1):
    """(ledger, split, hidden quality): four kinds of distortion at three levels."""
    rng = np.random.default_rng(seed)
    ids = [f"i{s:02d}_{t:02d}_{level}" for s in range(1, scenes + 1) for t in (1, 8, 10, 16) for level in (1, 2, 3)]
    quality = rng.normal(size=len(ids))
    ledger = pd.DataFrame({"id": ids, "score": np.clip(4.5 + quality, 0, 9), "state": "usable", "group": [i[:3] for i in ids]})
    return ledger, pd.DataFrame({"id": ids, "split": "test"}), quality


def oasis(folds=3, seed=4):
    """(ledger, split, hidden quality): votes 1..7, two images a theme, 12 validation images and `folds` parts of 16."""
    rng = np.random.default_rng(seed)
    n = 12 + 16 * folds
    quality = rng.normal(size=n)
    votes = np.array([np.bincount(rng.binomial(6, 1 / (1 + np.exp(-0.5 * q)), 80), minlength=7) for q in quality])
    ledger = pd.DataFrame(votes, columns=VOTES[:7])
    ledger.insert(0, "id", [f"o{k:03d}" for k in range(n)])
    ledger["score"], ledger["state"] = votes @ np.arange(1, 8) / votes.sum(axis=1), "usable"
    ledger["group"] = [f"theme {k // 2}" for k in range(n)]
    fold = np.repeat([0, *range(1, folds + 1)], [12, *[16] * folds])
    split = pd.DataFrame({"id": ledger["id"], "split": np.where(fold == 0, "val", "fold"), "fold": [f or "" for f in fold]})
    return ledger, split, quality


def features(quality, noise, seed, width=12):
    """float32 (N, width): the quality on a direction of its own, under noise and different scales."""
    rng = np.random.default_rng(seed)
    direction, spread = np.random.default_rng(99).normal(size=width), np.random.default_rng(98).uniform(0.1, 20, width)
    return ((np.outer(quality, direction) + noise * rng.normal(size=(len(quality), width))) * spread + 3).astype(np.float32)
