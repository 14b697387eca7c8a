"""Kill the chain, damage its files, and feed it hostile pictures and servers (make bench-faults).

usage: faults.py [--minutes N]

Works on the smoke scale in a clone of HEAD in a temporary folder. Prints what went wrong, and one line per figure, name = value, as soon
as it is known. Runs are killed for as long as the minutes allow, so a busy machine means fewer kills, not more time; but ten at least.
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import hostile_pictures
import hostile_servers

ROOT = Path(__file__).resolve().parents[1]
SCALE = "scale=smoke"
MADE = ("data", "models", "results")
PICTURES = 10_000
DOCTORS = 8  # times that `rotten` asks the doctor, about
FEWEST = 10  # kills, however slow the machine
LONGEST = 25.0  # seconds that a run lives before it is killed


class Chain:
    """A clone in which the chain has run once."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONPATH")}
        self.env["PATH"] = f"{ROOT}/.venv/bin:{self.env['PATH']}"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
        start = time.monotonic()
        if self.start().wait():
            sys.exit(f"the chain fails without any fault:\n{self.said()}")
        self.took = time.monotonic() - start
        self.whole = self.digests()

    def start(self) -> subprocess.Popen:
        """Start the chain in a group of processes of its own."""
        command = ["snakemake", "--cores", "2", "--quiet", "rules", "--config", SCALE, "--", "all"]
        with open(self.folder.with_suffix(".log"), "w") as log:
            return subprocess.Popen(command, cwd=self.folder, env=self.env, stdout=log, stderr=log, start_new_session=True)

    def said(self) -> str:
        """The end of what the last run printed."""
        return self.folder.with_suffix(".log").read_text(errors="replace")[-3000:]

    def outputs(self) -> list[Path]:
        """All files that the chain made."""
        return sorted(p for top in MADE for p in (self.folder / top).glob("smoke/**/*") if p.is_file())

    def digests(self) -> dict[Path, str]:
        """{output: SHA-256}"""
        return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in self.outputs()}

    def doctor(self) -> str:
        """What `make doctor DEEP=1` prints."""
        command = ["python", "tools/doctor.py", "--scale", "smoke", "--deep"]
        env = self.env | {"PYTHONPATH": str(self.folder / "src")}
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr


def killed(chain: Chain, seconds: float, rng: random.Random) -> tuple[int, int]:
    """Kill runs at random moments for so long, and FEWEST at least, half of the time with the newest file cut off.

    Returns: kills, and those after which the chain did not come back to the same bytes.
    """
    kills = lost = since = 0
    end = time.monotonic() + seconds
    while True:
        goes_on = time.monotonic() < end or kills < FEWEST
        run = chain.start()
        try:
            code = run.wait(rng.uniform(0.5, LONGEST) if goes_on else None)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            kills, since = kills + 1, since + 1
            if rng.random() < 0.5:
                cut_newest(chain, rng)
            continue
        if code or chain.digests() != chain.whole:
            print(f"lost after {since} kills (exit code {code}):\n{chain.said()}")
            lost += since
        if not goes_on:
            return kills, lost
        since = 0
        for path in rng.sample(chain.outputs(), len(chain.whole) // 2):
            path.unlink()


def cut_newest(chain: Chain, rng: random.Random) -> None:
    """As a disk does that loses power."""
    if found := chain.outputs():
        newest = max(found, key=lambda path: path.stat().st_mtime)
        os.truncate(newest, int(rng.random() * newest.stat().st_size))


def rotten(chain: Chain, rng: random.Random) -> tuple[int, int]:
    """Damage every output, its time stamp unchanged. Returns: files damaged, and those that the doctor does not name."""
    whole = {path: path.read_bytes() for path in chain.outputs() if path.stat().st_size}
    for path, content in whole.items():
        stamp = path.stat()
        path.write_bytes(damaged(content, rng))
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        if path.parent.name == "provenance":  # they name all others, so each is damaged alone, and put back
            unnamed = path.relative_to(chain.folder).as_posix() not in chain.doctor()
            path.write_bytes(content)
            whole[path] = b"unnoticed" if unnamed else b""
    said = chain.doctor()
    unnoticed = [
        path
        for path, content in whole.items()
        if content == b"unnoticed" or (content and f"rm {path.relative_to(chain.folder)} " not in said)
    ]
    for path in unnoticed:
        print(f"not noticed: {path.relative_to(chain.folder)}")
    return len(whole), len(unnoticed)


def damaged(content: bytes, rng: random.Random) -> bytes:
    """One bit turned, the second half lost, or some bytes zeroed or, where they are zeros, set."""
    at = rng.randrange(len(content))
    kind = rng.choice(["bit", "half", "bytes"])
    if kind == "bit":
        return content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]
    if kind == "half":
        return content[: len(content) // 2]
    block = content[at : at + 64]
    return content[:at] + (b"\xff" if not any(block) else b"\0") * len(block) + content[at + len(block) :]


def main() -> None:
    """Try all, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=14.0, help="how long all of it takes")
    end, rng = time.monotonic() + 60 * parser.parse_args().minutes, random.Random(1)
    pictures = hostile_pictures.tally(PICTURES)
    say(pictures.escaped, pictures=pictures.tried, pictures_escaped=len(pictures.escaped))
    servers = hostile_servers.tally()
    say(servers.lost, server_faults=servers.tried, server_faults_lost=len(servers.lost))
    with tempfile.TemporaryDirectory() as temporary:
        chain = Chain(Path(temporary) / "clone")
        asked = time.monotonic()
        chain.doctor()
        rest = chain.took + DOCTORS * (time.monotonic() - asked)  # what has still to come once no run is killed any more
        kills, kills_lost = killed(chain, end - time.monotonic() - rest, rng)
        say(kills=kills, kills_lost=kills_lost)
        files, unnoticed = rotten(chain, rng)
        say(rot=files, rot_unnoticed=unnoticed)


def say(wrong: Iterable[str] = (), **figures: int) -> None:
    """Print what went wrong, and figures."""
    print(*wrong, *(f"{name} = {value}" for name, value in figures.items()), sep="\n", flush=True)


if __name__ == "__main__":
    main()
