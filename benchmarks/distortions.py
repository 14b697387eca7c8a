"""Time and check the distortions of one photo, in one thread (make bench-distortions).

Prints what each operation takes by the code of torch and by the fused kernels (numba), then the native engine by both, in turns,
beside the authors' way (one darktable process per style picture) and the reference engine, how far the fused kernels' style
pictures are from darktable's, and the memory. CPU seconds throughout: other
work on the machine disturbs them least. Last comes one line per figure: name = value.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1"}  # before the libraries start their threads; darktable inherits it

import io
import math
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import fixtures  # noqa: F401 # first: sets the allocator as in every job

# isort: split
import cv2
import numpy as np
import torch
from darktable_per_picture import darktable, write_xmp
from device_rendering import device_rendering
from PIL import Image
from timing import in_turns

from aesthetic_pretraining.data import images
from aesthetic_pretraining.data.letterbox import letterbox_batch
from aesthetic_pretraining.data.sources import Packages
from aesthetic_pretraining.distortions import DISTORTIONS, VARIANTS
from aesthetic_pretraining.distortions.native import render, style
from aesthetic_pretraining.distortions.native.kernels import KERNELS, prepare

SIZE, SEED, WIDTH = 224, 0, 1000  # the authors downloaded photos of 1000 pixels' width
PHOTOS = 8  # of the packaged ones, evenly spread over their names
ROUNDS = 7
AUTHORS_VARIANTS = (("brightness", 1.0), ("exposure", -1.2), ("shadows", 60), ("tint", 1.25), ("vibrance", 100))
AUTHORS_PHOTOS, PARITY_PHOTOS, MEMORY_PHOTOS = 2, 3, 60
FUSED = "numba"
SHARED = {
    "torch": ("index", "blurred", "highlights_lifted", "shadows_filled"),
    FUSED: ("logarithm", "surroundings", "under_highlights", "under_shadows"),
}
STYLE = {name: d for name, d in DISTORTIONS.items() if d.aspect == "style"}
STYLE_PICTURES = sum(len(d.levels) for d in STYLE.values())
BATCH = 8  # photos in a training step, with 1,376 pictures


def cpu(of: int = resource.RUSAGE_SELF) -> float:
    """CPU seconds that this process, or its finished children, took so far."""
    usage = resource.getrusage(of)
    return usage.ru_utime + usage.ru_stime


def seconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Median CPU seconds of `work`, after one call to warm up."""
    work()
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def jpegs(count: int) -> list[bytes]:
    """`count` packaged photos, `WIDTH` pixels wide, as JPEG files."""
    source = Packages()
    names = source.names()
    files = []
    for i in range(count):
        image, _ = images.decode(source.read(names[i * len(names) // count]))
        image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        image.save(file, "JPEG", quality=90)
        files.append(file.getvalue())
    return files


def native(data: bytes, kernels: str = FUSED) -> torch.Tensor:
    """A JPEG file's 174 pictures."""
    return render.render(render.source_photo(images.decode(data)[0], SIZE), "photo", SIZE, SEED, kernels=kernels)


def rendering(files: list[bytes]) -> dict[str, float]:
    """CPU seconds that rendering one stored photo takes by each of the kernels, in turns: mean over photos of the lowest."""
    lowest = {name: [] for name in KERNELS}
    for data in files:
        photo = render.source_photo(images.decode(data)[0], SIZE)
        calls = {name: partial(render.render, photo, "photo", SIZE, SEED, kernels=name) for name in KERNELS}
        for name, taken in in_turns(calls, ROUNDS).seconds.items():
            lowest[name].append(taken)
    return {name: statistics.mean(taken) for name, taken in lowest.items()}


def codes(base: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(base).permute(2, 0, 1).contiguous()


def operations(data: bytes, kernels: str) -> dict[str, float]:
    """Milliseconds of each operation on one photo; what the style distortions share is an operation of its own."""
    image, _ = images.decode(data)
    photo = render.source_photo(image, SIZE)
    base = render.base_photo(photo, SIZE)

    def shared() -> style.Photo:
        fresh = prepare(base, photo, "published", kernels=kernels)
        for name in SHARED[kernels]:
            getattr(fresh, name)
        return fresh

    def anchors() -> None:
        render.composition.crop_anchor(photo, base), render.composition.rotation_anchor(photo, base)

    room = np.stack([base] * max(len(d.levels) for d in DISTORTIONS.values()))
    pictures = torch.empty((len(room), 3, SIZE, SIZE), dtype=torch.uint8, memory_format=torch.channels_last)

    def boxed() -> None:
        for count in (3, *(len(d.levels) for d in DISTORTIONS.values())):
            letterbox_batch(room[:count], SIZE, pictures[:count])

    taken = {
        "decode": seconds(lambda: images.decode(data)),
        "shrink": seconds(lambda: render.base_photo(render.source_photo(image, SIZE), SIZE)),
        "anchors": seconds(anchors),
        "shared by style": seconds(shared),
    }
    tones = shared()
    ladders = {name: d.ladder("published") for name, d in DISTORTIONS.items()}
    for name, distortion in DISTORTIONS.items():
        taken[name] = seconds(
            lambda d=distortion: list(
                render.pictures_of(d, photo, base, tones, "photo", SEED, ladders[d.name], list(room[: len(d.levels)]))
            )
        )
    taken["letterbox"] = seconds(boxed)
    whole = seconds(lambda: native(data, kernels))
    taken["all else"] = whole - sum(taken.values())
    return {name: 1000 * value for name, value in taken.items()}


def authors_seconds(files: list[bytes]) -> float:
    """CPU seconds of the style pictures of one photo, one darktable process each; mean over a few."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        start = cpu(resource.RUSAGE_CHILDREN)
        for i, data in enumerate(files):
            (folder / f"photo{i}.jpg").write_bytes(data)
            for name, value in AUTHORS_VARIANTS:
                write_xmp(folder / "edit.xmp", name, value)
                darktable(folder / f"photo{i}.jpg", folder / "edit.xmp", folder / f"{i}{name}.jpg", config=folder / "config")
        made = len(list(folder.glob("*.jpg"))) - len(files)
    assert made == len(files) * len(AUTHORS_VARIANTS), "darktable left pictures out"
    return STYLE_PICTURES * (cpu(resource.RUSAGE_CHILDREN) - start) / made


def reference_seconds(files: list[bytes]) -> float:
    """CPU seconds of the reference engine for one photo, its child processes included."""
    try:
        from aesthetic_pretraining.distortions.reference.render import render_reference
    except ImportError:
        return math.nan

    def spent() -> float:
        return cpu() + cpu(resource.RUSAGE_CHILDREN)

    start = spent()
    photos = [render.source_photo(images.decode(data)[0], SIZE) for data in files]
    render_reference(photos, [f"photo{i}" for i in range(len(photos))], SIZE, SEED)
    return (spent() - start) / len(files)


def parity(base: np.ndarray) -> dict[tuple[str, float], np.ndarray]:
    """(distortion, value) -> distance of every style picture to darktable's, in levels: uint8 (h, w, 3)."""
    steps = [(name, value) for name, d in STYLE.items() for value in d.values.values()]
    with tempfile.TemporaryDirectory() as temporary:
        folder, out = Path(temporary) / "in", Path(temporary) / "out"
        folder.mkdir()
        out.mkdir()
        Image.fromarray(base).save(folder / "photo.png")
        stems = ["photo"] + [f"photo_{k:02d}" for k in range(1, len(steps))]
        for stem, step in zip(stems, steps, strict=True):
            write_xmp(folder / f"{stem}.png.xmp", *step)
        darktable(folder, out, "--out-ext", "png", config=Path(temporary) / "config")
        theirs = [np.array(Image.open(out / f"{stem}.png").convert("RGB")) for stem in stems]
    tones = prepare(base, base, "published", 0, FUSED)  # as darktable here: edited at this size
    made = [render.pictures_of(d, base, base, tones, "photo", SEED, d.values) for d in STYLE.values()]
    ours = [picture for pictures in made for picture in pictures]
    return {step: cv2.absdiff(mine, other) for step, mine, other in zip(steps, ours, theirs, strict=True)}


def growth_mib(files: list[bytes]) -> float:
    """By how much the highest memory of the process rises while many photos of all shapes are rendered."""
    peaks = []
    for i in range(MEMORY_PHOTOS):
        photo = render.source_photo(images.decode(files[i % len(files)])[0], SIZE)
        height, width = photo.shape[:2]
        cut = i // len(files)  # off the long side
        photo = photo[: height - cut] if height > width else photo[:, : max(width - cut, height)]
        render.render(np.ascontiguousarray(photo), f"photo{i}", SIZE, SEED, kernels=FUSED)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return peaks[-1] - peaks[len(files)]


def gpu_photos_per_second(files: list[bytes]) -> float:
    """Photos whose style pictures a GPU makes in a second of wall time."""
    bases = [codes(render.base_photo(images.decode(data)[0], SIZE)).cuda() for data in files[:BATCH]]

    def work() -> None:
        for base in bases:
            tones = style.Photo(base)
            for name, d in STYLE.items():
                getattr(style, name)(tones, tuple(d.values.values()))
        torch.cuda.synchronize()

    work()
    start = time.perf_counter()
    for _ in range(ROUNDS):
        work()
    return ROUNDS * len(bases) / (time.perf_counter() - start)


def main() -> None:
    """Measure all and print."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    files = jpegs(PHOTOS)
    growth = growth_mib(files)
    taken = {kernels: operations(files[0], kernels) for kernels in KERNELS}
    whole = {kernels: sum(times.values()) for kernels, times in taken.items()}
    print(f"{'CPU ms':20} " + "".join(f"{kernels:>17}" for kernels in KERNELS))
    for name in taken[FUSED]:
        print(f"{name:20} " + "".join(f"{taken[k][name]:8.2f} {taken[k][name] / whole[k]:7.1%} " for k in KERNELS))
    print(f"{'one photo':20} " + "".join(f"{whole[k]:8.2f} {'':8}" for k in KERNELS) + "\n")

    drawn = rendering(files)
    print("CPU seconds per stored photo: " + ", ".join(f"{name} {taken:.3f}" for name, taken in drawn.items()) + "\n")
    ours = statistics.mean(seconds(lambda data=data: native(data), 3) for data in files)
    installed = shutil.which("darktable-cli") is not None
    authors = authors_seconds(files[:AUTHORS_PHOTOS]) if installed else math.nan
    reference = reference_seconds(files) if installed else math.nan
    print(f"CPU seconds per photo, from a JPEG file {WIDTH} pixels wide")
    missing = "" if installed else "  (darktable-cli: not installed)"
    print(f"{'authors way':20} {authors:9.3f}   {STYLE_PICTURES} darktable processes, style alone{missing}")
    absent = "" if reference == reference else "  (not installed)"
    print(f"{'reference engine':20} {reference:9.3f}   all {len(VARIANTS)} pictures{absent}")
    print(f"{'native engine':20} {ours:9.3f}   all {len(VARIANTS)} pictures\n")

    mean = most = math.nan
    if installed:
        off = [parity(render.base_photo(images.decode(data)[0], SIZE)) for data in files[:PARITY_PHOTOS]]
        print(f"fused style pictures against darktable's, {PARITY_PHOTOS} photos: mean and highest distance in levels")
        for name in STYLE:
            chosen = [d for one in off for (n, _), d in one.items() if n == name]
            print(f"{name:20} {np.mean([d.mean() for d in chosen]):9.4f} {max(int(d.max()) for d in chosen):4}")
        mean = float(np.mean([d.mean() for one in off for d in one.values()]))
        most = max(int(d.max()) for one in off for d in one.values())
        print(f"{'without 2000 K':20} {'':9} {max(int(d.max()) for one in off for (_, v), d in one.items() if v != 2000):4}\n")

    print(f"memory: {growth:.1f} MiB more at the end than after the first {PHOTOS} of {MEMORY_PHOTOS} photos")
    if torch.cuda.is_available():
        rate = gpu_photos_per_second(files)
        print(f"GPU: style of {rate:.1f} photos per second; a training step takes {BATCH} photos, 1,376 pictures")
    print()
    print(f"reference_vs_authors = {authors / reference:.1f}")
    print(f"native_vs_authors = {authors / ours:.1f}")
    print(f"native_vs_torch = {drawn['torch'] / drawn[FUSED]:.2f}")
    print(f"native_seconds_per_photo = {ours:.3f}")
    print(f"parity_mean = {mean:.4f}")
    print(f"parity_max = {most}")
    device_rendering(files, SIZE, SEED)


if __name__ == "__main__":
    main()
