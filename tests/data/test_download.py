"""Downloads against a real HTTP server on loopback that does what servers do."""

import hashlib
import json
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest

from aesthetic_pretraining.download import COLUMNS, download, download_lists
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.fetch import Pace, Policy, mirrored
from aesthetic_pretraining.files import locked

QUICK = dict(requests_per_second=1000, workers=4, attempts=3, timeout_s=0.3, attempt_s=1, backoff_s=0.01, longest_wait_s=1,
             give_up_after=100, mirror="")  # fmt: skip


def tag_of(data):
    return f'"{hashlib.md5(data).hexdigest()}"'


class Handler(BaseHTTPRequestHandler):
    """/<fault>/<file>: what the server's `act` says for the fault, and else the file, with ETag and ranges."""

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
        time.sleep(0.6)
        return self.drop()

    def do_drip(self, data, count):
        self.answer(200, b"", len(data))
        for k in range(8):
            self.wfile.write(data[k : k + 1])
            self.wfile.flush()
            time.sleep(0.2)
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

    def do_wrong_range(self, data, count):
        if count == 1:
            return self.do_broken_once(data, 1)
        if "Range" in self.headers:
            return self.answer(206, data[3:], Content_Range=f"bytes 3-{len(data) - 1}/{len(data)}")
        return self.do_ok(data, count)


@pytest.fixture
def server(make_photo, encode):
    """A running server with 30 photos: .files, .seen, .url."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    httpd.handle_error = lambda *_: None
    httpd.lock, httpd.seen = threading.Lock(), []
    httpd.files = {f"{k}.jpg": encode(make_photo(k, 48, 36), "JPEG", quality=95) for k in range(30)}
    httpd.url = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield httpd
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def rows(server, faults=(), **more):
    """The table of all photos; the first ones by way of a fault each."""
    ways = [*faults, *["ok"] * (len(server.files) - len(faults))]
    table = [{"id": f, "file": f, "url": f"{server.url}/{way}/{f}", "sha256": ""} for f, way in zip(server.files, ways)]
    return pd.DataFrame(table).assign(**more)


def policy(**more):
    return Policy(**QUICK | more)


def there(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix == ".jpg"}


LASTING = {
    "dropped": "connection", "truncated": "bytes came|connection", "short_length": "truncated|image", "stall": "no answer",
    "drip": "slower", "html": "web page", "text": "not a picture", "403": "HTTP 403", "500": "HTTP 500", "circle": "nowhere",
    "gzip": "compressed",
}  # fmt: skip
HEALED = ["broken_once", "changed", "500_once", "429_once", "429_date", "moved", "wrong_range"]


def test_exactly_the_faulty_ones_are_on_the_record_and_the_rest_is_whole(server, tmp_path, caplog):
    caplog.set_level(logging.INFO, "aesthetic_pretraining")
    table = rows(server, [*LASTING, *HEALED])
    table.loc[len(table)] = {"id": "gone", "file": "gone.jpg", "url": f"{server.url}/ok/gone.jpg", "sha256": ""}
    table.loc[len(table)] = {"id": "nowhere", "file": "nowhere.jpg", "url": "", "sha256": ""}
    result = download(table, tmp_path / "set", policy())
    assert list(result.columns) == COLUMNS
    assert list(result["id"]) == list(table["id"])
    failed = result[result["state"] == "failed"]
    assert list(failed["id"]) == [f"{k}.jpg" for k in range(len(LASTING))] + ["gone", "nowhere"]
    for reason, words in zip(failed["reason"], [*LASTING.values(), "HTTP 404", "no address"]):
        assert any(word in reason for word in words.split("|")), (reason, words)
    good = {f: data for k, (f, data) in enumerate(server.files.items()) if k >= len(LASTING)}
    assert there(tmp_path / "set") == good
    fetched = result[result["state"] == "fetched"].set_index("id")
    assert dict(fetched["sha256"]) == {f: hashlib.sha256(data).hexdigest() for f, data in good.items()}
    assert dict(fetched["bytes"]) == {f: len(data) for f, data in good.items()}
    assert "19 of 32 files are there and whole, 13 are not" in caplog.text
    # final answers are not asked for again, passing ones as often as allowed
    asked = [path for path, _, _ in server.seen]
    assert asked.count("/403/7.jpg") == asked.count("/html/5.jpg") == 1
    assert asked.count("/500/8.jpg") == 3


def test_goes_on_in_the_middle_of_a_file_and_of_a_set(server, tmp_path):
    table = rows(server, ["broken_once"])
    with pytest.raises(UserError, match="all failed"):
        download(table[:1], tmp_path, policy(attempts=1, give_up_after=1))
    first = server.files["0.jpg"]
    (part,) = (tmp_path / "parts").glob("*.part")
    assert part.read_bytes() == first[: len(first) // 2]
    download(table[:20], tmp_path, policy())
    again = next(headers for path, headers, _ in server.seen[1:] if "broken_once" in path)
    assert again["Range"] == f"bytes={len(first) // 2}-"
    assert list((tmp_path / "parts").iterdir()) == []
    (tmp_path / "5.jpg").unlink()
    (tmp_path / "6.jpg").write_bytes(b"cut")
    with open(tmp_path / "journal.jsonl", "a") as file:
        file.write('{"id": "7.jpg", "sta')  # a killed run's last line
    before = len(server.seen)
    result = download(table, tmp_path, policy())
    assert there(tmp_path) == server.files
    assert set(result["state"]) == {"fetched"}
    assert sorted(p for p, _, _ in server.seen[before:]) == sorted(f"/ok/{k}.jpg" for k in [5, 6, *range(20, 30)])
    assert download(table, tmp_path, policy()).equals(result)
    assert len(server.seen) == before + 12


def test_a_file_put_there_by_hand_is_checked_and_kept(server, tmp_path):
    (tmp_path / "0.jpg").write_bytes(server.files["1.jpg"])
    result = download(rows(server)[:1], tmp_path, policy())
    assert result["sha256"][0] == hashlib.sha256(server.files["1.jpg"]).hexdigest()
    assert server.seen == []


def test_a_known_digest_is_checked(server, tmp_path):
    digests = [hashlib.sha256(data).hexdigest() for data in server.files.values()]
    digests[3] = digests[4]
    result = download(rows(server, sha256=digests), tmp_path, policy())
    assert list(result["file"][result["state"] == "failed"]) == ["3.jpg"]
    assert "SHA-256" in result["reason"][3]


def test_an_outage_a_long_retry_after_and_a_full_disk_end_it_in_one_sentence(server, tmp_path):
    server.files |= {f"{k}.jpg": b"" for k in range(100, 160)}
    with pytest.raises(UserError, match=r"the last 5 files all failed.*download\.mirror"):
        download(rows(server)[30:], tmp_path / "a", policy(attempts=1, give_up_after=5))
    assert len(server.seen) < 12
    with pytest.raises(UserError, match="left alone for 3600 s"):
        download(rows(server, ["429_long"])[:1], tmp_path / "b", policy())
    digest = hashlib.sha256(b"0.jpg").hexdigest()
    (tmp_path / "c/parts").mkdir(parents=True)
    server.files["0.jpg"] *= 20
    part = tmp_path / f"c/parts/{digest}.part"
    part.symlink_to("/dev/full")

    def keep(path, **_):  # drop() would replace the full device by a plain file
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aesthetic_pretraining.fetch.drop", keep)
        with pytest.raises(UserError, match=r"/c: cannot be written \(No space left on device\)"):
            download(rows(server)[:1], tmp_path / "c", policy())
    assert there(tmp_path / "c") == {}
    (tmp_path / "d").write_text("a file where the folder should be")
    with pytest.raises(UserError, match="/d: cannot be written"):
        download(rows(server)[:1], tmp_path / "d", policy())


def test_two_at_once_into_one_folder(server, tmp_path):
    with (
        locked(tmp_path / ".lock", "another download"),
        pytest.raises(UserError, match=r"at work in this folder \(process \d+"),
    ):
        download(rows(server), tmp_path, policy())
    assert server.seen == []
    download(rows(server), tmp_path, policy())  # the lock is let go


@pytest.mark.parametrize(
    ("file", "why"),
    [("../x.jpg", "out of"), ("/x.jpg", "out of"), ("a\\..\\x.jpg", "out of"), ("a\0.jpg", "no file name"),
     ("n" * 300 + ".jpg", "255 bytes")],
)  # fmt: skip
def test_names_that_must_not_be_written(server, tmp_path, file, why):
    with pytest.raises(UserError, match=why) as caught:
        download(rows(server)[:1].assign(file=file), tmp_path, policy())
    assert "\n" not in str(caught.value)
    assert server.seen == []


def test_odd_names_come_as_they_are(server, tmp_path):
    names = ["a b.jpg", "ü/ñ/雪.jpg", "two\nlines.jpg", "n" * 251 + ".jpg", "d" * 200 + "/" + "e" * 100 + ".jpg", "x%2By.jpg"]
    result = download(rows(server)[: len(names)].assign(file=names), tmp_path, policy())
    assert [(tmp_path / name).read_bytes() for name in names] == list(server.files.values())[: len(names)]
    assert set(result["state"]) == {"fetched"}


def test_an_escaped_plus_is_not_escaped_again_and_a_mirror_keeps_hosts_apart(server, tmp_path):
    server.files["x%2By-1.jpg"] = server.files["0.jpg"]
    table = rows(server)[:1].assign(url="https://pictures.invalid/ok/x%2By-1.jpg?w=1000")
    result = download(table, tmp_path, policy(mirror=server.url + "/m/"))
    assert list(result["state"]) == ["fetched"]
    assert server.seen[0][0] == "/m/pictures.invalid/ok/x%2By-1.jpg?w=1000"
    assert mirrored("https://h/a?b", "") == "https://h/a?b"


def test_a_proxy_of_the_environment_is_used(server, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    result = download(rows(server)[:1].assign(url="http://pictures.invalid/ok/0.jpg"), tmp_path, policy())
    assert list(result["state"]) == ["fetched"]
    assert server.seen[0][0] == "http://pictures.invalid/ok/0.jpg"


def test_requests_keep_their_distance_whatever_the_calendar_says(server, tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: -1e9)  # a clock that was set back
    download(rows(server)[:6], tmp_path, policy(requests_per_second=20))
    starts = sorted(at for _, _, at in server.seen)
    assert starts[-1] - starts[0] >= 5 * 0.05 - 0.03
    pace = Pace(1000)
    pace.pause(0.2)
    begin = time.monotonic()
    pace.wait()
    assert time.monotonic() - begin >= 0.19


def test_lists_that_are_not_the_authors_are_refused(server, tmp_path):
    server.files |= dict.fromkeys(["train_set.txt", "val_set.txt", "test_set.txt", "urls.txt"], b"another.jpg\n")
    with pytest.raises(UserError, match=r"train_set\.txt: other bytes than published"):
        download_lists(tmp_path, policy(mirror=server.url, attempts=1))
    assert json.loads((tmp_path / "journal.jsonl").read_text().splitlines()[0])["state"] == "failed"
