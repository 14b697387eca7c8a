"""After a run: whether dvc.lock is still the committed one, and if not, whether this machine has to reproduce it.

usage: same_results.py

Prints which recorded outputs differ from those of the last commit. Fails if they do although this machine is of the kind
that recorded them, which results/machine.txt of that commit describes: there, equal inputs, parameters and code have to give
equal bytes. On another kind of machine sums may be rounded differently, so a difference is told and is no failure.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "workflow/lib")]

import machine  # noqa: E402
from provenance import MACHINE  # noqa: E402


def committed(path: str) -> str:
    """A file of the last commit; empty if it is not there."""
    done = subprocess.run(["git", "show", f"HEAD:{path}"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout


def contents(lock: str, kind: str) -> dict[str, str]:
    """{"stage: path": MD5} of the `outs` or `deps` of a dvc.lock."""
    stages = (yaml.safe_load(lock) or {}).get("stages", {})
    return {f"{name}: {item['path']}": item["md5"] for name, stage in stages.items() for item in stage.get(kind, [])}


def changed(before: str, now: str, kind: str) -> list[str]:
    """The names whose MD5 differs, or that one of two dvc.lock lacks; sorted."""
    old, new = contents(before, kind), contents(now, kind)
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


def unrecorded(lock: str, root: Path = ROOT) -> list[str]:
    """The records of stages (each holds the digests of its stage's outputs) that do not lie here as a dvc.lock has them."""
    records = {name: md5 for name, md5 in contents(lock, "outs").items() if "/provenance/" in name}
    here = {name: root / name.partition(": ")[2] for name in records}
    return [
        name for name, path in here.items() if not path.exists() or hashlib.md5(path.read_bytes()).hexdigest() != records[name]
    ]


def verdict(before: str, now: str, recorded_on: str, here: str) -> tuple[list[str], bool]:
    """What to say about two dvc.lock and two kinds of machine, and whether it is a failure."""
    if before == now:
        return ["dvc.lock is the committed one: every recorded output came out with the same bytes"], False
    outs, deps = changed(before, now, "outs"), changed(before, now, "deps")
    lines = [f"dvc.lock differs from the committed one in {len(outs)} outputs and {len(deps)} dependencies:"]
    lines += [f"  {name}" for name in (*outs, *(name for name in deps if name not in outs))]
    if recorded_on == here:
        return [*lines, "This machine is of the kind that recorded it, so inputs, parameters or code have changed."], True
    known = dict(line.partition(": ")[::2] for line in recorded_on.splitlines())
    mine = dict(line.partition(": ")[::2] for line in here.splitlines())
    lines.append("This machine is of another kind than the one that recorded it, so last bits may differ:")
    lines += [f"  {name}: {known.get(name, 'not recorded')} -> {mine[name]}" for name in mine if known.get(name) != mine[name]]
    return lines, False


def main() -> None:
    """Compare the working tree with the last commit."""
    now = (ROOT / "dvc.lock").read_text()
    if missing := unrecorded(now):
        sys.exit(f"dvc.lock is not of the results that lie here ({', '.join(missing)}): the last run was not recorded")
    lines, failed = verdict(committed("dvc.lock"), now, committed(str(MACHINE)), machine.kind())
    print(*lines, sep="\n")
    sys.exit(failed)


if __name__ == "__main__":
    main()
