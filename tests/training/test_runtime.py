"""Order, batches, their way to a GPU, losses that are no number, and what is said where memory is short."""

import contextlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import aesthetic_pretraining
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.training import runtime

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


CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
GIB = 2**30


def test_on_a_cpu_batches_are_not_touched_on_their_way():
    source = [torch.ones(2), torch.zeros(3)]
    assert runtime.ahead(source, CPU) is source
    assert runtime.send(source[0], CPU) is source[0]
    one, other = (list(runtime.batches(groups(IDS[:5], 2), load, 0, device)) for device in (None, CPU))
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
        runtime, "send", lambda number, device: events.append(f"{number} sent on {inside[-1]}") or Sent(number, events)
    )
    got = []
    for sent in runtime.ahead([1, 2, 3], CUDA):
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
    assert list(runtime.ahead([], CUDA)) == []


def test_an_error_of_the_loader_comes_through_the_way_to_the_gpu(monkeypatch):
    def source():
        yield 1
        raise OSError("cannot read id7")

    monkeypatch.setattr(torch.cuda, "Stream", lambda device: None)
    monkeypatch.setattr(torch.cuda, "stream", lambda which: contextlib.nullcontext())
    monkeypatch.setattr(runtime, "send", lambda number, device: number)
    with pytest.raises(OSError, match="cannot read id7"):
        list(runtime.ahead(source(), CUDA))


def test_loaders_need_room_in_shared_memory_and_a_sentence_says_how_much(monkeypatch):
    def free(gib):
        monkeypatch.setattr(runtime.shutil, "disk_usage", lambda path: SimpleNamespace(free=round(gib * GIB)))

    batch = 8 * 174 * 3 * 224 * 224  # the paper's: 200 MiB of bytes
    free(3.2)
    runtime.enough_shared_memory(batch, 16, 8)
    free(0.0625)  # what a container has by default
    with pytest.raises(
        UserError,
        match=r"/dev/shm has 0\.06 GiB free, but 8 loaders with 2 batches each need 3\.12 GiB there; "
        r"give it more .*lower the resource loaders .* or the batch in params\.yaml",
    ):
        runtime.enough_shared_memory(batch, 16, 8)

    def nothing_there(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(runtime.shutil, "disk_usage", nothing_there)
    runtime.enough_shared_memory(batch, 16, 8)


def test_only_batches_that_will_wait_count_and_without_loaders_none(monkeypatch):
    seen = []
    monkeypatch.setattr(runtime, "enough_shared_memory", lambda *args: seen.append(args))
    list(runtime.batches(groups(IDS[:5], 3), load, workers=0))
    list(runtime.batches([], load, workers=1))
    assert seen == []
    runtime.batches(groups(IDS[:5], 3), load, workers=1)
    runtime.batches(groups(IDS, 1), load, workers=2)
    assert seen == [(3 * 6, 2, 1), (6, 4, 2)]  # bytes of the largest batch, batches, loaders


@pytest.mark.parametrize("allowed", [True, False])
def test_tf32_is_said_for_convolutions_and_products_alike(allowed):
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.conv.fp32_precision
    try:
        runtime.allow_tf32(allowed)
        wanted = "tf32" if allowed else "ieee"
        assert torch.backends.cuda.matmul.fp32_precision == torch.backends.cudnn.conv.fp32_precision == wanted
        # raises if matmul's own switch was used, and Lightning Fabric asks
        assert torch.get_float32_matmul_precision() == ("high" if allowed else "highest")
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.conv.fp32_precision = torch.backends.cudnn.rnn.fp32_precision = before[1]


@pytest.mark.parametrize("tf32", [True, False])
def test_a_gpu_is_told_about_tf32_and_a_cpu_is_not(monkeypatch, tf32):
    told = []
    monkeypatch.setattr(runtime, "allow_tf32", told.append)
    runtime.set_up(1, tf32=tf32)
    assert told == [] or torch.cuda.is_available()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert runtime.set_up(1, tf32=tf32).type == "cuda"
    runtime.set_up(1, training=False)
    assert told[-2:] == [tf32, False]


def test_determinism_is_switched_on_without_importing_the_compiler():
    done = subprocess.run(
        [sys.executable, "-c", "import sys, torch; from aesthetic_pretraining.training import runtime; before = set(sys.modules)\nruntime.set_up(1)\n"
         "print(torch.are_deterministic_algorithms_enabled(), torch.get_deterministic_debug_mode(), torch.utils.deterministic.fill_uninitialized_memory)\n"
         "print([m for m in set(sys.modules) - before if m.startswith(('torch._inductor', 'torch._dynamo'))])"],
        env={"PYTHONPATH": str(Path(aesthetic_pretraining.__file__).parents[1])}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["True 2 False", "[]"]


@pytest.mark.parametrize(
    ("free", "ours", "held", "advice"),
    [
        (1, 78, r"this job holds 78\.0, other programs 1\.0, 1\.0 are free", "lower"),
        (
            2,
            8,
            r"this job holds 8\.0, other programs 70\.0, 2\.0 are free",
            r"end the other programs \(nvidia-smi names them\), or lower",
        ),
    ],
)
def test_a_full_gpu_says_who_fills_it(monkeypatch, free, ours, held, advice):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free * GIB, 80 * GIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: ours * GIB)
    with (
        pytest.raises(
            UserError, match=rf"^out of memory of the GPU \(80\.0 GiB: {held}\); {advice} finetune\.batch in params\.yaml$"
        ),
        runtime.out_of_memory("finetune.batch"),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")


def test_a_gpu_that_does_not_answer_is_still_a_sentence(monkeypatch):
    def dead():
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr(torch.cuda, "mem_get_info", dead)
    with pytest.raises(UserError, match=r"^out of memory of the GPU; lower x in"), runtime.out_of_memory("x"):
        raise RuntimeError("CUDA error: out of memory")


def test_a_kernel_that_is_not_deterministic_is_a_sentence():
    with (
        pytest.raises(
            UserError, match=r"backbone\.name: .*\(reflection_pad2d_backward_cuda is not deterministic\); choose another"
        ),
        runtime.out_of_memory("x"),
    ):
        raise RuntimeError("reflection_pad2d_backward_cuda does not have a deterministic implementation, but you set ...")
