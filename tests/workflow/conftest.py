"""Fixtures of projects.py, which tests also import from."""

import logging

import pytest

from projects import finished, project, pulled, warm  # noqa: F401


@pytest.fixture(autouse=True)
def no_handler_stays():
    """A job that runs inside of a test says its lines in files that are closed after it."""
    kept = [(logger, list(logger.handlers)) for logger in (logging.root, logging.getLogger("aesthetic_pretraining"))]
    yield
    for logger, handlers in kept:
        for left in set(logger.handlers) - set(handlers):
            if not type(left).__module__.startswith("_pytest"):
                logger.removeHandler(left)
