"""Style distortions by darktable itself: many photos and variants in one process of darktable-cli.

All modules but "shadows and highlights" are pointwise, and darktable's cost is per image rather than per pixel. So for those, the
pixels of many photos are combined into one image; for the blurring module, each photo is an image of its own.

If darktable does not understand a parameter file, it exports the photo unchanged, and many photos legitimately hardly change. So
canaries are processed along with them: known pixels that every variant must change, each level differently.
"""

import errno
import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from aesthetic_pretraining.distortions.darktable_values import EDITED_WIDTH, Shadhi, shadhi
from aesthetic_pretraining.distortions.reference import darktable_cli, xmp
from aesthetic_pretraining.distortions.reference.darktable_cli import PROGRAM, SUFFIX, WAY_OUT
from aesthetic_pretraining.distortions.registry import DISTORTIONS
from aesthetic_pretraining.errors import UserError

CHUNK_PIXELS = 2**20  # pixels of photos per process: their 81 variants take a quarter of a GB of disk, and as much memory
SPARE_BYTES = 2**26  # for the program's own files
START_SECONDS, SECONDS_PER_PICTURE, SECONDS_PER_MEGAPIXEL = 120, 2, 10  # ten times the time of a busy core
MOSAIC, CANARY = "mosaic", "canary"  # names of images
SMALLEST = 3  # pixels; darktable miscalculates an image of one pixel

_STEPS = np.array([25, 100, 150, 225], np.uint8)
COLOURS = np.stack(np.meshgrid(_STEPS, _STEPS, _STEPS, indexing="ij"), -1).reshape(-1, 3)  # canary of the pointwise modules
# canary of the blurring module: long enough to be dark at one end and light at the other after a blur of 100 pixels, because it acts
# on shadows only where the surroundings are dark, and on highlights only where they are light
STRIP = np.clip(np.linspace(0, 240, 800)[None, :, None] + np.zeros((8, 1, 1)) + [0, 5, 15], 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Step:
    """One variant: a style distortion at one value of its ladder."""

    name: str
    value: float

    def module(self, fields: Shadhi, width: int) -> xmp.Module:
        """The darktable module for a photo of this width, in pixels."""
        return xmp.module(self.name, self.value, fields, width)


@dataclass(frozen=True)
class Job:
    """An image, uint8 (h, w, 3), and the variants that darktable has to make of it."""

    stem: str
    picture: np.ndarray
    steps: tuple[Step, ...]


def style_variants(
    photos: Sequence[np.ndarray],
    table: str = "published",
    only: Sequence[str] | None = None,
    edited_width: int = EDITED_WIDTH,
) -> Iterator[np.ndarray]:
    """All style variants of each photo, in the photos' order: uint8 (n, h, w, 3), by distortion and level as in the registry.

    Lazy: works chunk by chunk, with at most `CHUNK_PIXELS` (or one photo) and their variants in memory.

    photos: uint8 (h, w, 3) each, sRGB, sides of at least 3 pixels; shapes may differ
    table: the distortion table, one of ladder.TABLES
    only: names of style distortions, in any order; None: all nine
    edited_width: as for `darktable_values.shadhi`
    Raises: ValueError for other photos or an unknown table, KeyError for a name that is not a style distortion, UserError if
        darktable-cli is missing or too old, fails, is killed, runs out of time or disk, or returns wrong images.
    """
    for k, photo in enumerate(photos):
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or min(photo.shape[:2]) < SMALLEST:
            raise ValueError(f"photo {k}: need uint8 (h, w, 3), sides of at least {SMALLEST}, not {photo.dtype} {photo.shape}")
    steps = style_steps(table, only)
    if steps and len(photos):
        darktable_cli.find()  # fail early
    return (variants for chunk in _chunks(photos) for variants in _render(chunk, steps, shadhi(table, edited_width)))


def style_steps(table: str, only: Sequence[str] | None = None) -> tuple[Step, ...]:
    """The variants in the order of `style_variants`, with the same arguments and errors."""
    style = [name for name, distortion in DISTORTIONS.items() if distortion.aspect == "style" and not distortion.make]
    if unknown := set(only or ()) - set(style):
        raise KeyError(min(unknown))
    wanted = [name for name in style if only is None or name in only]
    return tuple(Step(name, value) for name in wanted for value in DISTORTIONS[name].ladder(table).values())


def _chunks(photos: Sequence[np.ndarray]) -> Iterator[list[np.ndarray]]:
    chunk: list[np.ndarray] = []
    pixels = 0
    for photo in photos:
        if chunk and pixels + photo.size // 3 > CHUNK_PIXELS:
            yield chunk
            chunk, pixels = [], 0
        chunk.append(photo)
        pixels += photo.size // 3
    if chunk:
        yield chunk


def _render(photos: list[np.ndarray], steps: tuple[Step, ...], fields: Shadhi) -> list[np.ndarray]:
    """All variants of the photos of a chunk, from one process."""
    variants = [np.empty((len(steps), *photo.shape), np.uint8) for photo in photos]
    if not steps:
        return variants
    pointwise = tuple(step for step in steps if step.module(fields, 1).pointwise)
    blurring = tuple(step for step in steps if step not in pointwise)
    # the mosaic ends with its canary; the single photos are preceded by theirs
    jobs = [Job(MOSAIC, mosaic(photos), pointwise)] if pointwise else []
    if blurring:
        jobs += [Job(CANARY, STRIP, blurring), *(Job(f"photo{k}", photo, blurring) for k, photo in enumerate(photos))]
    parent = Path()
    try:
        with darktable_cli.workspace() as (folder, lock):
            parent = folder.parent
            _run(folder, lock, jobs, fields)
            for job in jobs:
                canaries = {}
                for step, picture in zip(job.steps, _outputs(folder / "out", job), strict=True):
                    if job.stem == MOSAIC:
                        *parts, canaries[step] = cut_apart(picture, photos)
                        for made, part in zip(variants, parts, strict=True):
                            made[steps.index(step)] = part
                    elif job.stem == CANARY:
                        canaries[step] = picture
                    else:
                        variants[int(job.stem.removeprefix("photo"))][steps.index(step)] = picture
                _check(canaries, COLOURS if job.stem == MOSAIC else STRIP, fields)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UserError(darktable_cli.no_space(parent)) from error
    return variants


def mosaic(photos: Sequence[np.ndarray]) -> np.ndarray:
    """A nearly square image of all pixels of the photos and of `COLOURS`, photo by photo, padded with zeros: uint8 (h, w, 3).

    The position of a pixel does not matter to a pointwise module.
    """
    pixels = np.concatenate([part.reshape(-1, 3) for part in (*photos, COLOURS)])
    width = math.ceil(math.sqrt(len(pixels)))
    height = math.ceil(len(pixels) / width)
    return np.pad(pixels, ((0, height * width - len(pixels)), (0, 0))).reshape(height, width, 3)


def cut_apart(picture: np.ndarray, photos: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The parts of a processed `mosaic`: each photo, uint8 (h, w, 3), and last `COLOURS`, (64, 3)."""
    parts = (*photos, COLOURS)
    ends = np.cumsum([part.size // 3 for part in parts])
    return [piece.reshape(part.shape) for piece, part in zip(np.split(picture.reshape(-1, 3), ends)[:-1], parts, strict=True)]


def _run(folder: Path, lock: int, jobs: Sequence[Job], fields: Shadhi) -> None:
    """Write the images and one parameter file per variant, and run darktable on them."""
    needed = sum(job.picture.nbytes * (len(job.steps) + 1) for job in jobs) + SPARE_BYTES
    if shutil.disk_usage(folder).free < needed:
        raise UserError(darktable_cli.no_space(folder.parent))
    (folder / "in").mkdir()
    for job in jobs:
        Image.fromarray(job.picture).save(folder / "in" / f"{job.stem}{SUFFIX}")
        for step, stem in zip(job.steps, _stems(job), strict=True):
            text = xmp.document(step.module(fields, job.picture.shape[1]))
            (folder / "in" / f"{stem}{SUFFIX}.xmp").write_text(text)
    count = sum(len(job.steps) for job in jobs)
    megapixels = sum(len(job.steps) * job.picture.size / 3e6 for job in jobs)
    timeout = START_SECONDS + SECONDS_PER_PICTURE * count + SECONDS_PER_MEGAPIXEL * megapixels
    darktable_cli.run(folder, lock, count, timeout)


def _stems(job: Job) -> list[str]:
    """Output names; darktable reads stem_NN.tif.xmp as another version of stem.tif, so no stem may itself end in _NN."""
    return [f"{job.stem}_{k:02d}" if k else job.stem for k in range(len(job.steps))]


def _outputs(out: Path, job: Job) -> Iterator[np.ndarray]:
    """The finished images of one job, each checked on its own."""
    for step, stem in zip(job.steps, _stems(job), strict=True):
        what = f"{PROGRAM} made a broken image of {step.name} {step.value:g}"
        remedy = f"run again, install darktable again, {WAY_OUT}"
        try:
            with Image.open(out / f"{stem}{SUFFIX}") as image:
                picture = np.asarray(image)
        except Exception as error:  # Pillow's readers raise all sorts of errors on garbage
            raise UserError(f"{what} ({error}); {remedy}") from error
        if picture.dtype != np.uint8 or picture.shape != job.picture.shape:
            raise UserError(f"{what} ({picture.dtype} {picture.shape}, not uint8 {job.picture.shape}); {remedy}")
        yield picture


def _check(canaries: dict[Step, np.ndarray], original: np.ndarray, fields: Shadhi) -> None:
    """Reject variants that darktable did not apply, or mixed up."""
    remedy = f"this version of darktable may read the parameters in another way; install 4.2, {WAY_OUT}"
    seen: dict[tuple[str, bytes], Step] = {}
    for step, canary in canaries.items():
        if (canary == original).all() != step.module(fields, original.shape[1]).idle:
            change = "changed a photo" if (canary != original).any() else "left a photo unchanged"
            raise UserError(f"{PROGRAM} {change} for {step.name} {step.value:g}; {remedy}")
        twin = seen.setdefault((step.name, canary.tobytes()), step)
        if twin is not step:
            raise UserError(f"{PROGRAM} made the same of {step.name} {twin.value:g} and {step.value:g}; {remedy}")
