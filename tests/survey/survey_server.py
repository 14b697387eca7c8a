"""A survey server in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


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
            # as in a terminal: a background job ignores Ctrl-C, and its children would, too
            before = signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                self.process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ)
            finally:
                signal.signal(signal.SIGINT, before)
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
