"""Outputs of earlier runs beside their recorded digests: files that were damaged since, their time stamps unchanged or not.

The records are those that every run saves at its end (workflow/lib/provenance.py), read here as data.
"""

import base64
import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import sha256

META = Path(".snakemake/metadata")  # Snakemake's records, format 6


class Damage(NamedTuple):
    """A file that is not what its record says, the reason, and how to make it anew."""

    file: str
    reason: str
    do: str


def saved(scale: str) -> tuple[dict[str, str], list[Damage]]:
    """{output: SHA-256 as sha256:...} of a scale as its last runs saved them, and those records that are damaged themselves.

    Outputs that a later run made anew, but did not come to save, are not among them.
    """
    known: dict[str, str] = {}
    damaged = []
    md5s = locked()
    for path in sorted(Path(f"results/{scale}/provenance").glob("*.json")):
        try:
            entries = json.loads(path.read_text(encoding="utf-8")).items()
            known |= {name: entry["sha256"] for name, entry in entries if not _made_since(name, _seen(path))}
            whole = _known_as_it_is(path, md5s)
        except (ValueError, AttributeError, TypeError, KeyError):
            whole = False
        if not whole:
            damaged.append(Damage(str(path), "is not the record that the last run saved", _anew(path, scale, "save it anew")))
    return known, damaged


def _known_as_it_is(path: Path, md5s: Mapping[str, str]) -> bool:
    """Whether a file of records is the one that this folder or dvc.lock knows; where neither knows any, it is believed."""
    seen = _seen(path)
    if seen.exists() and seen.read_text(encoding="utf-8", errors="replace") == "sha256:" + sha256(path):
        return True
    if str(path) in md5s:
        return hashlib.md5(path.read_bytes()).hexdigest() == md5s[str(path)]
    return not seen.exists()


def _seen(path: Path) -> Path:
    """Where this folder notes the digest of a file of records whenever it saves or takes it over."""
    return Path(".snakemake/provenance-seen", path.parts[1], path.stem)


def _made_since(name: str, seen: Path) -> bool:
    """Whether a job made the output after the last save: it is younger, and Snakemake's own record is of this very file."""
    if not seen.exists() or not Path(name).exists():
        return False
    made = Path(name).stat().st_mtime
    if made <= seen.stat().st_mtime:
        return False
    try:
        return bool(json.loads(record_path(name).read_text(encoding="utf-8"))["endtime"] == made)
    except (OSError, ValueError, TypeError, KeyError):
        return False


def record_path(name: str, limit: int = 255, below: Path = META) -> Path:
    """Where Snakemake keeps its record of an output; `below` another folder, its other notes on it."""
    code = base64.urlsafe_b64encode(name.encode()).decode()
    parts = [code[i : i + limit - 1] for i in range(0, len(code), limit - 1)]
    return below.joinpath(*["@" + part for part in parts[:-1]], parts[-1])


def locked() -> dict[str, str]:
    """{output: MD5} of dvc.lock, empty if there is none. Raises: UserError if it cannot be read."""
    import yaml  # here, because every job imports this module, and only the doctor and records read the lock

    try:
        lock = yaml.safe_load(Path("dvc.lock").read_text(encoding="utf-8")) or {}
        return {out["path"]: out["md5"] for stage in lock.get("stages", {}).values() for out in stage.get("outs", [])}
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise UserError("dvc.lock: is damaged; take it back (git checkout dvc.lock), or delete it and run again") from error


def damages(known: Mapping[str, str], scale: str, files: Iterable[str] | None = None) -> list[Damage]:
    """Those of `files` (None: of all that are known) that are there with another content than the recorded one, or not there."""
    found = []
    for name in sorted(known if files is None else known.keys() & set(map(str, files))):
        if not Path(name).is_file():
            found.append(Damage(name, "is missing", f"make it anew: {_run(scale)}"))
        elif "sha256:" + sha256(name) != known[name]:
            found.append(Damage(name, "is not what was made: damaged or edited", _anew(name, scale, "make it anew")))
    return found


def of_job(files: Iterable[str]) -> str:
    """One sentence on the first damaged one of a job's inputs, for a job that failed; empty if all are as they were made."""
    files = list(map(str, files))
    scales = {parts[1] for parts in (Path(file).parts for file in files) if parts[0] in ("data", "models", "results")}
    for scale in sorted(scales):
        with contextlib.suppress(UserError):  # of what the records are damaged themselves, the doctor speaks
            if found := damages(saved(scale)[0], scale, files):
                return f"{found[0].file} {found[0].reason}; {found[0].do}"
    return ""


def _anew(path: str | Path, scale: str, what: str) -> str:
    return f"delete it and {what}: rm {path} && {_run(scale)}"


def _run(scale: str) -> str:
    return f"snakemake all --config scale={scale}"
