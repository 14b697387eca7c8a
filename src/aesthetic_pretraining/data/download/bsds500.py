"""BSDS500 (Arbelaez and others, 2011): 500 photos of the Berkeley Segmentation Data Set, by a pinned commit."""

from pathlib import Path

from aesthetic_pretraining.data.pinned import BSDS500, read_pins

ROOT = Path("data/raw/bsds500")
PHOTOS_AT = "https://raw.githubusercontent.com/BIDS/BSDS500/a04b7c6c3a9f0ace74bf205c72a43d32e1c72722/BSDS500/data/images/"


def photo_rows() -> list[dict]:
    """What to fetch: id and file ("train/100075.jpg"), url, sha256; sorted by id."""
    pins = sorted(read_pins(BSDS500)[["file", "sha256"]].itertuples(index=False, name=None))
    return [{"id": file, "file": file, "url": PHOTOS_AT + file, "sha256": digest} for file, digest in pins]
