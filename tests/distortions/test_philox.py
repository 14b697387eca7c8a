"""Philox4x32-10 against the authors' known answers, and against integers of Python."""

import numpy as np
import pytest
import torch

from aesthetic_pretraining.distortions.batched.philox import philox, uniform_16

# counter, key, output: philox4x32 with 10 rounds in Random123's file kat_vectors, of the algorithm's authors
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def by_hand(counter, key):
    """The definition, in Python's integers, which have no size."""
    c, (k0, k1) = list(counter), key
    for _ in range(10):
        first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [second >> 32 ^ c[1] ^ k0, second % 2**32, first >> 32 ^ c[3] ^ k1, first % 2**32]
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return tuple(c)


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_known_answers(counter, key, answer):
    assert by_hand(counter, key) == answer
    assert tuple(philox(torch.tensor(counter), torch.tensor(key)).tolist()) == answer


def test_many_at_once_are_those_one_by_one():
    words = np.random.default_rng(0).integers(0, 2**32, (6, 50))
    made = philox(torch.from_numpy(words[:4]), torch.from_numpy(words[4:]))
    expected = [by_hand(column[:4], column[4:]) for column in words.T.tolist()]
    assert made.T.tolist() == [list(one) for one in expected]


def test_draws_are_the_halves_of_the_words_of_counters_in_a_row():
    key = [5, 6, 7, 8]
    drawn = uniform_16(torch.tensor([key, [1, 2, 3, 4]]), 21)
    words = [by_hand((block, 0, 7, 8), (5, 6)) for block in range(3)]
    lower = [word % 2**16 for place in range(4) for word in (block[place] for block in words)]
    upper = [word >> 16 for place in range(4) for word in (block[place] for block in words)]
    assert drawn.shape == (2, 21) and drawn[0].tolist() == (lower + upper)[:21]
    assert drawn[0].tolist() != drawn[1].tolist()


def test_draws_are_even():
    drawn = uniform_16(torch.tensor([[1, 2, 3, 4]]), 2**20)[0]
    counts = torch.bincount(drawn >> 8, minlength=256)
    # chi-squared with 255 degrees of freedom: mean 255, deviation 22.6
    assert 160 < ((counts - 4096.0) ** 2 / 4096).sum().item() < 370
    assert torch.bincount(drawn & 255).min() > 3700  # 4096 expected, deviation 64
