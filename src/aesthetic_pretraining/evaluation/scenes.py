"""Which images of a labelled set show the same scene, and so are not independent draws."""

from collections.abc import Iterable

import numpy as np
import pandas as pd


def scenes(ledger: pd.DataFrame) -> np.ndarray:
    """The scene of each image of a ledger, (N,) text: its `group` (theme, reference, source photo), or its id where it has none.

    ASSUME: images of one group are one draw, and the groups of a test set are a sample of groups: TID2013's 25 references with
    their distortions, the crops of one photo in simulated sets, OASIS's series of one theme.
    """
    ids = ledger["id"].astype(str)
    group = ledger["group"].fillna("").astype(str) if "group" in ledger else pd.Series("", ids.index)
    return group.where(group != "", ids).to_numpy(str)


def clusters(scene: Iterable[str]) -> np.ndarray:
    """Numbers 0 .. C - 1 of scenes, (N,), in the order in which they first appear, so that their names decide nothing."""
    return pd.factorize(np.asarray(scene, str))[0]
