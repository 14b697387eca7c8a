"""Which pictures of a set for cross-checks the networks were trained on: nobody is judged on pictures that it has seen.

A picture counts as seen if it is the same file as one that a training or its validation used (SHA-256), or looks like one
(`audit`: perceptual hashes, which find copies that were resized, saved again, lightly edited or mirrored; not crops).
"""

import logging
from collections.abc import Mapping, Sequence

import pandas as pd

from aesthetic_pretraining.data.audit import hash_set, near_duplicates
from aesthetic_pretraining.data.store import Store
from aesthetic_pretraining.errors import UserError

SEEN = ["id", "dataset", "split", "other_id", "distance", "mirrored", "identical"]
TRAINED = ("train", "val")  # validation chose the epoch, so the networks have learned from it, too

log = logging.getLogger("aesthetic_pretraining")


def seen(extra: str, tables: Mapping[str, tuple[pd.DataFrame, pd.DataFrame, Store]], simulated: bool = False) -> pd.DataFrame:
    """The test pictures of a set that were trained on: one row each, columns `SEEN`, with the nearest trained picture.

    Args:
        extra: the set's name.
        tables: {set: (ledger, split, store)}, of `extra` and of the sets that networks are trained on ("photos", "ava").
        simulated: whether AVA's pictures are cut from the photos of the role "labels"; these then count as trained on.
    `distance` is in bits of the hash, empty for pictures that are too plain for it and were found by their digest.
    ASSUME: what was used with any share of the labels or in any pretext task counts for every network, so that all of them
    are judged on the same pictures.
    Raises UserError if every test picture was trained on.
    """
    own = _hashes(extra, tables[extra], ["test"])
    roles = {name: [*TRAINED, *(["labels"] if simulated and name == "photos" else [])] for name in tables if name != extra}
    trained = pd.concat([_hashes(name, tables[name], roles[name]) for name in roles], ignore_index=True)
    # One set without a name for all, so that trained pictures are not compared with each other; the id is the row.
    one = trained.assign(dataset="", split="", id=[f"{row:012d}" for row in range(len(trained))])
    alike = near_duplicates(pd.concat([own, one], ignore_index=True))
    alike = alike.loc[alike["dataset"] == extra, ["id", "other_id", "distance", "mirrored"]]
    rows = own[["id", "sha256"]].merge(alike, on="id", how="left")
    same = rows["sha256"].map(one.drop_duplicates("sha256").set_index("sha256")["id"])
    rows = rows.assign(other_id=same.fillna(rows["other_id"]), identical=same.notna().astype(int)).dropna(subset="other_id")
    found = trained.iloc[rows["other_id"].astype(int)]
    table = rows.assign(dataset=found["dataset"].array, split=found["split"].array, other_id=found["id"].array)
    table = table[SEEN].astype({"distance": "Int64", "mirrored": "Int64"}).sort_values("id", ignore_index=True)
    if len(table) == len(own):
        raise UserError(
            f"labels.extra: the networks were trained on all {len(own)} test pictures of {extra}, such as {table['id'].iloc[0]}; "
            "nothing is left to judge them on: take the set out of params.yaml"
        )
    log.info(
        "%s: %d of %d test pictures were trained on and are left out (%d are the same files, the others look alike)",
        *(extra, len(table), len(own), int(table["identical"].sum())),
    )
    return table


def _hashes(dataset: str, tables: tuple[pd.DataFrame, pd.DataFrame, Store], roles: Sequence[str]) -> pd.DataFrame:
    """The rows of `audit.hash_set` of the pictures with these roles."""
    ledger, split, store = tables
    chosen = split[split["split"].isin(roles)]
    return hash_set(dataset, ledger[ledger["id"].isin(chosen["id"])], chosen, store)
