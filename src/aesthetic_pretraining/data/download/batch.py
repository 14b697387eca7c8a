"""Parallel, resumable download of a whole set: each file is complete, or recorded with the reason why not.

In the set's folder: the files; `parts/` with unfinished ones; `journal.jsonl` with one line per attempted file, so that a new run
trusts what an earlier one verified.
"""

import hashlib
import json
import logging
import os
import queue
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from aesthetic_pretraining.data.download import pexels
from aesthetic_pretraining.data.download.http import Faulty, Fetcher, Policy, drop
from aesthetic_pretraining.data.images import OUTER, Unreadable, read_picture
from aesthetic_pretraining.data.progress import Progress
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import atomic_path, locked, unsafe, writable

DOWNLOAD_COLUMNS = ["id", "file", "url", "sha256", "bytes", "state", "reason"]
Check = Callable[[str, bytes], str]  # file name, bytes -> what is wrong, or ""

log = logging.getLogger(__name__)


def whole_picture(file: str, data: bytes) -> str:
    """Why the bytes are not a complete image, or ""; the store's criterion, without its limits."""
    try:
        read_picture(data, short_side=1, limits=OUTER)
    except Unreadable as error:
        return str(error)
    return ""


def download(table: pd.DataFrame, folder: str | Path, policy: Policy, check: Check = whole_picture) -> pd.DataFrame:
    """Fetch every file of `table` that `folder` lacks; the result has DOWNLOAD_COLUMNS, in the table's order.

    `state` is "fetched" or "failed"; if failed, `reason` says why, and `sha256` and `bytes` are empty. An existing file that passes
    the check is kept.

    Args:
        table: id, file (relative name), url and sha256 ("" if unknown), all text.
        check: what a file must satisfy besides its SHA-256.
    Raises: UserError for an unsafe table, a folder that is not writable, another download in it, a server that asks for too long a
        wait, or `policy.give_up_after` failures in a row.
    """
    folder = Path(folder)
    _check_table(table)
    with writable(folder), locked(folder / ".lock", "another download"):
        (folder / "parts").mkdir(exist_ok=True)
        rows = _Run(folder, policy, check, len(table)).all(table[["id", "file", "url", "sha256"]].to_dict("records"))
    result = pd.DataFrame(rows, columns=DOWNLOAD_COLUMNS)
    _summarise(folder, result)
    return result


def download_lists(folder: str | Path, policy: Policy) -> None:
    """Download the authors' lists and URLs of the Pexels photos. Raises: UserError naming a list that is unavailable."""
    lists = download(pd.DataFrame(pexels.list_rows()), folder, policy, pexels.wrong_list)
    for row in lists[lists["state"] == "failed"].itertuples():
        raise UserError(f"{row.url}: {row.reason}; put the file into {folder} by hand, or run again")


def download_pinned(table: pd.DataFrame, folder: str | Path, policy: Policy) -> pd.DataFrame:
    """As `download`, of a set whose every file has a known SHA-256, so that all are needed and none is checked otherwise.

    The first file is fetched alone: without a network, the run ends after the attempts at it.
    Raises: UserError if a file is not as published or cannot be fetched.
    """
    for rows in (table.head(1), table):
        result = download(rows, folder, policy, lambda file, data: "")
        failed = result[result["state"] == "failed"]
        if len(failed):
            first = failed.iloc[0]
            raise UserError(
                f"{first['url']}: {first['reason']} ({len(failed)} of {len(result)} files); look at the network, the proxy or download.mirror "
                "and run again: finished files are kept"
            )
    return result


class _Run:
    """One download, under its lock."""

    def __init__(self, folder: Path, policy: Policy, check: Check, total: int):
        self.folder, self.policy, self.check = folder, policy, check
        self.fetcher = Fetcher(policy)
        self.journal = Journal(folder / "journal.jsonl")
        self.lock, self.stop = threading.Lock(), threading.Event()
        self.failures = 0
        self.progress = Progress(folder.name, total, "files")

    def all(self, rows: list[dict]) -> list[dict]:
        """The results of all rows, in their order."""
        todo: queue.SimpleQueue = queue.SimpleQueue()
        for row in rows:
            todo.put(row)
        try:
            with ThreadPoolExecutor(self.policy.workers) as pool:
                for worker in [pool.submit(self._work, todo) for _ in range(self.policy.workers)]:
                    worker.result()
        finally:
            self.stop.set()
            self.fetcher.close()
            self.journal.close()
        return [self.journal.rows[row["id"]] for row in rows]

    def _work(self, todo: queue.SimpleQueue) -> None:
        """Process rows until there are none left, or until another thread stops the run."""
        try:
            while not self.stop.is_set():
                try:
                    row = todo.get_nowait()
                except queue.Empty:
                    return
                self._note(self._one(row), tried=bool(row["url"]))
        except BaseException:
            self.stop.set()
            raise

    def _one(self, row: dict) -> dict:
        """Get one file, from the journal, the folder or the network."""
        path = self.folder / row["file"]
        if self._vouched(row, path):
            return self.journal.rows[row["id"]]
        wrong = self._wrong(row)
        if path.is_file():
            data = path.read_bytes()
            if not wrong(data):
                return self._fetched(row, data)
        if not row["url"]:
            return _failed(row, "no address is known")
        # named by a digest, because the file's own name may be too long for a suffix, or contain folders
        part = self.folder / "parts" / f"{hashlib.sha256(row['file'].encode()).hexdigest()}.part"
        try:
            data = self.fetcher.fetch(row["url"], part, wrong)
        except Faulty as error:
            return _failed(row, str(error))
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
        drop(part)
        return self._fetched(row, data)

    def _vouched(self, row: dict, path: Path) -> bool:
        """Whether an earlier run verified this file. `doctor --deep` finds changes that keep the size."""
        old = self.journal.rows.get(row["id"], {})
        return (
            old.get("state") == "fetched"
            and (old["file"], old["url"]) == (row["file"], row["url"])
            and row["sha256"] in ("", old["sha256"])
            and path.is_file()
            and path.stat().st_size == old["bytes"]
        )

    def _wrong(self, row: dict) -> Callable[[bytes], str]:
        def wrong(data: bytes) -> str:
            if row["sha256"] and hashlib.sha256(data).hexdigest() != row["sha256"]:
                return "other bytes than published: its SHA-256 differs"
            return self.check(row["file"], data)

        return wrong

    def _fetched(self, row: dict, data: bytes) -> dict:
        more = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "state": "fetched", "reason": ""}
        return row | more

    def _note(self, row: dict, tried: bool) -> None:
        """Record the result of a file. Raises: UserError after too many failures in a row."""
        with self.lock:
            self.journal.add(row)
            self.progress.step()
            self.failures = 0 if row["state"] == "fetched" else self.failures + tried
            if self.failures == self.policy.give_up_after and not self.stop.is_set():
                self.stop.set()
                raise UserError(
                    f"{self.folder}: the last {self.failures} files all failed, {row['file']!r} with '{row['reason']}'; look at "
                    "the network, the proxy or download.mirror and run again: finished files are kept"
                )


class Journal:
    """The latest result of each file by id, one line of JSON each, appended and flushed."""

    def __init__(self, path: Path):
        self.rows: dict[str, dict] = {}
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        for line in lines:
            try:
                row = json.loads(line)
                self.rows[row["id"]] = {column: row[column] for column in DOWNLOAD_COLUMNS}
            except (ValueError, TypeError, KeyError):
                continue  # torn by a killed run or a full disk; that file is checked again
        with atomic_path(path) as tmp:  # one line per file, with a complete last line to append to
            tmp.write_text("".join(map(_line, self.rows.values())), encoding="utf-8")
        self.file = open(path, "a", encoding="utf-8")  # noqa: SIM115

    def add(self, row: dict) -> None:
        """Append a row if it is new."""
        if self.rows.get(row["id"]) != row:
            self.rows[row["id"]] = row
            self.file.write(_line(row))
            self.file.flush()

    def close(self) -> None:
        self.file.close()


def _line(row: dict) -> str:
    return json.dumps(row) + "\n"


def _failed(row: dict, reason: str) -> dict:
    return row | {"sha256": "", "bytes": "", "state": "failed", "reason": reason}


def _check_table(table: pd.DataFrame) -> None:
    for column in ("id", "file"):
        if table[column].duplicated().any():
            twice = table[column][table[column].duplicated()].iloc[0]
            raise UserError(f"the table of files to fetch names the {column} {twice!r} twice; keep one of the rows")
    for file in table["file"]:
        if reason := unsafe(file):
            raise UserError(f"the table of files to fetch names {file!r}, which {reason}; remove the row")


def _summarise(folder: Path, result: pd.DataFrame) -> None:
    failed = result[result["state"] == "failed"]
    reasons = "; ".join(f"{count} x {reason}" for reason, count in Counter(failed["reason"]).most_common(5))
    log.info(
        f"{folder}: {len(result) - len(failed)} of {len(result)} files are complete"
        + (f", {len(failed)} are not: {reasons}; --forcerun download tries them again" if len(failed) else "")
    )
