"""Build the container image of this project, or say whether one can run here (make image).

usage: image.py build [--torch cpu|cuda] [--engine podman|docker|buildah] [--base IMAGE]
       image.py check IMAGE [--engine ...]

Both print the image's name and size in MiB. An image of another processor architecture is named before anything starts in it.
"""

import argparse
import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENGINES = ("podman", "docker", "buildah")
NAME = "aesthetic-pretraining"
# what the kernel calls processors, as images call them
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def main(arguments: list[str]) -> None:
    """Build or check, and print name and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    build, check = commands.add_parser("build"), commands.add_parser("check")
    check.add_argument("image")
    build.add_argument("--torch", choices=("cpu", "cuda"), default="cpu")
    build.add_argument("--base")
    for command in (build, check):
        command.add_argument("--engine", choices=ENGINES)
    args = parser.parse_args(arguments)
    engine = args.engine or next(filter(shutil.which, ENGINES), None)
    if engine is None or not shutil.which(engine):
        sys.exit(f"error: {engine or 'none of ' + ', '.join(ENGINES)} is not installed; install one, or name it: --engine")
    image = f"{NAME}:{args.torch}" if args.command == "build" else args.image
    if args.command == "build":
        based = ["--build-arg", f"BASE={args.base}"] if args.base else []
        command = [engine, "build", "--build-arg", f"TORCH={args.torch}", *based, "--tag", image, "."]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            sys.exit(f"error: {image} was not built; the last lines above say why")
    print(f"{image}: {check_image(engine, image):.0f} MiB")


def check_image(engine: str, image: str) -> float:
    """The image's size in MiB. Exits with a sentence if it is not there, or of another architecture than this machine."""
    kind = ["--type", "image"] if engine == "buildah" else []
    command = [engine, "inspect", *kind, image] if engine == "buildah" else [engine, "image", "inspect", image]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"error: {engine} has no image {image}; build it: make image")
    found = json.loads(done.stdout)
    about = found[0] if isinstance(found, list) else found
    architecture = about.get("Architecture") or about["OCIv1"]["architecture"]
    here = ARCHITECTURES.get(platform.machine(), platform.machine())
    if architecture != here:
        sys.exit(
            f"error: the image {image} is for {architecture}, and this machine is {here}; build it here (make image), or fetch it for "
            f"linux/{here}"
        )
    return about["Size"] / 2**20 if "Size" in about else _size(image)


def _size(image: str) -> float:
    """Of an image that buildah keeps, which says it only in its list of images."""
    listed = subprocess.run(["buildah", "images", "--json", image], capture_output=True, text=True, check=True)
    number, unit = json.loads(listed.stdout)[0]["size"].split()
    return float(number) * {"KB": 1e3, "MB": 1e6, "GB": 1e9}[unit] / 2**20


if __name__ == "__main__":
    main(sys.argv[1:])
