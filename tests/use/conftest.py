"""Fixtures for the room `use`."""

import shutil

import numpy as np
import pytest
from small_bundles import BIAS, TO_VOTES, make_bundle


@pytest.fixture
def bundle(tmp_path):
    """The folder of a sound bundle."""
    return make_bundle(tmp_path / "bundle")


@pytest.fixture(scope="session")
def votes_of():
    """Factory: mean colour (3,) in 0..1 -> the votes that the bundle must give, by numpy alone."""

    def make(colour):
        logits = np.asarray(colour, float) @ TO_VOTES.astype(float) + BIAS
        likely = np.exp(logits - logits.max())
        return likely / likely.sum()

    return make


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
