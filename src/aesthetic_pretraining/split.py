"""Splits: which role each usable picture plays, by published lists or by hash, never by order."""

import logging
import math
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import seeded_int
from aesthetic_pretraining.ledger import usable

log = logging.getLogger("aesthetic_pretraining")


def assign(keys: Iterable[str], shares: Mapping[str, float], *salt: object) -> dict[str, str]:
    """{key: role}: the keys in the order of their hash, cut at the shares (which add up to 1).

    Cutting ranks and not hashes gives a set of a few dozen photos the shares that were asked for; a picture added
    later moves at most one other across each cut. Every role with a share gets at least one key if there are enough.
    `salt` keeps two assignments of the same keys independent of each other.
    """
    order = sorted(keys, key=lambda key: seeded_int("split", *salt, key))
    wanted = [role for role, share in shares.items() if share > 0]
    cuts = [round(sum(shares[r] for r in wanted[:k]) * len(order)) for k in range(len(wanted) + 1)]
    counts = {role: cuts[k + 1] - cuts[k] for k, role in enumerate(wanted)}
    for role in wanted:
        if counts[role] == 0 and max(counts.values()) > 1:
            counts[max(counts, key=counts.get)] -= 1
            counts[role] = 1
    roles = [role for role in wanted for _ in range(counts[role])]
    return dict(zip(order, roles, strict=False))


def split_by_share(ledger: pd.DataFrame, shares: Mapping[str, float], seed: int, key: str) -> pd.DataFrame:
    """id and split of each usable picture, by hash of column `key` ("sha256": by content; "id": by name).

    Equal pictures under two names get one role. Raises UserError if a role with a share gets no picture.
    """
    rows = usable(ledger)
    roles = assign(set(rows[key]), shares, seed)
    split = pd.DataFrame({"id": rows["id"], "split": [roles[value] for value in rows[key]]})
    return _checked(split, [role for role, share in shares.items() if share > 0])


def split_by_list(ledger: pd.DataFrame, roles: Mapping[str, str]) -> pd.DataFrame:
    """id and split of each usable picture, by published lists; pictures on no list get no role and are left out, which is logged.

    Raises UserError if a list names a picture that the ledger does not know.
    """
    if strange := sorted(set(roles) - set(ledger["id"])):
        raise UserError(
            f"splits/{roles[strange[0]]}.csv: picture {strange[0]} ({len(strange)} in all lists) is no picture of the labelled set; "
            "take lists and labels from the same release"
        )
    rows = usable(ledger)
    listed = rows["id"].isin(list(roles))
    if not listed.all():
        log.warning("%d of %d usable pictures are on no split list and left out", (~listed).sum(), len(rows))
    rows = rows[listed]
    return _checked(pd.DataFrame({"id": rows["id"], "split": [roles[i] for i in rows["id"]]}), ["train", "val", "test"])


def subset(ids: Sequence[str], percent: int, seed: int) -> list[str]:
    """A random `percent` of the ids; smaller subsets lie inside larger ones (fidelity row 16).

    At least one id is kept. The order is the seed's, not the input's.
    """
    order = sorted(ids, key=lambda i: seeded_int("subset", seed, i))
    return order[: max(1, math.ceil(len(order) * percent / 100))]


def _checked(split: pd.DataFrame, needed: Sequence[str]) -> pd.DataFrame:
    for role in needed:
        if not (split["split"] == role).any():
            raise UserError(
                f"no picture falls into the split {role!r}; raise its share in params.yaml, add pictures, or change the seed"
            )
    return split.sort_values("id")
