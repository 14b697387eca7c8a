"""Splits: the role of each usable image, by published lists or by hash, never by order."""

import itertools
import logging
import math
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from aesthetic_pretraining.data.download import pexels
from aesthetic_pretraining.data.labelled.ava import (
    OFFICIAL_TEST,
    PREDICTIONS,
    SPLIT_LISTS,
    VOTES,
    read_ava,
    read_split_lists,
    read_test_ids,
)
from aesthetic_pretraining.data.ledger import usable
from aesthetic_pretraining.data.sources import Source
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.seeding import seeded_int

REST = {"train": 0.95, "val": 0.05}  # of the images outside a published test split: fidelity row 21
FEWEST = 50  # ASSUME: rated images without which fine-tuning says nothing

log = logging.getLogger("aesthetic_pretraining")


def assign(
    keys: Iterable[str], shares: Mapping[str, float], *salt: object, sizes: Mapping[str, int] | None = None
) -> dict[str, str]:
    """{key: role}: the keys in the order of their hash, divided by the shares (fractions that sum to 1), in the shares' order.

    Dividing by rank instead of by hash value gives even a few dozen photos the requested shares; adding an image later moves at
    most one other image across each boundary. Every role with a share gets at least one key if there are enough. `salt` makes
    several assignments of the same keys independent.

    Args:
        sizes: images that each key stands for, by which shares are then counted; without it, each stands for one.
    """
    order = sorted(keys, key=lambda key: seeded_int("split", *salt, key))
    weights = [sizes[key] if sizes else 1 for key in order]
    total = sum(weights)
    wanted = [role for role, share in shares.items() if share > 0]
    cuts = [round(sum(shares[r] for r in wanted[:k]) * total) for k in range(len(wanted) + 1)]
    counts = {role: cuts[k + 1] - cuts[k] for k, role in enumerate(wanted)}
    for role in wanted:
        if counts[role] == 0 and max(counts.values()) > 1:
            counts[max(counts, key=lambda name: counts[name])] -= 1
            counts[role] = 1
    roles = [role for role in wanted for _ in range(counts[role])]
    starts = itertools.accumulate(weights, initial=0)
    middles = (start + (weight - 1) // 2 for start, weight in zip(starts, weights, strict=False))
    return {key: roles[middle] for key, middle in zip(order, middles, strict=True)} if roles else {}


def split_photos(
    ledger: pd.DataFrame, sources: Sequence[str], shares: Mapping[str, float], seed: int, copies: Iterable[str] = ()
) -> pd.DataFrame:
    """id and split of each usable photo: as published for "pexels" alone (fidelity row 25), else by hash of its content.

    Args:
        sources: photos.sources.
        copies: ids of photos that look like labelled images, which get no role.
    """
    if left_out := set(copies):
        log.warning("photos: %d of %d look like labelled images and are left out", len(left_out), len(usable(ledger)))
        ledger = ledger[~ledger["id"].isin(left_out)]
    if list(sources) != ["pexels"]:
        return split_by_share(ledger, shares, seed, "sha256")
    roles = pexels.roles()
    return split_by_list(
        ledger, {photo: roles[photo] for photo in ledger["id"]}
    )  # photos.limit leaves photos out of the ledger


def split_by_share(ledger: pd.DataFrame, shares: Mapping[str, float], seed: int, key: str) -> pd.DataFrame:
    """id and split of each usable image, by hash of column `key` ("sha256": content; "id": name).

    With "sha256", copies under different names get the same role. Raises: UserError if a role with a share gets no image.
    """
    rows = usable(ledger)
    roles = assign(set(rows[key]), shares, seed)
    split = pd.DataFrame({"id": rows["id"], "split": [roles[value] for value in rows[key]]})
    return _checked(split, [role for role, share in shares.items() if share > 0])


def split_by_list(ledger: pd.DataFrame, roles: Mapping[str, str]) -> pd.DataFrame:
    """id and split of each usable image, by published lists; images on no list are left out, which is logged.

    Raises: UserError if a list names an image that is not in the ledger.
    """
    if strange := sorted(set(roles) - set(ledger["id"])):
        raise UserError(
            f"splits/{roles[strange[0]]}.csv: image {strange[0]} ({len(strange)} in all lists) is not in the labelled set; "
            "take lists and labels from the same release"
        )
    rows = usable(ledger)
    listed = rows["id"].isin(list(roles))
    if not listed.all():
        first = rows["id"][~listed].iloc[0]
        log.warning("%d of %d usable images are on no split list and left out, such as %s", (~listed).sum(), len(rows), first)
    rows = rows[listed]
    return _checked(pd.DataFrame({"id": rows["id"], "split": [roles[i] for i in rows["id"]]}), ["train", "val", "test"])


def split_by_test(ledger: pd.DataFrame, test: Iterable[str], seed: int) -> pd.DataFrame:
    """id and split of each usable image: a published test split, and 95 / 5 % of the others by hash of id and seed."""
    rows, test = usable(ledger), set(test)
    roles = assign(set(rows["id"]) - test, REST, seed, "rest") | dict.fromkeys(test, "test")
    return _checked(pd.DataFrame({"id": rows["id"], "split": [roles[i] for i in rows["id"]]}), ["train", "val", "test"])


def split_labelled(
    name: str,
    ledger: pd.DataFrame,
    kind: str,
    shares: Mapping[str, float],
    folds: int,
    seed: int,
    *,
    source: Source | None = None,
    trained_on: bool = False,
    families: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """The split of a labelled set: id and split of each usable image, and `fold` (1..folds) for kind "folds".

    Where roles were chosen among several possible, `by` says how, as text.

    Args:
        kind: sets.<name>.split. "folds" holds for the set that is trained on; of any other all images are for testing.
        source: the set's folder with AVA's lists, for kind "paper" and "official".
        families: {id: family} if near-duplicates are kept together (`alike.families`); else images of one group are.
    Raises: UserError for too few images, lists that are missing or malformed, an empty role, or a group on both sides of own roles.
    """
    if kind in ("paper", "official"):
        assert source is not None
        return split_ava(ledger, source, kind, seed)
    if kind == "own" or (kind == "folds" and not trained_on):
        return _split_own(name, ledger if kind == "own" else ledger.drop(columns="split", errors="ignore"), trained_on)
    rows = usable(ledger)
    family = rows["id"].map(families) if families else group_of(rows)
    sizes = family.value_counts().to_dict()
    if kind == "random":
        roles = assign(sizes, shares, seed, sizes=sizes)
        split = pd.DataFrame({"id": rows["id"], "split": family.map(roles)})
        return _checked(split, [role for role, share in shares.items() if share > 0]).assign(by=f"random, seed {seed}")
    roles = assign(sizes, {"val": shares["val"], "fold": 1 - shares["val"]}, seed, sizes=sizes)
    part = _even_parts({key: sizes[key] for key, role in roles.items() if role == "fold"}, folds, seed)
    split = pd.DataFrame({"id": rows["id"], "split": family.map(roles), "fold": family.map(part).astype("Int64")})
    if split["fold"].nunique() < folds:
        raise UserError(
            f"sets.{name}.folds is {folds}, but the images make only {len(part)} groups outside of validation; lower it, or add images"
        )
    return _checked(split, ["val", "fold"]).assign(by=f"{folds} folds, seed {seed}")


def split_ava(ledger: pd.DataFrame, source: Source, kind: str, seed: int) -> pd.DataFrame:
    """id, split and by (the origin of the roles, as text) of each usable image of AVA (fidelity row 21).

    Args:
        source: the set's folder with the lists.
        kind: "paper": the lists of the public NIMA implementation, or, without those, its test ids and a seeded 95 / 5 split of the
            rest; "official": AVA's generic test list and the same.
    Raises: UserError if the lists that `kind` needs are missing or malformed, or leave a role empty.
    """
    if kind == "official":
        test, name = read_test_ids(source, OFFICIAL_TEST), "official test list"
    else:
        names = set(source.names())
        if PREDICTIONS not in names or names & set(SPLIT_LISTS):
            lists = read_split_lists(source)
            _say_other_votes(lists, read_ava(source))
            return split_by_list(ledger, dict(zip(lists["id"], lists["split"], strict=True))).assign(by="paper")
        test, name = read_test_ids(source, PREDICTIONS), "paper's test list, rebuilt from pred.txt"
    _say_unknown(ledger, test, name)
    return split_by_test(ledger, test, seed).assign(by=f"{name}; train and val random, seed {seed}")


def check_enough(name: str, ledger: pd.DataFrame) -> None:
    """Raise UserError if a real set that networks are fine-tuned on has too few usable images."""
    if (found := len(usable(ledger))) < FEWEST:
        raise UserError(
            f"sets.{name}: only {found} images can be used, but fine-tuning needs at least {FEWEST}; add rated images, or train on another "
            "set and name this one in labels.test_on"
        )


def group_of(rows: pd.DataFrame) -> pd.Series:
    """What each image's side of a split is decided by: its group, or else its id. (N,) text, indexed as `rows`."""
    return rows["group"].where(rows["group"] != "", rows["id"]) if "group" in rows else rows["id"]


def roles(split: pd.DataFrame, fold: int = 0) -> pd.DataFrame:
    """id and split ("train", "val", "test") of each image for one training.

    Args:
        split: as rule split writes it. With folds, its roles are "val" and "fold", and column fold is 1 .. K for the latter.
        fold: 0: there are no folds; k: the images of fold k are for testing, those of the others for training.
    """
    if not fold:
        return split
    inside = split["split"] == "fold"
    mine = pd.to_numeric(split["fold"], errors="coerce") == fold
    role = split["split"].mask(inside, "train").mask(inside & mine, "test")
    return pd.DataFrame({"id": split["id"], "split": role})


def subset(ids: Sequence[str], percent: int, seed: int) -> list[str]:
    """A random `percent` of the ids, at least one; smaller subsets are contained in larger ones (fidelity row 16).

    The order depends on the seed, not on the input.
    """
    order = sorted(ids, key=lambda i: seeded_int("subset", seed, i))
    return order[: max(1, math.ceil(len(order) * percent / 100))]


def sample(ids: Iterable[str], count: int, seed: int) -> list[str]:
    """`count` random ids, or all if there are fewer; choice and order depend on the seed, not on the input's order."""
    return sorted(ids, key=lambda i: seeded_int("sample", seed, i))[:count]


def _split_own(name: str, ledger: pd.DataFrame, trained_on: bool) -> pd.DataFrame:
    """The set's own roles if its ledger has them, else all "test"."""
    rows = usable(ledger)
    split = pd.DataFrame({"id": rows["id"], "split": rows.get("split", "test")})
    if trained_on and (lost := [role for role in ("train", "val", "test") if not (split["split"] == role).any()]):
        raise UserError(
            f"sets.{name}.split is 'own', but its labels give no usable image the role {lost[0]!r}, and networks are fine-tuned on this set; "
            "choose 'random' or 'folds' in params.yaml, or add the roles"
        )
    if "split" not in rows:
        return _checked(split, ["test"])
    sides = split["split"].groupby(group_of(rows)).agg(lambda side: sorted(set(side)))
    if len(mixed := sides[sides.map(len) > 1]):
        raise UserError(
            f"sets.{name}: the group {mixed.index[0]!r} is in {' and '.join(mixed.iloc[0])} of the set's own split ({len(mixed)} groups in all); "
            "keep each group on one side, or choose split 'random' or 'folds' in params.yaml"
        )
    return _checked(split, ["test"]).assign(by="own")


def _even_parts(sizes: Mapping[str, int], parts: int, seed: int) -> dict[str, int]:
    """{key: part 1..parts}, so that the parts' sizes differ little: the largest first, each into the part that is smallest so far."""
    order = sorted(sizes, key=lambda key: (-sizes[key], seeded_int("fold", seed, key)))
    filled, found = [0] * parts, {}
    for key in order:
        found[key] = filled.index(min(filled)) + 1
        filled[found[key] - 1] += sizes[key]
    return found


def _say_unknown(ledger: pd.DataFrame, listed: Iterable[str], name: str) -> None:
    unknown = sorted(set(listed) - set(ledger["id"]))
    if unknown:
        log.info("AVA, %s: %d of %d ids are not in AVA.txt, such as %s", name, len(unknown), len(list(listed)), unknown[0])


def _say_other_votes(lists: pd.DataFrame, labels: pd.DataFrame) -> None:
    both = lists.merge(labels, on="id", suffixes=("_list", ""))
    other = (both[[f"{v}_list" for v in VOTES]].to_numpy() != both[VOTES].to_numpy()).any(axis=1)
    if other.any():
        log.warning(
            "splits/*.csv: %d of %d images have other votes than in AVA.txt, whose votes are used, such as %s",
            other.sum(),
            len(both),
            both["id"][other].iloc[0],
        )


def _checked(split: pd.DataFrame, needed: Sequence[str]) -> pd.DataFrame:
    for role in needed:
        if not (split["split"] == role).any():
            raise UserError(f"the split {role!r} is empty; raise its share in params.yaml, add images, or change the seed")
    return split.sort_values("id")
