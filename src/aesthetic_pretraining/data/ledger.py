"""Ledgers: for each set a table of all its images and their states, the only one that training and evaluation read."""

import logging
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from aesthetic_pretraining.errors import UserError

log = logging.getLogger(__name__)

TYPES = {"id": str, "file": str, "group": str, "sha256": str, "format": str, "state": str, "reason": str, "fold": "Int64"}


def merge_ledger(listing: pd.DataFrame, parts: Iterable[str | Path], max_unusable: float, dataset: str) -> pd.DataFrame:
    """The parts of all shards joined with the labels of the listing, sorted by id.

    Raises: UserError naming the first images if more than the fraction `max_unusable` is unusable, or if the parts do not cover the
        listing.
    """
    states = pd.concat([read_table(part) for part in parts])
    ledger = listing.merge(states.drop(columns="file"), on="id", how="left", validate="one_to_one").sort_values("id")
    if ledger["state"].isna().any():
        raise UserError(
            f"{dataset}: the stores do not cover {ledger['id'][ledger['state'].isna()].iloc[0]}; run again with --forcerun store"
        )
    bad = ledger[ledger["state"] != "usable"]
    if len(bad) > max_unusable * len(ledger):
        shown = "; ".join(f"{r.file}: {r.state} ({r.reason})" for r in bad.head(3).itertuples())
        raise UserError(
            f"{dataset}: {len(bad)} of {len(ledger)} images cannot be used: {shown}; "
            f"replace them, remove them, or raise max_unusable (now {max_unusable:g}) in params.yaml"
        )
    if len(bad):
        log.warning("%s: %d of %d images cannot be used and are left out; the ledger says why", dataset, len(bad), len(ledger))
    return ledger


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a listing, ledger or split; ids stay text ("0012" is not a number), empty text stays empty."""
    return pd.read_csv(path, dtype=TYPES, keep_default_na=False, na_values={"score": [""], "fold": [""]})


def usable(ledger: pd.DataFrame) -> pd.DataFrame:
    """The rows of images that can be used."""
    return ledger[ledger["state"] == "usable"]
