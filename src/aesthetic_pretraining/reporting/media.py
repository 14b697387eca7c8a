"""What the report page carries inside: images as lossless WebP with their alternative texts, and files to download."""

import base64
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup
from PIL import Image

PIXELS_PER_INCH = 110  # of the page (96 to a CSS inch): letters of all figures have one size, about that of the text
DPI = 200  # of a PNG that does not say
TYPES = {".csv": "text/csv", ".pdf": "application/pdf", ".svg": "image/svg+xml", ".md": "text/markdown", ".tex": "text/x-tex"}


class Picture(NamedTuple):
    """An image on the page: its data URI, what is seen on it ("" if its file does not say), width and height in CSS pixels."""

    source: Markup
    alt: str
    width: int
    height: int


class Download(NamedTuple):
    """A file inside of the page: its name, printed kind, data URI and size in words."""

    name: str
    kind: str
    source: Markup
    size: str


def picture(path: Path) -> Picture:
    """A PNG as lossless WebP, which takes about two thirds of its bytes. Its text chunk Description is the alternative text."""
    with Image.open(path) as image:
        alt = str(image.info.get("Description", ""))
        across, _ = image.info.get("dpi", (DPI, DPI))
        scale = PIXELS_PER_INCH / across
        flat = image.convert("RGB")  # figures have no transparent parts
    buffer = io.BytesIO()
    flat.save(buffer, "WEBP", lossless=True, quality=75, method=1)  # slower methods save 2 %
    size = (max(1, round(length * scale)) for length in flat.size)
    return Picture(_data_uri("image/webp", buffer.getvalue()), alt, *size)


def download(path: Path) -> Download:
    """A file to download. Raises: ValueError for a suffix that is not among `TYPES`."""
    path = Path(path)
    if path.suffix not in TYPES:
        raise ValueError(f"{path}: the report offers files of {', '.join(TYPES)}")
    content = path.read_bytes()
    return Download(path.name, path.suffix[1:].upper(), _data_uri(TYPES[path.suffix], content), _size(len(content)))


def downloads(paths: Iterable[Path]) -> dict[str, list[Download]]:
    """{name without suffix: its files}, in the given order."""
    found: dict[str, list[Download]] = {}
    for path in map(Path, paths):
        found.setdefault(path.stem, []).append(download(path))
    return found


def total(files: Iterable[Sequence[Download]]) -> int:
    """The number of files."""
    return sum(map(len, files))


def _data_uri(kind: str, content: bytes) -> Markup:
    return Markup(f"data:{kind};base64," + base64.b64encode(content).decode("ascii"))


def _size(length: int) -> str:
    return f"{length / 1e6:.1f} MB" if length >= 1e6 else f"{max(1, round(length / 1e3))} kB"
