"""How long a scale will take on this machine: its pictures and jobs, counted, times what one of each takes here, measured.

Only the number of epochs of a fine-tuning is not known before it is done: EPOCHS below is an assumption.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from aesthetic_pretraining.data.sources import Packages
from aesthetic_pretraining.distortions import VARIANTS
from aesthetic_pretraining.evaluation.runs import pretrainings_of, runs_of
from aesthetic_pretraining.initialisations import BASELINE, RANKING, task_of
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import Network, set_learning
from aesthetic_pretraining.settings.keys import build
from aesthetic_pretraining.settings.pretraining import PretrainConfig, TaskConfig
from aesthetic_pretraining.training import runtime
from aesthetic_pretraining.training.datasets import VariantsDataset
from aesthetic_pretraining.training.distributed import Alone
from aesthetic_pretraining.training.pretext import TASKS
from aesthetic_pretraining.training.pretrain import course_of

IMAGES = 64  # that pass the network at once in a measurement, unless the scale has fewer
MEASURED_S = 3.0  # seconds that each measurement lasts, at least
EPOCHS = 2.3  # ASSUME: epochs in which all layers learn, over finetune.stop_after: as in the recorded run of oasis


@dataclass(frozen=True)
class Work:
    """What a scale has to do.

    Attributes:
        pretrained, finetuned: pictures that pass the network forward and backward.
        judged: pictures that pass it forward alone.
        rendered: distorted pictures that are made.
        jobs: processes that are started.
    """

    pretrained: float
    finetuned: float
    judged: float
    rendered: float
    jobs: int


@dataclass(frozen=True)
class Pace:
    """Seconds that one of each takes here, on one core or, with `card`, on the GPU, where jobs run one at a time."""

    pretrained: float
    finetuned: float
    judged: float
    rendered: float
    jobs: float
    card: bool = False

    def seconds(self, work: Work, cores: int) -> float:
        """Of all the work on so many cores, each with a job of its own; what a GPU does is not divided by them."""
        spent = {name: getattr(self, name) * count for name, count in vars(work).items()}
        shared = spent.pop("rendered") if self.card else sum(spent.values())
        return shared / cores + (sum(spent.values()) if self.card else 0)


def work_of(cfg: Mapping, photos: int, images: int) -> Work:
    """The work of a scale.

    Args:
        cfg: {dotted key: value} of the resolved values.
        photos: how many there are for pretraining. images: how many the set has that networks are fine-tuned on.
    """
    return _sum(_pretraining(cfg, photos), _finetuning(cfg, images), _evaluation(cfg, photos, images))


def rows_of(cfg: Mapping) -> dict[str, str]:
    """{initialisation: its task} of all that are pretrained."""
    own = {row: cfg[f"comparisons.{row}.task"] for row in cfg["pretrain.comparisons"]}
    return {row: task_of(row, own) for row in (*cfg["pretrain.tasks"], *cfg["pretrain.ablations"], *own)}


def _sum(*parts: Work) -> Work:
    return Work(*(sum(values) for values in zip(*(vars(part).values() for part in parts), strict=True)))


def _pretraining(cfg: Mapping, photos: int) -> Work:
    config = build(PretrainConfig, cfg, seed=1)
    train, val = (round(photos * cfg[f"photos.shares.{role}"]) for role in ("train", "val"))
    learned = judged = rendered = 0.0
    for name in rows_of(cfg).values():
        task = TASKS[name](build(TaskConfig, cfg))
        plan = course_of(task, config, train, Alone(torch.device("cpu")))
        mine = task.views * sum(plan.photos(epoch) for epoch in range(plan.passes))
        learned, judged = learned + mine, judged + task.views * val * plan.passes
        rendered += 0 if task.contrast else mine + task.views * val * plan.passes
    seeds = len(cfg["pretrain.seeds"])
    return Work(seeds * learned, 0, seeds * judged, seeds * rendered, seeds * len(rows_of(cfg)))


def _runs(cfg: Mapping) -> list:
    keys = ("finetune.compared", "finetune.shares", "pretrain.seeds", "finetune.seeds")
    return runs_of([BASELINE, *rows_of(cfg)], *(cfg[key] for key in keys))


def _finetuning(cfg: Mapping, images: int) -> Work:
    home = f"sets.{cfg['labels.train_on']}"
    folds, runs = cfg[f"{home}.folds"], _runs(cfg)
    val = round(images * cfg[f"{home}.shares.val"])
    train = (images - val) * (folds - 1) / folds if folds else round(images * cfg[f"{home}.shares.train"])
    epochs = min(EPOCHS * cfg["finetune.stop_after"], cfg["finetune.max_epochs"])
    each = max(folds, 1)
    pictures = [train * run.share / 100 for run in runs]
    learned = each * epochs * sum(pictures)
    judged = each * epochs * val * len(runs)
    return Work(0, learned, judged, 0, len(runs))


def _evaluation(cfg: Mapping, photos: int, images: int) -> Work:
    test = round(photos * cfg["photos.shares.test"])
    ranking = sum(task in RANKING for task in rows_of(cfg).values()) * len(cfg["pretrain.seeds"])
    inits = [BASELINE, *rows_of(cfg)]
    compared = len(inits) * min(test, cfg["photo_check.distorted_photos"])
    features = (1 + cfg["finetune.flip"]) * images * sum(len(pretrainings_of(init, cfg["pretrain.seeds"])) for init in inits)
    judged = len(VARIANTS) * (ranking * test + compared) + features + images * len(_runs(cfg))
    return Work(0, 0, judged, 2 * len(VARIANTS) * test, len(inits) + len(_runs(cfg)))


def pace_of(cfg: Mapping) -> Pace:
    """Measure what one of each takes here; some seconds. Weights are random, which takes the same time."""
    device = runtime.set_up(threads=1)
    size = cfg["image.size"]
    network = Network(build_backbone(cfg["backbone.name"]), {"rank": 1}).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def images(count: int) -> torch.Tensor:
        return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, device=device)

    def learn(given: torch.Tensor) -> None:
        network.zero_grad(set_to_none=True)
        network(given)["rank"].sum().backward()
        _wait(device)

    def judge(given: torch.Tensor) -> None:
        with torch.no_grad():
            network(given)["rank"].sum().item()

    def each(step: Callable[[torch.Tensor], None], count: int) -> float:
        given = images(count)
        return _seconds(lambda: step(given)) / count

    set_learning(network, cfg["pretrain.trainable"], False, cfg["pretrain.batch_norm"], cfg["pretrain.learning_blocks"])
    pretrained = each(learn, min(cfg["pretrain.micro_batch"] or IMAGES, IMAGES))
    set_learning(network, cfg["finetune.trainable"], False, cfg["finetune.batch_norm"])
    finetuned = each(learn, min(cfg["finetune.micro_batch"] or IMAGES, cfg["finetune.batch"], IMAGES))
    network.eval()
    judged = each(judge, min(cfg["finetune.batch"], IMAGES))
    photo = VariantsDataset.of(Packages(), size)
    rendered = _seconds(lambda: photo[0]) / len(VARIANTS)
    program = [sys.executable, "-c", "import aesthetic_pretraining.training.finetune"]
    started = _seconds(lambda: subprocess.run(program, check=True))
    return Pace(pretrained, finetuned, judged, rendered, started, card=device.type == "cuda")


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _seconds(once: Callable[[], object]) -> float:
    """Of one call, the mean of as many as fit into MEASURED_S, after one that warms up."""
    once()
    calls, begin = 0, time.monotonic()
    while calls == 0 or time.monotonic() - begin < MEASURED_S:
        once()
        calls += 1
    return (time.monotonic() - begin) / calls
