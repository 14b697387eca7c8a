"""Time the front door: set-up, the demo, and what the tools take when there is nothing to do (make bench-workflow).

Works in a fresh clone of HEAD in a temporary folder. Prints a table, then one line per figure: name = value.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]


def tree_gib(pid: int) -> float:
    """Memory of a process and all its descendants in GiB: proportional shares, so that shared pages count once."""
    total = 0
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total / 2**30


def timed(folder: Path, *command: str) -> tuple[float, float]:
    """Seconds and peak GiB (sampled twice a second) of one command; stops the benchmark if it fails."""
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    env["PATH"] = f"{folder}/.venv/bin:{env['PATH']}"
    start, peak = time.monotonic(), 0.0
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=out)
        done = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not done.wait(0.5):
                peak = max(peak, tree_gib(process.pid))

        thread = threading.Thread(target=watch)
        thread.start()
        process.wait()
        done.set()
        thread.join()
        if process.returncode:
            out.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{out.read()[-3000:]}")
    return time.monotonic() - start, peak


def main() -> None:
    """Run all and print."""
    with tempfile.TemporaryDirectory() as temporary:
        clone = Path(temporary) / "clone"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        setup, _ = timed(clone, "make", "setup")
        demo, peak = timed(clone, "make", "demo", "CORES=2")
        dry_run = min(timed(clone, "snakemake", "-n", "all")[0] for _ in range(3))
        status = min(timed(clone, "dvc", "status")[0] for _ in range(3))
    figures = {
        "demo_seconds": (demo, "make demo on two cores after set-up, with DVC's record"),
        "setup_seconds": (setup, "make setup in a fresh clone; packages come from pip's and uv's caches where there are any"),
        "demo_peak_gib": (peak, "highest memory of make demo and all its jobs together"),
        "dry_run_seconds": (dry_run, "snakemake -n all with nothing to do, best of three"),
        "dvc_status_seconds": (status, "dvc status with nothing to do, best of three"),
    }
    for name, (value, what) in figures.items():
        print(f"{name:20} {value:8.2f}  {what}")
    print()
    for name, (value, _) in figures.items():
        print(f"{name} = {value:.2f}")


if __name__ == "__main__":
    main()
