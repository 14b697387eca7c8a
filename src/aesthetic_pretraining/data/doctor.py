"""The doctor: which files of each set exist, which are missing, which copy of the set they look like, and what to do next.

It is read-only. Each function returns findings; a finding of level "problem" in a set that the chosen scale needs makes the
doctor's exit code non-zero.
"""

import hashlib
import io
import random
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from aesthetic_pretraining.data import recorded
from aesthetic_pretraining.data.labelled.ava import OFFICIAL_TEST, PREDICTIONS, SPLIT_LISTS
from aesthetic_pretraining.data.labelled.facts import Published
from aesthetic_pretraining.data.ledger import read_table, usable
from aesthetic_pretraining.data.listing import unlabelled
from aesthetic_pretraining.data.sources import Source
from aesthetic_pretraining.errors import UserError

SAMPLE = 300  # images whose first bytes are inspected
ARCHIVES = (".7z", ".zip", ".rar", ".tar", ".gz", ".tgz", ".001")
SMALLER = 0.75  # a mean file size below this fraction of the originals' suggests a re-encoded copy
MOST = 0.95  # fraction of the images that must match a copy


class Finding(NamedTuple):
    """One line of the doctor. level: "ok", "note" or "problem"; do: what to do next, or ""."""

    level: str
    text: str
    do: str = ""


def check_folder(root: str | Path, labels: str, command: str = "") -> list[Finding]:
    """Problems with a set's folder: missing, empty, one level too high or too low, or with packed archives.

    Args:
        labels: the set's label file, relative to the folder; "" for a folder of photos.
        command: what fetches the set, if rule download can.
    """
    root = Path(root)
    fetch = f"fetch it: {command}" if command else "fetch the set as docs/data.md says"
    if not root.is_dir():
        return [
            Finding("problem", f"{root}: no such folder", fetch if command else f"{fetch}, or name its folder in params.yaml")
        ]
    if not any(root.iterdir()):
        return [Finding("problem", f"{root}: is empty", fetch)]
    packed = sorted(p.name for p in root.iterdir() if p.suffix.lower() in ARCHIVES)
    if not labels or (root / labels).is_file():
        return (
            [Finding("note", f"there are still archives: {_few(packed)}", "delete them once all is unpacked")] if packed else []
        )
    nested = next((p.parent for depth in ("*", "*/*") for p in root.glob(f"{depth}/{labels}")), None)
    if nested or (root.parent / labels).is_file():
        return [Finding("problem", f"{labels} is in {nested or root.parent}", f"name that folder in params.yaml, not {root}")]
    if packed:
        return [Finding("problem", f"{labels} is missing, and there are archives: {_few(packed)}", f"unpack them in {root}")]
    return [Finding("problem", f"{root / labels}: is missing", "fetch it as docs/data.md says")]


def check_listing(
    source: Source, read: Callable[[], pd.DataFrame], known: Published | None, max_unusable: float
) -> tuple[list[Finding], pd.DataFrame]:
    """Comparison of labels and files: images listed, images missing, images without a label.

    Args:
        read: makes the listing.
        known: the set as published, None for photos and folders of one's own.
    """
    if known and _looks_like_a_page(source, known.labels):
        return [
            Finding("problem", f"{known.labels} is a web page, perhaps a login page", "fetch the file itself")
        ], pd.DataFrame()
    try:
        listing = read()
    except UserError as error:
        return [Finding("problem", str(error))], pd.DataFrame()
    findings = [Finding("ok", f"{len(listing)} images are listed")]
    if known and known.pictures and len(listing) != known.pictures:
        text = f"{len(listing)} images are listed, but the set was published with {known.pictures}"
        findings = [Finding("note", text, f"compare {known.labels} with its source")]
    names = set(source.names())
    gone = [file for file in listing["file"] if file not in names]
    if gone:
        level = "problem" if len(gone) > max_unusable * len(listing) else "note"
        text = f"{len(gone)} of {len(listing)} listed images are missing: {_few(gone)}"
        findings.append(Finding(level, text, "unpack or fetch the rest" if level == "problem" else "max_unusable allows it"))
    if known and (extra := unlabelled(source, listing)):
        findings.append(Finding("ok", f"{len(extra)} other images have no label and are not used"))
    return findings, listing[listing["file"].isin(names)]


def check_pictures(source: Source, files: Iterable[str], known: Published | None) -> list[Finding]:
    """Which copy of the set it looks like, and files that are not images, from the first bytes of a sample."""
    files = list(files)
    sample = random.Random(0).sample(files, min(SAMPLE, len(files)))
    sizes, broken, kilobytes = [], [], []
    for file in sample:
        try:
            data = source.read(file)
        except OSError as error:
            broken.append(f"{file} ({error.strerror})")
            continue
        kilobytes.append(len(data) / 1000)
        size = _size(data)
        sizes += [size] if size else []
        broken += [] if size else [f"{file} ({'a web page' if _is_page(data) else 'empty' if not data else 'not an image'})"]
    findings = []
    if broken:
        text = f"{len(broken)} of {len(sample)} sampled files are not images: {_few(broken)}"
        findings.append(Finding("problem", text, "fetch them again"))
    return findings + (describe_copy(np.array(sizes), float(np.mean(kilobytes)), known) if sizes else [])


def describe_copy(sizes: np.ndarray, kilobytes: float, known: Published | None) -> list[Finding]:
    """Which copy of a set it looks like.

    Args:
        sizes: (n, 2), width and height in pixels. kilobytes: mean file size.
    """
    long, short = sizes.max(axis=1), sizes.min(axis=1)
    seen = f"sides of {int(np.median(long))} x {int(np.median(short))} pixels and {kilobytes:.0f} kB at the median and mean"
    if not known:
        return [Finding("ok", seen)]
    for limit, words in known.copies.items():
        if (short <= limit).mean() >= MOST:
            return [Finding("note", f"{seen}: looks like {words}", "these are not the originals: say so with every result")]
    if known.sides and not ((long == known.sides[0]) & (short == known.sides[1])).mean() >= MOST:
        text = f"{seen}: the originals have {known.sides[0]} x {known.sides[1]}"
        return [Finding("note", text, "these are not the originals: say so with every result")]
    if known.kilobytes and kilobytes < SMALLER * known.kilobytes:
        text = f"{seen}: the originals have {known.kilobytes} kB, so these may have been re-encoded"
        return [Finding("note", text, "these may not be the originals: say so with every result")]
    return [Finding("ok", f"{seen}: looks like the originals")]


def check_ava_lists(root: str | Path, kind: str) -> list[Finding]:
    """Whether the lists of the chosen split of AVA's layout (`kind`: sets.<name>.split) exist."""
    there = {name for name in (*SPLIT_LISTS, PREDICTIONS, OFFICIAL_TEST) if (Path(root) / name).is_file()}
    known = f"lists found: {', '.join(sorted(there)) or 'none'}"
    if kind == "paper" and not there >= set(SPLIT_LISTS):
        if PREDICTIONS in there and not there & set(SPLIT_LISTS):
            return [Finding("note", f"split paper: test from {PREDICTIONS}, train and val by hash; {known}")]
        lost = next(name for name in SPLIT_LISTS if name not in there)
        do = "docs/data.md says where to get it; or choose another split for the set in params.yaml"
        return [Finding("problem", f"split paper: {lost} is missing; {known}", do)]
    if kind == "official" and OFFICIAL_TEST not in there:
        return [Finding("problem", f"split official: {OFFICIAL_TEST} is missing; {known}", "docs/data.md says where to get it")]
    return [Finding("ok", f"split {kind}; {known}")]


def check_ledger(path: str | Path, source: Source | None, deep: bool) -> list[Finding]:
    """What the last run recorded of the set; with `deep`, every usable image is hashed again and compared."""
    if not Path(path).is_file():
        return [Finding("ok", "no ledger yet: no run has read this set")]
    try:
        ledger = read_table(path)
        usable(ledger)
    except (ValueError, KeyError) as error:
        do = f"delete it and run again: rm {path} && snakemake all"
        return [Finding("problem", f"{path} cannot be read ({type(error).__name__}): damaged", do)]
    counts = ledger["state"].value_counts()
    left = "; ".join(f"{n} {reason}" for reason, n in ledger["reason"][ledger["state"] != "usable"].value_counts().items())
    found = [Finding("ok", f"ledger: {counts.get('usable', 0)} of {len(ledger)} images usable" + (f"; {left}" if left else ""))]
    return found + (_rehash(usable(ledger), source) if deep and source else [])


def _rehash(ledger: pd.DataFrame, source: Source) -> list[Finding]:
    def same(file: str, known: str) -> bool:
        try:
            return hashlib.sha256(source.read(file)).hexdigest() == known
        except OSError:
            return False

    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(same, ledger["file"], ledger["sha256"]))
    changed = [file for file, ok in zip(ledger["file"], kept, strict=True) if not ok]
    if changed:
        text = (
            f"{len(changed)} of {len(ledger)} images changed or disappeared since the ledger was written: {_few(changed, 10)}"
        )
        return [Finding("problem", text, "put the old ones back, or run snakemake all --forcerun listing store")]
    return [Finding("ok", f"all {len(ledger)} usable images have the SHA-256 of the ledger")]


def check_outputs(scale: str) -> list[Finding]:
    """Every output that earlier runs recorded, hashed again: which are damaged or gone, and how to make them anew."""
    known, damaged = recorded.saved(scale)
    damaged += recorded.damages(known, scale)
    if damaged:
        return [Finding("problem", f"{each.file} {each.reason}", each.do) for each in damaged]
    return [Finding("ok", f"all {len(known)} recorded outputs are as they were made" if known else "no run is recorded yet")]


def render(reports: dict[str, list[Finding]]) -> str:
    """All findings as text, one paragraph per heading."""
    lines = []
    for heading, findings in reports.items():
        lines += ["", heading]
        for finding in findings:
            lines.append(f"  {finding.level:8} {finding.text}" + (f"\n           -> {finding.do}" if finding.do else ""))
    return "\n".join(lines).lstrip("\n")


def _few(names: list[str], count: int = 3) -> str:
    shown = ", ".join(map(ascii, names[:count])).replace("'", "")
    return shown + (f" and {len(names) - count} more" if len(names) > count else "")


def _size(data: bytes) -> tuple[int, int] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")).size
    except Exception:  # Pillow's readers raise all sorts of errors for broken headers; reported as "not an image"
        return None


def _is_page(data: bytes) -> bool:
    return data.lstrip()[:1] == b"<"


def _looks_like_a_page(source: Source, name: str) -> bool:
    try:
        return _is_page(source.read(name)[:200])
    except OSError:
        return False
