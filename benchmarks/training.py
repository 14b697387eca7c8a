"""Time training: steps against the structure of the released code and against the plain network (make bench-training).

usage: training.py [--memory-gib G] [--rounds N] [--photos B]

Everything runs on one thread, measured in turns in CPU seconds, so that what else the machine does hits all alike; a figure is
a ratio of two minima over the rounds of one run. Prints tables, then one line per figure: name = value.

The structure of the released code, written anew here: one forward pass per variant over the photos of the batch, each under
gradient checkpointing that reaches the whole network (as published it reached the last block alone, fidelity row 26), and
losses by loops over pairs and variants. It gets the same photos, network, precision and settings of the allocator (job.py).
"""

import argparse
import ctypes
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "workflow/scripts")]

from job import _less_page_faults  # noqa: E402

_less_page_faults()  # before torch, as in every job

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.utils.checkpoint import checkpoint_sequential  # noqa: E402

from aesthetic_pretraining import losses, microbatch, runtime  # noqa: E402
from aesthetic_pretraining.backbones import build_backbone  # noqa: E402
from aesthetic_pretraining.distortions import DISTORTIONS, VARIANTS, anchor_index, indices, norm  # noqa: E402
from aesthetic_pretraining.distortions.render import rows, source_photo  # noqa: E402
from aesthetic_pretraining.finetune import FeatureCache, FinetuneConfig, epoch_inputs  # noqa: E402
from aesthetic_pretraining.letterbox import letterbox  # noqa: E402
from aesthetic_pretraining.losses import earth_movers_distance  # noqa: E402
from aesthetic_pretraining.networks import Network, distribution, score_network, set_learning  # noqa: E402
from aesthetic_pretraining.pictures import decode, encode_jpeg  # noqa: E402
from aesthetic_pretraining.pretext import TASKS, Task, TaskConfig  # noqa: E402
from aesthetic_pretraining.sources import Packages  # noqa: E402
from aesthetic_pretraining.store import Store, add_member, member_name  # noqa: E402
from aesthetic_pretraining.variants import Variants  # noqa: E402

BACKBONE = "mobilenet_v2"  # the paper's; random weights, which cost the same
TASK = TaskConfig(margin=0.2, balance_temperature=50, simclr_temperature=0.5, simclr_projection=64)
BATCH_PHOTOS = 8  # section 4.3
FEW = ("gaussian_noise", "brightness")  # all levels of these and the anchors: 18 of 174 variants, to keep the run short
MORE = (*FEW, "contrast", "rotation")  # 38 variants, for the step with live input, whose fixed costs more of them share
MICRO_BATCHES = (12, 24)
EPOCH_PICTURES = 100_000 * 174  # section 4.3: one epoch of a ranking task
FROZEN_EPOCHS = 6  # of fine-tuning at the scale paper: the first, and five without improvement
GIB = 2**30


class Peak:
    """The highest resident memory of this process inside a block, in GiB above that at its start."""

    def __enter__(self) -> "Peak":
        self.process, self.done = psutil.Process(), threading.Event()
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # what earlier blocks freed would otherwise count as there
        self.base = self.top = self.process.memory_info().rss
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()
        return self

    def watch(self) -> None:
        while not self.done.wait(0.02):
            self.top = max(self.top, self.process.memory_info().rss)

    def __exit__(self, *error: object) -> None:
        self.done.set()
        self.thread.join()
        self.gib = (self.top - self.base) / GIB


@dataclass
class Timed:
    """Seconds of one call of each candidate (lowest of the rounds), and the peak memory of its first call."""

    seconds: dict[str, float]
    peak: dict[str, float]


def in_turns(candidates: dict, rounds: int) -> Timed:
    """Call all candidates once to warm up and to see their memory, then `rounds` times in turns."""
    times, peaks = {name: [] for name in candidates}, {}
    for name, call in candidates.items():
        with Peak() as peak:
            call()
        peaks[name] = peak.gib
    for _ in range(rounds):
        for name, call in candidates.items():
            start = time.process_time()
            call()
            times[name].append(time.process_time() - start)
    return Timed({name: min(values) for name, values in times.items()}, peaks)


# ---- the structure of the released code


class Released(nn.Module):
    """A network of ours, called as the released code calls its own: one variant at a time, everything checkpointed."""

    def __init__(self, network: Network):
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """uint8 (B, V, 3, S, S) -> {head: (B, V, width)}."""
        backbone, blocks = self.network.backbone, self.network.backbone.features
        outputs = []
        for k in range(pictures.shape[1]):
            x = pictures[:, k].float().div_(255).sub_(backbone.mean).div_(backbone.std)
            x = checkpoint_sequential(blocks, len(blocks), x, use_reentrant=False)
            outputs.append(self.network.on_features(x.mean(dim=(2, 3))))
        return {name: torch.stack([out[name] for out in outputs], dim=1) for name in outputs[0]}


def ladders() -> list[list[int]]:
    """Positions of each side's levels, level 0 first."""
    sides = []
    for name, distortion in DISTORTIONS.items():
        where = dict(zip(distortion.levels, indices(name), strict=True))
        for sign in (-1, 1):
            side = [where[level] for level in sorted(where, key=abs) if level * sign > 0]
            sides += [[anchor_index(name), *side]] if side else []
    return sides


def released_ranking(scores: list[Tensor], sides: list[list[int]]) -> Tensor:
    """Equation 1 as a double loop; scores: one (B,) for each variant."""
    criterion, one = nn.MarginRankingLoss(margin=TASK.margin), torch.ones(1)
    total = torch.zeros(())
    for side in sides:
        for j in range(len(side)):
            for i in range(j):
                total = total + criterion(scores[side[i]], scores[side[j]], one)
    return total


def released_loss(outputs: dict[str, Tensor]) -> Tensor:
    """Equations 1, 3 and 5 as loops over pairs and variants; outputs (B, 174, width)."""
    rank = released_ranking(list(outputs["rank"][..., 0].sigmoid().unbind(1)), ladders())
    channel, criterion, regression = {name: k for k, name in enumerate(DISTORTIONS)}, nn.MSELoss(), torch.zeros(())
    terms = [(i, v.distortion, norm(v.distortion, v.level)) for i, v in enumerate(VARIANTS) if v.distortion]
    terms += [(anchor_index(name), name, 0.0) for name in DISTORTIONS]
    wanted = {target: torch.full((len(outputs["rank"]),), target) for _, _, target in terms}
    for position, name, target in terms:
        regression = regression + criterion(outputs["intensity"][:, position, channel[name]], wanted[target])
    return torch.exp(rank / TASK.balance_temperature) + torch.exp(regression / TASK.balance_temperature)


def of_few(loss: Callable[[dict[str, Tensor]], Tensor], kept: tuple[int, ...]) -> Callable[[dict[str, Tensor]], Tensor]:
    """The loss for outputs (B, kept, width) of some variants alone; the others stand at 0."""

    def filled(outputs: dict[str, Tensor]) -> Tensor:
        whole = {
            k: x.new_zeros(len(x), len(VARIANTS), x.shape[2]).index_copy(1, torch.tensor(kept), x) for k, x in outputs.items()
        }
        return loss(whole)

    return filled


def released_step(model: Released, pictures: Tensor, loss_of: Callable[[dict[str, Tensor]], Tensor]) -> Tensor:
    model.zero_grad(set_to_none=True)
    loss = loss_of(model(pictures))
    loss.backward()
    return loss.detach()


# ---- photos and networks


def few_pictures(folder: Path, size: int, photos: int) -> Tensor:
    """uint8 (photos, 18, 3, size, size): the variants of FEW."""
    variants = Variants(photo_store(folder, size), size, "published")
    return torch.stack([variants.pictures(f"photo{k}", 1, FEW) for k in range(photos)])


def photo_store(folder: Path, size: int, short: bool = True) -> Store:
    """Eight photos out of installed packages as the stores keep them: for pretraining (`short`), or letterboxed."""
    source, path = Packages(), folder / f"{'photos' if short else 'pictures'}{size}.tar"
    with tarfile.open(path, "w") as tar:
        for k, name in enumerate(sorted(source.names())[:BATCH_PHOTOS]):
            image = decode(source.read(name))[0]
            array = source_photo(image, size) if short else letterbox(image, size)
            add_member(tar, member_name(f"photo{k}"), encode_jpeg(Image.fromarray(array), 95))
    return Store([path])


def pretraining_network(task: Task, layout: torch.memory_format = torch.channels_last) -> Network:
    """The paper's network for a task, with the same random weights at every call, all of them learning."""
    torch.manual_seed(1)
    network = Network(build_backbone(BACKBONE), task.heads, task.hidden).to(memory_format=layout)
    set_learning(network, "all", frozen=False)
    return network


def plain(network: Network, count: int, size: int) -> Callable[[], None]:
    """Forward and backward pass on ready random pictures, float and in the network's memory format."""
    x = torch.randn(count, 3, size, size).contiguous(memory_format=torch.channels_last)

    def step() -> None:
        network.zero_grad(set_to_none=True)
        features = network.backbone.features(x).mean(dim=(2, 3))
        sum(out.sum() for out in network.on_features(features).values()).backward()

    return step


# ---- what is measured


def ranking_alone(rounds: int) -> Timed:
    """Loss and gradient of 8 photos' scores; values and gradients are checked to be the same."""
    sides = ladders()
    scores = torch.rand(8, len(VARIANTS), generator=torch.Generator().manual_seed(1)).requires_grad_()
    single = [column.detach().clone().requires_grad_() for column in scores.unbind(1)]
    ours, theirs = losses.ranking_loss(scores, TASK.margin), released_ranking(single, sides)
    ours.backward()
    theirs.backward()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(scores.grad, torch.stack([s.grad for s in single], dim=1), rtol=1e-5, atol=1e-6)
    many = 50  # calls of ours in one timing, which is too short for one

    def of_ours() -> None:
        for _ in range(many):
            losses.ranking_loss(scores, TASK.margin).backward()

    timed = in_turns({"ours": of_ours, "released": lambda: released_ranking(single, sides).backward()}, 5 * rounds)
    timed.seconds["ours"] /= many
    return timed


def against_released(folder: Path, size: int, rounds: int, limit: float, photos: int) -> tuple[float, float]:
    """Print the rates of one joint step in both structures; return the ratio and our best rate in pictures/s.

    Both start from decoded pictures. With running statistics in place of the batch's, loss and gradients are checked to be equal.
    """
    task, kept = TASKS["ranking_regression"](TASK), rows(FEW)
    pictures = few_pictures(folder, size, photos)
    ours, theirs = pretraining_network(task), Released(pretraining_network(task, torch.contiguous_format))
    count = pictures.shape[0] * pictures.shape[1]
    ours_loss, their_loss = of_few(task.loss, kept), of_few(released_loss, kept)

    def released() -> Tensor:
        return released_step(theirs, pictures, their_loss)

    def mine(micro_batch: int) -> Tensor:
        ours.zero_grad(set_to_none=True)
        return microbatch.backward(ours, pictures, ours_loss, micro_batch)

    ours.backbone.eval(), theirs.network.backbone.eval()
    torch.testing.assert_close(mine(MICRO_BATCHES[0]), released(), rtol=1e-4, atol=1e-4)
    slopes = [torch.cat([w.grad.flatten() for w in net.parameters()]) for net in (ours, theirs.network)]
    difference = ((slopes[0] - slopes[1]).norm() / slopes[1].norm()).item()
    assert difference < 1e-3, difference
    ours.train(), theirs.train()

    calls = {"released structure": released} | {f"micro-batches of {n}": partial(mine, n) for n in MICRO_BATCHES}
    timed = in_turns(calls, rounds)
    print(
        f"\n{size} px, {photos} photos x {pictures.shape[1]} of 174 variants, float32, ranking + regression; gradients differ by {difference:.0e}"
    )
    print(f"{'':28}{'pictures/s':>12}{'GiB':>8}")
    for name, seconds in timed.seconds.items():
        late = "  above --memory-gib" if timed.peak[name] > limit else ""
        print(f"{name:28}{count / seconds:12.1f}{timed.peak[name]:8.2f}{late}")
    allowed = [name for name in timed.seconds if name.startswith("micro") and timed.peak[name] <= limit]
    if not allowed:
        sys.exit(f"no step fits into {limit} GiB; raise --memory-gib")
    best = min(allowed, key=timed.seconds.get)
    return timed.seconds["released structure"] / timed.seconds[best], count / timed.seconds[best]


def against_plain(folder: Path, size: int, rounds: int, only: tuple[str, ...] | None) -> tuple[float, float]:
    """Print the parts of a whole step of one photo with live input; return its rate over the plain one, and the plain rate."""
    task, kept = TASKS["ranking_regression"](TASK), rows(only)
    loss = of_few(task.loss, kept) if only else task.loss
    variants = Variants(photo_store(folder, size), size, "published")
    network, bare = pretraining_network(task), pretraining_network(task)
    optimiser = torch.optim.RMSprop(network.parameters(), lr=1e-12, alpha=0.9, momentum=0.9, weight_decay=4e-5)
    ready = variants.pictures("photo0", 1, only)[None]

    def load() -> None:
        for pictures in runtime.batches(["photo1"], lambda i: variants.pictures(i, 1, only), 1, workers=0):
            assert pictures.shape == ready.shape

    def step() -> None:
        for pictures in runtime.batches(["photo1"], lambda i: variants.pictures(i, 1, only), 1, workers=0):
            set_learning(network, "all", frozen=False)
            optimiser.zero_grad(set_to_none=True)
            microbatch.backward(network, pictures, loss).item()
            optimiser.step()

    def backward() -> None:
        network.zero_grad(set_to_none=True)
        microbatch.backward(network, ready, loss).item()

    calls = {"plain": plain(bare, len(kept), size), "whole step": step, "  loading": load, "  loss and gradients": backward}
    timed = in_turns(calls, rounds)
    print(f"\n{size} px, 1 photo x {len(kept)} variants, joint, live input")
    print(f"{'':28}{'pictures/s':>12}{'ms':>8}{'GiB':>8}")
    for name, seconds in timed.seconds.items():
        print(f"{name:28}{len(kept) / seconds:12.1f}{seconds * 1e3:8.0f}{timed.peak[name]:8.2f}")
    rest = timed.seconds["whole step"] - timed.seconds["  loading"] - timed.seconds["  loss and gradients"]
    print(f"{'  optimiser and the rest':40}{rest * 1e3:8.0f}")
    return timed.seconds["plain"] / timed.seconds["whole step"], len(kept) / timed.seconds["plain"]


def fine_tuning(folder: Path, size: int, rounds: int) -> tuple[float, float, float]:
    """Print fine-tuning's rates; return full over plain, the frozen phase with its cache over full, and the full rate."""
    config = FinetuneConfig(
        backbone=BACKBONE, seed=1, batch=16, learning_rate_features=1e-12, learning_rate_head=1e-12, weight_decay=4e-5, halving=0.5,
        halve_after=5, stop_after=10, max_epochs=500, min_improvement=1e-4, dropout=0.75, flip=True, emd="per_image", emd_r=2,
        trainable="all", threads=1,
    )  # fmt: skip
    store = photo_store(folder, size, short=False)
    ids = [f"photo{k % BATCH_PHOTOS}" for k in range(2 * config.batch)]
    torch.manual_seed(1)
    network, bare = (score_network(build_backbone(BACKBONE), 0.75).to(memory_format=torch.channels_last) for _ in range(2))
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-12, weight_decay=4e-5)
    target = torch.full((10,), 0.1)

    def epoch(cache: FeatureCache | None) -> None:
        set_learning(network, "all", frozen=cache is not None)
        for part, inputs in epoch_inputs(ids, [k % 2 == 0 for k in range(len(ids))], store, cache, config, workers=0):
            outputs = network(inputs) if cache is None else network.on_features(inputs)
            loss = earth_movers_distance(distribution(outputs), torch.stack([target for _ in part]), 2, "per_image")
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            runtime.finite(loss.item(), "benchmark")
            optimiser.step()

    def build() -> FeatureCache:
        return FeatureCache(folder / "features", network, store, ids, config, torch.device("cpu"), 0)

    step = plain(bare.train(), config.batch, size)
    calls = {"plain": lambda: [step() for _ in range(2)], "full": lambda: epoch(None), "build the cache": build}
    timed = in_turns(calls | {"frozen, from the cache": partial(epoch, build())}, rounds)
    print(f"\nfine-tuning, {size} px, batches of {config.batch}")
    print(f"{'':28}{'pictures/s':>12}{'GiB':>8}")
    for name, seconds in timed.seconds.items():
        print(f"{name:28}{len(ids) / seconds:12.1f}{timed.peak[name]:8.2f}")
    full, frozen = (
        timed.seconds["full"],
        timed.seconds["build the cache"] / FROZEN_EPOCHS + timed.seconds["frozen, from the cache"],
    )
    print(f"{f'frozen, {FROZEN_EPOCHS} epochs and cache':28}{len(ids) / frozen:12.1f}")
    return timed.seconds["plain"] / full, full / frozen, len(ids) / full


def on_gpu(size: int) -> tuple[float, float]:
    """(pictures/s, GiB) of one joint step of 8 photos x 174 pictures on the GPU, in micro-batches of one photo."""
    task = TASKS["ranking_regression"](TASK)
    network = pretraining_network(task).to("cuda")
    pictures = torch.randint(0, 256, (BATCH_PHOTOS, 174, 3, size, size), dtype=torch.uint8, device="cuda")
    for repeat in range(4):
        if repeat == 1:  # the first warms up
            torch.cuda.synchronize()
            start = time.monotonic()
        network.zero_grad(set_to_none=True)
        microbatch.backward(network, pictures, task.loss, 174).item()
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


def main() -> None:
    """Measure all and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory-gib", type=float, default=6.0, help="most memory that a step of ours may take")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--photos", type=int, default=BATCH_PHOTOS, help="in the step against the released structure, at most 8"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, one thread, CPU seconds, best of {args.rounds} rounds in turns, {BACKBONE}")
    ranking = ranking_alone(args.rounds)
    print("\nranking loss and its gradient, 8 photos x 174 pictures: equal values and gradients")
    for name, seconds in ranking.seconds.items():
        print(f"{name:28}{seconds * 1e3:12.3f} ms")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        small, _ = against_released(folder, 96, args.rounds, args.memory_gib, args.photos)
        large, micro = against_released(folder, 224, args.rounds, args.memory_gib, args.photos)
        more = 3 * args.rounds  # these steps are short, and their ratios near 1
        shares = [against_plain(folder, size, more, only) for size, only in ((64, None), (96, None), (224, MORE))]
        tuned, frozen, full = fine_tuning(folder, 224, more)
    paper_scale({"micro-batches": micro, "plain, for comparison": shares[-1][1]}, full)
    print(f"\nsteps per size: against the released structure 96 px {small:.2f}, 224 px {large:.2f}; against plain 64, 96, 224 px "
          + ", ".join(f"{share:.3f}" for share, _ in shares))  # fmt: skip
    print(f"step_vs_authors = {large:.2f}")
    print(f"ranking_loss_vs_authors = {ranking.seconds['released'] / ranking.seconds['ours']:.1f}")
    print(f"step_vs_plain = {min(share for share, _ in shares):.3f}")
    print(f"finetune_vs_plain = {tuned:.3f}")
    print(f"frozen_vs_full = {frozen:.1f}")


if __name__ == "__main__":
    main()
