"""Fixtures of servers.py, which tests also import from."""

from servers import server  # noqa: F401
