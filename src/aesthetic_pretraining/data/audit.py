"""Audit of splits: overlaps of AVA's public lists, and near-duplicate images across splits and sets (`alike`)."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from aesthetic_pretraining.data.alike import PAIRS
from aesthetic_pretraining.data.labelled.ava import (
    OFFICIAL_TEST,
    PREDICTIONS,
    SPLIT_LISTS,
    SPLITS,
    read_split_lists,
    read_test_ids,
)
from aesthetic_pretraining.data.ledger import usable
from aesthetic_pretraining.data.sources import Source


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
        {"list": name, "ids": len(ids), "in the labels": len(ids & there), "usable": len(ids & good)}
        | {f"also in {other}": len(ids & others) for other, others in sets.items()}
        for name, ids in sets.items()
    ]
    return pd.DataFrame(rows)
