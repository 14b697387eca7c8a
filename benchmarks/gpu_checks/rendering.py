"""The device engine (distortions.engine: device) on the device: every distortion against the CPU, and its rate.

Integers, and sums that floats hold exactly, give the same bits on every device. Formulas in floats may fall on the other side of a
level: at most one, as in `engine`.
"""

import time

import torch
from torch import Tensor

from aesthetic_pretraining.distortions import DISTORTIONS, TABLES, VARIANTS
from aesthetic_pretraining.distortions.batched import philox
from aesthetic_pretraining.distortions.batched.geometry import Recipe
from aesthetic_pretraining.distortions.batched.parcel import Parcels, pack
from aesthetic_pretraining.distortions.batched.render import render
from aesthetic_pretraining.training import loader
from gpu_checks.engine import MEAN, MOST
from gpu_checks.report import Report
from gpu_checks.setting import CPU, SEED, Setting, photo, synchronise

# equal to the bit on every device, because all they compute is whole numbers
WHOLE = {
    "jpeg_compression",
    "defocus_blur",
    "pixelate",
    "gaussian_noise",
    "impulse_noise",
    "horizontal_crop",
    "vertical_crop",
    "left_diagonal_crop",
    "right_diagonal_crop",
    "image_ratio",
}
RANDOM = ("motion_blur", "gaussian_noise", "impulse_noise")
BATCHES = 3


def rendering(report: Report, setting: Setting) -> None:
    """Every distortion at every level of both tables: the device against the CPU; the same bytes twice; photos per second.

    Without a GPU, against the native engine, which is another implementation; noises come from another generator there.
    """
    numbers(report, setting)
    report.say("rendering_against", "the CPU" if setting.cuda else "the native engine")
    size = setting.sizes.live_size
    off = {table: differences(table, size, setting) for table in TABLES[:2]}
    for name in ("anchors", *DISTORTIONS):
        if name not in RANDOM[1:] or setting.cuda:
            positions = [k for k, variant in enumerate(VARIANTS) if (variant.distortion or "anchors") == name]
            own = torch.cat([one[:, positions].flatten() for one in off.values()])
            most, mean = (0.0, 0.0) if setting.cuda and name in WHOLE else (MOST, MEAN)
            report.check(f"rendering_{name}_max", own.max().item(), most)
            report.check(f"rendering_{name}_mean", own.mean().item(), mean)
    batch = parcels(size, TABLES[0])
    report.same("rendering_twice", all(torch.equal(rendered(batch, setting), rendered(batch, setting)) for _ in range(2)))
    report.say("rendering_megabytes_a_photo", sum(part.nbytes for part in (batch.pixels, batch.made, batch.keys)) / 2e6)
    report.say("rendering_rate", rate(batch, setting))


def numbers(report: Report, setting: Setting) -> None:
    """The generator's known answers (tests/distortions/test_philox.py), on the device."""
    counter, key = torch.full((4,), philox.WORD), torch.full((2,), philox.WORD)
    found = philox.philox(counter.to(setting.device), key.to(setting.device)).tolist()
    report.same("rendering_philox", found == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD])


def differences(table: str, size: int, setting: Setting) -> Tensor:
    """Absolute differences in levels of two photos, upright and lying: float (2, 174, 3, size, size)."""
    batch = parcels(size, table)
    made = rendered(batch, setting)
    if setting.cuda:
        other = render(batch)
    else:
        from aesthetic_pretraining.distortions.native.render import render as native

        other = torch.stack([native(one.numpy(), f"photo{k}", size, SEED, None, table) for k, one in enumerate(batch.photos())])
    return (made.int() - other.int()).abs().float()


def parcels(size: int, table: str) -> Parcels:
    """Of two made-up photos, upright and lying."""
    short = round(1.5 * size)
    shapes = ((short * 4 // 3, short), (short, short * 3 // 2))
    return Parcels.of([pack(photo(k, *shape), f"photo{k}", SEED, Recipe(size, table)) for k, shape in enumerate(shapes)])


def rendered(batch: Parcels, setting: Setting) -> Tensor:
    """By the device, on the CPU."""
    return render(loader.send(batch, setting.device)).to(CPU)


def rate(batch: Parcels, setting: Setting) -> float:
    """Photos per second, their transfer included."""
    for first in (True, False):
        start = time.perf_counter()
        for _ in range(1 if first else BATCHES):
            render(loader.send(batch, setting.device))
        synchronise(setting.device)
    return BATCHES * len(batch.shapes) / (time.perf_counter() - start)
