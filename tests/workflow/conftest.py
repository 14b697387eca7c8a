"""Fixtures of projects.py, which tests also import from."""

from projects import finished, project, pulled, warm  # noqa: F401
