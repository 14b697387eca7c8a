"""The whole chain on real ratings (make oasis): say how long it will take here, fetch the public sets, run, print Table 2.

usage: oasis.py [--cores N] [--mirror ADDRESS] [--comparisons]

With --comparisons all rows of the section `comparisons` of params.yaml are trained, too; what is done already is not done again. It can
be stopped at any time, and the same command goes on. How long it worked, over all interruptions, stands in logs/oasis/wall.json: seconds
(of calls without comparison rows), comparisons (seconds of calls with them), cores, load (mean number of programs that wanted to compute,
this one's among them).
"""

import argparse
import contextlib
import csv
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from aesthetic_pretraining.config import leaf, leaf_keys, load, resolve
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import write_json

ROOT = Path(__file__).resolve().parents[1]
SCALE = "oasis"
TICK_S = 20.0  # between two writings of the time
FETCHED = ("bsds500", "oasis", "unsplash_lite")  # what rule download fetches without asking
# ASSUME: polite towards a host of millions of small files, where download.requests_per_second is for photographers' sites
REQUESTS_PER_SECOND = 8


class Wall:
    """The time that a scale has taken so far, over all interruptions, in <logs>/wall.json."""

    def __init__(self, logs: Path, cores: int, begun: bool, comparisons: bool = False):
        """Args: logs: the scale's logs. begun: whether anything of an earlier run is left; if not, the time starts at zero.
        comparisons: whether this call trains the comparison rows."""
        self.path, self.cores, self.kind = logs / "wall.json", cores, "comparisons" if comparisons else "seconds"
        self.start = self.last = time.time()
        nothing = {"seconds": 0.0, "comparisons": 0.0, "load": 0.0}
        self.before = nothing | (json.loads(self.path.read_text()) if begun and self.path.exists() else {})
        self.loads = 0.0  # integral of the load over this call's seconds

    @property
    def seconds(self) -> float:
        """Of all calls until the last tick."""
        return self.before["seconds"] + self.before["comparisons"] + self.last - self.start

    def tick(self) -> None:
        """Write the time, unless this call has not run a job yet: a look at a finished chain takes none."""
        now = time.time()
        self.loads, self.last = self.loads + os.getloadavg()[0] * (now - self.last), now
        if any(path.stat().st_mtime >= self.start for path in self.path.parent.rglob("*.log")):
            own = self.last - self.start
            load_ = (self.before["load"] * (self.seconds - own) + self.loads) / max(self.seconds, 1e-9)
            spent = {kind: round(self.before[kind] + own * (kind == self.kind), 1) for kind in ("seconds", "comparisons")}
            write_json(self.path, spent | {"cores": self.cores, "load": round(load_, 2)})


def run(command: list[str], wall: Wall) -> int:
    """Run a program in the project, counting the time; returns its exit code, also after Ctrl-C or SIGTERM, which it ends by, too."""
    paths = [str(ROOT / "workflow/lib"), *filter(None, [os.environ.get("PYTHONPATH")])]  # where the logger `lines` is
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)})
    signal.signal(signal.SIGTERM, lambda number, frame: process.terminate())
    while process.poll() is None:
        # Ctrl-C reaches Snakemake by itself, which ends its jobs
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.wait(TICK_S)
        wall.tick()
    return process.returncode


def public_sets(cfg: dict) -> list[str]:
    """The sets of the scale that rule download fetches."""
    labels = cfg["labels"]
    real = [*labels["test_on"], *labels["crosscheck"]] if labels["source"] == "real" else []
    return list(
        dict.fromkeys(
            name for name in (*cfg["photos"]["sources"], *(cfg["sets"][n]["source"] for n in real)) if name in FETCHED
        )
    )


def fetch_command(missing: list[str], cores: str, mirror: str) -> list[str]:
    """The call of rule download for the sets that are not there."""
    values = f"{{requests_per_second: {REQUESTS_PER_SECOND}" + (f", mirror: '{mirror}'" if mirror else "") + "}"
    targets = [f"data/raw/{name}/download.csv" for name in missing]
    return [
        "snakemake",
        "--cores",
        cores,
        "--config",
        f"scale={SCALE}",
        f"download={values}",
        "--quiet",
        "rules",
        "--",
        *targets,
    ]


def config_of(scale: str, rows: list[str]) -> list[str]:
    """What --config needs for a scale whose comparison rows are these."""
    return [f"scale={scale}"] + ([f"scales={{{scale}: {{pretrain: {{comparisons: [{', '.join(rows)}]}}}}}}"] if rows else [])


def count(name: str) -> int:
    """Pictures of a public set, from the table of its files' hashes."""
    with open(ROOT / f"resources/{name}.csv", newline="", encoding="utf-8") as file:
        return sum(row["file"].lower().endswith((".jpg", ".jpeg", ".png")) for row in csv.DictReader(file))


def said_apart(cfg: dict, cores: int) -> str:
    """`expected`, from a process of its own, so that this one does not keep torch in memory while it waits for the run."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(expected, cfg, cores).result()


def expected(cfg: dict, cores: int) -> str:
    """How long the scale will take here, in words."""
    import estimate  # here, because it imports torch

    leaves = {key: leaf(cfg, key) for section in cfg for key in leaf_keys(cfg, section)}
    photos = sum(count(name) for name in cfg["photos"]["sources"] if name in FETCHED)
    work = estimate.work_of(leaves, cfg["photos"]["limit"] or photos, count(cfg["sets"][cfg["labels"]["train_on"]]["source"]))
    pace = estimate.pace_of(leaves)
    minutes = pace.seconds(work, cores) / 60
    return (
        f"about {minutes:.0f} minutes on {cores} core{'s' * (cores > 1)} of this machine as busy as it is now "
        f"({1 / pace.pretrained:.0f} pictures a second and core in pretraining, {1 / pace.finetuned:.0f} in fine-tuning, "
        f"{cfg['image']['size']} px; {work.jobs} jobs)"
    )


def main() -> int:
    """Run the scale; returns the exit code of what failed, else 0."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cores", default="all", help="CPU cores, a number or 'all'")
    parser.add_argument("--mirror", default="", help="address of a mirror of the public sets, as download.mirror")
    parser.add_argument("--comparisons", action="store_true", help="train all rows of the section `comparisons`, too")
    args = parser.parse_args()
    available = len(os.sched_getaffinity(0))
    cores = available if args.cores == "all" else min(int(args.cores), available)
    try:
        params = load(ROOT / "params.yaml")
        rows = list(params["comparisons"]) if args.comparisons else []
        if rows:
            params["scales"][SCALE]["pretrain"]["comparisons"] = rows
        cfg = resolve(params | {"scale": SCALE})
    except UserError as error:
        sys.exit(f"error: {error}")
    logs, begun = ROOT / "logs" / SCALE, (ROOT / "data" / SCALE).exists()
    missing = [name for name in public_sets(cfg) if not (ROOT / f"data/raw/{name}/download.csv").exists()]
    print(f"real ratings (scale {SCALE}): {said_apart(cfg, cores)}", flush=True)
    if done := Wall(logs, cores, begun).seconds:
        print(f"{done / 60:.0f} minutes are done already; what is done is not done again", flush=True)
    if missing:
        minutes = sum(map(count, missing)) / REQUESTS_PER_SECOND / 60
        print(f"fetching {' and '.join(missing)} first, once, about {minutes:.0f} minutes", flush=True)
        if code := subprocess.run(fetch_command(missing, args.cores, args.mirror), cwd=ROOT, check=False).returncode:
            return code
    wall = Wall(logs, cores, begun, bool(rows))  # now, because what was fetched once is no part of the time
    if code := run(
        ["snakemake", "--cores", args.cores, "--config", *config_of(SCALE, rows), "--logger", "lines", "--", "all"], wall
    ):
        print(f"stopped after {wall.seconds / 60:.0f} minutes of work; the same command goes on from there", file=sys.stderr)
        return code
    results = ROOT / "results" / SCALE
    print(f"\n{(results / 'tables/table2.md').read_text()}")
    print(f"{wall.seconds / 60:.0f} minutes of work on {cores} cores. Report: {(results / 'report.html').relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
