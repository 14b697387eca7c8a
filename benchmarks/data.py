"""Time the data chain (make bench-data): decoding, reading the store, and many small photos through the real rules.

Photos are made up (coloured noise), so that the benchmark needs no data; decoding is timed on the photos inside packages.
The rules run in a clone of HEAD in a temporary folder. Prints a table, then one line per figure: name = value.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1"}  # before the libraries start their threads

import argparse
import io
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
import yaml
from distortions import jpegs
from PIL import Image
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms.v2.functional import resize
from workflow import ROOT, timed

from aesthetic_pretraining.config import load
from aesthetic_pretraining.data.images import read_picture
from aesthetic_pretraining.data.ledger import read_table, usable
from aesthetic_pretraining.data.letterbox import ROOM, short_side_size, shrink
from aesthetic_pretraining.data.store import Store

ALL = 130_000  # the paper's photos
SHARD = 1_000  # photos to a tar file, as at the scale paper
SIZE = 224  # the paper's network
DECODED, ROUNDS = 12, 7
READS = 20_000
LABELS = 15  # photos from which labelled pictures are simulated, because the rules want both
REDUCED = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2, 1: cv2.IMREAD_COLOR}


def header(data: bytes) -> tuple[int, int, int, int]:
    """Width, height, and the width and height of the copy in the store."""
    width, height = Image.open(io.BytesIO(data)).size
    return width, height, *short_side_size(width, height, round(ROOM * SIZE))


def ours(data: bytes) -> np.ndarray:
    """As rule store does it."""
    short = round(ROOM * SIZE)
    return shrink(read_picture(data, short).pixels, short)


def pillow(data: bytes) -> np.ndarray:
    """Pillow in draft mode."""
    *_, width, height = header(data)
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (width, height))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def opencv(data: bytes) -> np.ndarray:
    """OpenCV, reduced where that suffices, and its filter for shrinking."""
    full_width, full_height, width, height = header(data)
    fraction = next(f for f in REDUCED if full_width // f >= width and full_height // f >= height)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), REDUCED[fraction])
    return cv2.cvtColor(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)


def torchvision(data: bytes) -> np.ndarray:
    """torchvision's decoder and antialiased resize."""
    *_, width, height = header(data)
    pixels = decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=ImageReadMode.RGB)
    return resize(pixels, [height, width], antialias=True).permute(1, 2, 0).contiguous().numpy()


def decoding(ways: tuple[Callable, ...]) -> dict[str, float]:
    """Median CPU milliseconds per photo of each way, taken in turns on the same photos, 1000 pixels wide."""
    files = jpegs(DECODED)
    taken: dict[str, list[float]] = {way.__name__: [] for way in ways}
    for _ in range(ROUNDS + 1):
        for way in ways:
            start = time.process_time()
            shapes = [way(data).shape for data in files]
            taken[way.__name__].append((time.process_time() - start) / len(files) * 1e3)
            wanted = [(height, width, 3) for *_, width, height in map(header, files)]
            assert np.abs(np.subtract(shapes, wanted)).max() <= 1, (
                way.__name__
            )  # a reduced photo's long side may round otherwise
    return {name: statistics.median(times[1:]) for name, times in taken.items()}  # the first round warms up


def make_photos(folder: Path, count: int) -> None:
    """`count` JPEGs of coloured noise, 64 x 48, a thousand to a folder."""
    rng = np.random.default_rng(0)
    for k in range(count):
        place = folder / f"{k // 1000:03d}"
        if k % 1000 == 0:
            place.mkdir(parents=True)
        picture = cv2.resize(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), (64, 48))
        (place / f"{k:06d}.jpg").write_bytes(cv2.imencode(".jpg", picture)[1].tobytes())


def make_project(folder: Path, count: int) -> None:
    """A clone of HEAD at the scale smoke, with the photos of a folder in place of the packaged ones."""
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    path = folder / "params.yaml"
    params = load(path) | {"scale": "smoke"}
    labels = LABELS / count
    params["scales"]["smoke"]["photos"] |= {
        "source": "folder",
        "folder": "data/raw/photos",
        "limit": 0,
        "shards": max(1, count // SHARD),
        "shares": {"train": 0.77 - labels, "val": 0.115, "test": 0.115, "labels": labels},
    }
    path.write_text(yaml.safe_dump(params, sort_keys=False))
    (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    make_photos(folder / "data/raw/photos", count)


def reading(data: Path) -> tuple[float, float]:
    """Photos per CPU second read from the store without decoding, in random order; and CPU seconds to open it."""
    start = time.process_time()
    store = Store(sorted((data / "store").glob("*.tar")))
    opened = time.process_time() - start
    ids = list(usable(read_table(data / "ledger.csv"))["id"])
    chosen = random.Random(0).choices(ids, k=READS)
    start = time.process_time()
    for picture in chosen:
        store.read(picture)
    return READS / (time.process_time() - start), opened


def shard_seconds(project: Path) -> float:
    """Mean seconds of the jobs that wrote a shard of photos, by Snakemake's benchmark files."""
    files = project.glob("logs/smoke/benchmark/store/photos_*.tsv")
    return statistics.mean(float(file.read_text().splitlines()[1].split()[0]) for file in files)


def main() -> None:
    """Run all and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=int, default=ALL, help="how many; fewer are extrapolated (default %(default)s)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    milliseconds = decoding((ours, pillow, opencv, torchvision))
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary) / "project"
        make_project(project, args.photos)
        seconds, peak = timed(project, "dvc", "repro", "--quiet", "data")
        dry_run = min(timed(project, "snakemake", "-n", "--quiet", "all")[0] for _ in range(3))
        status = min(timed(project, "dvc", "status", "data")[0] for _ in range(3))
        rate, opened = reading(project / "data/smoke/photos")
        missing = (ALL - args.photos) / SHARD * shard_seconds(project) / os.cpu_count()
    for name, value in milliseconds.items():
        print(f"{name:14} {value:8.2f}  CPU ms to decode and shrink a photo of 1000 pixels' width to {round(ROOM * SIZE)}")
    print(f"{'open store':14} {opened:8.2f}  CPU s to read the store's index, once a job")
    print(
        f"{'dvc repro':14} {seconds:8.1f}  s for {args.photos} photos: listing, store, ledger, split, simulated labels, record"
    )
    print(f"{'snakemake -n':14} {dry_run:8.1f}  s on the result, best of three")
    print(f"{'dvc status':14} {status:8.1f}  s on the result, best of three")
    if args.photos != ALL:
        print(f"hundred_thirty_thousand_seconds is extrapolated: {missing:.0f} s more for the shards of the other photos")
    best = min(value for name, value in milliseconds.items() if name != "ours")
    print()
    print(f"store_photos_per_second = {rate:.0f}")
    print(f"decode_vs_best_library = {best / milliseconds['ours']:.2f}")
    print(f"hundred_thirty_thousand_seconds = {seconds + missing:.0f}")
    print(f"peak_gib = {peak:.2f}")


if __name__ == "__main__":
    main()
