"""The native engine's style distortions on the device: tensor code that takes any device.

The technical ones (OpenCV, NumPy, Pillow) and those of composition (OpenCV, and torch's resizing of bytes, which CUDA has not)
run on the CPU alone, and so does the letterbox.
"""

import torch
from torch import Tensor

from aesthetic_pretraining.distortions import ASPECTS, DISTORTIONS, TABLES, Distortion
from aesthetic_pretraining.distortions.native import style
from gpu_checks.report import Report
from gpu_checks.setting import CPU, Setting, photo

# levels of 255; sums in another order, and other exponentials, move a value at the edge of two levels by one. torch without
# vector instructions is as far from torch with them: at most 1, and 4e-4 on average
MOST, MEAN = 1.0, 0.01


def engine(report: Report, setting: Setting) -> None:
    """Every style distortion at every level of both tables: the device against the CPU.

    Without a GPU the mirrored photo is distorted and mirrored back: each formula looks at a pixel and at a blur that is the same
    in both directions, but the vector instructions fall on other pixels.
    """
    codes = torch.from_numpy(photo(1, *setting.sizes.style_photo)).permute(2, 0, 1).contiguous()
    report.say("engine_against", "the CPU" if setting.cuda else "itself, by the mirrored photo")
    for distortion in DISTORTIONS.values():
        if distortion.aspect == "style" and distortion.make is None:
            with report.guarded(f"engine_{distortion.name}"):
                off = torch.cat([compare(distortion, codes, table, setting).flatten() for table in TABLES[:2]])
                report.check(f"engine_{distortion.name}_max", off.max().item(), MOST)
                report.check(f"engine_{distortion.name}_mean", off.mean().item(), MEAN)
    rest = [name for name, d in DISTORTIONS.items() if d.aspect in (ASPECTS[0], ASPECTS[2])]
    report.say("engine_on_the_cpu_alone", ", ".join([*rest, "letterbox"]))


def compare(distortion: Distortion, codes: Tensor, table: str, setting: Setting) -> Tensor:
    """Absolute differences in levels, float (n, 3, h, w)."""
    values = tuple(distortion.ladder(table).values())
    make = getattr(style, distortion.name)
    here = make(style.Photo(codes.to(CPU), table), values)
    if setting.cuda:
        there = make(style.Photo(codes.to(setting.device), table), values).cpu()
    else:
        there = make(style.Photo(codes.flip(2).contiguous(), table), values).flip(3)
    return (here.int() - there.int()).abs().float()
