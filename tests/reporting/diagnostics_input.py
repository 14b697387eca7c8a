"""Made-up tables that the figures beside the paper's are drawn from, for their tests."""

import numpy as np
import pandas as pd
from sets import AVA

from aesthetic_pretraining.distortions import DISTORTIONS
from aesthetic_pretraining.evaluation.photos.classes import DIVERSITY, Tally
from aesthetic_pretraining.evaluation.photos.shares import shares_above
from aesthetic_pretraining.evaluation.pretext_metrics import Confusion, steps
from aesthetic_pretraining.evaluation.sensitivity import Moves
from aesthetic_pretraining.evaluation.statistics.proportions import with_shares
from aesthetic_pretraining.reporting.figures.diagnostics import diagnostics

NOTE = "demo: simulated votes, $5 and $6"
TASKS = ["ranking", "ranking_classification", "ranking_regression"]
NAMES = list(DISTORTIONS)
PHOTOS = {"photos: labels": 28, "photos: test": 4, "photos: train": 12, "photos: val": 5}


class Pictures:
    """A store of pictures of one colour: that of the number in their name."""

    def pixels(self, picture):
        return np.full((4, 4, 3), int(picture[1:]), np.uint8)


def cross():
    rng = np.random.default_rng(0)
    keys = [(a, o) for a in reversed(NAMES) for o in NAMES]
    return pd.DataFrame(keys, columns=["applied", "output"]).assign(pretraining=3, correlation=rng.uniform(-1, 1, len(keys)))


def ranking(tasks=TASKS):
    rng = np.random.default_rng(1)
    keys = [(task, name, level) for task in tasks for name, level, _, _ in steps()]
    frame = pd.DataFrame(keys, columns=["task", "distortion", "level"])
    return with_shares(frame.assign(pretraining=3, right=rng.integers(0, 9, len(frame)), photos=8), "right", "photos")


def confusion():
    rng, table = np.random.default_rng(2), Confusion()
    for _ in range(3):
        table.add(3, {aspect: rng.normal(size=(174, len(names))) for aspect, names in table.names.items()})
    return table.frame()


def and_another_seed(frame, column):
    """The table with the rows of a second pretraining, which figures do not show."""
    return pd.concat([frame, frame.assign(**{"pretraining": 1, column: 0})], ignore_index=True)


def premise(published=True, survey=True):
    keys = [("TID2013", name, level) for name in ("Gaussian noise", "JPEG") for level in (2, 3, "all")]
    keys += [("survey", "all", "all")]
    frame = pd.DataFrame(keys, columns=["source", "distortion", "level"]).assign(agree=[1, 2, 3, 0, 4, 4, 7], pairs=8)
    frame = with_shares(frame, "agree", "pairs").assign(published=0.74 if published else np.nan)
    return frame if survey else frame[frame["source"] != "survey"]


def predictions(inits=("imagenet", "ranking", "my net"), pictures=30):
    rng = np.random.default_rng(3)
    target = rng.uniform(2, 8, pictures)
    ids = [f"p{k}" for k in range(pictures)]
    return {
        init: pd.DataFrame({"id": ids, "target": target, "predicted": target + rng.normal(0, 0.5, pictures)}) for init in inits
    }


def photo_scores():
    scores = pd.DataFrame({"split": "test", "seed1": [4.0, 6.0, 7.5, 5.5], "seed2": [4.5, 6.5, 7.0, 5.0]})
    return scores, shares_above(scores, 5)


def photo_classes():
    """Of a network that sees 25 classes in 39 photos, the first of them in 15, and a detector that finds nothing."""
    tallies = Tally("net", "class", [f"class {k}" for k in range(30)]), Tally("eye", "object", ["cat", "dog"])
    for k in [*range(25), *[0] * 14]:
        tallies[0].add([k])
    tallies[1].add([])
    return pd.concat([t.counts() for t in tallies]), pd.DataFrame([t.diversity() for t in tallies], columns=DIVERSITY)


def moves(inits):
    rng, frames = np.random.default_rng(4), []
    for init in inits:
        found = Moves()
        for _ in range(4):
            found.add(rng.normal(size=(174, 5)))
        frames.append(found.frame(init, 0.95))
    return pd.concat(frames)


def history(epochs=4, free=3):
    rng = np.random.default_rng(epochs)
    columns = {
        "steps": range(9, 9 * epochs + 1, 9),
        "train_loss": rng.uniform(1, 2, epochs),
        "val_loss": rng.uniform(1, 2, epochs),
    }
    return pd.DataFrame({"epoch": range(1, epochs + 1), **columns, "frozen": [int(k < free) for k in range(1, epochs + 1)]})


def draw(tasks=TASKS, note=NOTE, **changes):
    given = dict(
        cross=and_another_seed(cross(), "correlation"),
        ranking=and_another_seed(ranking(tasks), "share"),
        confusion=and_another_seed(confusion(), "photos") if "ranking_classification" in tasks else confusion().head(0),
        premise=premise(),
        pretraining={(task, seed): history() for task in tasks for seed in (3, 1)},
        finetuning={(init, 0, seed): history(5 + seed) for init in ("imagenet", *tasks) for seed in (1, 2)},
        predictions=predictions(("imagenet", *tasks)),
        sensitivity=moves(("imagenet", *tasks)),
        photo_scores=photo_scores(),
        photo_classes=photo_classes(),
        scale=AVA,
        judge="ranking_regression",
        store=Pictures(),
        count=4,
        photos=PHOTOS,
        note=note,
    )
    return diagnostics(**given | changes)
