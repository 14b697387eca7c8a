"""What the scale paper would take, from measured rates."""

import re
import time
from pathlib import Path

import torch
from fixtures import BACKBONE, BATCH_PHOTOS, TASK, pretraining_network
from gpu_checks.paper_hours import CARDS, ENGINES, LOADERS, plan, published_epochs, read_params, resolved, stages
from timing import GIB

from aesthetic_pretraining.training import gradient_cache
from aesthetic_pretraining.training.distributed import Alone
from aesthetic_pretraining.training.pretext import TASKS

MEASURED = Path(__file__).resolve().parents[1] / "docs/gpu.md"  # what make check-gpu found on a card
EPOCH_PICTURES = 100_000 * 174  # section 4.3: one epoch of a ranking task


def on_gpu(size: int) -> tuple[float, float]:
    """(pictures/s, GiB) of one joint step of 8 photos x 174 pictures on the GPU, in micro-batches of one photo."""
    task = TASKS["ranking_regression"](TASK)
    network, alone = pretraining_network(task).to("cuda"), Alone(torch.device("cuda"))
    pictures = torch.randint(0, 256, (BATCH_PHOTOS, 174, 3, size, size), dtype=torch.uint8, device="cuda")
    for repeat in range(4):
        if repeat == 1:  # the first warms up
            torch.cuda.synchronize()
            start = time.monotonic()
        network.zero_grad(set_to_none=True)
        gradient_cache.backward(network, pictures.flatten(0, 1), gradient_cache.by_photo(task.loss, 174), 174, alone).item()
    torch.cuda.synchronize()
    return 3 * BATCH_PHOTOS * 174 / (time.monotonic() - start), torch.cuda.max_memory_allocated() / GIB


def paper_scale(machine: dict[str, float], full: float) -> None:
    """Print what the scale paper would take at the measured rates; full: fine-tuning's rate, pictures/s."""
    print(f"\nthe scale paper, extrapolated from these rates: {BACKBONE}, 224 px; one thread, so long as nothing else is said")
    print(f"{'':52}{'pictures/s':>12}{'days':>10}")
    for name, rate in machine.items():
        print(f"{'one ranking task, 20 epochs: ' + name:52}{rate:12.1f}{20 * EPOCH_PICTURES / rate / 86400:10.1f}")
    print(f"{'one fine-tuning, 100 unfrozen epochs of 229,981':52}{full:12.1f}{100 * 229_981 / full / 86400:10.1f}")
    if torch.cuda.is_available():
        rate, gib = on_gpu(224)
        name = f"one ranking task on {torch.cuda.get_device_name()}, {gib:.0f} GiB"
        print(f"{name:52}{rate:12.1f}{20 * EPOCH_PICTURES / rate / 86400:10.1f}   without loading")
    else:
        print("A GPU was not measured: this machine has none that torch can use.")
    stage_hours()


def stage_hours() -> None:
    """Print hours of each stage of the scale paper on one card and on eight, at the rates that docs/gpu.md has of a card."""
    card, figures = recorded(MEASURED.read_text(encoding="utf-8"))
    parts = list(stages(resolved(read_params(), "paper"), published_epochs()))
    print(
        f"\nthe scale paper, estimated from rates measured on one {card} (docs/gpu.md), a whole step's where one was measured:"
    )
    print(
        f"one card with {LOADERS[1]} loaders; {CARDS} cards as {CARDS} Slurm jobs at once, each with a card and {LOADERS[CARDS]} loaders"
    )
    precisions = ("float32", "bfloat16")
    for engine in ENGINES:
        hours = [plan(parts, figures, precision, engine) for precision in precisions]
        if not all(hours):
            print(f"\nengine {engine}: its rate was not measured on this card")
            continue
        print(f"\n{f'hours, engine {engine}':36}{'runs':>6}" + "".join(f"{precision:>10}" for precision in precisions))
        runs = {part.name: str(part.runs) for part in parts}
        for name in hours[0]:
            print(f"{name:36}{runs.get(name, ''):>6}" + "".join(f"{taken[name]:10.1f}" for taken in hours))


def recorded(page: str) -> tuple[str, dict[str, float]]:
    """The card that a page of check-gpu is about, and its figures."""
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", page, re.M)
    return dict(rows)["card"], {name: float(value) for name, value in rows if re.fullmatch(r"\d+(\.\d*)?(e[+-]?\d+)?", value)}
