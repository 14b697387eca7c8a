"""darktable as the authors run it, for the benchmark of the distortions: a sidecar file per edit, one program per picture."""

import subprocess
from pathlib import Path

from aesthetic_pretraining.distortions.darktable_values import shadhi
from aesthetic_pretraining.distortions.reference import xmp


def write_xmp(path: Path, name: str, value: float) -> None:
    """The released parameter file of one published style picture; the published radius ignores the photo's width."""
    path.write_text(xmp.document(xmp.module(name, value, shadhi("published", 0), width=0)))


def darktable(*places: object, config: Path) -> None:
    """Run darktable-cli once."""
    core = ["--core", "--configdir", config, "--cachedir", config, "--disable-opencl"]
    command = ["darktable-cli", *places, "--apply-custom-presets", "0", *core]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
