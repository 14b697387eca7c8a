"""Download of one file over HTTP: rate-limited, resumable, with retries, atomic.

Our own code on top of requests and tenacity, because no library does all of this: docs/data.md compares two.
"""

import contextlib
import email.utils
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from aesthetic_pretraining.data.download.connections import WatchedAdapter, deadline, private
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.settings.downloads import Policy

CHUNK = 1 << 16
PASSING = {408, 425, 429, 500, 502, 503, 504}  # status codes worth a retry
MOVED = {301, 302, 303, 307, 308}
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
            with deadline(self.policy.attempt_s) as limit, self._answer(mirrored(url, self.policy.mirror), headers) as response:
                self._refuse(response, part, start)
                self._save(response, part, start if response.status_code == 206 else 0)
                if limit.over:  # which looks like the end of a header or of a body whose length is not known
                    raise Passing(self._slow())
        except (requests.exceptions.InvalidURL, ValueError) as error:
            raise Faulty(f"address leads nowhere ({type(error).__name__})") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            if limit.over:
                raise Passing(self._slow()) from error
            if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
                raise Passing(f"no answer for {self.policy.timeout_s:g} s") from error
            raise Passing("the connection failed or was dropped") from error
        data = part.read_bytes()
        if page := _html(data):
            drop(part)
            raise Faulty(page)
        if wrong := check(data):
            drop(part)
            raise Passing(wrong)
        return data

    def _answer(self, url: str, headers: dict[str, str]) -> requests.Response:
        """The response at the end of all redirects, its body unread.

        Not by requests, which reads the body of every redirect, of whatever length, and follows it to every address.
        Raises: Faulty for too many redirects, and for one to an address of this machine or of a private network.
        """
        asked = url
        for _ in range(MAX_REDIRECTS + 1):
            response = self._session().get(
                url, headers=headers, stream=True, timeout=self.policy.timeout_s, allow_redirects=False
            )
            place = response.headers.get("Location", "")
            if response.status_code not in MOVED or not place:
                return response
            response.close()
            url = urljoin(url, place)
            # the host that was asked for may send to itself: a mirror on this machine
            if urlsplit(url).hostname != urlsplit(asked).hostname and private(url):
                raise Faulty("redirected to an address of a private network")
        raise Faulty(f"address leads nowhere (more than {MAX_REDIRECTS} redirects)")

    def _session(self) -> requests.Session:
        """This thread's session; requests does not guarantee that sessions are thread-safe."""
        if not hasattr(self.local, "session"):
            self.local.session = requests.Session()
            for scheme in ("http://", "https://"):
                self.local.session.mount(scheme, WatchedAdapter())
            # no compression: ranges and lengths refer to the bytes sent, which must be the file's own
            self.local.session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
            self.sessions.append(self.local.session)
        return self.local.session

    def _slow(self) -> str:
        return f"slower than {self.policy.attempt_s:g} s"

    def _refuse(self, response: requests.Response, part: Path, start: int) -> None:
        """Raise the error for a response without a usable body. Args: start: the first byte that was asked for."""
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
        if status == 416 or (status == 206 and not _fits(response, start)):
            drop(part)
            raise Passing("the server sent another range than asked for")
        if status not in (200, 206):
            raise Faulty(f"HTTP {status}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise Faulty("the server sent it compressed, although asked not to")

    def _save(self, response: requests.Response, part: Path, start: int) -> None:
        """Append the body after the first `start` bytes of `part`.

        Raises: Passing if it is not as long as announced; Faulty if it is longer than the policy allows.
        """
        if not start:
            drop(part)
            if validator := _validator(response):
                _tag(part).write_text(validator)
        whole = _whole_size(response, start)
        self._check_size(whole or 0, part)
        with open(part, "ab") as file:
            while chunk := response.raw.read1(CHUNK):
                file.write(chunk)
                size = file.tell()
                self._check_size(size, part)
                if whole is not None and size > whole:
                    drop(part)
                    raise Passing(f"more bytes came than the {whole} announced")
            size = file.tell()
        if whole is not None and size < whole:
            raise Passing(f"only {size} of {whole} bytes came")

    def _check_size(self, size: int, part: Path) -> None:
        if size > self.policy.max_megabytes * 1e6:
            drop(part)
            raise Faulty(f"more than {self.policy.max_megabytes:g} MB (download.max_megabytes)")


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


def _range(response: requests.Response) -> tuple[int, int, int] | None:
    """First byte, last byte and the file's size, as a partial response says them; None if it does not, or contradicts itself."""
    found = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", response.headers.get("Content-Range", "").strip())
    if found is None:
        return None
    first, last, size = map(int, found.groups())
    length = response.headers.get("Content-Length", "")
    return (first, last, size) if length in ("", str(last + 1 - first)) else None


def _fits(response: requests.Response, start: int) -> bool:
    """Whether a partial response has all that was asked for: from byte `start`, which is not the first one, to the last."""
    found = _range(response)
    return found is not None and 0 < start == found[0] and found[1] + 1 == found[2]


def _whole_size(response: requests.Response, start: int) -> int | None:
    """The file's size in bytes as announced, or None."""
    found = _range(response) if start else None
    length = response.headers.get("Content-Length", "")
    return found[2] if found else int(length) if re.fullmatch(r"\d{1,18}", length) else None


def _html(data: bytes) -> str:
    start = data[:200].lstrip().lower()
    return "a web page came in its place (a login or a notice?)" if start.startswith((b"<!doctype html", b"<html")) else ""
