"""Fixtures for the room `use`."""

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
