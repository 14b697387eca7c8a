"""Sections about photos and labelled images, real and simulated."""

from typing import Literal, Self

from pydantic import model_validator

from aesthetic_pretraining.config.fields import Count, Positive, Section, Set, Share, Shares, value, wrong


class ImageParams(Section):
    """The images that the network sees."""

    size: int = value(
        "Side of the network's square input; photos are distorted at this short side.", "section 4.1", "pixels", ge=32, le=512, multiple_of=2
    )  # fmt: skip
    jpeg_quality: int = value("JPEG quality of the shrunk copies in the stores, without chroma subsampling.", ge=75, le=100)
    max_megapixels: float = value(
        "Largest picture that is read; above 89 megapixels at a fraction of its size (docs/data.md).",
        unit="megapixels",
        gt=0,
        le=1000,
    )
    max_seconds: float = value(
        "Time for decoding one picture of more than 40 megapixels or of many scans; slower ones are unreadable.",
        unit="seconds", gt=0, le=600,
    )  # fmt: skip


class PhotoShares(Shares):
    """Shares of the photos by role, chosen by content hash and cut in the order written; they add up to 1."""

    train: Share = value("Pretraining.", "section 4.3: 100,000 of 130,000; fidelity row 25")
    val: Share = value("Choice of the pretraining epoch.", "section 4.3: 15,000 of 130,000; fidelity row 25")
    test: Share = value("Figure 4 and the contact sheet.", "section 4.3: 15,000 of 130,000; fidelity row 25")
    labels: Share = value("Sources of simulated labelled images; 0 where labels are real.", "docs/simulated-votes.md")


class PhotosParams(Section):
    """The photos for pretraining."""

    sources: Set[Literal["packaged", "folder", "pexels", "unsplash_lite", "bsds500"]] = value(
        "One or more of: packaged: the photos inside installed packages; folder: any folder of photos, read recursively; pexels: the "
        "paper's, with its published split if it is named alone; unsplash_lite: a lawful alternative; bsds500: the 500 photos of the "
        "Berkeley set. The last three lie in data/raw/<source>, where rule download puts them.",
        "section 4.3; fidelity row 25",
        min_length=1,
    )
    folder: str = value("Folder of photos, relative to the project; only for the source folder.")
    limit: Count = value("Use only this many photos, chosen by hash; 0: all.", unit="photos")
    max_unusable: Share = value("Share of photos that may be unreadable before the run stops.", "fidelity row 14")
    shards: Positive = value("Number of tar files that the shrunk photos are spread over.")
    shares: PhotoShares
    apart: bool = value(
        "Whether photos that are copies or near-duplicates of images of the real labelled sets in labels.test_on are left out."
    )

    @model_validator(mode="after")
    def _folder_is_named(self) -> Self:
        if "folder" in self.sources and not self.folder:
            raise wrong("folder", "is empty, but photos.sources names 'folder'; name the folder")
        return self


class PexelsParams(Section):
    """The paper's photos."""

    accept_terms: bool = value(
        "Whether you have permission: the terms of pexels.com today forbid bulk copying for machine learning.",
        "ours; docs/data.md",
    )


class DownloadParams(Section):
    """How polite and how patient the rule download is; changes no result."""

    requests_per_second: float = value("Requests started, over all workers.", unit="requests a second", gt=0, le=1000)
    workers: int = value("Files fetched at once.", unit="files", ge=1, le=64)
    attempts: Positive = value("Attempts at one file before it counts as failed.")
    timeout_s: float = value("Time without any byte after which an attempt ends.", unit="seconds", gt=0)
    attempt_s: float = value(
        "Time after which an attempt at one file ends, however many bytes came; the next one goes on from there.", unit="seconds", gt=0
    )  # fmt: skip
    backoff_s: float = value("Wait before the second attempt; doubled before each further one.", unit="seconds", ge=0)
    longest_wait_s: float = value(
        "Longest back-off, and the longest Retry-After that is waited for; a longer one ends the download.",
        unit="seconds",
        ge=0,
    )
    give_up_after: Positive = value("Failures in a row after which the download ends.")
    max_megabytes: float = value("Largest file that is taken; more is not fetched.", unit="MB", gt=0)
    mirror: str = value(
        "Address of a mirror that keeps the files below the names of their hosts, for example with images.pexels.com/photos/... "
        "below it; empty: the original places."
    )


class SimulatedShares(Shares):
    """Shares of the source photos by the labelled set and split that they serve, cut in the order written; they add up to 1."""

    train: Share = value("Simulated AVA, fine-tuning.", "docs/simulated-votes.md")
    val: Share = value("Simulated AVA, validation.", "docs/simulated-votes.md")
    test: Share = value("Simulated AVA, test.", "docs/simulated-votes.md")
    tid2013: Share = value("Reference photos of the simulated TID2013.", "docs/simulated-votes.md")


class RaterWeights(Section):
    """How much each measured property counts."""

    sharpness: float = value("Energy of fine detail.", "docs/simulated-votes.md")
    contrast: float = value("Spread of lightness.", "docs/simulated-votes.md")
    exposure: float = value("Nearness of the mean lightness to the middle, less what is clipped.", "docs/simulated-votes.md")
    colourfulness: float = value("Hasler and Suesstrunk's measure.", "docs/simulated-votes.md")
    cleanness: float = value("Absence of noise.", "docs/simulated-votes.md")
    balance: float = value("Nearness of the detail's centre to where two lines of thirds cross.", "docs/simulated-votes.md")


class SimulateParams(Section):
    """The rater model that stands in for people where no ratings can be had."""

    pictures: int = value("Labelled images cut from each source photo.", "docs/simulated-votes.md", "images", ge=1, le=999)
    levels: int = value("Levels of each distortion type in the simulated TID2013.", "TID2013 has 5", ge=1, le=5)
    shares: SimulatedShares
    voters: Positive = value("Votes on an image.", "AVA has a median of about 200", "votes")
    mean: float = value("Mean of the mean scores.", "AVA's mean score is 5.38", "score, 1 to 10", ge=1, le=10)
    spread: float = value("Standard deviation of the mean scores.", "docs/simulated-votes.md", "score", gt=0, le=3)
    disagreement: float = value("Standard deviation of the votes on one image.", "docs/simulated-votes.md", "score", gt=0, le=5)
    taste: float = value(
        "What no measured property explains.", "docs/simulated-votes.md", "share of the scores' standard deviation", ge=0, le=1
    )
    weights: RaterWeights
