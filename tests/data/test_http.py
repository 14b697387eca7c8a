"""How files are asked for: addresses, proxies, the distance between requests."""

import time

import pytest
from servers import PATIENCE, policy, rows

from aesthetic_pretraining.data.download.batch import download
from aesthetic_pretraining.data.download.connections import private
from aesthetic_pretraining.data.download.http import Pace, mirrored


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
    begin = time.monotonic()  # the first request may be seen late, never early
    download(rows(server)[:6], tmp_path, policy(requests_per_second=20))
    assert max(at for _, _, at in server.seen) - begin >= 5 * 0.05
    pace = Pace(1000)
    pace.pause(0.2)
    begin = time.monotonic()
    pace.wait()
    assert time.monotonic() - begin >= 0.19


@pytest.mark.parametrize("way", ["429_once", "429_date"])
def test_a_server_that_asks_for_a_second_of_rest_has_it(server, tmp_path, way):
    download(rows(server, [way])[:1], tmp_path / "one", policy())
    first, again = (at for _, _, at in server.seen)
    assert again - first >= 0.95


ENDED = {
    "endless": "more than 1 MB", "endless_chunks": "more than 1 MB", "huge_length": "more than 1 MB", "header_drip": "slower than",
    "continue_drip": "slower than", "trailer_drip": "slower than", "moved_inside": "private network", "moved_to_a_file": "nowhere",
    "circle": "more than 5 redirects", "unasked_range": "another range",
}  # fmt: skip


@pytest.mark.parametrize("way", ENDED)
def test_a_server_without_measure_is_one_row_and_leaves_nothing(server, tmp_path, way):
    begin = time.monotonic()
    result = download(rows(server, [way])[:2], tmp_path, policy(attempts=1, attempt_s=2 * PATIENCE))
    assert list(result["state"]) == ["failed", "fetched"]
    assert ENDED[way] in result["reason"][0]
    assert (
        time.monotonic() - begin < 12 * PATIENCE
    )  # left alone, the drips take as long, twelve times the patience, or for ever
    assert sum(path.stat().st_size for path in (tmp_path / "parts").iterdir()) < 10_000


@pytest.mark.parametrize("way", ["lie_long", "lie_short", "lie_nothing", "lie_endless", "wrong_range", "moved_endless"])
def test_what_a_server_says_wrongly_of_its_answer_does_not_reach_the_file(server, tmp_path, way):
    result = download(rows(server, [way])[:1], tmp_path, policy())
    assert list(result["state"]) == ["fetched"], result["reason"][0]
    assert (tmp_path / "0.jpg").read_bytes() == server.files["0.jpg"]


@pytest.mark.parametrize(
    ("host", "inside"),
    [("127.0.0.1", True), ("10.1.2.3", True), ("192.168.0.1:80", True), ("169.254.169.254", True), ("[::1]", True), ("0.0.0.0", True),
     ("[::ffff:127.0.0.1]", True), ("[fe80::1]", True), ("localhost", True), ("2130706433", True), ("93.184.215.14", False),
     ("[2606:4700::1111]", False)],
)  # fmt: skip
def test_addresses_inside(host, inside):
    assert private(f"http://{host}/x") == inside
