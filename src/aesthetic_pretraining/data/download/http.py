"""Download of one file over HTTP: rate-limited, resumable, with retries, atomic.

Our own code on top of requests and tenacity, because no library does all of this: docs/data.md compares two.
"""

import contextlib
import email.utils
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.settings.downloads import Policy

CHUNK = 1 << 16
PASSING = {408, 425, 429, 500, 502, 503, 504}  # status codes worth a retry
MAX_REDIRECTS = 5
USER_AGENT = "aesthetic-pretraining (research; one file at a time, obeys Retry-After)"


class Faulty(Exception):
    """A permanent failure; the text says why."""


class Passing(Faulty):
    """A transient failure: the next attempt may succeed."""


class Pace:
    """Rate limiter for starting requests, over all threads; uses the monotonic clock."""

    def __init__(self, per_second: float):
        self.gap, self.next, self.lock = 1 / per_second, 0.0, threading.Lock()

    def wait(self) -> None:
        """Sleep until this thread may start its request."""
        with self.lock:
            mine = max(self.next, time.monotonic())
            self.next = mine + self.gap
        time.sleep(max(0.0, mine - time.monotonic()))

    def pause(self, seconds: float) -> None:
        """Delay further requests of all threads by `seconds`."""
        with self.lock:
            self.next = max(self.next, time.monotonic() + seconds)


class Fetcher:
    """Fetches files under one policy; thread-safe."""

    def __init__(self, policy: Policy):
        self.policy, self.pace, self.local = policy, Pace(policy.requests_per_second), threading.local()
        self.sessions: list[requests.Session] = []

    def fetch(self, url: str, part: Path, check: Callable[[bytes], str]) -> bytes:
        """The bytes at `url`, also written to `part`; resumes from what an earlier call left there.

        Args:
            check: bytes -> what is wrong with them, or "".
        Raises: Faulty; UserError if the server asks for a longer wait than the policy allows.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(Passing),
            stop=stop_after_attempt(self.policy.attempts),
            wait=self._back_off,
            reraise=True,
        )
        return retrying(self._attempt, url, part, check)

    def close(self) -> None:
        """Close the connections of all threads."""
        for session in self.sessions:
            session.close()

    def _back_off(self, state: RetryCallState) -> float:
        return min(self.policy.backoff_s * 2 ** (state.attempt_number - 1), self.policy.longest_wait_s)

    def _attempt(self, url: str, part: Path, check: Callable[[bytes], str]) -> bytes:
        tag = _tag(part)
        start = part.stat().st_size if part.exists() and tag.exists() else 0
        # without If-Range, a file that changed in the meantime would be pieced together from two versions
        headers = {"Range": f"bytes={start}-", "If-Range": tag.read_text()} if start else {}
        self.pace.wait()
        try:
            with self._session().get(
                mirrored(url, self.policy.mirror), headers=headers, stream=True, timeout=self.policy.timeout_s
            ) as response:
                self._refuse(response, part)
                self._save(response, part, start if response.status_code == 206 else 0)
        except (requests.TooManyRedirects, requests.exceptions.InvalidURL, ValueError) as error:
            raise Faulty(f"address leads nowhere ({type(error).__name__})") from error
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise Passing(f"no answer for {self.policy.timeout_s:g} s") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise Passing("the connection failed or was dropped") from error
        data = part.read_bytes()
        if page := _html(data):
            drop(part)
            raise Faulty(page)
        if wrong := check(data):
            drop(part)
            raise Passing(wrong)
        return data

    def _session(self) -> requests.Session:
        """This thread's session; requests does not guarantee that sessions are thread-safe."""
        if not hasattr(self.local, "session"):
            self.local.session = requests.Session()
            self.local.session.max_redirects = MAX_REDIRECTS
            # no compression: ranges and lengths refer to the bytes sent, which must be the file's own
            self.local.session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
            self.sessions.append(self.local.session)
        return self.local.session

    def _refuse(self, response: requests.Response, part: Path) -> None:
        """Raise the error for a response without a usable body."""
        status = response.status_code
        if status in PASSING:
            wait = retry_after(response)
            if wait > self.policy.longest_wait_s:
                raise UserError(
                    f"{urlsplit(response.url).netloc} asks to wait for {wait:.0f} s, more than download.longest_wait_s; "
                    "run again after that: finished files are kept"
                )
            self.pace.pause(wait)
            raise Passing(f"HTTP {status}")
        if status == 416 or (status == 206 and _first_byte(response) != (part.stat().st_size if part.exists() else 0)):
            drop(part)
            raise Passing("the server sent another range than asked for")
        if status not in (200, 206):
            raise Faulty(f"HTTP {status}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise Faulty("the server sent it compressed, although asked not to")

    def _save(self, response: requests.Response, part: Path, start: int) -> None:
        """Append the body after the first `start` bytes of `part`. Raises: Passing if it is not as long as announced."""
        if not start:
            drop(part)
            if validator := _validator(response):
                _tag(part).write_text(validator)
        announced = response.headers.get("Content-Length", "")
        end = time.monotonic() + self.policy.attempt_s
        with open(part, "ab") as file:
            while chunk := response.raw.read1(CHUNK):
                file.write(chunk)
                if time.monotonic() > end:
                    raise Passing(f"slower than {self.policy.attempt_s:g} s")
            size = file.tell()
        if announced.isdigit() and size != start + int(announced):
            raise Passing(f"only {size} of {start + int(announced)} bytes came")


def mirrored(url: str, mirror: str) -> str:
    """The URL of a file on a mirror, where it is below its host's name; `url` itself without a mirror."""
    if not mirror:
        return url
    parts = urlsplit(url)
    return f"{mirror.rstrip('/')}/{parts.netloc}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def retry_after(response: requests.Response) -> float:
    """Seconds that the server asks to wait, or 0. Dates are relative to the server's clock, not ours."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    with contextlib.suppress(ValueError, TypeError):
        now = email.utils.parsedate_to_datetime(response.headers["Date"]) if "Date" in response.headers else None
        then = email.utils.parsedate_to_datetime(text)
        return max(0.0, then.timestamp() - (now.timestamp() if now else time.time()))
    return 0.0


def drop(part: Path) -> None:
    """Delete a partial download."""
    _tag(part).unlink(missing_ok=True)  # first, because a part without its tag is never resumed
    part.unlink(missing_ok=True)


def _tag(part: Path) -> Path:
    return part.with_suffix(".tag")


def _validator(response: requests.Response) -> str:
    """What identifies this version of the file; weak ETags do not identify bytes."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")


def _first_byte(response: requests.Response) -> int:
    """The offset of the first byte of a partial response; -1 if it is not given."""
    text = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(text) if text.isdigit() else -1


def _html(data: bytes) -> str:
    start = data[:200].lstrip().lower()
    return "a web page came in its place (a login or a notice?)" if start.startswith((b"<!doctype html", b"<html")) else ""
