"""Fixtures of projects.py, which tests also import from."""

from projects import finished, project, pulled  # noqa: F401
