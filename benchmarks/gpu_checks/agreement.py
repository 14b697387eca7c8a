"""Losses and steps: the device against the CPU in float64, twice equal, and how far bfloat16 is from float32.

Why not simply float32 on the device against float32 on the CPU, with one small bound: MobileNetV2 with random weights and the
batch's statistics turns rounding errors of 1e-7 into gradients that differ by some percent, on one and the same CPU. So
- in float64, where rounding is 1e-16, everything of the step as it is trained is compared: loss, gradients, running
  statistics and weights after the update, all bounded by NEAR. This is what finds wrong kernels and wrong places.
- in float32, with the statistics of the start, which damp rounding, the loss is bounded by NEAR, too. TF32 misses that. The
  gradients are bounded by KINKS: where rounding takes an activation over the kink of a ReLU6, a whole gradient goes or comes.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from aesthetic_pretraining.models.network import Network, distribution, score_network, set_learning
from aesthetic_pretraining.training import gradient_cache
from aesthetic_pretraining.training.distributed import Alone
from aesthetic_pretraining.training.losses import earth_movers_distance
from aesthetic_pretraining.training.pretext import TASKS, TaskConfig
from gpu_checks.paper_hours import views_of
from gpu_checks.report import Report
from gpu_checks.setting import CPU, SEED, Setting, backbone, blobs

NEAR, KINKS = 1e-4, 0.25
CONFIG = TaskConfig(margin=0.2, balance_temperature=50, simclr_temperature=0.5, simclr_projection=64)
FINETUNE = {"finetune": "per_image", "finetune_per_batch": "per_batch"}  # name here -> variant of the earth mover's distance
Loss = Callable[[Mapping[str, Tensor]], Tensor]


class InBfloat16(Alone):
    """One process whose backbone runs in bfloat16, by the autocast that Lightning Fabric's bf16-mixed is."""

    def autocast(self) -> AbstractContextManager:
        return torch.autocast(self.device.type, torch.bfloat16)


@dataclass(frozen=True)
class Outcome:
    """What one step leaves, each as one float64 vector on the CPU."""

    loss: Tensor
    gradients: Tensor
    statistics: Tensor
    weights: Tensor


def names() -> list[str]:
    """All tasks, and fine-tuning with both variants of its loss."""
    return [*TASKS, *FINETUNE]


def views(name: str) -> int:
    """Pictures of a photo in a task; fine-tuning has no photos, and each picture is one."""
    return 1 if name in FINETUNE else views_of(name)


def losses(report: Report, setting: Setting) -> None:
    """Value and gradient of every loss for random outputs: on the device in float32 against the CPU in float64, and twice."""
    for name in names():
        with report.guarded(f"loss_{name}"):
            exact = of_outputs(name, setting, CPU, torch.float64)
            once, again = (of_outputs(name, setting, setting.device, torch.float32) for _ in range(2))
            report.check(f"loss_{name}", max(map(distance, once, exact)), NEAR)
            report.same(f"loss_{name}_twice", all(map(torch.equal, once, again)))


def of_outputs(name: str, setting: Setting, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, ...]:
    """(loss, slopes of each head's outputs), float64 on the CPU, for made-up outputs."""
    heads, count = heads_of(name), 8 * views(name)
    drawn = torch.Generator().manual_seed(SEED)
    outputs = {head: torch.randn(count, n, generator=drawn) for head, n in heads.items()}
    outputs = {head: out.to(device, dtype).requires_grad_() for head, out in outputs.items()}
    loss = loss_of(name, 1, count, device, dtype)(outputs)
    loss.backward()
    return tuple(x.detach().double().cpu() for x in (loss, *(out.grad for out in outputs.values())))


def steps(report: Report, setting: Setting) -> None:
    """One step of every task and of fine-tuning."""
    for name in names():
        with report.guarded(f"step_{name}"):
            if setting.cuda:  # on the CPU this would be one and the same
                exact = step(name, setting, CPU, torch.float64)
                found = step(name, setting, setting.device, torch.float64)
                worst = max(distance(getattr(found, part), getattr(exact, part)) for part in exact.__dataclass_fields__)
                report.check(f"step_{name}_float64", worst, NEAR)
            exact = step(name, setting, CPU, torch.float64, still=True)
            found = step(name, setting, setting.device, torch.float32, still=True)
            report.check(f"step_{name}_loss", distance(found.loss, exact.loss), NEAR)
            report.check(f"step_{name}_gradients", distance(found.gradients, exact.gradients), KINKS)
            once, again = (step(name, setting, setting.device, torch.float32) for _ in range(2))
            report.same(f"step_{name}_twice", all(torch.equal(getattr(once, p), getattr(again, p)) for p in vars(once)))


def bfloat16(report: Report, setting: Setting) -> None:
    """The same step in float32 and with the backbone in bfloat16, both on the device, with the statistics of the start."""
    if setting.cuda and not torch.cuda.is_bf16_supported(including_emulation=False):
        report.skip("bfloat16", "this card has no bfloat16; leave compute.precision at float32")
        return
    for name in setting.sizes.rough:
        with report.guarded(f"bfloat16_{name}"):
            plain, rough = (
                step(name, setting, setting.device, torch.float32, True, team)
                for team in (Alone(setting.device), InBfloat16(setting.device))
            )
            report.say(f"bfloat16_{name}_loss", distance(rough.loss, plain.loss))
            report.say(f"bfloat16_{name}_gradients", distance(rough.gradients, plain.gradients))
            if not rough.gradients.isfinite().all():
                report.fail(f"bfloat16_{name}", "its gradients are not finite")


def step(
    name: str, setting: Setting, device: torch.device, dtype: torch.dtype, still: bool = False, team: Alone | None = None
) -> Outcome:
    """One whole step from the same start.

    Args:
        still: normalise with the statistics of the start, not the batch's.
        team: whose autocast is used; None: none.
    """
    sizes, fine = setting.sizes, name in FINETUNE
    every = sizes.every if views(name) > sizes.every else 1
    photos = sizes.photos if every > 1 else sizes.contrast_photos
    pictures = blobs(photos * len(range(0, views(name), every)), sizes.step_size)
    body = backbone(sizes.step_size, device, dtype)
    torch.manual_seed(SEED)  # for the heads
    if fine:
        network = score_network(body, dropout=0.0, bins=10)  # chance differs between devices
        rates = [{"params": network.backbone.parameters(), "lr": 1e-4}, {"params": network.heads.parameters(), "lr": 1e-3}]
    else:
        task = TASKS[name](CONFIG)
        network = Network(body, task.heads, task.hidden)
    network = network.to(device, dtype)
    optimiser = (
        torch.optim.Adam(rates, weight_decay=4e-5)
        if fine
        else torch.optim.RMSprop(network.parameters(), lr=1e-4, alpha=0.9, momentum=0.9, weight_decay=4e-5)
    )
    set_learning(network, "all", frozen=False)
    if still:
        network.backbone.eval()
    whole = loss_of(name, every, photos * views(name), device, dtype)
    loss = gradient_cache.backward(network, pictures.to(device), whole, 0, team or Alone(device))
    gradients = [weight.grad for weight in network.parameters()]
    optimiser.step()
    moved = [value for key, value in network.state_dict().items() if "running" in key]
    return Outcome(*map(flat, ([loss], gradients, moved, list(network.parameters()))))


def loss_of(name: str, every: int, count: int, device: torch.device, dtype: torch.dtype) -> Loss:
    """The loss of outputs {head: (N, width)} of each `every`-th of `count` pictures; the outputs of the others are 0."""
    if name in FINETUNE:
        drawn = torch.rand(count, 10, generator=torch.Generator().manual_seed(SEED + 1))
        wanted = (drawn / drawn.sum(dim=1, keepdim=True)).to(device, dtype)
        return lambda outputs: earth_movers_distance(distribution(outputs), wanted, 2, FINETUNE[name])
    of_task, of_photo = TASKS[name](CONFIG).loss, views(name)
    if every == 1:
        return gradient_cache.by_photo(of_task, of_photo)
    kept = torch.arange(0, of_photo, every, device=device)

    def filled(outputs: Mapping[str, Tensor]) -> Tensor:
        return of_task({k: x.new_zeros(len(x), of_photo, x.shape[2]).index_copy(1, kept, x) for k, x in outputs.items()})

    return gradient_cache.by_photo(filled, len(kept))


def heads_of(name: str) -> Mapping[str, int]:
    """{head: outputs} of a task or of fine-tuning."""
    return {"votes": 10} if name in FINETUNE else TASKS[name](CONFIG).heads


def flat(tensors: list[Tensor]) -> Tensor:
    """All values in one float64 vector on the CPU."""
    return torch.cat([tensor.detach().flatten().double().cpu() for tensor in tensors])


def distance(found: Tensor, exact: Tensor) -> float:
    """|found - exact| / |exact|, by the Euclidean norm; 0 if both are 0."""
    off = (found - exact).norm().item()
    return off / exact.norm().item() if off else 0.0
