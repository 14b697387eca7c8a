"""OASIS with single beauty ratings: corrData.mat, means_per_image.csv, and images/ as rule download puts them."""

import io

import numpy as np
import pandas as pd

from aesthetic_pretraining.data.labelled.tables import read_rows
from aesthetic_pretraining.data.pinned import check_digests, oasis_photos
from aesthetic_pretraining.data.sources import Source
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.settings.labels import SetSource

RATINGS, MEANS = "corrData.mat", "means_per_image.csv"
RATED = np.arange(1, 8)  # the scale of the ratings
ROUNDED = 0.005 + 1e-9  # the published means have two decimals


def read_oasis(source: Source, entry: SetSource) -> pd.DataFrame:
    """The listing of OASIS: id ("Beach 1"), file, score, v1..v7, group (the theme, "Beach").

    Photos of the themes in resources/oasis_left_out.csv are not listed. The published means and numbers of ratings, which are in the
    order of the columns of corrData.mat, are the check of the ratings.
    Trap: the ratings name an image "Acorns1" whose file is "Acorns 1.jpg", and one theme of the original table ends with a blank; letter
    case and blanks are ignored. The means by gender do not belong to the images in the same row and are not read.
    Raises: UserError for ratings that are not the published ones, for a photo without ratings, and for one that was changed.
    """
    photos = oasis_photos()
    photos["file"] = "images/" + photos["file"]
    means = read_rows(source, MEANS, ["Theme", "beauty_mean", "N"])
    votes = count_votes(source)
    check_means(votes, means)
    column = {_plain(theme): k for k, theme in enumerate(means["Theme"])}
    names = photos["file"].str.removeprefix("images/").str.removesuffix(".jpg")
    if missing := [name for name in names if _plain(name) not in column]:
        raise UserError(f"{MEANS}: has no ratings of the photo {missing[0]!r}; fetch the file again")
    check_digests(source, photos, entry.root)
    mine = votes[[column[_plain(name)] for name in names]]
    listing = pd.DataFrame({"id": names, "file": photos["file"], "score": mine @ RATED / mine.sum(axis=1)})
    for k, value in enumerate(RATED):
        listing[f"v{value}"] = mine[:, k]
    return listing.assign(group=photos["theme"])


def count_votes(source: Source) -> np.ndarray:
    """corrData.mat, participants x photos, NaN where a participant did not see a photo -> votes (photos, 7)."""
    from scipy.io import loadmat  # here, because scipy imports slowly and no other set needs it
    from scipy.io.matlab import MatReadError

    try:
        ratings = loadmat(io.BytesIO(source.read(RATINGS)), variable_names=["corrData"])["corrData"]
    except FileNotFoundError as error:
        raise UserError(f"{RATINGS} is missing; fetch the set again") from error
    except (ValueError, TypeError, KeyError, NotImplementedError, MatReadError, OSError, EOFError) as error:
        raise UserError(f"{RATINGS}: is not a MATLAB file with the matrix corrData; fetch it again") from error
    if ratings.ndim != 2 or ratings.dtype.kind not in "fiu":
        raise UserError(f"{RATINGS}: corrData is not a matrix of numbers; fetch the file again")
    given = ~np.isnan(ratings.astype(float))
    strange = given & ~np.isin(ratings, RATED)
    if strange.any():
        rater, photo = np.argwhere(strange)[0]
        raise UserError(
            f"{RATINGS}: participant {rater + 1} gave photo {photo + 1} the rating {ratings[rater, photo]:g}, which is not one of 1 to 7; "
            "fetch the file again"
        )
    return np.stack([(ratings == value).sum(axis=0) for value in RATED], axis=1)


def check_means(votes: np.ndarray, means: pd.DataFrame) -> None:
    """Compare votes (photos, 7) with the published N and beauty_mean of each photo. Raises: UserError naming the first difference."""
    if len(votes) != len(means):
        raise UserError(f"{RATINGS} has {len(votes)} photos, but {MEANS} {len(means)}; take both from the same release")
    numbers = means[["N", "beauty_mean"]].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    count = votes.sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean = votes @ RATED / count
        same = (numbers[:, 0] == count) & (np.abs(numbers[:, 1] - mean) <= ROUNDED)  # False for NaN
    if not same.all():
        row = int((~same).argmax())
        raise UserError(
            f"{MEANS}, row {row + 2}: {means['Theme'].iloc[row]} has N {means['N'].iloc[row]} and mean {means['beauty_mean'].iloc[row]}, but "
            f"the ratings of {RATINGS} give {count[row]} and {mean[row]:.3f}; fetch both files again"
        )


def _plain(name: str) -> str:
    return name.replace(" ", "").lower()
