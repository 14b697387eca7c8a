"""Order, batches, losses that are no number."""

import numpy as np
import pytest
import torch

from aesthetic_pretraining import runtime
from aesthetic_pretraining.errors import UserError

IDS = [f"id{k}" for k in range(20)]


def groups(ids, size):
    return [ids[part.start : part.stop] for part in runtime.cut(len(ids), size)]


def load(name):
    number = int(name.removeprefix("id"))
    return torch.full((2, 3), number, dtype=torch.uint8)


def test_the_order_depends_on_its_parts_alone():
    np.random.seed(0)
    torch.manual_seed(0)
    order = runtime.shuffled(IDS, 1, "task", 0)
    np.random.seed(1)
    torch.manual_seed(1)
    assert runtime.shuffled(IDS, 1, "task", 0) == order
    assert sorted(order) == sorted(IDS)
    assert order != IDS
    others = [runtime.shuffled(IDS, *parts) for parts in ((2, "task", 0), (1, "other", 0), (1, "task", 1), (1, "task"))]
    assert len({tuple(o) for o in (order, *others)}) == 5
    assert runtime.shuffled([], 1) == []


def test_every_id_comes_first_about_equally_often():
    first = [runtime.shuffled(IDS[:4], k)[0] for k in range(400)]
    assert all(60 < first.count(i) < 140 for i in IDS[:4])  # 100 expected, deviation 8.7


def test_steps_are_seeded_by_their_parts_alone():
    runtime.seed_step("a", 1, 2)
    first = torch.rand(3)
    torch.rand(100)
    runtime.seed_step("a", 1, 2)
    assert torch.equal(torch.rand(3), first)
    runtime.seed_step("a", 12)
    assert not torch.equal(torch.rand(3), first)


def test_batches_are_in_order_and_the_last_is_smaller():
    got = list(runtime.batches(groups(IDS[:8], 3), load, workers=0))
    assert [len(b) for b in got] == [3, 3, 2]
    assert got[0].shape == (3, 2, 3)
    assert torch.cat(got)[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert all(b.dtype == torch.uint8 for b in got)
    assert list(runtime.batches([], load, workers=0)) == []


def test_workers_change_nothing():
    alone = list(runtime.batches(groups(IDS[:8], 2), load, workers=0))
    shared = list(runtime.batches(groups(IDS[:8], 2), load, workers=2))
    assert len(shared) == 4
    assert all(torch.equal(a, b) for a, b in zip(alone, shared, strict=True))


def test_an_error_of_the_loader_is_not_swallowed():
    def fail(name):
        raise OSError(f"cannot read {name}")

    with pytest.raises(OSError, match="cannot read id0"):
        list(runtime.batches(groups(IDS, 2), fail, workers=0))


def test_a_loss_has_to_be_finite():
    assert runtime.finite(1e30, "rotnet") == 1e30
    for bad in (float("nan"), float("inf")):
        with pytest.raises(UserError, match="rotnet"):
            runtime.finite(bad, "rotnet")


def test_a_single_one_left_over_is_a_batch_of_its_own():
    assert [len(part) for part in runtime.cut(5, 2)] == [2, 2, 1]


@pytest.mark.parametrize(
    ("count", "size", "sizes"),
    [(0, 4, []), (1, 4, [1]), (4, 4, [4]), (5, 4, [5]), (6, 4, [4, 2]), (9, 4, [4, 5]), (3, 1, [1, 1, 1]), (17, 8, [8, 9])],
)
def test_a_lone_last_picture_joins_the_batch_before_it(count, size, sizes):
    parts = runtime.cut(count, size, least=2)
    assert [len(part) for part in parts] == sizes
    assert [position for part in parts for position in part] == list(range(count))
    for done in range(len(parts)):  # a run resumed after some batches cuts the rest alike
        rest = runtime.cut(count - done * size, size, least=2)
        assert [len(part) for part in rest] == sizes[done:]
