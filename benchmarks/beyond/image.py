"""The size of the container image without CUDA, where podman, docker or buildah has one: make image builds it."""

import contextlib
import io
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import image  # noqa: E402

FIGURES = ("image_mib",)


def run() -> dict[str, float | str]:
    """image_mib of aesthetic-pretraining:cpu, or why not, where there is no engine or no image."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            image.main(["check", f"{image.NAME}:cpu"])
    except SystemExit as left:
        return {"image_mib": str(left).removeprefix("error: ")}
    return {"image_mib": float(re.search(r": (\d+) MiB", said.getvalue())[1])}


if __name__ == "__main__":
    print(run())
