"""Order and batches of a dataset, their way to a GPU, and what is said where shared memory is short."""

import contextlib
import os
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from aesthetic_pretraining.distortions.variants import Variants
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.training import loader
from aesthetic_pretraining.training.datasets import VariantsDataset

IDS = [f"id{k}" for k in range(20)]


class Numbers(Dataset):
    """position -> uint8 (2, 3), the position in every place."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, position):
        return torch.full((2, 3), position, dtype=torch.uint8)


def batches(count, size, workers=0, device=None):
    return loader.batches(Numbers(count), loader.cut(count, size), workers, device)


def test_the_order_depends_on_its_parts_alone():
    np.random.seed(0)
    torch.manual_seed(0)
    order = loader.shuffled(IDS, 1, "task", 0)
    np.random.seed(1)
    torch.manual_seed(1)
    assert loader.shuffled(IDS, 1, "task", 0) == order
    assert sorted(order) == sorted(IDS)
    assert order != IDS
    others = [loader.shuffled(IDS, *parts) for parts in ((2, "task", 0), (1, "other", 0), (1, "task", 1), (1, "task"))]
    assert len({tuple(o) for o in (order, *others)}) == 5
    assert loader.shuffled([], 1) == []


def test_every_id_comes_first_about_equally_often():
    first = [loader.shuffled(IDS[:4], k)[0] for k in range(400)]
    assert all(60 < first.count(i) < 140 for i in IDS[:4])  # 100 expected, deviation 8.7


def test_batches_are_in_order_and_the_last_is_smaller():
    got = list(batches(8, 3, workers=0))
    assert [len(b) for b in got] == [3, 3, 2]
    assert got[0].shape == (3, 2, 3)
    assert torch.cat(got)[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert all(b.dtype == torch.uint8 for b in got)
    assert list(batches(0, 1, workers=0)) == []


def test_workers_change_nothing():
    alone = list(batches(8, 2, workers=0))
    shared = list(batches(8, 2, workers=2))
    assert len(shared) == 4
    assert all(torch.equal(a, b) for a, b in zip(alone, shared, strict=True))


def test_an_error_of_the_loader_is_not_swallowed():
    class Broken(Numbers):
        def __getitem__(self, position):
            raise OSError(f"cannot read {position}")

    with pytest.raises(OSError, match="cannot read 0"):
        list(loader.batches(Broken(20), loader.cut(20, 2), workers=0))


def test_a_single_one_left_over_is_a_batch_of_its_own():
    assert [len(part) for part in loader.cut(5, 2)] == [2, 2, 1]


@pytest.mark.parametrize(
    ("count", "size", "sizes"),
    [(0, 4, []), (1, 4, [1]), (4, 4, [4]), (5, 4, [5]), (6, 4, [4, 2]), (9, 4, [4, 5]), (3, 1, [1, 1, 1]), (17, 8, [8, 9])],
)
def test_a_lone_last_picture_joins_the_batch_before_it(count, size, sizes):
    parts = loader.cut(count, size, least=2)
    assert [len(part) for part in parts] == sizes
    assert [position for part in parts for position in part] == list(range(count))
    for done in range(len(parts)):  # a run resumed after some batches cuts the rest alike
        rest = loader.cut(count - done * size, size, least=2)
        assert [len(part) for part in rest] == sizes[done:]


CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
GIB = 2**30


def test_on_a_cpu_batches_are_not_touched_on_their_way():
    source = [torch.ones(2), torch.zeros(3)]
    assert loader.ahead(source, CPU) is source
    assert loader.send(source[0], CPU) is source[0]
    one, other = (list(batches(5, 2, 0, device)) for device in (None, CPU))
    assert len(one) == 3 and all(map(torch.equal, one, other))


class Sent:
    """Stands for a tensor of a GPU, and notes what becomes of it."""

    def __init__(self, number, events):
        self.number, self.events = number, events

    def record_stream(self, stream):
        self.events.append(f"{self.number} is used by {stream.name}")


class Stream:
    def __init__(self, name, events):
        self.name, self.events = name, events

    def wait_stream(self, other):
        self.events.append(f"{self.name} waits for {other.name}")


def test_on_a_gpu_the_next_batch_is_sent_before_the_network_gets_this_one(monkeypatch):
    events, inside = [], []

    @contextlib.contextmanager
    def stream(which):
        inside.append(which.name)
        yield
        inside.pop()

    monkeypatch.setattr(torch.cuda, "Stream", lambda device: Stream("copies", events))
    monkeypatch.setattr(torch.cuda, "stream", stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream("network", events))
    monkeypatch.setattr(
        loader, "send", lambda number, device: events.append(f"{number} sent on {inside[-1]}") or Sent(number, events)
    )
    got = []
    for sent in loader.ahead([1, 2, 3], CUDA):
        events.append(f"step {sent.number}")
        got.append(sent.number)
    assert got == [1, 2, 3]
    arrives = ["network waits for copies", "{} is used by network"]
    wanted = [
        "1 sent on copies",
        "2 sent on copies",
        *arrives,
        "step 1",
        "3 sent on copies",
        *arrives,
        "step 2",
        *arrives,
        "step 3",
    ]
    numbers = iter((1, 2, 3))
    assert events == [line.format(next(numbers)) if "{}" in line else line for line in wanted]
    assert list(loader.ahead([], CUDA)) == []


def test_an_error_of_the_loader_comes_through_the_way_to_the_gpu(monkeypatch):
    def source():
        yield 1
        raise OSError("cannot read id7")

    monkeypatch.setattr(torch.cuda, "Stream", lambda device: None)
    monkeypatch.setattr(torch.cuda, "stream", lambda which: contextlib.nullcontext())
    monkeypatch.setattr(loader, "send", lambda number, device: number)
    with pytest.raises(OSError, match="cannot read id7"):
        list(loader.ahead(source(), CUDA))


def test_loaders_need_room_in_shared_memory_and_a_sentence_says_how_much(monkeypatch):
    def free(gib):
        monkeypatch.setattr(loader.shutil, "disk_usage", lambda path: SimpleNamespace(free=round(gib * GIB)))

    batch = 8 * 174 * 3 * 224 * 224  # the paper's: 200 MiB of bytes
    free(3.2)
    loader.enough_shared_memory(batch, 16, 8)
    free(0.0625)  # what a container has by default
    with pytest.raises(
        UserError,
        match=r"/dev/shm has 0\.06 GiB free, but 8 loaders with 2 batches each need 3\.12 GiB there; "
        r"give it more .*lower the resource loaders .* or the batch in params\.yaml",
    ):
        loader.enough_shared_memory(batch, 16, 8)

    def nothing_there(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(loader.shutil, "disk_usage", nothing_there)
    loader.enough_shared_memory(batch, 16, 8)


def test_only_batches_that_will_wait_count_and_without_loaders_none(monkeypatch):
    seen = []
    monkeypatch.setattr(loader, "enough_shared_memory", lambda *args: seen.append(args))
    list(batches(5, 3, workers=0))
    list(batches(0, 1, workers=1))
    assert seen == []
    batches(5, 3, workers=1)
    batches(20, 1, workers=2)
    assert seen == [(3 * 6, 2, 1), (6, 4, 2)]  # bytes of the largest batch, batches, loaders


def test_a_dataset_that_knows_the_size_of_its_items_makes_none_for_it(photo_store):
    """Worker processes make all of them; here none may be made."""

    class Counted(VariantsDataset):
        here = os.getpid()

        def __getitem__(self, position):
            assert os.getpid() != self.here
            return super().__getitem__(position)

    few = dict(seed=1, distortions=["brightness"])
    dataset = Counted(Variants(photo_store, 32, "published"), ["wide", "square"], **few)
    (batch,) = loader.batches(dataset, [[0, 1]], workers=1)
    assert batch.nbytes == 2 * dataset.nbytes
    made = VariantsDataset(
        Variants(photo_store, 32, "published"),
        ["wide"],
        make=lambda variants, photo, seed: torch.zeros(4, 3, 32, 32, dtype=torch.uint8),
        views=4,
    )
    assert made.nbytes == made[0].nbytes
