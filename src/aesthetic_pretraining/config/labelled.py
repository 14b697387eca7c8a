"""Sections about labelled sets: which there are, and which networks are trained and judged on."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from aesthetic_pretraining.config.fields import Positive, Section, Set, Share, Shares, value, wrong

NAME = "^[a-z][a-z0-9]*$"
Name = Annotated[str, Field(pattern=NAME)]
RESERVED = ("photos", "simulated")  # folders beside the sets'


class SetShares(Shares):
    """Shares of a labelled set by role, cut in the order written; they add up to 1."""

    train: Share = value("Fine-tuning.", "fidelity row 21")
    val: Share = value("Learning-rate schedule and early stopping.", "fidelity row 21")
    test: Share = value("Evaluation.", "fidelity row 21")


class SetParams(Section):
    """A labelled set: where it lies, how it is read, its scores, how it is split; docs/data.md."""

    title: str = value(
        "Its name as tables, figures and messages print it.", pattern=r"^[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]{0,39}$"
    )
    reader: Literal["ava", "tid2013", "koniq10k", "kadid10k", "oasis", "tad66k", "folder"] = value(
        "How the set is laid out: docs/data.md. folder: any images with labels.csv."
    )
    source: Literal["folder", "oasis"] = value(
        "folder: the folder below; oasis: data/raw/oasis, where rule download puts the public set."
    )
    folder: str = value("Folder of the set, relative to the project; only for source: folder.")
    low: float = value("Lowest score.")
    high: float = value("Highest score.")
    bins: int = value(
        "Votes that the network predicts, at equal steps from low to high, if it is trained on this set.", ge=2, le=20
    )
    above: float = value('Mean score above which an image is "aesthetic".', "section 4.6: 5 for AVA")
    split: Literal["paper", "official", "own", "random", "folds"] = value(
        "paper (reader ava): splits/{train,val,test}.csv, or else the test ids of splits/pred.txt; official (reader ava): "
        "aesthetics_image_lists/generic_test.jpgl; own: the set's own roles, or all images for testing where it has none; random: "
        "`shares`, by hash, groups of images kept together; folds: shares.val for validation, the other images in `folds` parts, each "
        "of which is the test split of one training on the others.",
        "fidelity row 21",
    )
    shares: SetShares
    folds: int = value("Parts for split: folds; 0 for any other.", ge=0, le=20)
    apart: bool = value("Whether near-duplicates are kept in one split, for split random and folds.")
    licence: str = value("Terms under which it may be used, as its publishers state them.", min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.low >= self.high:
            raise wrong("low", f"is {self.low:g}, but must be below high, which is {self.high:g}")
        if not self.low < self.above < self.high:
            raise wrong("above", f"is {self.above:g}, but must lie between low {self.low:g} and high {self.high:g}")
        if self.split in ("paper", "official") and self.reader != "ava":
            raise wrong("split", f"is {self.split!r}, which only the reader 'ava' has lists for; take own, random or folds")
        if (self.split == "folds") != (self.folds > 0):
            raise wrong("folds", f"is {self.folds}, but split is {self.split!r}; folds needs at least 3, any other split 0")
        if 0 < self.folds < 3:
            raise wrong("folds", f"is {self.folds}, but must be at least 3")
        if self.source == "folder" and not self.folder:
            raise wrong("folder", "is empty, but source is 'folder'; name the folder")
        if self.source != "folder" and self.reader != self.source:
            raise wrong(
                "reader", f"is {self.reader!r}, but source {self.source!r} is read by its own reader; set it to {self.source!r}"
            )
        return self


class LabelsParams(Section):
    """Which of the labelled sets networks are trained and judged on."""

    source: Literal["simulated", "real"] = value(
        "simulated: votes from the rater model, in the layouts of AVA and TID2013; real: the sets as `sets` describes them.",
        "ours; docs/data.md",
    )
    train_on: Name = value("The set that networks are fine-tuned on, one of `sets`.", "section 4.5: AVA")
    test_on: Set[Name] = value(
        "The sets that Table 2 has columns for; the one of train_on first, by its test split.", "section 4.6", min_length=1
    )
    crosscheck: Set[Name] = value(
        "Further sets of `sets` that every fine-tuned network is judged on when asked for, besides those of test_on; always real."
    )
    max_unusable: Share = value(
        "Share of labelled images that may be missing or unreadable before the run stops.", "fidelity row 14"
    )
    shards: Positive = value("Number of tar files that each set's shrunk images are spread over.")

    @model_validator(mode="after")
    def _sets_are_chosen(self) -> Self:
        if self.test_on[0] != self.train_on:
            raise wrong("test_on", f"is {self.test_on}, but must begin with train_on, which is {self.train_on!r}")
        if self.source == "simulated" and (odd := [name for name in self.test_on if name not in ("ava", "tid2013")]):
            raise wrong("test_on", f"names {odd[0]!r}, but labels.source is 'simulated', which makes only ava and tid2013")
        return self
