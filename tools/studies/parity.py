"""Measure the native engine against darktable and renew the table in docs/distortions.md (make parity).

Twelve photos out of installed packages under all published style variants; takes about a minute on one core.
"""

import io
import re
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from aesthetic_pretraining.data.sources import Packages
from aesthetic_pretraining.distortions import DISTORTIONS
from aesthetic_pretraining.distortions.native import style
from aesthetic_pretraining.distortions.native.render import base_photo
from aesthetic_pretraining.distortions.reference.darktable import style_variants
from aesthetic_pretraining.distortions.reference.darktable_cli import find
from aesthetic_pretraining.errors import UserError

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "distortions.md"
SIZE = 224  # short side of the photos, in pixels
INTERIORS, OTHERS = 4, 8  # of the packaged photos: the first, which are interiors, and the last, which are anything else
STYLE = [distortion for distortion in DISTORTIONS.values() if distortion.aspect == "style"]


def native(photo: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3) -> its published style variants by the native engine, uint8 (81, h, w, 3), in the registry's order."""
    tones = style.Photo(torch.from_numpy(photo).permute(2, 0, 1).contiguous())
    pictures = [getattr(style, distortion.name)(tones, tuple(distortion.values.values())) for distortion in STYLE]
    return torch.cat(pictures).permute(0, 2, 3, 1).numpy()


def measure(photos: list[np.ndarray]) -> list[np.ndarray]:
    """Per variant, how many channel values are off by 0 .. 255 codes; the last of the 257 numbers counts exact pixels."""
    counts = [np.zeros(257, int) for distortion in STYLE for _ in distortion.values]
    for photo, reference in zip(photos, style_variants(photos), strict=True):
        for count, ours, theirs in zip(counts, native(photo), reference, strict=True):
            off = np.abs(ours.astype(int) - theirs)
            count[:256] += np.bincount(off.ravel(), minlength=256)
            count[256] += (off == 0).all(-1).sum()
    return counts


def row(name: str, level: str, value: str, count: np.ndarray) -> str:
    """One line of the table."""
    off, values = count[:256], count[:256].sum()
    mean, p99, most = off @ np.arange(256) / values, int((off.cumsum() >= 0.99 * values).argmax()), off.nonzero()[0].max()
    return f"| {name} | {level} | {value} | {mean:.4f} | {p99} | {most} | {300 * count[256] / values:.3f} |"


def table(counts: list[np.ndarray]) -> str:
    """The measurements as Markdown, a row per variant and one for all."""
    lines = ["| distortion | level | value | mean error | p99 | max | % pixels exact |", "|---|---|---|---|---|---|---|"]
    steps = ((distortion.name, level, value) for distortion in STYLE for level, value in distortion.values.items())
    lines += [row(name, str(level), f"{value:g}", count) for (name, level, value), count in zip(steps, counts, strict=True)]
    return "\n".join([*lines, row("**all**", "", "", np.sum(counts, axis=0))])


def main() -> None:
    """Measure, print, and write between the marks."""
    packages = Packages()
    names = packages.names()
    names = names[:INTERIORS] + names[-OTHERS:]
    photos = [base_photo(Image.open(io.BytesIO(packages.read(name))), SIZE) for name in names]
    major, minor = find()[1]
    content = (
        f"darktable {major}.{minor}; errors are in 8-bit codes, over all channels of {len(photos)} photos with a short side of "
        f"{SIZE} pixels:\n{', '.join(f'`{name}`' for name in names)}.\n\n{table(measure(photos))}"
    )
    print(content)
    text = DOCUMENT.read_text()
    renewed, marks = re.subn(
        r"(<!-- parity:begin -->\n).*?(<!-- parity:end -->)", lambda m: f"{m[1]}\n{content}\n\n{m[2]}", text, flags=re.S
    )
    if marks != 1:
        sys.exit(f"{DOCUMENT}: the marks parity:begin and parity:end are missing; put them back")
    DOCUMENT.write_text(renewed)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
