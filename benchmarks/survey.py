"""Fifty people at once in the survey, and a server that is killed under them (part of make bench-use).

usage: survey.py [--seconds N] [--kills N]

Serves real photos, those that come inside packages, on loopback from `python -m aesthetic_pretraining survey serve`, as people get it: the
engine renders while they answer. They come within twenty seconds; each asks for the page and both images, looks for two to four seconds, and
answers. Prints a table of waiting times, then one line per figure: name = value.
"""

import argparse
import asyncio
import random
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlencode

from aesthetic_pretraining.data.sources import Packages

PEOPLE = 50
ARRIVING = 20.0  # seconds in which they come, from the server's start on
LOOKING = (2.0, 4.0)  # seconds between the images and the answer; people take longer
HASTE = (0.0, 2.0)  # the same while the server is killed, so that every kill meets answers on their way
PATIENCE = 120.0  # seconds for one answer of the server
TIMES = dict[str, list[float]]


class Server:
    """A survey in a folder, begun again on the same port after a kill."""

    def __init__(self, folder: Path):
        self.folder, self.port, self.log = folder, 0, folder / "log"
        (folder / "photos").mkdir()
        photos = Packages()
        for k, name in enumerate(photos.names()):
            (folder / "photos" / f"{k}{Path(name).suffix}").write_bytes(photos.read(name))

    def start(self) -> None:
        options = {
            "photos": self.folder / "photos",
            "database": self.folder / "s.sqlite",
            "pairs": 3000,
            "per-person": 3000,
            "port": self.port,
        }
        command = [
            sys.executable,
            "-m",
            "aesthetic_pretraining",
            "survey",
            "serve",
            *(f"--{k}={v}" for k, v in options.items()),
        ]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", self.log.read_text())):
            if self.process.poll() is not None:
                sys.exit(self.log.read_text())
            time.sleep(0.05)
        self.port = int(found[1])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def answers(self) -> dict[str, int]:
        """{key: choice} of what is on the disk."""
        db = sqlite3.connect(self.folder / "s.sqlite")
        found = dict(db.execute("SELECT key, choice FROM shown WHERE choice IS NOT NULL").fetchall())
        db.close()
        return found


class Browser:
    """One connection that is kept, one cookie, and the seconds of each request by kind."""

    def __init__(self, port: int, times: TIMES):
        self.port, self.times, self.cookie = port, times, ""
        self.writer: asyncio.StreamWriter | None = None

    async def ask(self, kind: str, path: str, fields: dict[str, object] | None = None) -> tuple[int, str]:
        """Status and text (of an image, as Latin-1). Raises: OSError, EOFError if the server is gone."""
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        body = urlencode(fields or {}).encode()
        head = (
            f"{'GET' if fields is None else 'POST'} {path} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\ncookie: {self.cookie}\r\n"
        )
        form = f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(body)}\r\n" if body else ""
        begin = time.perf_counter()
        self.writer.write(f"{head}{form}\r\n".encode() + body)
        answer = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)).decode("latin-1")
        length = int(re.search(r"\r\ncontent-length: (\d+)", answer)[1])
        text = (await asyncio.wait_for(self.reader.readexactly(length), PATIENCE)).decode("latin-1")
        self.times[kind].append(time.perf_counter() - begin)
        if cookie := re.search(r"\r\nset-cookie: (survey=[^;]+)", answer):
            self.cookie = cookie[1]
        return int(answer.split(" ", 2)[1]), text

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.writer = None


class Person:
    """Somebody who answers until `until`, at random.

    Attributes: acknowledged: {key: choice} of answers that the server has taken.
    """

    def __init__(self, seed: int, browser: Browser, looking: tuple[float, float]):
        self.rng, self.browser, self.looking = random.Random(seed), browser, looking
        self.acknowledged: dict[str, int] = {}

    async def take_part(self, arriving: float, until: asyncio.Event) -> None:
        await asyncio.sleep(self.rng.uniform(0, arriving))
        while not until.is_set():
            try:
                await self.step()
            except (OSError, EOFError):  # the server was killed
                self.browser.close()
                await asyncio.sleep(0.1)
        self.browser.close()

    async def step(self) -> None:
        """One pair; before the first one, the consent."""
        ask = self.browser.ask
        if not self.browser.cookie or "visit:" in self.browser.cookie:
            _, page = await ask("start", "/")
            await ask("agree", "/agree", {"form": field(page, "form"), "agreed": "yes"})
        _, page = await ask("page", "/pair")
        key = field(page, "shown")
        for which in (1, 2):
            await ask("image", f"/image/{key}/{which}")
        await asyncio.sleep(self.rng.uniform(*self.looking))
        choice = self.rng.choice((1, 2))
        status, _ = await ask("answer", "/answer", {"form": field(page, "form"), "shown": key, "choice": choice})
        if status == 303:
            self.acknowledged[key] = choice


def field(page: str, name: str) -> str:
    return re.search(rf'name="{name}" value="([^"]*)"', page)[1]


async def crowd(
    server: Server, arriving: float, looking: tuple[float, float], during: Callable[[], Awaitable[None]]
) -> tuple[TIMES, dict[str, int]]:
    """People who come within `arriving` seconds and take part while `during()` runs.

    Returns: their waiting times in seconds by kind of request, and {key: choice} of what was acknowledged.
    """
    times: TIMES = defaultdict(list)
    people = [Person(k, Browser(server.port, times), looking) for k in range(PEOPLE)]
    over = asyncio.Event()
    tasks = [asyncio.create_task(person.take_part(arriving, over)) for person in people]
    await during()
    over.set()
    await asyncio.gather(*tasks)
    return times, {key: choice for person in people for key, choice in person.acknowledged.items()}


def waiting(seconds: float) -> TIMES:
    """Waiting times of fifty people who take part for so long."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        server.start()
        times, acknowledged = asyncio.run(crowd(server, ARRIVING, LOOKING, lambda: asyncio.sleep(seconds)))
        server.kill()
        print(f"{len(acknowledged)} answers of {PEOPLE} people in {seconds:g} s\n")
    return times


def lost(kills: int) -> int:
    """Acknowledged answers that are not in the database, or are another one there, after so many kills under load."""
    with tempfile.TemporaryDirectory() as folder:
        server, rng = Server(Path(folder)), random.Random(1)
        server.start()

        async def kill() -> None:
            for _ in range(kills):
                await asyncio.sleep(rng.uniform(1, 3))
                server.kill()
                await asyncio.to_thread(server.start)
            await asyncio.sleep(1)

        _, acknowledged = asyncio.run(crowd(server, 1, HASTE, kill))
        server.kill()
        kept = server.answers()
        print(f"{kills} kills, {len(acknowledged)} acknowledged answers, {len(kept)} in the database\n")
        return sum(kept.get(key) != choice for key, choice in acknowledged.items())


def figures(seconds: float = 60, kills: int = 20) -> dict[str, float]:
    """{name: value} of the survey: waiting of the slowest twentieth of all requests in milliseconds, and answers lost."""
    times = waiting(seconds)
    print(f"{'request':10}{'number':>8}{'median ms':>11}{'95 % ms':>9}{'longest ms':>12}")
    every = [seconds for found in times.values() for seconds in found]
    for kind, found in {**times, "all": every}.items():
        print(f"{kind:10}{len(found):8}{1e3 * statistics.median(found):11.1f}{1e3 * p95(found):9.1f}{1e3 * max(found):12.1f}")
    print()
    return {"survey_answers_lost": float(lost(kills)), "survey_p95_ms": 1e3 * p95(every)}


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kills", type=int, default=20)
    args = parser.parse_args()
    for name, value in figures(args.seconds, args.kills).items():
        print(f"{name} = {value:.4g}")


if __name__ == "__main__":
    main()
