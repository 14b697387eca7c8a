"""Audit of splits: overlaps of AVA's public lists, and near-duplicate images across splits and sets.

Two images are near-duplicates if their perceptual hashes (64 bits, library imagehash) differ in at most NEAR bits. This finds
copies that were resized, re-encoded, slightly edited or mirrored, but not crops.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import imagehash
import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from aesthetic_pretraining.data.labelled.ava import (
    OFFICIAL_TEST,
    PREDICTIONS,
    SPLIT_LISTS,
    SPLITS,
    read_split_lists,
    read_test_ids,
)
from aesthetic_pretraining.data.ledger import usable
from aesthetic_pretraining.data.progress import Progress
from aesthetic_pretraining.data.sources import Source
from aesthetic_pretraining.data.store import Store

NEAR = 5  # ASSUME: bits; at most BANDS - EQUAL, up to which `near_pairs` is complete
BANDS, EQUAL = 8, 3  # hashes that differ in 5 bits have at least 3 of 8 bytes in common
FLAT = 3.0  # standard deviation in codes below which an image is too plain for a meaningful hash
PAIRS = ["dataset", "split", "id", "other_dataset", "other_split", "other_id", "distance", "mirrored", "identical"]


def perceptual_hash(data: bytes, width: int, height: int) -> tuple[int, bool, int]:
    """(64-bit hash, whether the image is too plain for it, hash of its mirror image) of a stored copy.

    Args:
        width, height: of the original, from which the bars of a letterboxed copy are derived and cropped.
    """
    image: Image.Image = Image.open(io.BytesIO(data))
    side, ratio = image.width, width / height
    if image.width == image.height and ratio != 1:  # letterboxed: the bars would dominate the hash
        bar_x, bar_y = (1 - min(1, ratio)) / 2, (1 - min(1, 1 / ratio)) / 2
        left, top, right, bottom = (round(side * share) for share in (bar_x, bar_y, 1 - bar_x, 1 - bar_y))
        image = image.crop((left, top, right, bottom))
    else:
        image.draft("L", (64, 64))  # ASSUME: an eighth of a photo's size is enough for a hash of 32 x 32 pixels
    grey = image.convert("L").resize((32, 32), Image.Resampling.LANCZOS)
    own, mirrored = (
        int.from_bytes(np.packbits(imagehash.phash(side).hash).tobytes(), "big") for side in (grey, ImageOps.mirror(grey))
    )
    return own, float(np.asarray(grey).std()) < FLAT, mirrored


def hash_set(dataset: str, ledger: pd.DataFrame, split: pd.DataFrame, store: Store) -> pd.DataFrame:
    """dataset, split, id, sha256, hash and mirrored (uint64; of the mirror image), plain (bool) of a set's usable images.

    Images without a split have split "".
    """
    rows = usable(ledger)[["id", "sha256", "width", "height"]].merge(split[["id", "split"]], on="id", how="left")
    pictures = zip(rows["id"], rows["width"], rows["height"], strict=True)
    found, progress = [], Progress(dataset, len(rows), "images")
    for picture, width, height in pictures:
        found.append(perceptual_hash(store.read(picture), int(width), int(height)))
        progress.step()
    table = rows[["id", "sha256"]].assign(dataset=dataset, split=rows["split"].fillna(""))
    return table.assign(
        hash=np.array([own for own, _, _ in found], np.uint64),
        plain=np.array([plain for _, plain, _ in found], bool),
        mirrored=np.array([mirrored for _, _, mirrored in found], np.uint64),
    )


def near_pairs(hashes: np.ndarray, near: int = NEAR) -> np.ndarray:
    """All pairs of different hashes that differ in at most `near` bits: int (n, 3), positions i < j and the distance.

    Two such hashes have EQUAL of their BANDS bytes in common, so only those are compared: 56 sorts, and linear time in the number of
    images as long as hashes are spread out.

    Args:
        hashes: uint64 (n,), all different.
    Raises: ValueError if `near` is more than BANDS - EQUAL.
    """
    if near > BANDS - EQUAL:
        raise ValueError(f"only up to {BANDS - EQUAL} bits are sure to be found, not {near}")
    found = []
    for bands in combinations(range(BANDS), EQUAL):
        mask = np.uint64(sum(0xFF << (8 * band) for band in bands))
        keys = hashes & mask
        order = np.argsort(keys, kind="stable")
        keys, first = keys[order], np.arange(len(hashes))
        for step in range(1, len(hashes)):  # pairs `step` apart in the sorted list, while any have equal keys
            first = first[first + step < len(hashes)]
            first = first[keys[first] == keys[first + step]]
            if not len(first):
                break
            a, b = order[first], order[first + step]
            distance = np.bitwise_count(hashes[a] ^ hashes[b])
            close = distance <= near
            found.append(np.stack([np.minimum(a, b)[close], np.maximum(a, b)[close], distance[close]], axis=1).astype(np.int64))
    return np.unique(np.concatenate(found), axis=0) if found else np.empty((0, 3), np.int64)


def near_duplicates(pictures: pd.DataFrame) -> pd.DataFrame:
    """For each image and each other split with a near-duplicate: the nearest one. Columns PAIRS.

    Copies within one split are not leaks and are not listed; between two splits, both directions are.

    Args:
        pictures: the rows of `hash_set` of all sets; plain ones are ignored.
    """
    rows = pictures[~pictures["plain"]].sort_values(["dataset", "split", "id"], ignore_index=True)
    sides = rows[["hash", "mirrored"]].to_numpy(np.uint64).T.ravel()  # first all images, then all mirror images
    hashes, which = np.unique(sides, return_inverse=True)
    pairs = near_pairs(hashes)
    own = np.arange(len(hashes))
    near = pd.DataFrame(
        np.concatenate([np.stack([own, own, 0 * own], axis=1), pairs, pairs[:, [1, 0, 2]]]),
        columns=["which", "other", "distance"],
    )
    wanted = pd.concat([rows.assign(mirrored=side) for side in (0, 1)], ignore_index=True).assign(which=which)
    rows["which"] = which[: len(rows)]
    # the first of equal images in a split represents all, so that a thousand copies do not make a million pairs
    first = rows.drop_duplicates(["which", "dataset", "split"]).rename(
        columns={
            "which": "other",
            "dataset": "other_dataset",
            "split": "other_split",
            "id": "other_id",
            "sha256": "other_sha256",
        }
    )
    both = wanted.merge(near, on="which").merge(first.drop(columns=["hash", "plain", "mirrored"]), on="other")
    both = both[(both["dataset"] != both["other_dataset"]) | (both["split"] != both["other_split"])]
    both["identical"] = (both["sha256"] == both["other_sha256"]).astype(int)
    both = both.sort_values(["dataset", "split", "id", "other_dataset", "other_split", "distance", "mirrored", "other_id"])
    return both.drop_duplicates(["dataset", "id", "other_dataset", "other_split"])[PAIRS].reset_index(drop=True)


def leakage(pictures: pd.DataFrame, duplicates: pd.DataFrame) -> pd.DataFrame:
    """One row per ordered pair of splits: images of the first, and how many have a near-duplicate or a copy in the second."""
    sizes = pictures.groupby(["dataset", "split"]).agg(pictures=("id", "size"), plain=("plain", "sum"))
    counts = duplicates.groupby(PAIRS[:2] + PAIRS[3:5]).agg(alike=("id", "size"), identical=("identical", "sum"))
    names = [(*a, *b) for a in sizes.index for b in sizes.index if a != b]
    table = (
        pd.DataFrame(names, columns=PAIRS[:2] + PAIRS[3:5]).join(sizes, on=PAIRS[:2]).join(counts, on=PAIRS[:2] + PAIRS[3:5])
    )
    return table.fillna({"alike": 0, "identical": 0}).astype({"alike": int, "identical": int})


def public_lists(source: Source) -> dict[str, list[str]]:
    """The existing lists of AVA's public splits: {name: ids}."""
    names = set(source.names())
    lists: dict[str, list[str]] = {}
    if names >= set(SPLIT_LISTS):
        rows = read_split_lists(source)
        lists |= {f"splits/{role}.csv": list(rows["id"][rows["split"] == role]) for role in SPLITS}
    return lists | {name: read_test_ids(source, name) for name in (PREDICTIONS, OFFICIAL_TEST) if name in names}


def overlaps(lists: Mapping[str, Iterable[str]], ledger: pd.DataFrame) -> pd.DataFrame:
    """One row per list: its length, how many of its ids the set lists and can use, and its overlap with each other list."""
    sets = {name: set(ids) for name, ids in lists.items()}
    there, good = set(ledger["id"]), set(usable(ledger)["id"])
    rows: Sequence[dict] = [
        {"list": name, "ids": len(ids), "in AVA.txt": len(ids & there), "usable": len(ids & good)}
        | {f"also in {other}": len(ids & others) for other, others in sets.items()}
        for name, ids in sets.items()
    ]
    return pd.DataFrame(rows)
