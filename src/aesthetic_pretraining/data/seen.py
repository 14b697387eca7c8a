"""Which images of a cross-check set the networks were trained on, so that they are not evaluated on them.

An image counts as seen if it is the same file as one used in training or validation (SHA-256), or a near-duplicate of one (`alike`:
perceptual hashes find copies that were resized, re-encoded, lightly edited or mirrored, but not crops).
"""

import logging
from collections.abc import Mapping, Sequence

import pandas as pd

from aesthetic_pretraining.data.alike import hash_set, matches
from aesthetic_pretraining.data.store import Store
from aesthetic_pretraining.errors import UserError

# validation selected the epoch, so the networks depend on it, too; images of folds are all trained on by some networks
TRAINED = ("train", "val", "fold")

log = logging.getLogger("aesthetic_pretraining")


def seen(extra: str, tables: Mapping[str, tuple[pd.DataFrame, pd.DataFrame, Store]], simulated: bool = False) -> pd.DataFrame:
    """The test images of a set that were trained on: one row each, columns `alike.MATCHES`, with the nearest training image.

    ASSUME: an image used with any share of the labels or in any pretext task counts as seen for every network, so that all are
    evaluated on the same images.

    Args:
        extra: the set's name.
        tables: {set: (ledger, split, store)} of `extra` and of the sets that networks are trained on ("photos", and that of labels.train_on).
        simulated: whether the labelled images are crops of the photos of the role "labels", which then count as trained on.
    Raises: UserError if every test image was trained on.
    """
    own = _hashes(extra, tables[extra], ["test"])
    roles = {name: [*TRAINED, *(["labels"] if simulated and name == "photos" else [])] for name in tables if name != extra}
    table = matches(own, pd.concat([_hashes(name, tables[name], roles[name]) for name in roles], ignore_index=True))
    if len(table) == len(own):
        raise UserError(
            f"labels.crosscheck: the networks were trained on all {len(own)} test images of {extra}, such as {table['id'].iloc[0]}; "
            "nothing is left to evaluate them on: take the set out of labels.crosscheck"
        )
    log.info(
        "%s: %d of %d test images were trained on and are left out (%d are the same files, the others near-duplicates)",
        *(extra, len(table), len(own), int(table["identical"].sum())),
    )
    return table


def _hashes(dataset: str, tables: tuple[pd.DataFrame, pd.DataFrame, Store], roles: Sequence[str]) -> pd.DataFrame:
    """The rows of `audit.hash_set` for the images with these roles."""
    ledger, split, store = tables
    chosen = split[split["split"].isin(roles)]
    return hash_set(dataset, ledger[ledger["id"].isin(chosen["id"])], chosen, store)
