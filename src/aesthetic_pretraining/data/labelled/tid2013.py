"""TID2013 (paper section 4.6): mos_with_names.txt and distorted_images/iRR_TT_L.bmp, mean opinion scores 0 to 9."""

import re

import pandas as pd

from aesthetic_pretraining.data.sources import Source, read_text
from aesthetic_pretraining.errors import UserError

LABELS = "mos_with_names.txt"


def read_tid2013(source: Source) -> pd.DataFrame:
    """The listing of TID2013: id, file, score (0..9).

    Trap: names differ in letter case between the label file and the disk (I01_11_1.BMP, i01_11_1.bmp), so case is ignored.
    Raises: UserError for a malformed row, or a labelled image that does not exist.
    """
    names = source.names()
    on_disk = {name.split("/")[-1].lower(): name for name in names if name.startswith("distorted_images/")}
    rows = []
    for number, line in enumerate(read_text(source, LABELS).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            score, name = line.split()
            value = float(score)
        except ValueError as error:
            raise UserError(f"{LABELS}, row {number}: needs a score and a file name, has {line.strip()[:60]!r}") from error
        if not 0 <= value <= 9:
            raise UserError(f"{LABELS}, row {number}: the score {score} is outside 0 to 9")
        if name.lower() not in on_disk:
            raise UserError(
                f"{LABELS}, row {number}: distorted_images/{name} does not exist in any letter case; unpack the archive again"
            )
        rows.append((name.lower().removesuffix(".bmp"), on_disk[name.lower()], value))
    if not rows:
        raise UserError(f"{LABELS}: is empty; fetch the file again")
    if len({row[0] for row in rows}) != len(rows):
        raise UserError(f"{LABELS}: an image appears twice; fetch the file again")
    return pd.DataFrame(rows, columns=["id", "file", "score"])


def scene_of(picture: str) -> str:
    """The reference photo, "i01" to "i25", of an image with an id like "i01_24_5". Raises: UserError for another id."""
    match = re.fullmatch(r"(i\d+)_\d+_\d+", picture)
    if match is None:
        raise UserError(f"tid2013: the image {picture!r} is not named iRR_TT_L, so its scene is unknown; fetch {LABELS} again")
    return match[1]
