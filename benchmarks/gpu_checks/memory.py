"""The memory of the joint batch: 8 photos with all their pictures in one pass, at 224 pixels."""

import contextlib
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from aesthetic_pretraining.distortions import VARIANTS
from aesthetic_pretraining.models.network import Network, set_learning
from aesthetic_pretraining.training import gradient_cache
from aesthetic_pretraining.training.distributed import Alone
from aesthetic_pretraining.training.pretext import TASKS
from gpu_checks.agreement import CONFIG, InBfloat16, flat
from gpu_checks.report import Report
from gpu_checks.setting import SEED, Setting, backbone, blobs, synchronise

TASK = "ranking_regression"
GIB, MIB = 2**30, 2**20


def memory(report: Report, setting: Setting) -> None:
    """What float32, bfloat16 and recompute take; on the CPU, what a picture holds between the two passes."""
    with report.guarded("recompute_gradients"):
        same_gradients(report, setting)
    for name, team, recompute in (
        ("float32", Alone(setting.device), False),
        ("float32_recompute", Alone(setting.device), True),
        ("bfloat16", InBfloat16(setting.device), False),
        ("bfloat16_recompute", InBfloat16(setting.device), True),
    ):
        with report.guarded(f"memory_{name}"):
            network = network_of(setting, recompute)
            report.say(f"held_{name}_mib_a_picture", held(network, setting, team))
            if setting.cuda:
                of_joint_batch(report, name, network, setting, team)
    if not setting.cuda:
        report.skip("memory_joint_batch", "peaks are measured on a GPU alone")


def of_joint_batch(report: Report, name: str, network: Network, setting: Setting, team: Alone) -> None:
    """Peak and rate of whole steps; where they do not fit, the peak that one and two photos point to."""
    photos, found = setting.sizes.memory_photos, None
    # outside of the clause that catches, because the error holds what did not fit
    with contextlib.suppress(torch.OutOfMemoryError):
        found = peak(network, photos, setting, team)
    if found is None:
        one, two = (peak(network, n, setting, team)[0] for n in (1, 2))
        report.say(f"memory_{name}_gib", two + (photos - 2) * (two - one))
        report.say(f"memory_{name}_fits", "no; extrapolated from one and two photos")
        return
    gib, reserved, seconds = found
    report.say(f"memory_{name}_gib", gib)
    report.say(f"memory_{name}_reserved_gib", reserved)
    report.say(f"memory_{name}_fits", "yes")
    report.say(f"step_rate_{name}", photos * len(VARIANTS) / seconds)


def peak(network: Network, photos: int, setting: Setting, team: Alone) -> tuple[float, float, float]:
    """(GiB in tensors, GiB taken from the card, seconds) of a step with so many photos, the faster of two after a first one."""
    pictures = blobs(len(VARIANTS), setting.sizes.memory_size).repeat(photos, 1, 1, 1)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(setting.device)
    call, times = step_of(network, pictures.to(setting.device), team), []
    try:
        for _ in range(3):
            synchronise(setting.device)
            start = time.perf_counter()
            call()
            synchronise(setting.device)
            times.append(time.perf_counter() - start)
        device = setting.device
        return torch.cuda.max_memory_allocated(device) / GIB, torch.cuda.max_memory_reserved(device) / GIB, min(times[1:])
    finally:
        network.zero_grad(set_to_none=True)
        torch.cuda.empty_cache()


def held(network: Network, setting: Setting, team: Alone) -> float:
    """MiB that are there of one picture between the passes, on any device; from four pictures less two."""
    pictures = blobs(4, setting.sizes.memory_size).to(setting.device)

    def bytes_of(count: int) -> int:
        with Alive() as alive, team.autocast():
            features = network.backbone(pictures[:count])
        total = alive.bytes()
        del features  # not before, because it holds the graph
        return total

    bytes_of(2)  # lets the backbone try the size
    return (bytes_of(4) - bytes_of(2)) / 2 / MIB


class Alive(TorchDispatchMode):
    """Inside, every piece of memory that a tensor is made in is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                reference = StorageWeakRef(storage)  # as long as it is held, no other memory gets the same key
                self.noted[reference.cdata] = reference, storage.nbytes()
        return made

    def bytes(self) -> int:
        """Of all noted memory that somebody still holds."""
        return sum(size for reference, size in self.noted.values() if not reference.expired())


def same_gradients(report: Report, setting: Setting) -> None:
    """Whether recompute leaves the gradients as they are, to the bit; of the features' squares, which no loss's kink hides."""
    pictures, found = blobs(64 if setting.cuda else 8, setting.sizes.memory_size).to(setting.device), []
    for recompute in (False, True):
        network = network_of(setting, recompute)
        network.backbone(pictures).square().mean().backward()
        found.append(flat([weight.grad for weight in network.backbone.parameters()]))
    report.same("recompute_gradients", torch.equal(*found) and bool(found[0].any()))


def network_of(setting: Setting, recompute: bool) -> Network:
    """The network of pretraining, all of it learning."""
    body = backbone(setting.sizes.step_size, setting.device, recompute=recompute)
    torch.manual_seed(SEED)  # for the heads
    network = Network(body, TASKS[TASK](CONFIG).heads).to(setting.device)
    set_learning(network, "all", frozen=False)
    return network


def step_of(network: Network, pictures: Tensor, team: Alone) -> Callable[[], Tensor]:
    """A call that leaves a step's gradients in the network."""
    loss_of = gradient_cache.by_photo(TASKS[TASK](CONFIG).loss, len(VARIANTS))

    def call() -> Tensor:
        network.zero_grad(set_to_none=True)
        return gradient_cache.backward(network, pictures, loss_of, 0, team)

    return call
