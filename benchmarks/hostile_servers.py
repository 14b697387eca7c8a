"""Fetch from a server that misbehaves in every way of tests/data/servers.py and count what is mishandled.

For `make bench-faults`: `tally()` gives the figures. `python benchmarks/hostile_servers.py` prints them.
"""

import io
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/data")]

from servers import Handler, policy, serving  # noqa: E402  # lies beside the tests

from aesthetic_pretraining.data.download.batch import download  # noqa: E402
from aesthetic_pretraining.errors import UserError  # noqa: E402

SECONDS = 60  # that one file may take, with all its attempts
FULL = 20e6  # bytes on disk that one file may leave or take


class Tally(NamedTuple):
    """tried: ways to misbehave. lost: those with a wrong file, a hang, a full disk, or an error that is no sentence."""

    tried: int
    lost: list[str]


def tally() -> Tally:
    """Try every way once: each file must arrive as it is, or be on the record with a reason, within bounds."""
    ways = sorted(name.removeprefix("do_") for name in dir(Handler) if name.startswith("do_") and name != "do_GET")
    lost = [f"{way}: {wrong}" for way in ways if (wrong := _try(way))]
    return Tally(len(ways), lost)


def _try(way: str) -> str:
    """What went wrong, or nothing."""
    with serving({"0.jpg": _photo()}) as server, tempfile.TemporaryDirectory() as folder:
        table = server.rows([way])
        start = time.monotonic()
        try:
            row = download(table, folder, policy(attempts=2, attempt_s=2)).iloc[0]
        except UserError as error:  # a server that asks to wait for too long
            return "" if str(error) else "an empty sentence"
        except Exception as error:  # that is what is counted
            return f"{type(error).__name__}: {error}"
        if time.monotonic() - start > SECONDS:
            return "too slow"
        if sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) > FULL:
            return "too much on the disk"
        if row["state"] == "fetched":
            return "" if (Path(folder) / "0.jpg").read_bytes() == server.files["0.jpg"] else "a wrong file"
        return "" if row["reason"] and not (Path(folder) / "0.jpg").exists() else "a file without a record"


def _photo() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (36, 48, 3), dtype=np.uint8)).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


if __name__ == "__main__":
    result = tally()
    print(*result.lost, sep="\n")
    print(f"server_faults_tried = {result.tried}\nserver_faults_lost = {len(result.lost)}")
