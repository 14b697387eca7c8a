"""A real HTTP server on loopback that does what servers do."""

import contextlib
import hashlib
import itertools
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest
from limits import limit

from aesthetic_pretraining.data.download.http import Policy

PATIENCE = limit(0.5)  # seconds; an answer that is meant to come takes milliseconds
QUICK = dict(requests_per_second=1000, workers=4, attempts=3, timeout_s=PATIENCE, attempt_s=3 * PATIENCE, backoff_s=0.01, longest_wait_s=1,
             give_up_after=100, max_megabytes=1, mirror="")  # fmt: skip


def tag_of(data):
    return f'"{hashlib.md5(data).hexdigest()}"'


class Handler(BaseHTTPRequestHandler):
    """/<fault>/<file>: what the server's do_<fault> says for the fault, and else the file, with ETag and ranges."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        with server.lock:
            server.seen.append((self.path, dict(self.headers), time.monotonic()))
            count = sum(path == self.path for path, _, _ in server.seen)
        parts = self.path.partition("?")[0].split("/")
        fault, data = parts[-2], server.files.get(parts[-1])
        if data is None:
            return self.answer(404, b"gone")
        return getattr(self, f"do_{fault}", self.do_ok)(data, count)

    def answer(self, status, body=b"", length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def drop(self):
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(2)

    def do_ok(self, data, count):
        tag = tag_of(data)
        start = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-")
        if "Range" in self.headers and self.headers.get("If-Range") == tag:
            more = {"Content_Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
            return self.answer(206, data[int(start) :], ETag=tag, **more)
        return self.answer(200, data, ETag=tag)

    def do_broken_once(self, data, count):  # half of it, then the connection is gone
        if count > 1:
            return self.do_ok(data, count)
        self.answer(200, data[: len(data) // 2], len(data), ETag=tag_of(data))
        return self.drop()

    def do_changed(self, data, count):  # the tag of the first half is no longer the file's
        if count > 1:
            return self.do_ok(data, count)
        self.answer(200, b"x" * 100, len(data), ETag='"old"')
        return self.drop()

    def do_dropped(self, data, count):
        return self.drop()

    def do_truncated(self, data, count):
        self.answer(200, data[:-50], len(data))
        return self.drop()

    def do_short_length(self, data, count):  # says that the file is shorter than it is
        self.answer(200, data, len(data) - 200)
        return self.drop()

    def do_stall(self, data, count):
        self.answer(200, data[:100], len(data))
        time.sleep(2 * PATIENCE)
        return self.drop()

    def do_drip(self, data, count):
        self.answer(200, b"", len(data))
        for k in range(8):
            self.wfile.write(data[k : k + 1])
            self.wfile.flush()
            time.sleep(0.6 * PATIENCE)
        return self.drop()

    def do_html(self, data, count):
        return self.answer(200, b"<!DOCTYPE html><title>Log in</title>", Content_Type="image/jpeg")

    def do_text(self, data, count):
        return self.answer(200, b"no picture at all")

    def do_403(self, data, count):
        return self.answer(403)

    def do_500(self, data, count):
        return self.answer(500)

    def do_500_once(self, data, count):
        return self.answer(500) if count == 1 else self.do_ok(data, count)

    def do_429_once(self, data, count):
        return self.answer(429, Retry_After="1") if count == 1 else self.do_ok(data, count)

    def do_429_date(self, data, count):  # its clock is years off: only the difference counts
        later = {"Retry_After": "Thu, 01 Jan 2099 00:00:01 GMT"}
        if count > 1:
            return self.do_ok(data, count)
        self.send_response_only(429)
        self.send_header("Date", "Thu, 01 Jan 2099 00:00:00 GMT")
        self.send_header("Retry-After", later["Retry_After"])
        self.send_header("Content-Length", "0")
        return self.end_headers()

    def do_429_long(self, data, count):
        return self.answer(429, Retry_After="3600")

    def do_moved(self, data, count):
        return self.answer(302, Location=self.path.replace("moved", "ok"))

    def do_circle(self, data, count):
        return self.answer(302, Location=self.path)

    def do_gzip(self, data, count):
        return self.answer(200, data, Content_Encoding="gzip")

    def raw(self, *parts, every=0.0):
        """Write bytes as they are, with a pause between them, until the other side has enough."""
        self.close_connection = True
        try:
            for part in parts:
                self.wfile.write(part)
                self.wfile.flush()
                time.sleep(every)
        except OSError:
            return

    def do_endless(self, data, count):
        self.raw(b"HTTP/1.1 200 OK\r\n\r\n", *itertools.repeat(bytes(1 << 16), 2000))

    def do_endless_chunks(self, data, count):
        self.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                 *itertools.repeat(b"10000\r\n" + bytes(1 << 16) + b"\r\n", 2000))  # fmt: skip

    def do_huge_length(self, data, count):
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n", data)

    def do_header_drip(self, data, count):
        self.raw(b"HTTP/1.1 200 OK\r\n", *(b"X-%d: y\r\n" % k for k in range(60)), every=0.2 * PATIENCE)

    def do_continue_drip(self, data, count):  # an interim answer, for ever
        self.raw(*itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n", 60), every=0.2 * PATIENCE)

    def do_trailer_drip(self, data, count):
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n" % (len(data), data)
        self.raw(head, *(b"X-%d: y\r\n" % k for k in range(60)), every=0.2 * PATIENCE)

    def do_moved_endless(self, data, count):  # nobody should read what comes with a redirect
        place = self.path.replace("moved_endless", "ok").encode()
        self.raw(b"HTTP/1.1 302 Found\r\nLocation: %b\r\n\r\n" % place, *itertools.repeat(bytes(1 << 16), 2000))

    def do_moved_inside(self, data, count):  # another name of this machine
        return self.answer(302, Location=f"http://localhost:{self.server.server_port}{self.path.replace('moved_inside', 'ok')}")

    def do_moved_to_a_file(self, data, count):
        return self.answer(302, Location="file:///etc/passwd")

    def do_unasked_range(self, data, count):  # half of it, called a part, although all of it was asked for
        return self.answer(206, data[: len(data) // 2], Content_Range=f"bytes 0-{len(data) // 2 - 1}/{len(data)}")

    def lie(self, data, count, said, sent):
        """After half of it was sent and the connection dropped: 206 with the range `said` and the body `sent`."""
        if count == 1:
            return self.do_broken_once(data, 1)
        if "Range" in self.headers:
            return self.answer(206, sent, ETag=tag_of(data), Content_Range=said)
        return self.do_ok(data, count)

    def do_lie_long(self, data, count):  # the range fits, more bytes come
        half, size = len(data) // 2, len(data)
        return self.lie(data, count, f"bytes {half}-{size - 1}/{size}", data[half:] + b"more")

    def do_lie_short(self, data, count):  # a part of what was asked for, as if it were all
        half, size = len(data) // 2, len(data)
        return self.lie(data, count, f"bytes {half}-{size - 5}/{size}", data[half:-4])

    def do_lie_nothing(self, data, count):  # no range at all
        return self.lie(data, count, "", data)

    def do_lie_endless(self, data, count):
        if count == 1:
            return self.do_broken_once(data, 1)
        if "Range" not in self.headers:
            return self.do_ok(data, count)
        said = b"bytes %d-%d/%d" % (len(data) // 2, len(data) - 1, len(data))
        return self.raw(
            b"HTTP/1.1 206 Partial\r\nContent-Range: " + said + b"\r\n\r\n", *itertools.repeat(bytes(1 << 16), 2000)
        )

    def do_wrong_range(self, data, count):
        if count == 1:
            return self.do_broken_once(data, 1)
        if "Range" in self.headers:
            return self.answer(206, data[3:], Content_Range=f"bytes 3-{len(data) - 1}/{len(data)}")
        return self.do_ok(data, count)


@contextlib.contextmanager
def serving(files):
    """A running server with files by name: .files, .seen, .url, .rows(faults)."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    httpd.handle_error = lambda *_: None
    httpd.lock, httpd.seen, httpd.files = threading.Lock(), [], files
    httpd.url = f"http://127.0.0.1:{httpd.server_port}"
    httpd.rows = lambda faults: rows(httpd, faults)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield httpd
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


@pytest.fixture
def server(make_photo, encode):
    """A running server with 30 photos: .files, .seen, .url."""
    with serving({f"{k}.jpg": encode(make_photo(k, 48, 36), "JPEG", quality=95) for k in range(30)}) as httpd:
        yield httpd


def rows(server, faults=(), **more):
    """The table of all photos; the first ones by way of a fault each."""
    ways = [*faults, *["ok"] * (len(server.files) - len(faults))]
    table = [{"id": f, "file": f, "url": f"{server.url}/{way}/{f}", "sha256": ""} for f, way in zip(server.files, ways)]
    return pd.DataFrame(table).assign(**more)


def policy(**more):
    return Policy(**QUICK | more)
