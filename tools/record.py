"""Keep the small results of a finished run in git: results/record/<scale>/ (make record SCALE=oasis).

usage: record.py SCALE [--comparisons] [--card NAME] [--note SENTENCE]

--comparisons   the run had all rows of the section `comparisons` (make oasis COMPARISONS=1)
--card          the accelerator that pretraining ran on, where that was another machine
--note          what a reader has to know of this run beside its numbers

Tables and metrics are copied, figures are made smaller, and record.json says what they come from: commit, machine, versions,
minutes, seeds, number of images. Figures that show photos stay out, because those belong to others. `make readme` then renews
docs/results.md and the first part of README.md.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import pandas as pd
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "workflow/lib")]

import machine  # noqa: E402
import oasis  # noqa: E402
from aesthetic_pretraining.config import load, resolve  # noqa: E402
from aesthetic_pretraining.data.labelled.oasis import MEANS  # noqa: E402
from aesthetic_pretraining.data.ledger import read_table  # noqa: E402
from aesthetic_pretraining.errors import UserError  # noqa: E402
from aesthetic_pretraining.files import atomic_path, write_text  # noqa: E402
from aesthetic_pretraining.reporting import facts, table2  # noqa: E402
from aesthetic_pretraining.reporting.captions import CAPTIONS, caption_of  # noqa: E402

RECORD = "results/record"
MADE_FROM = ("Snakefile", "params.yaml", "resources", "src", "workflow")  # what a run depends on
TABLES = ("table2.csv", "table2.md", "table2_verdicts.md", "probes.csv", "probes.md", "claims.csv", "claims.md")
METRICS = ("metrics.csv", "intervals.csv", "references.csv", "over_ridge.csv", "labels_saved.csv")
METRICS += ("pretraining.csv", "ranking_pooled.csv")
# without figures of photos
FIGURES = (
    "figure3",
    "figure4",
    "figure5",
    "probes",
    "ranking_accuracy",
    "sensitivity",
    "learning_curves",
    "scatter",
    "histograms",
)
TERMS = {"bsds500": "a research benchmark; no licence text on the photos was found"}  # of sources of photos, docs/data.md
SEARCH = ("finetune_search.csv", "finetune_search.png")  # of rule search_finetuning, if it was asked for
BYTES = 60_000  # of a figure
WIDTHS, COLOURS = (1000, 850, 700, 550), (128, 48, 16)


def main(root: Path, arguments: list[str]) -> None:
    """Write the record of one scale's last run. `root`: the project's folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scale")
    parser.add_argument("--card", default="")
    parser.add_argument("--note", default="")
    parser.add_argument("--comparisons", action="store_true")
    args = parser.parse_args(arguments)
    run, out = root / "results" / args.scale, root / RECORD / args.scale
    for folder, names in (("tables", TABLES), ("metrics", (*METRICS, "differences.csv"))):
        if absent := [name for name in names if not (run / folder / name).is_file()]:
            raise UserError(f"scale {args.scale}: there is no {folder}/{absent[0]}; run the scale first, which makes it")
    if resolve(load(root / "params.yaml") | {"scale": args.scale})["labels"]["source"] == "simulated":
        raise UserError(
            f"scale {args.scale}: its votes are simulated, and the record is of real ratings; name a scale that has them"
        )
    rows = {row: own["task"] for row, own in load(root / "params.yaml")["comparisons"].items()} if args.comparisons else {}
    made = commit(root, args.scale, list(rows))
    out.mkdir(parents=True, exist_ok=True)
    for source in (*(run / "tables" / name for name in TABLES), *(run / "metrics" / name for name in METRICS)):
        shutil.copyfile(source, out / source.name)
    whole = pd.read_csv(run / "metrics/differences.csv").query("share == 100 and other_share == 100")
    write_text(out / "differences.csv", whole.to_csv(index=False, lineterminator="\n"))
    home = table2.sets_of(table2.read(run / "tables/table2.csv"))[0]
    kept = {name: caption_of(name, home)[:2] for name in FIGURES if name in CAPTIONS}
    write_text(out / "captions.json", json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    for source in (run / "figures" / f"{name}.png" for name in FIGURES):
        if source.is_file():
            shrink(source, out / source.name)
    for source in (run / "search" / name for name in SEARCH):
        if source.is_file():
            (shrink if source.suffix == ".png" else shutil.copyfile)(source, out / source.name)
    write_text(
        out / "record.json",
        json.dumps(facts_of(root, args.scale, made, rows) | {"card": args.card, "note": args.note}, indent=2) + "\n",
    )
    print(
        f"{out.relative_to(root)}: {sum(path.stat().st_size for path in out.iterdir()) / 1e3:.0f} kB; commit it, with 'make readme'"
    )


def commit(root: Path, scale: str, rows: list[str]) -> str:
    """The commit that the results, with these comparison rows, are of.

    Raises: UserError if what they are made from has changed since, or is in no commit.
    """

    def out(*command: str) -> str:
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip()

    if changed := out("git", "status", "--porcelain", "--", *MADE_FROM):
        raise UserError(f"{changed.split()[-1]} is in no commit; commit it, so that the record can name what it is made from")
    dry = subprocess.run(
        ["snakemake", "--cores", "1", "--config", *oasis.config_of(scale, rows), "--dry-run", "--quiet", "rules", "--", "all"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if dry.returncode or "Nothing to be done" not in dry.stdout + dry.stderr:
        raise UserError(f"scale {scale}: results/{scale} is not what this commit makes; run the scale again")
    return out("git", "rev-parse", "HEAD")


def facts_of(root: Path, scale: str, made: str, rows: Mapping[str, str]) -> dict:
    """What record.json holds of the run itself; rows: {comparison row: its task}."""
    cfg = resolve(load(root / "params.yaml") | {"scale": scale})
    images: dict[str, int] = {}
    for split in sorted((root / "data" / scale).glob("*/split.csv")):
        images |= facts.roles(split.parent.name, read_table(split))
    wall = root / f"logs/{scale}/wall.json"
    took = json.loads(wall.read_text()) if wall.is_file() else {}
    return {
        "scale": scale,
        "commit": made,
        "machine": machine.kind().strip().splitlines(),
        "minutes": round(took["seconds"] / 60, 1) if took.get("seconds") else None,
        "comparison_minutes": round(took["comparisons"] / 60, 1) if took.get("comparisons") else None,
        "cores": took.get("cores"),
        "load": took.get("load"),
        "pretraining_seeds": cfg["pretrain"]["seeds"],
        "finetuning_seeds": cfg["finetune"]["seeds"],
        "image_size": cfg["image"]["size"],
        "backbone": cfg["backbone"]["name"],
        "photo_sources": cfg["photos"]["sources"],
        "comparisons": dict(rows),
        "licences": {name: cfg["sets"][name]["licence"] for name in cfg["labels"]["test_on"]}
        | {name: TERMS[name] for name in cfg["photos"]["sources"] if name in TERMS},
        "left_out": left_out(root, scale) if "oasis" in cfg["labels"]["test_on"] else None,
        "images": images,
    }


def left_out(root: Path, scale: str) -> dict[str, int]:
    """How many of the published OASIS photos there are, and how many are left out by theme: {"of": 900, "photos": 158}."""
    published = len(pd.read_csv(root / "data/raw/oasis" / MEANS))
    return {"of": published, "photos": published - len(read_table(root / "data" / scale / "oasis/listing.csv"))}


def shrink(source: Path, out: Path) -> None:
    """Write a PNG with as many pixels and colours as `BYTES` allow, and no fewer than the last of `WIDTHS` and `COLOURS`."""
    picture = Image.open(source).convert("RGB")
    for width, colours in product(WIDTHS, COLOURS):
        size = min(width, picture.width), max(1, round(picture.height * min(width, picture.width) / picture.width))
        with atomic_path(out) as temporary:
            picture.resize(size, Image.Resampling.LANCZOS).quantize(colours).save(temporary, format="PNG", optimize=True)
        if out.stat().st_size <= BYTES:
            return


if __name__ == "__main__":
    try:
        main(ROOT, sys.argv[1:])
    except UserError as error:
        sys.exit(f"error: {error}")
