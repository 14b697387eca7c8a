"""Images that look alike: near-duplicates between splits and sets, and within a set.

Two images are near-duplicates if their perceptual hashes (64 bits, library imagehash) differ in at most NEAR bits. This finds
copies that were resized, re-encoded, slightly edited or mirrored, but not crops.
"""

import io
from collections.abc import Iterable, Mapping
from itertools import combinations

import imagehash
import numpy as np
import pandas as pd
from PIL import Image, ImageOps
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from aesthetic_pretraining.data.ledger import usable
from aesthetic_pretraining.data.progress import Progress
from aesthetic_pretraining.data.store import Store

NEAR = 5  # ASSUME: bits; at most BANDS - EQUAL, up to which `near_pairs` is complete
PAIRS = ["dataset", "split", "id", "other_dataset", "other_split", "other_id", "distance", "mirrored", "identical"]
MATCHES = ["id", "dataset", "split", "other_id", "distance", "mirrored", "identical"]
BANDS, EQUAL = 8, 3  # hashes that differ in 5 bits have at least 3 of 8 bytes in common
FLAT = 3.0  # standard deviation in codes below which an image is too plain for a meaningful hash


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


def hash_stores(
    ledgers: Mapping[str, pd.DataFrame], tars: Iterable[str], splits: Mapping[str, pd.DataFrame] | None = None
) -> pd.DataFrame:
    """The rows of `hash_set` of several sets; no rows if there are none.

    Args:
        ledgers, splits: by set; without splits, each image has split "".
        tars: the stores' files, data/<scale>/<set>/store/<shard>.tar.
    """
    tars, none = list(tars), pd.DataFrame({"id": [], "split": []}, dtype=str)
    return pd.concat(
        [pd.DataFrame()]
        + [
            hash_set(name, ledger, splits[name] if splits else none, Store(tar for tar in tars if tar.split("/")[-3] == name))
            for name, ledger in ledgers.items()
        ],
        ignore_index=True,
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


def matches(own: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """The images of `own` that are among `others`: the same file (SHA-256) or a near-duplicate; one row each, columns MATCHES.

    The nearest image of `others` is named. `distance` is in bits of the hash; empty for images that are too plain for it and were found
    by their digest. Sorted by id.

    Args:
        own, others: rows of `hash_set`; `own` of one set.
    """
    # a single unnamed set, so that the others are not compared with each other; the id is the row
    one = others.assign(dataset="", split="", id=[f"{row:012d}" for row in range(len(others))])
    mine = own.assign(dataset="own", split="own")
    alike = near_duplicates(pd.concat([mine, one], ignore_index=True))
    alike = alike.loc[alike["dataset"] == "own", ["id", "other_id", "distance", "mirrored"]]
    rows = own[["id", "sha256"]].merge(alike, on="id", how="left")
    same = rows["sha256"].map(one.drop_duplicates("sha256").set_index("sha256")["id"])
    rows = rows.assign(other_id=same.fillna(rows["other_id"]), identical=same.notna().astype(int)).dropna(subset="other_id")
    found = others.iloc[rows["other_id"].astype(int)]
    table = rows.assign(dataset=found["dataset"].array, split=found["split"].array, other_id=found["id"].array)
    return table[MATCHES].astype({"distance": "Int64", "mirrored": "Int64"}).sort_values("id", ignore_index=True)


def copies(photos: pd.DataFrame, labelled: pd.DataFrame) -> list[str]:
    """The ids of photos that are among the labelled images; args: rows of `hash_set`."""
    return list(matches(photos, labelled)["id"])


def families(pictures: pd.DataFrame, groups: Mapping[str, str]) -> dict[str, str]:
    """{id: family}: images in one family are in one group, the same file, or near-duplicates, directly or through others.

    A family is named after the first of its groups.

    Args:
        pictures: rows of `hash_set` of one set; plain ones are joined by group and file alone.
        groups: {id: group}.
    """
    table = pictures.assign(group=pictures["id"].map(groups))
    hashed = table[~table["plain"]]
    hashes, which = np.unique(hashed[["hash", "mirrored"]].to_numpy(np.uint64).T.ravel(), return_inverse=True)
    count = len(table)
    rows = np.flatnonzero(~table["plain"].to_numpy())
    files, groups_of = (pd.factorize(table[column])[0] for column in ("sha256", "group"))
    first = np.cumsum([0, count, len(hashes), count])  # nodes: images, hashes, files, groups
    near = near_pairs(hashes)
    edges = [
        (np.concatenate([rows, rows]), first[1] + which),
        (first[1] + near[:, 0], first[1] + near[:, 1]),
        (np.arange(count), first[2] + files),
        (np.arange(count), first[3] + groups_of),
    ]
    a, b = (np.concatenate(side) for side in zip(*edges, strict=True))
    size = first[3] + count
    family = connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(size, size)), directed=False)[1][:count]
    names = table["group"].groupby(family).transform("min")
    return dict(zip(table["id"], names, strict=True))
