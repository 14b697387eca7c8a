"""What a scoring run leaves: tables for programs, pages for people.

scores.csv      file, score, spread, explanation, vote_<value> for each vote
scores.jsonl    the same, one JSON object a line, and what is off with level and probability
broken.csv      file, reason of photos that have no score
scores.html     the photos from the highest score down, and scores-2.html and so on behind it
"""

import csv
import json
from array import array
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.use.bundle import Bundle
from aesthetic_pretraining.use.journal import Journal
from aesthetic_pretraining.use.pages import write_pages


def write_outputs(journal: Journal, out: Path, bundle: Bundle, pages: bool = True) -> dict[str, Any]:
    """Write all outputs from a complete journal, each file whole or not at all; memory: a few bytes for each photo.

    Returns: {"photos", "scored", "broken"}: how many.
    """
    offsets, scores = array("q"), array("d")
    broken = 0
    with ExitStack() as stack:
        table, lines, refused = (
            stack.enter_context(open(stack.enter_context(atomic_path(out / name)), "w", encoding="utf-8", newline=""))
            for name in ("scores.csv", "scores.jsonl", "broken.csv")
        )
        rows, bad = csv.writer(table, lineterminator="\n"), csv.writer(refused, lineterminator="\n")
        rows.writerow(header(bundle.values))
        bad.writerow(["file", "reason"])
        for offset, row in journal:
            if "unreadable" in row:
                bad.writerow([row["file"], row["unreadable"]])
                broken += 1
                continue
            rows.writerow(
                [
                    row["file"],
                    f"{row['score']:.4f}",
                    f"{row['spread']:.4f}",
                    row["explanation"],
                    *(f"{v:.6f}" for v in row["votes"]),
                ]
            )
            row.pop("thumb", None)
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
            offsets.append(offset)
            scores.append(row["score"])
        for file in (table, lines, refused):
            file.flush()
    if pages:
        # stable, so that equal scores stay in the photos' order
        order = np.argsort(-np.asarray(scores), kind="stable")
        write_pages(journal, np.asarray(offsets)[order], np.asarray(scores)[order], broken, out, bundle)
    return {"photos": journal.rows, "scored": len(scores), "broken": broken}


def header(values: Sequence[float]) -> list[str]:
    """The columns of scores.csv."""
    return ["file", "score", "spread", "explanation", *(f"vote_{value:g}" for value in values)]
