"""Order, batches, checkpoints, history."""

import logging
import os

import numpy as np
import pytest
import torch

from aesthetic_pretraining import runtime
from aesthetic_pretraining.errors import UserError

IDS = [f"id{k}" for k in range(20)]


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
    got = list(runtime.batches(IDS[:8], load, 3, workers=0))
    assert [len(b) for b in got] == [3, 3, 2]
    assert got[0].shape == (3, 2, 3)
    assert torch.cat(got)[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert all(b.dtype == torch.uint8 for b in got)
    assert list(runtime.batches([], load, 3, workers=0)) == []


def test_workers_change_nothing():
    alone = list(runtime.batches(IDS[:8], load, 2, workers=0))
    shared = list(runtime.batches(IDS[:8], load, 2, workers=2))
    assert len(shared) == 4
    assert all(torch.equal(a, b) for a, b in zip(alone, shared, strict=True))


def test_an_error_of_the_loader_is_not_swallowed():
    def fail(name):
        raise OSError(f"cannot read {name}")

    with pytest.raises(OSError, match="cannot read id0"):
        list(runtime.batches(IDS, fail, 2, workers=0))


def test_a_checkpoint_comes_back_exactly(tmp_path):
    checkpoint = runtime.Checkpoint(tmp_path / "work", [], "task", 1)
    assert checkpoint.load() is None
    state = {
        "at": (3, 0.1 + 0.2),
        "weights": torch.randn(3, 4, 2, 2).to(memory_format=torch.channels_last),
        "history": [{"loss": 1e-17}],
    }
    checkpoint.save(lambda: state, always=True)
    got = runtime.Checkpoint(tmp_path / "work", [], "task", 1).load()
    assert got["at"] == state["at"]
    assert got["history"] == state["history"]
    assert torch.equal(got["weights"], state["weights"])
    assert got["weights"].stride() == state["weights"].stride()
    checkpoint.remove()
    checkpoint.remove()
    assert list((tmp_path / "work").iterdir()) == []


def test_other_parameters_are_another_checkpoint(tmp_path):
    runtime.Checkpoint(tmp_path, [], {"rate": 0.1}, ["a", "b"]).save(lambda: {"x": 1}, always=True)
    for other in (({"rate": 0.2}, ["a", "b"]), ({"rate": 0.1}, ["b", "a"]), ({"rate": 0.1}, ["a"])):
        assert runtime.Checkpoint(tmp_path, [], *other).load() is None
    assert runtime.Checkpoint(tmp_path, [], {"rate": 0.1}, ["a", "b"]).load() == {"x": 1}


def test_other_contents_of_a_file_are_another_checkpoint(tmp_path):
    file, copy = tmp_path / "start", tmp_path / "copy"
    file.write_bytes(b"one")
    copy.write_bytes(b"one")
    runtime.Checkpoint(tmp_path / "work", [file], 1).save(lambda: {"x": 1}, always=True)
    assert runtime.Checkpoint(tmp_path / "work", [copy], 1).load() == {"x": 1}  # the name does not count
    file.write_bytes(b"two")
    assert runtime.Checkpoint(tmp_path / "work", [file], 1).load() is None
    assert runtime.Checkpoint(tmp_path / "work", [], 1).load() is None


def test_a_loss_has_to_be_finite():
    assert runtime.finite(1e30, "rotnet") == 1e30
    for bad in (float("nan"), float("inf")):
        with pytest.raises(UserError, match="rotnet"):
            runtime.finite(bad, "rotnet")


def test_a_checkpoint_is_saved_when_it_is_time(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(runtime.time, "monotonic", lambda: now[0])
    checkpoint, made = runtime.Checkpoint(tmp_path, [], 1), []
    for now[0] in (100, 159, 160, 161, 219, 221):
        checkpoint.save(lambda: made.append(now[0]) or {})
    assert made == [160, 221]


@pytest.mark.parametrize("moment", ["write", "rename"])
def test_a_save_that_fails_leaves_the_last_one_whole(tmp_path, monkeypatch, moment):
    checkpoint = runtime.Checkpoint(tmp_path, [], 1)
    checkpoint.save(lambda: {"x": 1}, always=True)

    def fail(state, path):
        path.write_bytes(b"half")
        raise OSError("disk full")

    def refuse(*args):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(*((torch, "save", fail) if moment == "write" else (os, "replace", refuse)))
        with pytest.raises(OSError, match="disk full"):
            checkpoint.save(lambda: {"x": 2}, always=True)
    assert checkpoint.load() == {"x": 1}
    assert list(tmp_path.iterdir()) == [checkpoint.path]


@pytest.mark.parametrize("keep", [0, 0.5, 0.99])
def test_a_damaged_checkpoint_is_none_and_says_so(tmp_path, caplog, keep):
    checkpoint = runtime.Checkpoint(tmp_path, [], 1)
    checkpoint.save(lambda: {"x": torch.arange(1000)}, always=True)
    whole = checkpoint.path.read_bytes()
    checkpoint.path.write_bytes(whole[: int(keep * len(whole))])
    with caplog.at_level(logging.WARNING, "aesthetic_pretraining"):
        assert checkpoint.load() is None
    assert "damaged" in caplog.text
    assert checkpoint.path.name in caplog.text


def test_a_checkpoint_is_data_and_never_code(tmp_path):
    checkpoint = runtime.Checkpoint(tmp_path, [], 1)

    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "trap"), "w"))

    torch.save({"x": Evil()}, checkpoint.path)
    assert checkpoint.load() is None
    assert not (tmp_path / "trap").exists()


def test_history(tmp_path):
    rows = [{"epoch": 1, "loss": 1 / 3, "rate": 1e-4}, {"epoch": 2, "loss": 2.0, "rate": 9.8e-5}]
    runtime.write_history(rows, tmp_path / "history.csv")
    assert (tmp_path / "history.csv").read_text() == "epoch,loss,rate\n1,0.33333333,0.0001\n2,2,9.8e-05\n"


def test_progress_counts_this_processs_pictures_and_the_time_left(monkeypatch, caplog):
    now = [50.0]
    monkeypatch.setattr(runtime.time, "monotonic", lambda: now[0])
    progress = runtime.Progress("task", epochs=10)
    now[0] = 70.0  # 20 s for two epochs, after a resume at epoch 3: five are left
    with caplog.at_level(logging.INFO, "aesthetic_pretraining"):
        progress.epoch(5, pictures=400, done=2, val=0.25)
    assert caplog.messages == ["task epoch 5 of at most 10  val 0.2500  20 pictures/s  50 s left"]


def test_a_single_one_left_over_is_a_batch_of_its_own():
    assert [len(part) for part in runtime.cut(5, 2)] == [2, 2, 1]


@pytest.mark.parametrize(
    ("count", "size", "sizes"),
    [(0, 4, []), (1, 4, [1]), (4, 4, [4]), (5, 4, [5]), (6, 4, [4, 2]), (9, 4, [4, 5]), (3, 1, [1, 1, 1]), (17, 8, [8, 9])],
)
def test_a_lone_last_picture_joins_the_batch_before_it(count, size, sizes):
    parts = runtime.cut(count, size, join_single=True)
    assert [len(part) for part in parts] == sizes
    assert [position for part in parts for position in part] == list(range(count))
    for done in range(len(parts)):  # a run resumed after some batches cuts the rest alike
        rest = runtime.cut(count - done * size, size, join_single=True)
        assert [len(part) for part in rest] == sizes[done:]
