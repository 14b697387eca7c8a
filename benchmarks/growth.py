"""What grows with the number of photos, up to a million in simulated stores (make bench-growth).

usage: growth.py [--most N]

Each part runs in a process of its own, on a tenth, a hundredth and all of the photos. Stores hold one small JPEG under many names, in
shards of 1,000 photos as at the scale paper; ledgers have the columns of real ones. The workflow is asked what it would do
(snakemake -n) with as many shards. Prints a table, then one line per figure: name = value.
"""

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from workflow import ROOT, timed

from aesthetic_pretraining.config import load
from aesthetic_pretraining.data.images import encode_jpeg
from aesthetic_pretraining.data.ledger import read_table, usable
from aesthetic_pretraining.data.split import split_by_share
from aesthetic_pretraining.data.store import Store, add_member, member_name
from aesthetic_pretraining.training import loader

MOST = 1_000_000
SHARD = 1_000  # photos to a tar file at the scale paper: 130,000 in 130 (photos.shards)
SHARES = {"train": 0.7692, "val": 0.1154, "test": 0.1154}
READS = 20_000
MIB = 2**20


def name_of(k: int) -> str:
    """The id of photo k, as long as those of pexels.com are."""
    return f"pexels-photo-{k:09d}"


def make(folder: Path, count: int) -> None:
    """A store and its ledger."""
    data = encode_jpeg(np.full((12, 16, 3), 127, np.uint8), 95)
    for shard in range(-(-count // SHARD)):
        with tarfile.open(folder / f"{shard}.tar", "w", format=tarfile.PAX_FORMAT) as tar:
            for k in range(shard * SHARD, min((shard + 1) * SHARD, count)):
                tar.members = []
                add_member(tar, member_name(name_of(k)), data)
    ids = [name_of(k) for k in range(count)]
    pd.DataFrame(
        {
            "id": ids,
            "file": [f"{i}.jpg" for i in ids],
            "sha256": [f"{k:064x}" for k in range(count)],
            "width": 1000,
            "height": 750,
        }
        | {"format": "JPEG", "state": "usable", "reason": ""}
    ).to_csv(folder / "ledger.csv", index=False)


def store(folder: Path) -> object:
    """Opened, as every job and every loader process does, and read from at random places."""
    opened = Store(sorted(folder.glob("*.tar")))
    rng = np.random.default_rng(0)
    for k in rng.integers(0, len(opened.index), READS):
        opened.read(name_of(int(k)))
    return opened


def ledger(folder: Path) -> object:
    """Read and split, as rule split does."""
    return split_by_share(read_table(folder / "ledger.csv"), SHARES, 1, "sha256")


def epoch(folder: Path) -> object:
    """The order and the batches of an epoch, from the ids of the photos."""
    order = loader.shuffled(list(usable(pd.read_csv(folder / "ledger.csv", usecols=["id", "state"]))["id"]), "ranking", 1, 0)
    return order, [list(part) for part in loader.cut(len(order), 8)]


PARTS: dict[str, Callable[[Path], object]] = {"store": store, "ledger": ledger, "epoch": epoch}


def measured(part: str, folder: Path) -> dict[str, float]:
    """Seconds and peak MiB of a part, beyond what its process had before; in the child process, on Linux."""
    Path("/proc/self/clear_refs").write_text("5")  # or the peak would be that of the imports
    before, start = peak_mib(), time.monotonic()
    kept = PARTS[part](folder)
    taken, grown = time.monotonic() - start, peak_mib() - before
    del kept
    return {"seconds": taken, "mib": grown}


def peak_mib() -> float:
    """The largest resident memory of this process since it was last cleared."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / MIB


def dry_run(shards: int, temporary: Path) -> dict[str, float]:
    """Seconds and MiB of snakemake -n in a fresh clone whose photos come in so many shards."""
    project = temporary / f"project{shards}"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(project)], check=True)
    params = load(project / "params.yaml") | {"scale": "smoke"}
    params["scales"]["smoke"]["photos"]["shards"] = shards
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    (project / ".venv").symlink_to(Path(sys.executable).parents[1])
    seconds, gib = timed(project, "snakemake", "-n", "--quiet", "all")
    return {"seconds": seconds, "mib": gib * 1024}


def main() -> None:
    """Run all and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--most", type=int, default=MOST, help="photos of the largest store (default %(default)s)")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        print(json.dumps(measured(args.part, args.folder)))
        return
    print(f"{'':12}{'photos':>12}{'seconds':>12}{'MiB':>10}")
    found: dict[tuple[str, int], dict[str, float]] = {}
    counts = [args.most // 100, args.most // 10, args.most]
    with tempfile.TemporaryDirectory() as temporary:
        for count in counts:
            folder = Path(temporary) / str(count)
            folder.mkdir()
            make(folder, count)
            for part in PARTS:
                command = [sys.executable, __file__, "--part", part, "--folder", str(folder)]
                said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                found[part, count] = json.loads(said)
            found["snakemake -n", count] = dry_run(-(-count // SHARD), Path(temporary))
            for part in (*PARTS, "snakemake -n"):
                print(f"{part:12}{count:12,}{found[part, count]['seconds']:12.1f}{found[part, count]['mib']:10.0f}", flush=True)
    most = {part: found[part, counts[-1]] for part in (*PARTS, "snakemake -n")}
    print()
    print(f"photos = {counts[-1]}")
    for name, part in (("store", "store"), ("ledger", "ledger"), ("epoch", "epoch"), ("dry_run", "snakemake -n")):
        print(f"{name}_seconds = {most[part]['seconds']:.1f}")
        print(f"{name}_mib = {most[part]['mib']:.0f}")


if __name__ == "__main__":
    main()
