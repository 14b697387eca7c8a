"""A thousand jobs that do nothing, with our profiles, guard and logger, on this machine and through Slurm: what Snakemake itself takes."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow/lib"), str(ROOT / "tests"), str(ROOT / "tests/workflow")]

from projects import ENV  # noqa: E402
from slurm_cluster import Cluster, obstacle  # noqa: E402

JOBS = 1000
# of them sent to Slurm: each starts Snakemake twice, so that all take an hour on two cores; SENT=1000 sends all
SENT = int(os.environ.get("SENT", "100"))
SNAKEFILE = """
import sys
sys.path.insert(0, {lib!r})
import guard


rule all:
    input:
        expand("jobs/{{k}}.txt", k=range(int(config["jobs"]))),


rule stub:
    output:
        "jobs/{{k}}.txt",
    log:
        "logs/scratch/stub/{{k}}.log",
    resources:
        mem_mb=100,
        runtime=10,
    script:
        "stub.py"


onstart:
    guard.enter()
"""
STAGE = "stages:\n  jobs:\n    cmd: 'true'\n    deps: [Snakefile]\n    outs:\n    - jobs: {persist: true}\n"
OF_SLURM = ("slurm_overhead_seconds_per_job", "slurm_snakemake_mib")
FIGURES = (
    "thousand_jobs_dry_run_seconds",
    "local_overhead_seconds_per_job",
    "local_overhead_cpu_seconds_per_job",
    "thousand_jobs_snakemake_mib",
    "thousand_jobs_nothing_to_do_seconds",
    "thousand_jobs_dvc_status_seconds",
    *OF_SLURM,
)


def run() -> dict[str, float | str]:
    """thousand_jobs_dry_run_seconds; seconds a job here and through Slurm; Snakemake's memory; dvc status; and a second dry run."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "project"
        write_project(folder)
        local = ["snakemake", "--workflow-profile", str(ROOT / "profiles/default"), "--logger", "lines", "--cores", "2"]
        figures: dict[str, float | str] = {"thousand_jobs_dry_run_seconds": timed(folder, ENV, *local, "-n", *jobs(JOBS))[0]}
        before = os.times()
        seconds, memory = timed(folder, ENV, *local, *jobs(JOBS))
        cpu = sum(after - start for after, start in zip(os.times()[2:4], before[2:4], strict=True))
        figures |= {"local_overhead_seconds_per_job": seconds / JOBS, "local_overhead_cpu_seconds_per_job": cpu / JOBS}
        figures["thousand_jobs_snakemake_mib"] = memory
        figures["thousand_jobs_nothing_to_do_seconds"] = timed(folder, ENV, *local, "-n", *jobs(JOBS))[0]
        timed(folder, ENV, "dvc", "commit", "--force", "--quiet")
        figures["thousand_jobs_dvc_status_seconds"] = timed(folder, ENV, "dvc", "status")[0]
        return figures | through_slurm(Path(temporary))


def through_slurm(folder: Path) -> dict[str, float | str]:
    """The same through Slurm, one job of Slurm for each; or why not."""
    if reason := obstacle():
        return dict.fromkeys(OF_SLURM, reason)
    cluster = Cluster(folder / "cluster")
    try:
        env = ENV | cluster.env | {"PATH": os.pathsep.join([str(cluster.folder / "bin"), ENV["PATH"]])}
        sent = [
            *("snakemake", "--workflow-profile", str(ROOT / "profiles/slurm"), "--slurm-status-command", "squeue"),
            *("--slurm-init-seconds-before-status-checks", "2", "--logger", "lines", "--resources", "gpu=0"),
        ]
        write_project(folder / "sent")
        seconds, memory = timed(folder / "sent", env, *sent, *jobs(SENT))
    finally:
        cluster.close()
    return dict(zip(OF_SLURM, (seconds / SENT, memory), strict=True))


def jobs(count: int) -> list[str]:
    """The arguments that ask for so many."""
    return ["--config", f"jobs={count}", "--", "all"]


def write_project(folder: Path) -> None:
    """A Snakefile with stubs, a repository and a stage of DVC for them."""
    folder.mkdir()
    (folder / "Snakefile").write_text(SNAKEFILE.format(lib=str(ROOT / "workflow/lib")))
    (folder / "stub.py").write_text('with open(snakemake.output[0], "w") as file:\n    file.write(snakemake.wildcards.k)\n')
    (folder / "dvc.yaml").write_text(STAGE)
    timed(folder, ENV, "git", "init", "-q")
    timed(folder, ENV, "dvc", "init", "-q")


def timed(folder: Path, env: dict[str, str], *command: str) -> tuple[float, float]:
    """Seconds and peak MiB of a command; ends the benchmark if it fails."""
    env = env | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "workflow/lib")])}
    start = time.monotonic()
    with open(folder / "said.txt", "w") as out:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed:\n{(folder / 'said.txt').read_text()[-3000:]}")
    return time.monotonic() - start, usage.ru_maxrss / 1024
