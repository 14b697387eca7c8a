"""The saved tables that the paper's claims are checked against, and what is looked up in them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from aesthetic_pretraining.evaluation.statistics.comparisons import UNMEASURED, Quantity
from aesthetic_pretraining.evaluation.statistics.labels_saved import LABELS_SAVED_COLUMNS
from aesthetic_pretraining.initialisations import BASELINE
from aesthetic_pretraining.reporting.experiment import PAPER_HOME
from aesthetic_pretraining.reporting.table2 import PUBLISHED, sets_of
from aesthetic_pretraining.settings.labels import LabelledSet

SMALLER_IS_BETTER = ("mae",)  # metrics
PAPER_RANGE = 9  # width of the scales that the published errors are on: 1 to 10 and 0 to 9
DIFFERING = ["init", "share", "other", "other_share", "dataset", "metric"]  # what a row of metrics/differences.csv is about


@dataclass(frozen=True)
class Evidence:
    """The saved tables that claims are checked against.

    Attributes:
        table: Table 2 with its verdicts. differences: the differences between all of its rows.
        metrics, responses: the frames of those names.
        confusion: empty if ranking + classification was not trained.
        confidence: confidence level of the intervals, 0..1.
        published: resources/table2_published.csv.
        labels: `labels_saved.LABELS_SAVED_COLUMNS`; empty if there is only one share of the labels.
        photo_scores, diversity, sensitivity: for `photo_claims`; None if not measured.
    """

    table: pd.DataFrame
    differences: pd.DataFrame
    metrics: pd.DataFrame
    responses: pd.DataFrame
    confusion: pd.DataFrame
    confidence: float
    published: pd.DataFrame
    labels: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=LABELS_SAVED_COLUMNS))
    photo_scores: pd.DataFrame | None = None
    diversity: pd.DataFrame | None = None
    sensitivity: pd.DataFrame | None = None

    @cached_property
    def sets(self) -> dict[str, LabelledSet]:
        """{name: test set}, the one that networks are trained on first."""
        return {each.name: each for each in sets_of(self.table)}

    @property
    def home(self) -> LabelledSet:
        """The set that networks are trained on."""
        return next(iter(self.sets.values()))

    def gain(self, init: str, share: int, other: str, other_share: int, column: str) -> Quantity:
        """By how much `init` is better than `other` in a column of Table 2; NaN if either was not measured."""
        dataset, _, metric = column.rpartition("_")
        found, way = self._differences.get((init, share, other, other_share, dataset, metric)), 1
        if found is None:
            found, way = self._differences.get((other, other_share, init, share, dataset, metric), UNMEASURED), -1
        return found.negative() if (way == -1) != (metric in SMALLER_IS_BETTER) else found

    @cached_property
    def _differences(self) -> dict[tuple, Quantity]:
        rows = self.differences[[*DIFFERING, "difference", "low", "high", "df", "over", "detectable"]]
        return {row[:6]: Quantity(*row[6:]) for row in rows.itertuples(index=False, name=None)}

    def published_gain(self, init: str, other: str, column: str) -> float:
        """By how much `init` is better than `other` in the paper's Table 2.

        ASSUME: on a set that the paper has not, as much as on its AVA; errors in proportion to the width of the scale of scores.
        """
        dataset, _, metric = column.rpartition("_")
        paper = dataset if dataset in PUBLISHED else PAPER_HOME
        values = self.published.set_index("initialisation")[f"{PUBLISHED[paper]}_{metric}"]
        gain = float(values[init] - values[other])
        if metric in SMALLER_IS_BETTER:
            gain *= -(self.sets[dataset].high - self.sets[dataset].low) / PAPER_RANGE
        return gain

    def shares(self, asked: Sequence[int]) -> list[int]:
        """Of these shares of the labels those that the run has; all of them if it has none."""
        there = set(self.metrics["share"])
        return [share for share in asked if share in there] or list(asked)

    def epochs(self, init: str, share: int = 100) -> pd.Series:
        """Epochs of one row, indexed by (pretraining, seed); NaN for training runs that reached the cap, because they had not stopped."""
        rows = self.metrics[(self.metrics["init"] == init) & (self.metrics["share"] == share)].set_index(
            ["pretraining", "seed"]
        )
        return rows["epochs"].where(rows["capped"] == 0)

    def baseline_epochs(self, init: str, share: int = 100) -> pd.Series:
        """ImageNet's epochs for the same fine-tuning seeds, indexed as `epochs` of `init`; NaN where it lacks a seed."""
        index = self.epochs(init, share).index
        return self.epochs(BASELINE, share).droplevel("pretraining").reindex(index.get_level_values("seed")).set_axis(index)
