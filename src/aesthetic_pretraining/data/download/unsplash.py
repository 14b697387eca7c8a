"""Unsplash Lite: 25,000 photos whose terms allow research; the user downloads photos.tsv, which has the URLs."""

import re
from pathlib import Path

from aesthetic_pretraining.data.sources import decode_text, rows_of
from aesthetic_pretraining.errors import UserError

ROOT = Path("data/raw/unsplash_lite")
TABLE = "photos.tsv"  # the set's own name for it; tab-separated, with a header
WIDTH = 1000  # pixels, as for Pexels


def photo_rows(root: Path = ROOT) -> list[dict]:
    """What to fetch: id, file, url, sha256 (not published: ""); sorted by id.

    Raises: UserError if photos.tsv is missing, or naming the row that is not as published.
    """
    path = root / TABLE
    try:
        text = decode_text(path.read_bytes(), str(path))
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; docs/data.md says where to get it") from error
    # as other readers of this table do, not strict with quotation marks inside of descriptions
    header, body = rows_of(text, str(path), ["photo_id", "photo_image_url"], delimiter="\t", strict=False)
    rows = [_row(path, number, dict(zip(header, fields, strict=True))) for number, fields in body.items()]
    seen: set[str] = set()
    for row in rows:
        if row["id"] in seen:
            raise UserError(f"{path}: photo {row['id']} appears twice; keep one of the rows")
        seen.add(row["id"])
    return sorted(rows, key=lambda row: row["id"])


def _row(path: Path, number: int, record: dict) -> dict:
    photo, url = record["photo_id"], record["photo_image_url"]
    if not re.fullmatch(r"[\w-]{1,64}", photo, re.ASCII):
        raise UserError(
            f"{path}, row {number}: photo_id is {photo!r}, but must be letters, digits, _ and -; fetch the table again"
        )
    if not url.startswith(("https://", "http://")):
        raise UserError(f"{path}, row {number}: photo_image_url is {url[:60]!r}, which is not a URL; fetch the table again")
    return {"id": photo, "file": f"{photo}.jpg", "url": f"{url}?w={WIDTH}", "sha256": ""}
