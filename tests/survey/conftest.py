"""Surveys on loopback: a folder of photos, and servers in processes of their own."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def photos(tmp_path_factory, make_photo, encode) -> Path:
    """A folder with six photos."""
    folder = tmp_path_factory.mktemp("photos")
    for k in range(6):
        (folder / f"photo{k}.jpg").write_bytes(encode(make_photo(k, 240, 180), "JPEG", quality=95))
    return folder


class Server:
    """A survey server, begun anew on the same database and port by every `start`."""

    def __init__(self, database: Path, photos: Path, options: dict[str, object]):
        self.database, self.port = database, 0
        given = {"photos": photos, "pairs": 300, "per-person": 30, "database": database} | options
        self.options = [f"--{name}={value}" for name, value in given.items()]
        self.log = database.with_suffix(".log")

    def start(self) -> "Server":
        command = [sys.executable, str(HERE / "plain_server.py"), "survey", "serve", *self.options, f"--port={self.port}"]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ)
        while not (found := re.search(r"the survey is at (\S+), port (\d+)", self.log.read_text())):
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)
        self.url, self.port = found[1], int(found[2])
        self.local = f"http://127.0.0.1:{self.port}"
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Stop it as Ctrl-C does; its exit status."""
        self.process.send_signal(2)
        return self.process.wait(60)


@pytest.fixture
def server_of(tmp_path, photos):
    """Factory: options of `survey serve` -> a running server."""
    begun = []

    def make(**options) -> Server:
        begun.append(Server(tmp_path / f"survey{len(begun)}.sqlite", photos, options).start())
        return begun[-1]

    yield make
    for server in begun:
        if server.process.poll() is None:
            server.kill()
