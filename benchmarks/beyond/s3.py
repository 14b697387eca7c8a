"""Results to an S3 store and back: moto's server on loopback, a copy of a finished run, a fresh clone that has nothing to do."""

import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/workflow")]

from projects import ENV, TASKS, Project, checkout  # noqa: E402
from s3_server import BUCKET, S3  # noqa: E402

FIGURES = ("s3_roundtrip_ok", "s3_push_seconds", "s3_pull_seconds")


def run() -> dict[str, float | str]:
    """s3_roundtrip_ok: 1 if the smoke scale came back the same and nothing is to do; and the seconds of push and pull."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        server = S3(folder)
        try:
            project = checkout(folder / "project", ENV | server.environment(), TASKS)
            project.snakemake("all")
            project.dvc("remote", "add", "--default", "store", f"s3://{BUCKET}/dvc")
            project.dvc("remote", "modify", "store", "endpointurl", server.url)
            project.commit("results")
            push = _seconds(project, "push")
            project.git("clone", "-q", str(project.path), str(folder / "clone"))
            clone = Project(folder / "clone", project.env)
            pull = _seconds(clone, "pull")
            clone.clean()
            folders = ("data", "models", "results")
            same = clone.digests(*folders) == project.digests(*folders)
        finally:
            server.close()
    return {"s3_roundtrip_ok": float(same), "s3_push_seconds": push, "s3_pull_seconds": pull}


def _seconds(project: Project, direction: str) -> float:
    start = time.perf_counter()
    project.run("python", "tools/remote.py", direction)
    return time.perf_counter() - start


if __name__ == "__main__":
    print(run())
