"""Snakemake's own records of how each output was made (.snakemake/metadata, record format 6)."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

from aesthetic_pretraining.data.recorded import META, record_path

UNFINISHED = Path(".snakemake/incomplete")  # files of the same names, of outputs whose jobs have not ended well


def read_json(path: Path) -> dict:
    """The content of a file; empty if it is not there or damaged."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def unfinished(name: str) -> bool:
    """Whether Snakemake will make an output again, because its job has not ended well, whoever else knows the output."""
    return record_path(name, below=UNFINISHED).exists()


def recorded() -> Iterator[str]:
    """Every output that has a record here, whole or cut off."""
    for path in META.rglob("*"):
        if path.is_file():
            parts = [part.removeprefix("@") for part in path.relative_to(META).parts]
            try:
                yield base64.urlsafe_b64decode("".join(parts)).decode()
            except ValueError:  # no record of Snakemake's
                continue


def read_record(name: str) -> dict | None:
    """The local record of an output; None if there is none or it is damaged."""
    record = read_json(record_path(name))
    whole = isinstance(record.get("input"), list) and isinstance(record.get("input_checksums"), dict)
    return record if whole else None


def write_record(name: str, record: dict) -> None:
    """Replace the local record of an output."""
    path = record_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))


def describes(record: dict | None, name: str) -> bool:
    """Whether the record was written for the very file that is there now."""
    return record is not None and os.path.exists(name) and record.get("endtime") == os.stat(name).st_mtime
