"""Look at every set that the chosen scale needs, before or after a run (make doctor).

usage: doctor.py [--scale SCALE] [--deep]

--deep   hash every picture and every output of earlier runs again, and name those that changed since

The exit code is 1 if something that the scale needs is missing, else 0.
"""

import argparse
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from platform import python_version

from aesthetic_pretraining.config import load, resolve
from aesthetic_pretraining.data import doctor
from aesthetic_pretraining.data.doctor import Finding
from aesthetic_pretraining.data.labelled.facts import SETS
from aesthetic_pretraining.data.listing import PINNED, PUBLISHED, list_labelled, list_photos, open_labelled, photo_source
from aesthetic_pretraining.data.pinned import fetching
from aesthetic_pretraining.errors import UserError, printable
from aesthetic_pretraining.settings.labels import SOURCE_FIELDS, SetSource

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("torch", "torchvision", "pillow", "opencv-python-headless", "snakemake", "dvc")


def photos(cfg: dict, ledger: Path, deep: bool) -> list[Finding]:
    """The photos for pretraining, of one source or several."""
    values = cfg["photos"]
    sources, folder = values["sources"], values["folder"]
    for name in sources:
        published = PUBLISHED.get(name)
        root, command = (published.ROOT / "photos", fetching(published.ROOT)) if published else (folder, "")
        if name != "packaged" and (bad := doctor.check_folder(root, "", command)) and bad[0].level == "problem":
            return bad
    source = photo_source(sources, folder)
    found, listing = doctor.check_listing(
        source, lambda: list_photos(sources, folder, values["limit"], cfg["seed"]), None, values["max_unusable"]
    )
    if not listing.empty:
        found += doctor.check_pictures(source, listing["file"], None)
    return found + doctor.check_ledger(ledger, source, deep)


def labelled(cfg: dict, name: str, ledger: Path, deep: bool) -> list[Finding]:
    """One real labelled set, as the section `sets` describes it."""
    values = cfg["sets"][name]
    entry = SetSource(name, **{field: values[field] for field in SOURCE_FIELDS})
    known = SETS.get(entry.reader)  # None: a folder of one's own
    command = fetching(entry.root) if entry.source in PINNED else ""
    found = doctor.check_folder(entry.root, known.labels if known else "labels.csv", command)
    if found and found[0].level == "problem":
        return found
    source = open_labelled(entry)
    trained_on = name == cfg["labels"]["train_on"]
    more, listing = doctor.check_listing(
        source, lambda: list_labelled(entry, trained_on=trained_on), known, cfg["labels"]["max_unusable"]
    )
    found += more
    if not listing.empty:
        found += doctor.check_pictures(source, listing["file"], known)
        found += doctor.check_ava_lists(entry.root, values["split"]) if entry.reader == "ava" else []
    return found + doctor.check_ledger(ledger, source, deep)


def as_far_as_read(check: Callable[..., list[Finding]], *args: object) -> list[Finding]:
    """A check's findings, or the file or folder that this user cannot read: other sets are looked at all the same."""
    try:
        return check(*args)
    except PermissionError as error:
        return [Finding("problem", f"{error.filename}: this user cannot read it", "give this user access")]
    except UserError as error:
        return [Finding("problem", str(error))]


def examine(cfg: dict, deep: bool) -> dict[str, list[Finding]]:
    """The findings of every set by heading."""
    labels, data = cfg["labels"], Path("data") / cfg["scale"]
    heading = " ".join(filter(None, ("photos:", *cfg["photos"]["sources"], cfg["photos"]["folder"])))
    reports = {heading: as_far_as_read(photos, cfg, data / "photos/ledger.csv", deep)}
    simulated = labels["test_on"] if labels["source"] == "simulated" else []
    text = "simulated from photos: nothing to fetch; numbers say nothing about people"
    for name in [*labels["test_on"], *labels["crosscheck"]]:
        ledger, values = data / name / "ledger.csv", cfg["sets"][name]
        if name in simulated:
            reports[name] = [Finding("ok", text), *doctor.check_ledger(ledger, None, deep)]
        else:
            heading = f"{name}: {values['title']}, {values['folder'] or values['source']}; {values['licence']}"
            reports[heading] = as_far_as_read(labelled, cfg, name, ledger, deep)
    reports["versions"] = [Finding("ok", f"Python {python_version()}, " + ", ".join(f"{p} {version(p)}" for p in PACKAGES))]
    return reports


def main() -> int:
    """Print the findings; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scale", help="look at another scale than the one in params.yaml")
    parser.add_argument("--deep", action="store_true", help="hash every picture and every recorded output again")
    args = parser.parse_args()
    try:
        params = load(ROOT / "params.yaml")
        params |= {"scale": args.scale} if args.scale else {}
        cfg = resolve(params)
        reports = examine(cfg, args.deep)
        if args.deep:
            reports["outputs of earlier runs"] = as_far_as_read(doctor.check_outputs, cfg["scale"])
    except UserError as error:
        sys.exit(f"error: {error}")
    print(printable(doctor.render(reports)))
    problems = sum(finding.level == "problem" for findings in reports.values() for finding in findings)
    print(f"\n{problems} problem{'s' * (problems > 1)}" if problems else f"\nall that the scale {cfg['scale']} needs is there")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
