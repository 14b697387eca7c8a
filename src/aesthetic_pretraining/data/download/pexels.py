"""The paper's photos (section 4.3): the authors' lists of file names, their URLs, and the terms to accept.

The lists are from one commit of the authors' repository, pinned by digest; this repository does not include them.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from aesthetic_pretraining.errors import UserError

ROOT = Path("data/raw/pexels")
LISTS_AT = (
    "https://raw.githubusercontent.com/janpf/self-supervised-multi-task-aesthetic-pretraining/"
    "ca501c939bc887cfaed841d44c0140858795f0ee/dataset/"
)
LISTS = {
    "train": ("train_set.txt", "a94d7ddd2977b800820f1e5afce85b55a6148ea6491be5993958c93e994d7812"),
    "val": ("val_set.txt", "357e89a67049284659ab8da7eb63cd824078dad0d25eca12900a8d3f5cd867b8"),
    "test": ("test_set.txt", "69db7d4ce73451282f7e6e5589fa4b693a92e34de97b39ea19d65b2742769e49"),
}
URLS, URLS_BLOB = "urls.txt", "a13430fd692ca4e3f5559fae6377f5b88d3663b7"
WIDTH = 1000  # pixels: the authors appended ?w=1000
ID = re.compile(r"-(\d+)\.(?:jpeg|jpg|png)$")


def require_terms(accepted: bool) -> None:
    """Raise UserError unless the user has confirmed that the site's terms allow the download."""
    if not accepted:
        raise UserError(
            "params.yaml: pexels.accept_terms is false: the terms of pexels.com today forbid bulk copying for machine learning, "
            "so set it to true only with permission, or name unsplash_lite, bsds500, folder or packaged in photos.sources instead"
        )


def git_blob(data: bytes) -> str:
    """The id that git gives a file of these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def wrong_list(file: str, data: bytes) -> str:
    """What is wrong with the bytes of the list `file`, by the digests pinned above, or ""."""
    known = {name: (digest, hashlib.sha256(data).hexdigest()) for name, digest in LISTS.values()}
    wanted, found = known.get(file, (URLS_BLOB, git_blob(data)))
    return "" if wanted == found else f"other bytes than the authors': digest {found}, not {wanted}"


def list_rows() -> list[dict]:
    """What to fetch before the photos: id, file, url, sha256 of the three lists and of the list of URLs."""
    names = [*LISTS.values(), (URLS, "")]
    return [{"id": name, "file": name, "url": LISTS_AT + name, "sha256": digest} for name, digest in names]


def roles(root: Path = ROOT) -> dict[str, str]:
    """{file name: split} of the 130,000 photos, as published (fidelity row 25).

    Raises: UserError if a list is missing or is not the authors', or if a name is in two lists.
    """
    found: dict[str, str] = {}
    for split, (name, _) in LISTS.items():
        for photo in _lines(root, name):
            if photo in found:
                raise UserError(
                    f"{root / 'lists' / name}: {photo} is also in the list of {found[photo]}; fetch the lists again"
                )
            found[photo] = split
    return found


def photo_rows(root: Path = ROOT) -> list[dict]:
    """What to fetch: id and file (the name in the lists), url, sha256 (not published: ""); sorted by id."""
    by_name = {line.rsplit("/", 1)[-1].partition("?")[0]: line.partition("?")[0] for line in _lines(root, URLS)}
    return [{"id": name, "file": name, "url": address(name, by_name), "sha256": ""} for name in sorted(roles(root))]


def address(name: str, by_name: Mapping[str, str]) -> str:
    """The URL of a photo: the authors', or one built from the id in its name, or "".

    Names are not quoted: four contain %2B, which would become %252B.
    """
    match = ID.search(name)
    base = by_name.get(name) or (f"https://images.pexels.com/photos/{match[1]}/{name}" if match else "")
    return base and f"{base}?w={WIDTH}"


def _lines(root: Path, name: str) -> list[str]:
    """The lines of a list, verified against its pinned digest."""
    path = root / "lists" / name
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; 'snakemake --cores 1 {ROOT}/download.csv' fetches it") from error
    if wrong := wrong_list(name, data):
        raise UserError(f"{path}: {wrong}; delete it and fetch it again")
    return [line.strip() for line in data.decode().splitlines() if line.strip()]
