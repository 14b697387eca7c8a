"""Philox4x32-10 in integer tensor arithmetic: a counter-based generator whose numbers are the same on every device.

Salmon, Moraes, Dror and Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3". torch's own generator gives other numbers
on a CPU than on a GPU, and numpy's Philox has 64-bit words.
"""

from functools import lru_cache

import torch
from torch import Tensor

ROUNDS = 10
WORD = 2**32 - 1
MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
KEY_STEPS = 0x9E3779B9, 0xBB67AE85


def philox(counters: Tensor, keys: Tensor) -> Tensor:
    """Four random words for each counter under its key.

    counters: int64 (4, ...), keys: int64 (2, ...), broadcastable to each other; every value a 32-bit word, 0 .. 2^32 - 1
    Returns the same: int64 (4, ...) of 32-bit words.
    """
    # words 0 and 2 are multiplied in every round, words 1 and 3 are mixed in, and the two pairs change places
    multiplied, mixed = counters[0::2], counters[1::2]
    factors, steps = (_column(words, counters.ndim, counters.device) for words in (MULTIPLIERS, KEY_STEPS))
    for number in range(ROUNDS):
        # The product needs 64 bits without a sign. Signed ones wrap around to the same bits.
        product = (multiplied * factors).flip(0)
        multiplied = (product >> 32).bitwise_and_(WORD).bitwise_xor_(mixed).bitwise_xor_(keys + number * steps & WORD)
        mixed = product.bitwise_and_(WORD)
    return torch.stack((multiplied, mixed), 1).flatten(0, 1)


def uniform_16(keys: Tensor, count: int) -> Tensor:
    """`count` integers in [0, 65535], evenly distributed, for each key: int64 (n, count).

    keys: int64 (n, 4); the first two words are the generator's key, the others the upper half of its counter.
    """
    blocks = -(-count // 8)  # a block has four words of two numbers
    position = torch.arange(blocks, device=keys.device).expand(len(keys), blocks)
    upper = keys[:, 2:, None].expand(-1, -1, blocks)
    counters = torch.stack((position, torch.zeros_like(position), upper[:, 0], upper[:, 1]))
    words = philox(counters, keys[:, :2].T[..., None])
    return torch.stack((words & 0xFFFF, words >> 16)).permute(2, 0, 1, 3).flatten(1)[:, :count]


@lru_cache(maxsize=64)
def _column(words: tuple[int, int], dimensions: int, device: torch.device) -> Tensor:
    """Two words along the first of so many dimensions; cached, because a GPU waits for every upload."""
    return torch.tensor(words, device=device).view(2, *[1] * (dimensions - 1))
