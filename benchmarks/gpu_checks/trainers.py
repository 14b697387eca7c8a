"""The two trainers themselves on the device: whole small trainings, each done twice, to the same bytes."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from aesthetic_pretraining.models.network import save_weights
from aesthetic_pretraining.training import runtime
from gpu_checks.paper_hours import read_params, resolved
from gpu_checks.report import Report
from gpu_checks.setting import BACKBONE, SEED, Setting, backbone, photo_store

SIZE = 32
TASKS = ("ranking_regression", "rotnet", "simclr")


def trainers(report: Report, setting: Setting) -> None:
    """Pretraining of three tasks, and a fine-tuning whose second epoch is unfrozen, with the values of the scale smoke."""
    values = resolved(read_params(), "smoke")
    start = setting.temporary / "start.safetensors"
    save_weights(backbone(SIZE).state_dict(), start)
    for task in TASKS:
        twice(report, f"trainer_{task}", setting, lambda folder, task=task: pretraining(task, values, setting, start, folder))
    twice(report, "trainer_finetune", setting, lambda folder: fine_tuning(values, setting, start, folder))
    runtime.allow_tf32(False)  # the trainers set what they want


def twice(report: Report, name: str, setting: Setting, train: Callable[[Path], None]) -> None:
    """Report whether two trainings in two folders leave the same files."""
    with report.guarded(name):
        left = []
        for k in range(2):
            folder = setting.temporary / f"{name}{k}"
            folder.mkdir()
            train(folder)
            left.append({path.name: path.read_bytes() for path in sorted(folder.iterdir())})
        report.same(name, left[0] == left[1] and "weights.safetensors" in left[0])


def pretraining(task: str, values: dict, setting: Setting, start: Path, folder: Path) -> None:
    """One epoch."""
    from aesthetic_pretraining.distortions.variants import Variants
    from aesthetic_pretraining.training.pretext import TaskConfig
    from aesthetic_pretraining.training.pretrain import PretrainConfig, pretrain

    known = {"backbone": BACKBONE, "seed": SEED, **values["distortions"], **values["compute"], **values["pretrain"]}
    small = {"epochs": 1, "batch_photos": 2, "frozen_steps": 0, "precision": "float32", "processes": 1}
    train, val = setting.sizes.train, setting.sizes.val
    photos = [f"photo{k}" for k in range(train + val)]
    pretrain(
        task,
        configured(TaskConfig, known),
        configured(PretrainConfig, known | small),
        Variants(photo_store(setting.temporary / "small.tar", train + val, SIZE, SIZE * 3 // 2), SIZE, "published"),
        train=photos[:train],
        val=photos[train:],
        start=start,
        weights=folder / "weights.safetensors",
        history_csv=folder / "history.csv",
        work=folder,
    )


def fine_tuning(values: dict, setting: Setting, start: Path, folder: Path) -> None:
    """Two epochs: one frozen, because no loss can fall by more than itself, and one of all weights."""
    from aesthetic_pretraining.training.features import FeaturesConfig, features
    from aesthetic_pretraining.training.features_file import Features
    from aesthetic_pretraining.training.finetune import FinetuneConfig, finetune

    known = {"backbone": BACKBONE, "seed": SEED, **values["compute"], **values["finetune"]}
    known |= {"low": 1, "high": 10, "bins": 10}
    small = {"batch": 4, "max_epochs": 2, "halve_after": 1, "stop_after": 2, "min_improvement": 2.0, "precision": "float32",
             "processes": 1}  # fmt: skip
    rng, ids = np.random.default_rng(SEED), [f"photo{k}" for k in range(8)]
    store, files = (
        photo_store(setting.temporary / "labelled.tar", 8, SIZE, SIZE),
        [folder / "plain.npy", folder / "mirrored.npy"],
    )
    for side, file in enumerate(files):
        features(configured(FeaturesConfig, known | small), store, ids, start, file, bool(side))
    finetune(
        configured(FinetuneConfig, known | small),
        store,
        votes={i: rng.integers(1, 50, 10) for i in ids},
        train=ids[:6],
        val=ids[6:],
        start=start,
        features=Features(ids, *files),
        weights=folder / "weights.safetensors",
        history_csv=folder / "history.csv",
        summary_json=folder / "summary.json",
        work=folder,
        describe={"init": "random"},
    )


def configured(kind: type, known: dict) -> object:
    """A frozen configuration whose fields are taken from `known`, where it has them."""
    return kind(**{field.name: known[field.name] for field in dataclasses.fields(kind) if field.name in known})
