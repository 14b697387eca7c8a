"""TID2013 (paper section 4.6): mos_with_names.txt and distorted_images/iRR_TT_L.bmp, mean opinion scores 0 to 9."""

import re

import pandas as pd

from aesthetic_pretraining.data.sources import Source, is_picture, read_text
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.settings.labels import SetSource

LABELS = "mos_with_names.txt"


def read_tid2013(source: Source, entry: SetSource | None = None) -> pd.DataFrame:
    """The listing of TID2013: id, file, score (0..9), group (the reference photo).

    Trap: names differ in letter case between the label file and the disk (I01_11_1.BMP, i01_11_1.bmp), so case is ignored.
    Raises: UserError for a malformed row, or a labelled image that does not exist.
    """
    on_disk: dict[str, str] = {}
    for file in source.names():
        folder, _, own = file.partition("/")
        if folder != "distorted_images" or "/" in own or not is_picture(own):  # a copy in a folder below is another picture
            continue
        if own.lower() in on_disk:
            raise UserError(
                f"{on_disk[own.lower()]} and {file} differ in letter case alone; remove the one that is not TID2013's"
            )
        on_disk[own.lower()] = file
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
    table = pd.DataFrame(rows, columns=["id", "file", "score"])
    return table.assign(group=table["id"].map(scene_of))


def scene_of(picture: str) -> str:
    """The reference photo, "i01" to "i25", of an image with an id like "i01_24_5". Raises: UserError for another id."""
    match = re.fullmatch(r"(i\d+)_\d+_\d+", picture)
    if match is None:
        raise UserError(f"tid2013: the image {picture!r} is not named iRR_TT_L, so its scene is unknown; fetch {LABELS} again")
    return match[1]
