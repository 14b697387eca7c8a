"""Pages of scored photos: thumbnails, votes, what is off; sorted and filtered in the browser, each file complete in itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aesthetic_pretraining.files import write_text
from aesthetic_pretraining.use.bundle import Bundle
from aesthetic_pretraining.use.journal import Journal
from aesthetic_pretraining.use.words import SAID

TEMPLATE = Path(__file__).with_name("templates") / "scores.html.j2"
PER_PAGE = 240  # photos, some 2 MB
BARS = 20  # of the histogram of all scores


def write_pages(journal: Journal, offsets: np.ndarray, scores: np.ndarray, broken: int, out: Path, bundle: Bundle) -> None:
    """Write scores.html and, for more than PER_PAGE photos, scores-2.html and so on; pages of an earlier run beyond them are removed.

    Args: offsets: of the photos' rows in the journal, from the highest score down; scores: theirs.
    """
    import jinja2

    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    count = max(1, -(-len(offsets) // PER_PAGE))
    links = [name_of(page) for page in range(1, count + 1)]
    low, high = bundle.values[0], bundle.values[-1]
    shared = {
        **{
            "name": bundle.name,
            "simulated": bundle.simulated,
            "low": low,
            "high": high,
            "values": bundle.values,
            "links": links,
        },
        **{"total": len(scores), "broken": broken, "bars": histogram(scores, low, high)},
        "mean": float(scores.mean()) if len(scores) else None,
        "about": bundle.config.get("explanation"),
    }
    for page in range(1, count + 1):
        mine = journal.at(offsets[(page - 1) * PER_PAGE : page * PER_PAGE].tolist())
        off = sorted({each["distortion"] for row in mine for each in row["off"]})
        named = {name: " / ".join(filter(None, SAID.get(name, ()))) or name for name in off}
        write_text(out / name_of(page), template.render(photos=[_shown(row) for row in mine], page=page, named=named, **shared))
    for path in out.glob("scores-*.html"):
        if path.name not in links:
            path.unlink()


def name_of(page: int) -> str:
    """The file of a page, from 1."""
    return "scores.html" if page == 1 else f"scores-{page}.html"


def histogram(scores: np.ndarray, low: float, high: float) -> list[dict[str, Any]]:
    """Photos by score: {"low", "high", "count", "share"} of each bar, share of the highest one."""
    counts, edges = np.histogram(scores, bins=BARS, range=(low, high))
    most = max(1, int(counts.max()))
    return [
        {"low": float(a), "high": float(b), "count": int(n), "share": n / most}
        for n, a, b in zip(counts, edges[:-1], edges[1:], strict=True)
    ]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row as the template takes it: the votes as heights of bars in percent of the highest."""
    votes: Sequence[float] = row["votes"]
    return row | {
        "heights": [round(100 * vote / max(votes), 1) for vote in votes],
        "kinds": [each["distortion"] for each in row["off"]],
    }
