"""Measure the networks in use: scores of photos on disk, their memory, ONNX, explanations, and the survey (make bench-use).

usage: use.py [--model BUNDLE] [--photos N]

Photos are those that come inside packages, as JPEG of 640 pixels' length, which AVA's have, and as they are (camera size). The plain
forward pass is torch's of the same networks, with all cores and in inference mode, on images that are ready in memory. Both take turns
in one run, and the ratio is the median over the rounds. Prints one line per figure: name = value.
"""

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from aesthetic_pretraining.data.images import decode
from aesthetic_pretraining.data.letterbox import letterbox
from aesthetic_pretraining.data.sources import Packages
from aesthetic_pretraining.use.bundle import Bundle, read_bundle
from aesthetic_pretraining.use.cli import model_of
from aesthetic_pretraining.use.networks import ByTorch
from aesthetic_pretraining.use.photos import find
from aesthetic_pretraining.use.run import Options, score_photos
from aesthetic_pretraining.use.scorer import load

LENGTH, QUALITY = 640, 90  # of AVA's photos
ROUNDS, TIMED, BATCH = 5, 480, 32  # photos of one round
GIB = 2**30


def figures(model: str | None = None, photos: int = 20_000) -> dict[str, float]:
    """All figures of the scores; photos: for the peak of memory."""
    bundle = read_bundle(model_of(model))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        small, camera = _photos(work)
        images = np.stack([letterbox(decode(path.read_bytes())[0], bundle.size).transpose(2, 0, 1) for path in small])
        plain = ByTorch(bundle, "cpu", explain=bundle.reading is not None)
        plain.torch.set_num_threads(len(os.sched_getaffinity(0)))
        found = _said({"onnx_max_difference": _difference(bundle, plain, images)})
        found |= _said(_speed("score", bundle, plain, images, _linked(small, work / "small", TIMED), work))
        found |= _said(_speed("score_camera", bundle, plain, images, _linked(camera, work / "camera", TIMED // 4), work))
        found |= _said({"score_peak_gib": _peak(bundle, _linked(small, work / "many", photos), work)})
    explanation = bundle.config["explanation"] or {}
    found["explanation_top3_accuracy"] = explanation.get("top3_accuracy", float("nan"))
    found["explanation_chance"] = explanation.get("chance", float("nan"))
    found["explanation_photos"] = explanation.get("photos", 0)
    found["explanation_statements"] = len(explanation.get("reliable", {}))
    return found


def _said(found: dict[str, float]) -> dict[str, float]:
    """The same, said at once, because the rest takes minutes."""
    for name, value in found.items():
        print(f"{name}: {value:.4g}", file=sys.stderr)
    return found


def _photos(work: Path) -> tuple[list[Path], list[Path]]:
    """The packages' photos at LENGTH, and as they are."""
    packages, small, camera = Packages(), [], []
    for name in packages.names():
        data = packages.read(name)
        camera.append(work / name.replace("/", "_"))
        camera[-1].write_bytes(data)
        image = decode(data)[0]
        image.thumbnail((LENGTH, LENGTH), Image.Resampling.LANCZOS)
        small.append(camera[-1].with_suffix(".small.jpg"))
        image.save(small[-1], "JPEG", quality=QUALITY)
    return small, camera


def _linked(files: list[Path], folder: Path, count: int) -> Path:
    """A folder with `count` hard links to the files, over and over."""
    for k in range(count):
        place = folder / f"{k // 1000:03}"
        place.mkdir(parents=True, exist_ok=True)
        os.link(files[k % len(files)], place / f"{k:06}{files[k % len(files)].suffix}")
    return folder


def _difference(bundle: Bundle, plain: ByTorch, images: np.ndarray) -> float:
    """The largest difference between onnxruntime and torch, of votes and intensities."""
    ours = load(bundle, explain=bundle.reading is not None).networks(images)
    return max(float(np.abs(a - b).max()) for a, b in zip(ours, plain(images), strict=True) if a is not None and b is not None)


def _speed(name: str, bundle: Bundle, plain: ByTorch, images: np.ndarray, folder: Path, work: Path) -> dict[str, float]:
    """Images per second from files to tables and pages, and beside the plain forward pass on as many ready images."""
    scorer, files = load(bundle), find([folder])
    batches = [images[np.arange(start, min(start + BATCH, len(files))) % len(images)] for start in range(0, len(files), BATCH)]
    rates, ratios = [], []
    for turn in range(ROUNDS):
        start = time.perf_counter()
        score_photos(scorer, files, work / f"{name}{turn}", Options(batch=BATCH))
        ours = time.perf_counter() - start
        start = time.perf_counter()
        for batch in batches:
            plain(batch)
        ratios.append((time.perf_counter() - start) / ours)
        rates.append(len(files) / ours)
    return {
        f"{name}_images_per_second": statistics.median(rates),
        f"{name}_images_per_second_vs_plain": statistics.median(ratios),
    }


def _peak(bundle: Bundle, folder: Path, work: Path) -> float:
    """GiB of the whole command for a folder, in a process of its own."""
    out = work / "peak"
    command = [
        sys.executable,
        "-m",
        "aesthetic_pretraining",
        "score",
        str(folder),
        "--model",
        str(bundle.folder),
        "--out",
        str(out),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert json.loads((out / "run.json").read_text())["scored"] == sum(1 for _ in folder.rglob("*.jpg"))
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / GIB


def _survey() -> dict[str, float]:
    """The survey's figures, by the program beside this one, if there is one."""
    if importlib.util.find_spec("survey") is None:
        return {}
    import survey

    return survey.figures()


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", metavar="BUNDLE")
    parser.add_argument("--photos", type=int, default=20_000, help="for the peak of memory")
    asked = parser.parse_args()
    for name, value in (figures(asked.model, asked.photos) | _survey()).items():
        print(f"{name} = {value:.4g}")


if __name__ == "__main__":
    main()
