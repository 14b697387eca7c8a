"""How files are asked for: addresses, proxies, the distance between requests."""

import time

import pytest
from servers import policy, rows

from aesthetic_pretraining.data.download.batch import download
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
