"""Checkpoints: whole or not there, gone on with only where nothing has changed."""

import hashlib
import json
import logging
import os
import threading

import numpy as np
import pytest
import torch

from aesthetic_pretraining import code
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.training import checkpoint, finetune, pretrain
from aesthetic_pretraining.training.distributed import Alone


def made(folder, config=None, inputs=None):
    team = Alone(torch.device("cpu"))
    return checkpoint.Checkpoint(folder / "task.pt", config or {"rate": 0.1}, inputs or {}, team, pretrain.__file__)


def test_a_checkpoint_comes_back_exactly(tmp_path):
    one = made(tmp_path / "work")
    assert one.load() is None
    state = {
        "at": (3, 0.1 + 0.2),
        "weights": torch.randn(3, 4, 2, 2).to(memory_format=torch.channels_last),
        "history": [{"loss": 1e-17}],
    }
    one.save(lambda: state, always=True)
    got = made(tmp_path / "work").load()
    assert got["at"] == state["at"]
    assert got["history"] == state["history"]
    assert torch.equal(got["weights"], state["weights"])
    assert got["weights"].stride() == state["weights"].stride()
    one.remove()
    one.remove()
    assert list((tmp_path / "work").iterdir()) == []


def test_other_parameters_are_refused_by_name_and_the_file_stays(tmp_path):
    made(tmp_path, config={"rate": 0.1, "margin": 0.2}).save(lambda: {"x": 1}, always=True)
    with pytest.raises(UserError, match=r"task\.pt: .*\(rate was 0\.1, now 0\.2\); set them back .* or delete the file"):
        made(tmp_path, config={"rate": 0.2, "margin": 0.2}).load()
    with pytest.raises(UserError, match=r"margin was 0\.2, now not there, depth was not there, now 3"):
        made(tmp_path, config={"rate": 0.1, "depth": 3}).load()
    assert made(tmp_path, config={"margin": 0.2, "rate": 0.1}).load() == {"x": 1}


@pytest.mark.parametrize("inputs", [{"the photos": "b"}, {}, {"the photos": "a", "the votes": "c"}])
def test_other_inputs_start_over_and_it_is_said(inputs, tmp_path, caplog):
    made(tmp_path, inputs={"the photos": "a"}).save(lambda: {"x": 1}, always=True)
    with caplog.at_level(logging.WARNING, "aesthetic_pretraining"):
        assert made(tmp_path, inputs=inputs).load() is None
    assert "starting over" in caplog.text and ("the votes" if len(inputs) == 2 else "the photos") in caplog.text
    assert made(tmp_path, inputs={"the photos": "a"}).load() == {"x": 1}


def test_changed_code_is_refused_by_name_and_the_file_stays(tmp_path, monkeypatch):
    made(tmp_path).save(lambda: {"x": 1}, always=True)
    now = code.digests(pretrain.__file__)
    losses, course = (f"aesthetic_pretraining/training/{name}.py" for name in ("losses", "course"))
    monkeypatch.setattr(code, "digests", lambda trainer: now | {losses: "edited"})
    with pytest.raises(UserError, match=rf"task\.pt: .* other code \({losses}\); go back to that code .* or delete the file"):
        made(tmp_path).load()
    without = {file: known for file, known in now.items() if "/distortions/" not in file and file != course}
    monkeypatch.setattr(code, "digests", lambda trainer: without)
    with pytest.raises(UserError, match=r"\(\S+, \S+, \S+ and \d+ more\)"):
        made(tmp_path).load()
    monkeypatch.setattr(code, "digests", lambda trainer: now)
    assert made(tmp_path).load() == {"x": 1}


@pytest.mark.parametrize("trainer", [pretrain, finetune])
def test_a_trainers_code_is_what_it_imports_and_no_more(trainer):
    mine = code.digests(trainer.__file__)
    assert {f"aesthetic_pretraining/{name}.py" for name in ("training/losses", "seeding", "distortions/custom")} <= set(mine)
    assert trainer.__name__.replace(".", "/") + ".py" in mine
    assert not [file for file in mine if "/reporting/" in file or "/evaluation/" in file or file.endswith("config.py")]
    assert ("aesthetic_pretraining/training/pretext.py" in mine) == (trainer is pretrain)
    for file, known in mine.items():
        assert known == hashlib.sha256((code.SOURCES / file).read_bytes()).hexdigest()


def test_imports_are_followed_through_functions_and_packages_and_not_outside(tmp_path):
    for name, text in {
        "program.py": "import json\nfrom room import thing\n",
        "room/__init__.py": "",
        "room/thing.py": "def f():\n    import room.deep.deeper as d\n    return d\n",
        "room/deep/__init__.py": "import numpy\n",
        "room/deep/deeper.py": "from program import x\n",
        "room/unused.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert code.closure(tmp_path, "program.py") == [
        *("program.py", "room/__init__.py", "room/deep/__init__.py", "room/deep/deeper.py", "room/thing.py")
    ]
    (tmp_path / "relative.py").write_text("from . import thing\n")
    with pytest.raises(ValueError, match=r"relative\.py: relative import"):
        code.closure(tmp_path, "relative.py")


def test_digests_go_by_content(tmp_path):
    for name, content in (("one", b"1"), ("copy", b"1"), ("two", b"2")):
        (tmp_path / name).write_bytes(content)
    one, copy, two = (checkpoint.digest("x", files=[tmp_path / name]) for name in ("one", "copy", "two"))
    assert one == copy != two
    assert len({checkpoint.digest("a", "b"), checkpoint.digest("b", "a"), checkpoint.digest("ab")}) == 3


def test_a_checkpoint_is_saved_when_it_is_time(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])
    one, states = made(tmp_path), []
    for now[0] in (100, 159, 160, 161, 219, 221):
        one.save(lambda: states.append(now[0]) or {})
    assert states == [160, 221]


def test_a_save_of_the_state_that_was_loaded_is_no_step_on(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "moved_on", threading.Event())
    one = made(tmp_path)
    one.load()
    one.save(lambda: {"at": (0, 7, 0.5)}, always=True)
    assert checkpoint.moved_on.is_set()
    checkpoint.moved_on.clear()  # another process, whose time is over in the validation that it begins with
    again = made(tmp_path)
    again.load()
    again.save(lambda: {"at": (0, 7, 0.5)}, always=True)
    assert not checkpoint.moved_on.is_set()
    again.save(lambda: {"at": (1, 0, 0.0)}, always=True)
    assert checkpoint.moved_on.is_set()


@pytest.mark.parametrize("moment", ["write", "rename"])
def test_a_save_that_fails_leaves_the_last_one_whole(tmp_path, monkeypatch, moment):
    one = made(tmp_path)
    one.save(lambda: {"x": 1}, always=True)

    def fail(state, path):
        path.write_bytes(b"half")
        raise OSError("disk full")

    def refuse(*args):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(*((torch, "save", fail) if moment == "write" else (os, "replace", refuse)))
        with pytest.raises(OSError, match="disk full"):
            one.save(lambda: {"x": 2}, always=True)
    assert one.load() == {"x": 1}
    assert list(tmp_path.iterdir()) == [one.path]


@pytest.mark.parametrize("keep", [0, 0.5, 0.99])
def test_a_damaged_checkpoint_is_none_and_says_so(tmp_path, caplog, keep):
    one = made(tmp_path)
    one.save(lambda: {"x": torch.arange(1000)}, always=True)
    whole = one.path.read_bytes()
    one.path.write_bytes(whole[: int(keep * len(whole))])
    with caplog.at_level(logging.WARNING, "aesthetic_pretraining"):
        assert one.load() is None
    assert "damaged" in caplog.text
    assert one.path.name in caplog.text


@pytest.mark.parametrize("seed", range(5))
def test_a_bit_that_rotted_in_a_checkpoint_is_found(tmp_path, caplog, seed):
    """torch.load would take most of them for other numbers."""
    one = made(tmp_path)
    one.save(lambda: {"x": torch.arange(1000.0)}, always=True)
    whole = bytearray(one.path.read_bytes())
    at = whole.index(torch.arange(1000.0).numpy().tobytes()) + np.random.default_rng(seed).integers(4000)
    whole[at] ^= 1 << (seed % 8)
    one.path.write_bytes(whole)
    assert not torch.equal(torch.load(one.path, weights_only=True)["state"]["x"], torch.arange(1000.0))
    with caplog.at_level(logging.WARNING, "aesthetic_pretraining"):
        assert one.load() is None
    assert f"checkpoint {one.path.name} is damaged" in caplog.text


def test_a_checkpoint_is_data_and_never_code(tmp_path):
    one = made(tmp_path)

    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "trap"), "w"))

    torch.save({"x": Evil()}, one.path)
    assert one.load() is None
    assert not (tmp_path / "trap").exists()


def test_a_finished_training_keeps_its_last_state_until_somebody_has_noted_its_outputs(tmp_path):
    one, outputs = made(tmp_path), [tmp_path / "weights.safetensors", tmp_path / "history.csv"]
    one.save(lambda: {"x": 1}, always=True)
    one.finish(outputs, keep=True)
    assert json.loads((tmp_path / "task.done").read_text()) == list(map(str, outputs))
    again = made(tmp_path)
    assert again.load() == {"x": 1}
    assert not (tmp_path / "task.done").exists()  # it is asked for its outputs again
    again.finish(outputs, keep=False)
    assert list(tmp_path.iterdir()) == []


def test_code_counts_as_it_was_first_seen(tmp_path):
    """Before its import, that is, and not as it is when a training comes to save its first checkpoint."""
    file = tmp_path / "module.py"
    file.write_text("one\n")
    known = code.first_seen(file)
    file.write_text("two\n")
    assert code.first_seen(file) == known == hashlib.sha256(b"one\n").hexdigest()
