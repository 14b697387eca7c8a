"""Rates: the plain network in four layouts, and live input by the native engine with the kernels of the scale paper."""

import time
from collections.abc import Callable
from contextlib import nullcontext, suppress

import torch
from torch import Tensor, nn

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.training import loader, runtime
from gpu_checks.paper_hours import read_params, resolved
from gpu_checks.report import Report
from gpu_checks.setting import SEED, Setting, cores, photo_store, seconds_of

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def rates(report: Report, setting: Setting) -> None:
    """Pictures per second of torchvision's MobileNetV2, forward and backward pass, on ready pictures; and of its forward pass."""
    from torchvision.models import mobilenet_v2

    report.say("rate_pictures", setting.sizes.rate_pictures)
    report.say("rate_size", setting.sizes.rate_size)
    torch.manual_seed(SEED)
    network = mobilenet_v2(weights=None).to(setting.device)
    precisions = ["float32", "tf32", "bfloat16"] if setting.cuda else ["float32", "bfloat16"]
    for layout, memory_format in LAYOUTS.items():
        network = network.to(memory_format=memory_format)
        for precision in precisions:
            with report.guarded(f"rate_{precision}_{layout}"):
                report.say(f"rate_{precision}_{layout}", rate(network, setting, memory_format, precision))
    for precision in precisions:  # in channels_last, as in training
        with report.guarded(f"rate_forward_{precision}"):
            report.say(f"rate_forward_{precision}", rate(network, setting, torch.channels_last, precision, forward=True))


def rate(network: nn.Module, setting: Setting, layout: torch.memory_format, precision: str, forward: bool = False) -> float:
    """Pictures per second; where memory is short, of a half, a quarter ... of the pictures."""
    sizes, count, found = setting.sizes, setting.sizes.rate_pictures, None
    network.train(not forward)
    runtime.allow_tf32(precision == "tf32")
    try:
        while found is None:
            # outside of the clause that catches, because the error holds what did not fit
            with suppress(torch.OutOfMemoryError) if count > 1 else nullcontext():
                x = torch.randn(count, 3, sizes.rate_size, sizes.rate_size, device=setting.device).to(memory_format=layout)
                call = plain(network, x, precision == "bfloat16", forward)
                found = count / seconds_of(call, setting.device, sizes.rate_seconds)
            count //= 2
        return found
    finally:
        runtime.allow_tf32(False)


def plain(network: nn.Module, x: Tensor, bfloat16: bool, forward: bool) -> Callable[[], None]:
    """One pass, or two."""

    def call() -> None:
        with torch.no_grad() if forward else nullcontext():
            network.zero_grad(set_to_none=True)
            with torch.autocast(x.device.type, torch.bfloat16) if bfloat16 else nullcontext():
                out = network(x)
            if not forward:
                out.float().sum().backward()

    return call


def live(report: Report, setting: Setting) -> None:
    """Photos per second that loaders decode and distort, 174 variants each, with nothing that takes their time beside them."""
    from aesthetic_pretraining.distortions.variants import Variants

    size = setting.sizes.live_size
    report.say("live_cores", cores())
    report.say("live_kernels", kernels := live_kernels())
    store = photo_store(setting.temporary / "photos.tar", 8, size, round(1.5 * size))
    variants = Variants(store, size, "published", kernels=kernels)
    for workers in setting.sizes.loaders:
        with report.guarded(f"live_{workers}"):
            variants.pictures("photo0", SEED)  # compiles the kernels, for all loaders
            try:
                found = photos_per_second(variants, workers, setting.sizes.live_photos)
            except UserError as error:  # too little shared memory
                report.skip(f"live_{workers}", str(error))
            else:
                report.say(f"live_{workers}", found)


def live_kernels() -> str:
    """The scale paper's `distortions.kernels`; torch where they are not installed, or nothing reads params.yaml."""
    from aesthetic_pretraining.distortions.native.kernels import check

    try:
        kernels = resolved(read_params(), "paper")["distortions"]["kernels"]
        check(kernels)
    except (ModuleNotFoundError, UserError):
        return "torch"
    return kernels


def photos_per_second(variants: object, workers: int, photos: int) -> float:
    """Of so many photos for each loader, after the first one of each. workers: 0 is this process alone."""
    from aesthetic_pretraining.training.datasets import VariantsDataset

    first = max(1, workers)
    groups = [[k % 8] for k in range(first * (1 + photos))]
    dataset = VariantsDataset(variants, [f"photo{k}" for k in range(8)], SEED)
    for k, _ in enumerate(loader.batches(dataset, groups, workers)):
        if k + 1 == first:
            start = time.perf_counter()
    return (len(groups) - first) / (time.perf_counter() - start)
