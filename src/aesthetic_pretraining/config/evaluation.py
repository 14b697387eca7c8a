"""Sections about what is measured, drawn and reported."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from aesthetic_pretraining.config.fields import Positive, Section, Set, Share, value, wrong
from aesthetic_pretraining.distortions import DISTORTIONS


def _known(name: str) -> str:
    if name not in DISTORTIONS:
        raise wrong("", f"is {name!r}, which is no distortion; known are {', '.join(DISTORTIONS)}")
    return name


Named = Annotated[str, AfterValidator(_known)]


class ProbeParams(Section):
    """Linear probes, ridge regression on frozen features."""

    lowest: float = value(
        "Lowest regularisation to choose from; 1 is the average eigenvalue of the standardised features.", "ours; docs/statistics.md", gt=0
    )  # fmt: skip
    highest: float = value("Highest regularisation to choose from.", "ours; docs/statistics.md", gt=0)
    steps: int = value(
        "How many there are to choose from, each higher by the same factor.", "ours; docs/statistics.md", ge=2, le=100
    )
    folds: int = value(
        "Folds of reference scenes for TID2013's own probes, at most as many as there are scenes.",
        "ours; docs/statistics.md",
        ge=3,
    )

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.lowest >= self.highest:
            raise wrong("lowest", f"is {self.lowest:g}, but must be below probe.highest, which is {self.highest:g}")
        return self


class ReportParams(Section):
    """Tables and figures."""

    alpha: float = value("Significance level before the Bonferroni correction.", "section 5; fidelity row 20", gt=0, lt=1)
    confidence: float = value("Confidence of all intervals.", gt=0, lt=1)
    interval: Literal["seeds_and_images", "images"] = value(
        "What is resampled for intervals: images together with the seeds of which there are three or more, or images alone, which "
        "leaves the networks as they are.",
        "ours; docs/statistics.md",
    )
    resamples: int = value(
        "Bootstrap resamples of each test set; 10,000 settle the third digit of an interval's ends.", ge=100, le=1_000_000
    )
    examples: Set[Named] = value("Distortions that Figure 1 shows.", "Figure 1: one of each aspect", min_length=1)
    response_distortion: Named = value("Distortion of which Figure 4 shows the responses.", "Figure 4")
    response_outputs: Set[Named] = value("Outputs that Figure 4 shows.", "Figure 4", min_length=1)
    sheet_photos: Positive = value("Test photos that are rendered in all variants for inspection.", unit="photos")
    random_photos: Positive = value("Photos that Figure 2 shows.", unit="photos")
    extreme_photos: Positive = value("Labelled images at each end of the predicted scores that are shown.", unit="images")


class PremiseParams(Section):
    """People's answers about distorted images, beside TID2013; relative to the project, empty: not there."""

    kadid: str = value("dmos.csv of KADID-10k.", "section 4.2; docs/premise.md")
    survey: str = value(
        "Answers to two-alternative questions, CSV: filter, level, prefers_original.", "section 4.2; docs/premise.md"
    )


class PhotoCheckParams(Section):
    """What the photos are like, and what distorting them does to features."""

    networks: Set[Annotated[str, Field(min_length=1)]] = value(
        "Networks that say what is in the photos: backbone (backbone.name with its ImageNet classes), any other classification "
        "network by such a name, retinanet_resnet50_fpn (objects). Weights of all but the packaged backbone are downloaded.",
        "section 4.2 and appendix B; docs/premise.md",
        min_length=1,
    )
    object_score: Share = value("Least score of an object that counts.", "ours; docs/premise.md")
    distorted_photos: int = value(
        "Most test photos, chosen by hash, whose features are compared under all distortions.", unit="photos", ge=2
    )
