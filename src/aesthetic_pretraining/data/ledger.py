"""Ledgers: for each set one table of all its pictures and what became of them. Training and evaluation read only it."""

import logging
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from aesthetic_pretraining.errors import UserError

log = logging.getLogger(__name__)

TEXT = {"id": str, "file": str, "sha256": str, "format": str, "state": str, "reason": str}


def merge_ledger(listing: pd.DataFrame, parts: Iterable[str | Path], max_unusable: float, dataset: str) -> pd.DataFrame:
    """The shards' parts and the listing's labels as one table, sorted by id.

    Raises UserError, which names the first pictures, if more than the share `max_unusable` cannot be used,
    or if the parts do not cover the listing.
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
            f"{dataset}: {len(bad)} of {len(ledger)} pictures cannot be used: {shown}; "
            f"replace them, take them out, or raise max_unusable (now {max_unusable:g}) in params.yaml"
        )
    if len(bad):
        log.warning(
            "%s: %d of %d pictures cannot be used and are left out; the ledger says why", dataset, len(bad), len(ledger)
        )
    return ledger


def read_table(path: str | Path) -> pd.DataFrame:
    """A listing, ledger or split as written here; ids stay text ("0012" is no number), empty text stays empty."""
    return pd.read_csv(path, dtype=TEXT, keep_default_na=False, na_values={"score": [""]})


def usable(ledger: pd.DataFrame) -> pd.DataFrame:
    """The rows that may be trained on or judged."""
    return ledger[ledger["state"] == "usable"]
