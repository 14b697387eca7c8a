"""The smoke scale through sbatch on a Slurm of this machine, and a training whose node is lost: the same bytes as here."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow/lib"), str(ROOT / "tests"), str(ROOT / "tests/workflow")]

from projects import ENV, TASKS, Project, checkout  # noqa: E402
from slurm_cluster import Cluster, obstacle  # noqa: E402

NETWORK = "models/smoke/pretrained/rotnet/seed1.safetensors"
PROFILE = [
    *(
        "--workflow-profile",
        "profiles/slurm",
        "--slurm-status-command",
        "squeue",
        "--slurm-init-seconds-before-status-checks",
        "4",
    ),
    *("--resources", "gpu=0", "--default-resources", "mem_mb=2000", "runtime=30", "--"),
]
MADE = ("data", "models", "results")
FIGURES = ("slurm_smoke_ok", "slurm_lost_node_ok", "slurm_smoke_seconds", "local_smoke_seconds")


def run() -> dict[str, float | str]:
    """slurm_smoke_ok and slurm_lost_node_ok: 1 if the files are the same as those of a local run; and the seconds that both runs took."""
    if reason := obstacle():
        return dict.fromkeys(FIGURES, reason)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        here = checkout(folder / "here", ENV, TASKS)
        start = time.monotonic()
        here.snakemake("all")
        local = time.monotonic() - start
        cluster = Cluster(folder / "cluster")
        try:
            env = ENV | cluster.env | {"PATH": os.pathsep.join([str(cluster.folder / "bin"), ENV["PATH"]])}
            there = checkout(folder / "there", env, TASKS)
            start = time.monotonic()
            there.run("snakemake", *PROFILE, "all")
            sent = time.monotonic() - start
            same = there.digests(*MADE) == here.digests(*MADE)
            lost = lose_a_node(cluster, there, here)
        finally:
            cluster.close()
    return {"slurm_smoke_ok": same, "slurm_lost_node_ok": lost, "slurm_smoke_seconds": sent, "local_smoke_seconds": local}


def lose_a_node(cluster: Cluster, there: Project, here: Project) -> bool:
    """Whether a training ends with the same bytes, the power of whose node is cut when it has begun."""
    network, log = there.path / NETWORK, there.path / "logs/smoke/pretrain/rotnet_seed1.log"
    network.unlink()
    log.unlink()
    with open(there.path.parent / "lost.txt", "w") as out:
        run = subprocess.Popen(["snakemake", *PROFILE, NETWORK], cwd=there.path, env=there.env, stdout=out, stderr=out)
        cluster.wait(lambda: log.exists() or run.poll() is not None, "the training has begun", 120)
        node = cluster.ask("squeue", "-h", "-t", "running", "-o", "%N").strip()
        cluster.lose_node(node)
        ended = run.wait()
    cluster.start_node(node)
    return ended == 0 and network.read_bytes() == (here.path / NETWORK).read_bytes()
