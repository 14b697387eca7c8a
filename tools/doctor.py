"""Look at every set that the chosen scale needs, before or after a run (make doctor).

usage: doctor.py [--scale SCALE] [--deep]

--deep   hash every picture again and name those that changed since the ledger was written

The exit code is 1 if something that the scale needs is missing, else 0.
"""

import argparse
import sys
from importlib.metadata import version
from pathlib import Path
from platform import python_version

from aesthetic_pretraining.config import load, resolve
from aesthetic_pretraining.data import doctor
from aesthetic_pretraining.data.doctor import Finding
from aesthetic_pretraining.data.labelled.facts import SETS
from aesthetic_pretraining.data.listing import PUBLISHED, list_labelled, list_photos, open_set
from aesthetic_pretraining.errors import UserError, printable

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("torch", "torchvision", "pillow", "opencv-python-headless", "snakemake", "dvc")


def photos(cfg: dict, ledger: Path, deep: bool) -> list[Finding]:
    """The photos for pretraining."""
    values = cfg["photos"]
    published = PUBLISHED.get(values["source"])
    folder = published.ROOT / "photos" if published else values["folder"]
    if values["source"] != "packaged" and (bad := doctor.check_folder(folder, "")) and bad[0].level == "problem":
        return [bad[0]._replace(do=f"fetch it: snakemake --cores 1 {published.ROOT}/download.csv")] if published else bad
    source = open_set("photos", {f"photos.{key}": value for key, value in values.items()})
    found, listing = doctor.check_listing(
        source,
        lambda: list_photos(values["source"], values["folder"], values["limit"], cfg["seed"]),
        None,
        values["max_unusable"],
    )
    if not listing.empty:
        found += doctor.check_pictures(source, listing["file"], None)
    return found + doctor.check_ledger(ledger, source, deep)


def labelled(cfg: dict, place: dict, ledger: Path, deep: bool) -> list[Finding]:
    """One real labelled set. Args: place: its format, folder and, for a folder of one's own, range."""
    form, folder = place["format"], place["folder"]
    known = SETS.get(form)  # None: a folder of one's own
    found = doctor.check_folder(folder, known.labels if known else "labels.csv")
    if found and found[0].level == "problem":
        return found
    source = open_set("set", {"labels.set_folder": folder})
    more, listing = doctor.check_listing(
        source, lambda: list_labelled(form, folder, place.get("range", ())), known, cfg["labels"]["max_unusable"]
    )
    found += more
    if not listing.empty:
        found += doctor.check_pictures(source, listing["file"], known)
        found += doctor.check_ava_lists(folder, cfg["labels"]["ava_split"]) if form == "ava" else []
    return found + doctor.check_ledger(ledger, source, deep)


def examine(cfg: dict, deep: bool) -> dict[str, list[Finding]]:
    """The findings of every set by heading."""
    labels, data = cfg["labels"], Path("data") / cfg["scale"]
    heading = " ".join(filter(None, ("photos:", cfg["photos"]["source"], cfg["photos"]["folder"])))
    reports = {heading: photos(cfg, data / "photos/ledger.csv", deep)}
    places = [{"name": name, "format": name, "folder": labels[f"{name}_folder"]} for name in ("ava", "tid2013")]
    if labels["source"] == "simulated":
        text = "simulated from photos: nothing to fetch; numbers say nothing about people"
        reports |= {
            p["name"]: [Finding("ok", text), *doctor.check_ledger(data / p["name"] / "ledger.csv", None, deep)] for p in places
        }
        places = []
    for place in [*places, *labels["extra"]]:
        heading = f"{place['name']}: format {place['format']}, {place['folder']}"
        reports[heading] = labelled(cfg, place, data / place["name"] / "ledger.csv", deep)
    reports["versions"] = [Finding("ok", f"Python {python_version()}, " + ", ".join(f"{p} {version(p)}" for p in PACKAGES))]
    return reports


def main() -> int:
    """Print the findings; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scale", help="look at another scale than the one in params.yaml")
    parser.add_argument("--deep", action="store_true", help="hash every picture again and compare with the ledger")
    args = parser.parse_args()
    try:
        params = load(ROOT / "params.yaml")
        params |= {"scale": args.scale} if args.scale else {}
        cfg = resolve(params)
        reports = examine(cfg, args.deep)
    except UserError as error:
        sys.exit(f"error: {error}")
    print(printable(doctor.render(reports)))
    problems = sum(finding.level == "problem" for findings in reports.values() for finding in findings)
    print(f"\n{problems} problem{'s' * (problems > 1)}" if problems else f"\nall that the scale {cfg['scale']} needs is there")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
