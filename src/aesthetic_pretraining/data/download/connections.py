"""Connections that end at a given time, and addresses that a redirect may not lead to.

requests has a limit for the silence between two bytes, but none for the whole: a server that sends a header byte by byte, or trailers
without end, would hold a worker for ever.
"""

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

_THREAD = threading.local()  # .deadline: the one that holds for the requests of this thread


class Deadline:
    """Ends the connections of one thread when its time is over. `over`: whether it is."""

    def __init__(self, seconds: float):
        self.over, self.lock = False, threading.Lock()
        self.socket: socket.socket | None = None
        self.timer = threading.Timer(seconds, self._end)
        self.timer.daemon = True

    def watch(self, connection: socket.socket | None) -> None:
        """From now on this is the connection to end."""
        with self.lock:
            self.socket = connection
        if self.over:
            self._end()

    def _end(self) -> None:
        with self.lock, contextlib.suppress(OSError):
            self.over = True
            if self.socket is not None:
                # not by its own method, with which a TLS connection drops what the other thread is reading from
                socket.socket.shutdown(self.socket, socket.SHUT_RDWR)


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[Deadline]:
    """All requests of this thread in the block, with headers, bodies and redirects, end after so many seconds."""
    _THREAD.deadline = found = Deadline(seconds)
    found.timer.start()
    try:
        yield found
    finally:
        found.timer.cancel()
        _THREAD.deadline = None


class _Watched:
    """What both kinds of connection do before they wait for the header."""

    sock: socket.socket | None

    def getresponse(self) -> Any:
        if (now := getattr(_THREAD, "deadline", None)) is not None:
            now.watch(self.sock)
        return super().getresponse()  # type: ignore[misc]  # a mixin


class _Plain(_Watched, HTTPConnection):
    pass


class _Secure(_Watched, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class WatchedAdapter(HTTPAdapter):
    """requests' adapter, with connections that keep to `deadline`."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
        return manager


def private(url: str) -> bool:
    """Whether a URL's host is, or has a name for, an address of this machine or of a private network."""
    host = urlsplit(url).hostname or ""
    try:
        addresses = {str(entry[4][0]).partition("%")[0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False  # a name that is unknown here leads nowhere, or is a proxy's business
    return not all(map(_public, addresses))


def _public(address: str) -> bool:
    found = ipaddress.ip_address(address)
    return (getattr(found, "ipv4_mapped", None) or found).is_global
