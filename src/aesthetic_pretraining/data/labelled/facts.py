"""Published facts about the labelled sets: their labels, the scale of their scores, their number of images, their sizes."""

from typing import NamedTuple


class Published(NamedTuple):
    """One set as published.

    Attributes:
        low, high: ends of the scale of the mean scores; higher is better in every set here.
        pictures: number of images that have a label; 0 if any number is valid.
        labels: the label file, relative to the set's folder.
        sides: (long, short) sides in pixels of the original images if all are equal; empty if they differ.
        kilobytes: mean size of an original file, 0 if unknown.
        copies: {short side that images do not exceed: description} of resized copies in circulation.
        technical: whether its scores are about technical quality, which JPEG compression would change.
    """

    low: float
    high: float
    pictures: int
    labels: str
    sides: tuple[int, int] | tuple[()] = ()
    kilobytes: int = 0
    copies: dict[int, str] = {}
    technical: bool = False


SETS = {
    "ava": Published(1, 10, 255_530, "AVA.txt", kilobytes=125, copies={256: "a copy resized to 256 pixels"}),
    "tid2013": Published(0, 9, 3_000, "mos_with_names.txt", (512, 384), technical=True),
    "koniq10k": Published(
        *(0, 100, 10_073, "koniq10k_distributions_sets.csv", (1024, 768)),
        copies={384: "the copy of half the size, 512 x 384"},
        technical=True,
    ),
    "kadid10k": Published(1, 5, 10_125, "dmos.csv", (512, 384), technical=True),
    "oasis": Published(1, 7, 742, "corrData.mat", (500, 400)),  # of 900; docs/data.md says which themes are left out
    "tad66k": Published(0, 10, 66_327, "train.csv"),
}
FORMATS = (*SETS, "folder")  # folder: any folder of images with labels.csv


def lossless(form: str) -> bool:
    """Whether a set's stored copies must be lossless.

    ASSUME: yes for a folder of one's own, whose scores may be about technical quality; it only costs disk space.
    """
    return form not in SETS or SETS[form].technical
