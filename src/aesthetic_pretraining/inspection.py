"""Rendered variants as files and as one contact sheet, to be looked at; training never reads them."""

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from aesthetic_pretraining.distortions import DISTORTIONS, VARIANTS, anchor_index, indices
from aesthetic_pretraining.distortions.render import render
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.store import Store, add_member

LABEL = 150  # width of a row's name on the sheet, in pixels
GAP = 4


def render_photos(
    store: Store, photos: Sequence[str], size: int, seed: int, tar: str | Path, sheet: str | Path, note: str = ""
) -> None:
    """Write every variant of the photos as <photo>/<distortion>_<level>.png to `tar`, and the first photo's sheet as PNG."""
    first = None
    with atomic_path(tar) as tmp, tarfile.open(tmp, "w", format=tarfile.PAX_FORMAT) as out:
        for photo in photos:
            pictures = render(store.pixels(photo), photo, size, seed).permute(0, 2, 3, 1).numpy()
            first = pictures if first is None else first
            for variant, picture in zip(VARIANTS, pictures, strict=True):
                buffer = io.BytesIO()
                Image.fromarray(picture).save(buffer, "PNG")
                add_member(out, f"{photo}/{variant.distortion or variant.anchor}_{variant.level:+d}.png", buffer.getvalue())
    with atomic_path(sheet) as tmp:
        contact_sheet(first, note).save(tmp)


def contact_sheet(pictures: np.ndarray, note: str = "") -> Image.Image:
    """uint8 (174, S, S, 3) in the order of VARIANTS -> one row per distortion, levels from -5 to 5, level 0 in the middle.

    `note` is the caveat that every figure of a run carries.
    """
    size = pictures.shape[1]
    levels = range(-5, 6)
    sheet = Image.new("RGB", (LABEL + len(levels) * (size + GAP), 24 + len(DISTORTIONS) * (size + GAP)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    draw.text((4, 5), note, "black", font)
    for column, level in enumerate(levels):
        draw.text((LABEL + column * (size + GAP) + size // 2, 5), f"{level:+d}" if level else "0", "black", font, anchor="ma")
    for row, (name, distortion) in enumerate(DISTORTIONS.items()):
        top = 24 + row * (size + GAP)
        draw.text((4, top + size // 2), name.replace("_", " "), "black", font, anchor="lm")
        shown = dict(zip(distortion.levels, indices(name), strict=True)) | {0: anchor_index(name)}
        for column, level in enumerate(levels):
            if level in shown:
                sheet.paste(Image.fromarray(pictures[shown[level]]), (LABEL + column * (size + GAP), top))
    return sheet
