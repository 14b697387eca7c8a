"""Folds of a split: parts of a labelled set that are the test split of one training each."""

import pandas as pd


def fold_by_image(split: pd.DataFrame) -> dict[str, int] | None:
    """{image: fold in which it is a test image, from 1}; None for a split without folds."""
    if "fold" not in split:
        return None
    number = pd.to_numeric(split["fold"], errors="coerce")
    tested = number.notna()  # of validation images it is empty
    return dict(zip(split["id"][tested], number[tested].astype(int), strict=True))


def folds_of(split: pd.DataFrame) -> list[int]:
    """The folds, ascending from 1; [0], the number of a training without folds, for a split that has none."""
    found = fold_by_image(split)
    return [0] if found is None else sorted(set(found.values()))
