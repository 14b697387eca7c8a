"""Simulated AVA and TID2013 (docs/simulated-votes.md): real photos, simulated votes, the real sets' file formats.

A labelled image is a random crop of a source photo with random edits, as amateur photos differ in framing and finish. The edits are
continuous and are not the pretext tasks' distortions; votes depend only on pixels (raters.py).
"""

import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from aesthetic_pretraining.data.images import decode, encode_jpeg, shrink
from aesthetic_pretraining.data.labelled.ava import PER_PHOTO, SPLITS, mean_score
from aesthetic_pretraining.data.simulated.raters import Raters, properties
from aesthetic_pretraining.data.sources import Source
from aesthetic_pretraining.data.split import assign
from aesthetic_pretraining.data.store import add_member
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.seeding import seeded_int

LONG_SIDE = 320  # ASSUME: pixels, of labelled images; AVA's have 640 or 800, which the letterbox would shrink anyway
TID_SIZE = (256, 192)  # ASSUME: half of TID2013's 512 x 384
QUALITY = 95


def noise(rgb: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise with a standard deviation of up to 40 codes. All edits: float (H, W, 3) in 0..255, `strength` 0..1."""
    return rgb + rng.standard_normal(rgb.shape) * 40 * strength


def blur(rgb: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian blur of up to 1.5 % of the width."""
    return cv2.GaussianBlur(rgb, (0, 0), 0.1 + 0.015 * rgb.shape[1] * strength)


def jpeg(rgb: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """JPEG down to quality 4."""
    quality = round(4 + 80 * (1 - strength) ** 2)
    return np.asarray(decode(encode_jpeg(rgb.clip(0, 255).astype(np.uint8), quality))[0]).astype(np.float32)


def mean_shift(rgb: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """All codes up or down by up to 90."""
    return rgb + 90 * strength * rng.choice([-1, 1])


def contrast_change(rgb: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Distance from the mean code times 1 - 0.8 or 1 + 0.8 at full strength."""
    return (rgb - rgb.mean()) * (1 + 0.8 * strength * rng.choice([-1, 1])) + rgb.mean()


def saturation_change(rgb: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Distance from grey reduced, to nothing at full strength."""
    grey = rgb.mean(axis=2, keepdims=True)
    return grey + (rgb - grey) * (1 - strength)


# TID2013's numbers of the simulated distortion types
TID_TYPES: dict[int, Callable] = {1: noise, 8: blur, 10: jpeg, 16: mean_shift, 17: contrast_change, 18: saturation_change}
EDITS = (noise, blur, mean_shift, contrast_change, saturation_change)


def simulate(
    ledger: pd.DataFrame,
    split: pd.DataFrame,
    source: Source,
    ava_tar: str | Path,
    tid2013_tar: str | Path,
    *,
    make_raters: Callable[[list[dict]], Raters],
    pictures: int,
    levels: int,
    shares: Mapping[str, float],
    seed: int,
) -> None:
    """Write simulated AVA and TID2013 from the photos with the role "labels".

    Every source photo is used in only one split of AVA or in TID2013, so that splits have no source photo in common.
    Raises: UserError if a split gets no photo.
    """
    photos = ledger.merge(split[split["split"] == "labels"], on="id").sort_values("id")
    by_content = assign(set(photos["sha256"]), shares, "simulate", seed)
    roles = {row.id: by_content[row.sha256] for row in photos.itertuples()}
    for role, share in shares.items():
        if share > 0 and role not in roles.values():
            raise UserError(f"simulate.shares: no source photo is left for {role!r}; add photos or raise photos.shares.labels")

    # a few hundred small images, held in memory
    ava: dict[str, tuple[str, int, np.ndarray]] = {}  # name -> (role, number of the source photo, image)
    tid: dict[str, np.ndarray] = {}
    for number, photo in enumerate(photos.itertuples(), start=1):
        image = shrink(decode(source.read(photo.file))[0], 2 * LONG_SIDE)
        if roles[photo.id] == "tid2013":
            tid |= distorted_references(image, len(tid) // (len(TID_TYPES) * levels) + 1, levels, seed)
        else:
            for k in range(pictures):
                ava[str(number * PER_PHOTO + k)] = (
                    roles[photo.id],
                    number,
                    snapshot(image, np.random.default_rng(seeded_int("snapshot", seed, photo.sha256, k))),
                )

    measured = {name: properties(picture) for name, (_, _, picture) in ava.items()}
    raters = make_raters(list(measured.values()))
    votes = {name: raters.votes(name, measured[name]) for name in ava}
    _write_ava(ava_tar, ava, votes)
    opinions = {name: mean_score(raters.votes(name, properties(picture))[None])[0] - 1 for name, picture in tid.items()}
    _write_tid2013(tid2013_tar, tid, opinions)


def snapshot(image: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """A random crop (45 to 95 % of each side) with up to two random edits: uint8 (H, W, 3), long side LONG_SIDE."""
    width, height = (round(side * rng.uniform(0.45, 0.95)) for side in image.size)
    left, top = int(rng.integers(0, image.width - width + 1)), int(rng.integers(0, image.height - height + 1))
    crop = image.crop((left, top, left + width, top + height))
    scale = LONG_SIDE / max(crop.size)
    crop = crop.resize((max(8, round(width * scale)), max(8, round(height * scale))), Image.Resampling.LANCZOS)
    rgb = np.asarray(crop).astype(np.float32)
    for edit in rng.choice(len(EDITS), size=rng.integers(0, 3), replace=False):
        rgb = EDITS[edit](rgb, rng.uniform(0.05, 0.8), rng).astype(np.float32)
    return rgb.clip(0, 255).round().astype(np.uint8)


def distorted_references(image: Image.Image, number: int, levels: int, seed: int) -> dict[str, np.ndarray]:
    """{"i01_08_3": uint8 image}: one reference in every type and level of TID_TYPES."""
    base = np.asarray(image.resize(TID_SIZE, Image.Resampling.LANCZOS)).astype(np.float32)
    out = {}
    for kind, edit in TID_TYPES.items():
        for level in range(1, levels + 1):
            rng = np.random.default_rng(seeded_int("tid2013", seed, number, kind))  # the same at every level
            out[f"i{number:02d}_{kind:02d}_{level}"] = edit(base, level / 5, rng).clip(0, 255).round().astype(np.uint8)
    return out


def _write_ava(path: str | Path, pictures: dict, votes: dict) -> None:
    rows = {name: " ".join(map(str, votes[name])) for name in pictures}
    text = "".join(f"{k} {name} {rows[name]} 0 0 {pictures[name][1]}\n" for k, name in enumerate(pictures, start=1))
    with atomic_path(path) as tmp, tarfile.open(tmp, "w", format=tarfile.USTAR_FORMAT) as tar:
        add_member(tar, "AVA.txt", text.encode())
        for split in SPLITS:
            lines = [f"{name},{rows[name].replace(' ', ',')}\n" for name, (role, _, _) in pictures.items() if role == split]
            add_member(tar, f"splits/{split}.csv", "".join(lines).encode())
        for name, (_, _, picture) in pictures.items():
            add_member(tar, f"images/{name}.jpg", encode_jpeg(picture, QUALITY))


def _write_tid2013(path: str | Path, pictures: dict, opinions: dict) -> None:
    # as in the real set, names differ in letter case between labels and disk
    text = "".join(f"{opinions[name]:.5f} {name.replace('i', 'I')}.{'BMP' if '_10_' in name else 'bmp'}\n" for name in pictures)
    with atomic_path(path) as tmp, tarfile.open(tmp, "w", format=tarfile.USTAR_FORMAT) as tar:
        add_member(tar, "mos_with_names.txt", text.encode())
        for name, picture in pictures.items():
            buffer = io.BytesIO()
            Image.fromarray(picture).save(buffer, "BMP")
            add_member(tar, f"distorted_images/{name}.bmp", buffer.getvalue())
