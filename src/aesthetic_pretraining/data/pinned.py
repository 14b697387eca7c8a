"""Public files with known digests: tables in resources/, generated once from the pinned commits that `download` names.

A table has a row per file: `file` (name in its folder), `sha256`, and for OASIS `theme` (its name without the number).
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from aesthetic_pretraining.data.sources import Source
from aesthetic_pretraining.errors import UserError


def _table(name: str) -> Path:
    """A table in the working folder, which is the project's, or else beside this code."""
    here = Path("resources", name)
    beside = Path(__file__).resolve().parents[3] / here
    return beside if beside.is_file() and not here.is_file() else here


OASIS, BSDS500 = _table("oasis.csv"), _table("bsds500.csv")
OASIS_LEFT_OUT = _table("oasis_left_out.csv")  # themes that are neither fetched nor used


def read_pins(table: Path) -> pd.DataFrame:
    """The rows of one of the tables, as text. Raises: UserError if it is missing."""
    try:
        return pd.read_csv(table, dtype=str, keep_default_na=False)
    except FileNotFoundError as error:
        raise UserError(f"{table} is missing; take it back from version control") from error


def oasis_photos() -> pd.DataFrame:
    """file, sha256 and theme of the photos of OASIS that are used: those whose theme is not left out."""
    photos = read_pins(OASIS)
    return photos[~photos["theme"].isin(read_pins(OASIS_LEFT_OUT)["theme"])].reset_index(drop=True)


def check_digests(source: Source, pins: pd.DataFrame, root: Path) -> None:
    """Compare the files that exist with their digests; missing ones are the ledger's matter.

    Args:
        pins: columns file and sha256. root: the set's folder under data/raw, for the message.
    Raises: UserError naming the first file that is not as published.
    """
    there = set(source.names())
    rows = pins[pins["file"].isin(there) & (pins["sha256"] != "")]

    def same(file: str, digest: str) -> bool:
        return hashlib.sha256(source.read(file)).hexdigest() == digest

    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(same, rows["file"], rows["sha256"]))
    if changed := [file for file, ok in zip(rows["file"], kept, strict=True) if not ok]:
        raise UserError(
            f"{root}: {changed[0]} ({len(changed)} in all) has other bytes than published; delete it and run "
            f"'{fetching(root)} --forcerun download'"
        )


def fetching(root: Path) -> str:
    """The command that fetches a public set."""
    return f"snakemake --cores 1 {root}/download.csv"
