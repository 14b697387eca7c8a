"""Do distortions grow with their level? For every table of distortions, on the photos that installed packages ship.

usage: ladders.py [--size S] [--write]

Prints, for each distortion and side, the share of photos whose variants stand further from the level-0 picture with every
level (mean absolute difference over pixels and channels, on the pictures that the network sees). `--write` renews the table
in docs/distortions.md.
"""

import argparse
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from aesthetic_pretraining.data.images import decode
from aesthetic_pretraining.data.sources import Packages
from aesthetic_pretraining.distortions import DISTORTIONS, TABLES, anchor_index, indices
from aesthetic_pretraining.distortions.native.render import render, rows, source_photo

ROOT = Path(__file__).resolve().parents[2]
DOC = ROOT / "docs/distortions.md"


def grows(pictures: np.ndarray, kept: list[int], distortion: str, side: int) -> bool:
    """Whether the distance from level 0 rises strictly with every level of one side."""
    levels = dict(zip(DISTORTIONS[distortion].levels, indices(distortion), strict=True))
    zero = pictures[kept.index(anchor_index(distortion))].astype(int)
    ordered = sorted((level for level in levels if level * side > 0), key=abs)
    distances = [0.0, *(np.abs(pictures[kept.index(levels[level])] - zero).mean() for level in ordered)]
    return bool((np.diff(distances) > 0).all())


def measure(size: int) -> tuple[dict, int]:
    """{(distortion, side): {table: share of photos}} and the number of photos."""
    source, found = Packages(), defaultdict(list)
    names = source.names()
    differing = [name for name, d in DISTORTIONS.items() if d.values != d.corrected]
    for name in tqdm(names, unit="photos"):
        photo = source_photo(decode(source.read(name))[0], size)
        for table in TABLES:
            only = None if table == "published" else differing
            pictures, kept = render(photo, name, size, 1, only, table).numpy(), list(rows(only))
            for distortion in only or DISTORTIONS:
                for side in (-1, 1):
                    if any(level * side > 0 for level in DISTORTIONS[distortion].levels):
                        found[distortion, side, table].append(grows(pictures, kept, distortion, side))
    shares = defaultdict(dict)
    for (distortion, side, table), answers in found.items():
        shares[distortion, side][table] = float(np.mean(answers))
    return shares, len(names)


def as_markdown(shares: dict, photos: int, size: int) -> str:
    lines = [
        f"Share of {photos} photos on which the distance from level 0 grows with every level, {size} pixels, native engine; the "
        "corrected tables are shown where they differ from the published one:",
        "",
        "| distortion | side | " + " | ".join(TABLES) + " |",
        "|---|---|" + "---:|" * len(TABLES),
    ]
    for (distortion, side), by_table in shares.items():
        cells = [f"{by_table[table]:.1%}" if table in by_table else "" for table in TABLES]
        lines.append(f"| {distortion.replace('_', ' ')} | {'+' if side > 0 else '-'} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    shares, photos = measure(args.size)
    text = as_markdown(shares, photos, args.size)
    print(text)
    if args.write:
        mark = r"(<!-- generated: ladders -->\n).*?(<!-- end -->)"
        DOC.write_text(re.sub(mark, lambda m: f"{m[1]}\n{text}\n\n{m[2]}", DOC.read_text(), flags=re.S))
    style = [
        share
        for (d, _), by in shares.items()
        if DISTORTIONS[d].aspect == "style"
        for share in [by.get("corrected", by["published"])]
    ]
    print(f"\ncorrected_style_lowest_share = {min(style):.3f}")


if __name__ == "__main__":
    main()
