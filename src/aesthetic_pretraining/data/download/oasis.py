"""OASIS (Kurdi, Lozano and Banaji, 2017) with single beauty ratings (Brielmann and Pelli, 2019), by pinned commits.

Photos of some themes are never fetched: `pinned.OASIS_LEFT_OUT`.
"""

from pathlib import Path
from urllib.parse import quote

from aesthetic_pretraining.data.pinned import oasis_photos

ROOT = Path("data/raw/oasis")
PHOTOS_AT = "https://raw.githubusercontent.com/bkurdi/shiny-server/1a3bcada01115bbe651bf0e69f7410c8ef63cc94/"
RATINGS_AT = "https://raw.githubusercontent.com/aenneb/OASIS-beauty/3751d2a38eae925b0ba1726a199f342425870d81/"
TABLES = (  # OASIS.csv says where each photo is from
    ("corrData.mat", RATINGS_AT, "1008608988606546d057161fa7ffd2b4fafe01c22397871e521db43b682f25d3"),
    ("means_per_image.csv", RATINGS_AT, "8e566cf09a59e4cb02406c80b30670b2157e1cec5797864c2aea89d8b892cbd3"),
    ("OASIS.csv", PHOTOS_AT, "7f059c01d627739d0d64bf71ea7727ecec80df1e3e702007744e6fb6c6dffe5a"),
)


def file_rows() -> list[dict]:
    """What to fetch below ROOT: id, file, url, sha256; the tables first."""
    tables = [{"id": name, "file": name, "url": at + name, "sha256": digest} for name, at, digest in TABLES]
    photos = oasis_photos()
    names = [f"images/{file}" for file in photos["file"]]
    return tables + [
        {"id": name, "file": name, "url": PHOTOS_AT + quote(name), "sha256": digest}
        for name, digest in zip(names, photos["sha256"], strict=True)
    ]
