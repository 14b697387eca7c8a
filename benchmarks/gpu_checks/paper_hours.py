"""Hours of the paper's run on one card and on eight, from measured rates and params.yaml's scale `paper`."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np

import needs
from aesthetic_pretraining.distortions import VARIANTS
from gpu_checks.report import Report

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = 130_000  # section 4.3
AVA = {"train": 229_981, "val": 12_691, "test": 12_818}  # fidelity row 21
TID2013 = 3_000
PRECISIONS = ("float32", "tf32", "bfloat16")
ENGINES = ("native", "device")  # that render while a network learns
CARDS = 8  # each with a training of its own: as many jobs of Slurm at once
# cards -> loaders beside each: as many as a machine of its own may have, or those of a job on a cluster
LOADERS = {1: needs.MOST_LOADERS, CARDS: needs.CORES - 1}
VIEWS = {"rotnet": 4, "simclr": 2}  # pictures of one photo; all other tasks take all variants, and are batched by batch_photos


@dataclass(frozen=True)
class Stage:
    """One part of the run.

    Attributes:
        runs: trainings, or other jobs. updates, learned, seen: over all of them, steps; pictures that pass forward and backward; pictures that
            pass forward alone (validation, and features).
        rendered: photos whose variants are rendered; 0 where loading is not measured.
    """

    name: str
    runs: int
    updates: int
    learned: int
    seen: int
    rendered: int = 0

    def hours(self, learning: float, forward: float, photos: float | None, beside: bool = True) -> float:
        """Hours at so many pictures per second with both passes and with one.

        Args:
            photos: rendered in a second; None: they cost nothing.
            beside: whether by loaders, beside the network, so that the slower of the two counts; else both take the card's time.
        """
        passes = self.learned / learning + self.seen / forward
        rendering = self.rendered / photos if photos else 0.0
        return (max(passes, rendering) if beside else passes + rendering) / 3600


def views_of(task: str) -> int:
    """How many pictures of a photo a task takes."""
    return VIEWS.get(task, len(VARIANTS))


def pretraining(values: Mapping, task: str) -> Stage:
    """One task: every epoch learns from all training photos and looks at all validation photos.

    Its frozen steps count as full ones: 200 of 250,000. RotNet and SimCLR take as many passes over the photos as are needed for the
    ranking tasks' updates where `contrast_updates` is "matched".
    """
    config, shares = values["pretrain"], values["photos"]["shares"]
    train, val = (round(PHOTOS * shares[part], -3) for part in ("train", "val"))  # shares stand with four digits
    train, val, runs, epochs = int(train), int(val), len(config.get("seeds", [1])), config["epochs"]
    if task not in VIEWS:
        updates, learned, seen = epochs * ceil(train / config["batch_photos"]), epochs * train, epochs * val
    else:
        batches = ceil(train / config["contrast_batch"])
        matched = config.get("contrast_updates") == "matched"
        updates = epochs * (ceil(train / config["batch_photos"]) if matched else batches)
        passes, rest = divmod(updates, batches)
        learned, seen = passes * train + rest * config["contrast_batch"], (passes + bool(rest)) * val
    views, rendered = views_of(task), 0 if task in VIEWS else runs * (learned + seen)
    return Stage(f"pretrain_{task}", runs, runs * updates, runs * learned * views, runs * seen * views, rendered)


def fine_tuning(values: Mapping, published: Mapping[str, int]) -> Stage:
    """All trainings: every initialisation with all labels, the compared ones with each share.

    Args:
        published: initialisation -> epochs until early stopping (Table 2); taken for every share, because the paper gives no
            other numbers.
    The frozen phase lasts until the first plateau, 1 + halve_after epochs at least, on features that are there already.
    """
    config, seeds = values["finetune"], len(values["finetune"]["seeds"])
    everything = ["imagenet", *values["pretrain"]["tasks"], *values["pretrain"]["ablations"]]
    runs = updates = learned = seen = 0
    for share in config["shares"]:
        count = round(AVA["train"] * share / 100)
        for init in everything if share == max(config["shares"]) else config["compared"]:
            times = seeds * (1 if init == "imagenet" else len(values["pretrain"].get("seeds", [1])))
            epochs = published.get(init, max(published.values()))
            frozen = min(epochs, 1 + config["halve_after"])
            runs += times
            updates += times * epochs * ceil(count / config["batch"])
            learned += times * (epochs - frozen) * count
            seen += times * (epochs - frozen) * AVA["val"]
    return Stage("finetune", runs, updates, learned, seen)


def features(values: Mapping) -> Stage:
    """Of every initialisation: all labelled images, and the mirror images of those that networks are fine-tuned on."""
    tasks = [*values["pretrain"]["tasks"], *values["pretrain"]["ablations"]]
    runs = 1 + len(tasks) * len(values["pretrain"].get("seeds", [1]))
    sides = 2 if values["finetune"]["flip"] else 1
    return Stage("features", runs, 0, 0, runs * (sides * sum(AVA.values()) + TID2013))


def stages(values: Mapping, published: Mapping[str, int]) -> Iterator[Stage]:
    """All parts that take a GPU for long; predictions are a thousandth of that."""
    for task in (*values["pretrain"]["tasks"], *values["pretrain"]["ablations"]):
        yield pretraining(values, task)
    yield features(values)
    yield fine_tuning(values, published)


def makespan(parts: Iterable[tuple[Stage, float]], cards: int) -> float:
    """Hours until all is done where each training has a card of its own: pretraining, then features, then fine-tuning.

    Args: parts: each stage with its hours on one card.
    A stage's trainings are taken to be equally long, and no card begins with the next kind before the last one of a kind is done.
    """
    kinds: dict[str, list[float]] = {}
    for stage, hours in parts:
        kinds.setdefault(stage.name.split("_")[0], []).extend([hours / stage.runs] * stage.runs)
    total = 0.0
    for jobs in kinds.values():
        busy = [0.0] * cards
        for hours in sorted(jobs, reverse=True):  # the longest first, each to the card that is free first
            busy[busy.index(min(busy))] += hours
        total += max(busy)
    return total


def passes_rates(figures: Mapping[str, float], precision: str) -> tuple[float, float] | None:
    """Pictures per second with both passes and with the forward pass alone; None: not measured.

    ASSUME: all trainings learn at the rate of a whole step of ranking + regression, of the joint batch, where that was measured;
    else at that of the bare network.
    """
    learning = figures.get(f"step_rate_{precision}", figures.get(f"rate_{precision}_channels_last"))
    forward = figures.get(f"rate_forward_{precision}")
    return None if learning is None or forward is None else (learning, forward)


def loaded_rate(figures: Mapping[str, float], loaders: int) -> float | None:
    """Photos per second that so many loaders render; None: not measured.

    ASSUME: linear between the numbers of loaders that were measured; more than the most render no more.
    """
    measured = sorted(
        (int(name[5:]), rate) for name, rate in figures.items() if name.startswith("live_") and name[5:].isdigit()
    )
    return float(np.interp(loaders, *zip(*measured, strict=True))) if measured else None


def plan(parts: Iterable[Stage], figures: Mapping[str, float], precision: str, engine: str) -> dict[str, float]:
    """Hours of each stage and of "all" on one card, and of "all_on_eight_cards"; nothing where a rate was not measured.

    Native input whose rate was not measured costs nothing. The loaders' work for the device engine is not counted.
    """
    parts, passes, native = list(parts), passes_rates(figures, precision), engine == "native"
    if passes is None or (not native and "rendering_rate" not in figures):
        return {}
    on = {}
    for cards, loaders in LOADERS.items():
        photos = loaded_rate(figures, loaders) if native else figures["rendering_rate"]
        on[cards] = [part.hours(*passes, photos, beside=native) for part in parts]
    hours = {part.name: taken for part, taken in zip(parts, on[1], strict=True)}
    eight = makespan(zip(parts, on[CARDS], strict=True), CARDS)
    return hours | {"all": sum(on[1]), "all_on_eight_cards": eight}


def paper_hours(report: Report) -> None:
    """Hours of each stage by each engine and precision whose rates are there."""
    figures = report.figures
    values = resolved(read_params(), "paper")
    parts = list(stages(values, published_epochs()))
    for part in parts:
        report.say(f"{part.name}_runs", part.runs)
        report.say(f"{part.name}_updates", part.updates)
        report.say(f"{part.name}_pictures", part.learned + part.seen)
    if loaded_rate(figures, 1) is None:
        report.skip("hours_native_input", "live input was not measured, so that loading counts as free")
    if "rendering_rate" not in figures:
        report.skip("hours_device", "rendering on the device was not measured")
    for engine in ENGINES:
        for precision in PRECISIONS:
            for name, value in plan(parts, figures, precision, engine).items():
                report.say(f"hours_{engine}_{precision}_{name}", value)


def published_epochs() -> dict[str, int]:
    """Initialisation -> epochs until early stopping, as published."""
    with open(ROOT / "resources/table2_published.csv", newline="") as file:
        return {row["initialisation"]: int(row["epochs"]) for row in csv.DictReader(file)}


def read_params() -> dict:
    """params.yaml. Raises ModuleNotFoundError without PyYAML, where ruamel.yaml or pydantic is missing, too."""
    try:
        from aesthetic_pretraining.config import load
    except (
        ModuleNotFoundError
    ):  # a machine with a GPU seldom has what checks a configuration, and this one is the committed file
        import yaml

        return yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    return load(ROOT / "params.yaml")


def resolved(params: Mapping, scale: str) -> dict:
    """The values of one scale; `config.resolve` checks them, too."""
    values = deepcopy({name: value for name, value in params.items() if name != "scales"})
    for section, own in params["scales"][scale].items():
        values[section] = {**values.get(section, {}), **own}
    return values
