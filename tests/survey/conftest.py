"""Surveys on loopback: a folder of photos, and servers in processes of their own."""

from pathlib import Path

import pytest
from survey_server import Server


@pytest.fixture(scope="session")
def photos(tmp_path_factory, make_photo, encode) -> Path:
    """A folder with six photos."""
    folder = tmp_path_factory.mktemp("photos")
    for k in range(6):
        (folder / f"photo{k}.jpg").write_bytes(encode(make_photo(k, 240, 180), "JPEG", quality=95))
    return folder


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
