"""The one thread that works on the database: all requests that wait share a transaction, and so one sync of the disk."""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

AT_ONCE = 200  # requests to a transaction

Result = TypeVar("Result")
Job = tuple[Callable[..., Any], tuple, Future]


class Writer:
    """Carries functions of the database out, in the order in which they come; `close` waits for those that wait."""

    def __init__(self, db: sqlite3.Connection):
        self.db = db
        self.jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._work, name="survey database", daemon=True)
        self.thread.start()

    async def do(self, function: Callable[..., Result], *args: object) -> Result:
        """`function(db, *args)` in a transaction, once that is on the disk.

        Raises: sqlite3.Error if the disk takes no more; and whatever the function raises, after which nothing of it is written.
        """
        future: Future[Result] = Future()
        self.jobs.put((function, args, future))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        self.jobs.put(None)
        self.thread.join()
        self.db.close()

    def _work(self) -> None:
        while True:
            jobs, last = self._waiting()
            self._transaction(jobs)
            if last:
                return

    def _waiting(self) -> tuple[list[Job], bool]:
        """The jobs that wait, at least one, and whether there will be no more."""
        found: list[Job] = []
        job = self.jobs.get()
        while job is not None:
            found.append(job)
            if len(found) == AT_ONCE:
                return found, False
            try:
                job = self.jobs.get_nowait()
            except queue.Empty:
                return found, False
        return found, True

    def _transaction(self, jobs: list[Job]) -> None:
        """All jobs, each undone alone if it fails; their results are told after the commit, not before."""
        jobs = [job for job in jobs if job[2].set_running_or_notify_cancel()]  # the others' browsers are gone
        try:
            self.db.execute("BEGIN IMMEDIATE")
            tell = [self._one(job) for job in jobs]
            self.db.execute("COMMIT")
        except sqlite3.Error as error:  # a full disk
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            tell = [partial(future.set_exception, error) for _, _, future in jobs]
        for call in tell:
            call()

    def _one(self, job: Job) -> Callable[[], None]:
        function, args, future = job
        self.db.execute("SAVEPOINT job")
        try:
            result = function(self.db, *args)
        except sqlite3.Error:
            raise
        except Exception as error:
            self.db.execute("ROLLBACK TO job")
            self.db.execute("RELEASE job")
            return partial(future.set_exception, error)
        self.db.execute("RELEASE job")
        return partial(future.set_result, result)
