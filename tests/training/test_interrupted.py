"""Pretraining that ends early: by SIGTERM, want of memory, or a loss that is no number. Killed: test_pretrain_resumed.py."""

import importlib
import logging
import os
import signal
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from pretraining import CONFIG, outputs

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.training import checkpoint, gradient_cache, runtime
from aesthetic_pretraining.training.pretrain import pretrain

finetune_module = importlib.import_module("aesthetic_pretraining.training.finetune")


@pytest.fixture(scope="module")
def arguments(arguments):
    """In micro-batches: their second pass is one more place to be killed in."""
    return partial(arguments, micro_batch=2)


@pytest.fixture(scope="module")
def reference(arguments, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    pretrain(**arguments(folder))
    return folder


def test_sigterm_in_the_validation_does_not_wait_for_its_end(arguments, reference, tmp_path, monkeypatch):
    forward = gradient_cache.forward

    def asked(*args):
        os.kill(os.getpid(), signal.SIGTERM)
        return forward(*args)

    before = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as left:
        patch.setattr(gradient_cache, "forward", asked)
        pretrain(**arguments(tmp_path))
    assert left.value.code == 143 == checkpoint.PREEMPTED
    assert signal.getsignal(signal.SIGTERM) == before
    assert not (tmp_path / "history.csv").exists()
    pretrain(**arguments(tmp_path))
    assert outputs(tmp_path) == outputs(reference)


@pytest.mark.parametrize("saved", [False, True])
def test_a_loss_that_is_no_number_names_where_and_which_and_writes_nothing(saved, arguments, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", 0 if saved else 1e9)
    with pytest.raises(UserError) as error, caplog.at_level(logging.ERROR, "aesthetic_pretraining"):
        pretrain(**arguments(tmp_path, learning_rate=1e30, frozen_steps=0, micro_batch=0))
    text = str(error.value)
    assert "rotnet, epoch 1, step 2: the loss is" in text
    assert ("wide" in text) != ("folder/tall" in text)
    assert ("(0 epochs and 1 steps)" if saved else "no checkpoint") in text
    assert "wide" in caplog.text or "folder/tall" in caplog.text
    assert not any(path.is_file() for path in tmp_path.iterdir())


def test_of_many_pictures_the_first_are_named():
    with pytest.raises(UserError, match=r"p0, p1, .*p15 and 434 more"):
        runtime.finite(float("nan"), "a step", [f"p{k}" for k in range(450)])


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
        MemoryError(),
    ],
)
def test_want_of_memory_says_what_to_lower(error, arguments, tmp_path, monkeypatch):
    def fail(*args, **more):
        raise error

    monkeypatch.setattr(gradient_cache, "backward", fail)
    device = "GPU" if isinstance(error, torch.OutOfMemoryError) else "machine"
    with pytest.raises(
        UserError,
        match=rf"out of memory of the {device}; lower pretrain\.kept_micro_batches.*pretrain\.micro_batch.*pretrain\.batch_photos",
    ):
        pretrain(**arguments(tmp_path))
    monkeypatch.setattr(finetune_module.runtime, "set_up", fail)
    with pytest.raises(UserError, match=r"lower finetune\.micro_batch.* or finetune\.batch"):
        finetune_module.finetune(*[CONFIG] * 12)


def test_a_real_allocation_that_fails_is_want_of_memory_and_other_errors_are_not():
    with pytest.raises(UserError, match="lower the sails"), runtime.out_of_memory("the sails"):
        torch.empty(2**50, dtype=torch.uint8)
    with pytest.raises(RuntimeError, match="must match the size"), runtime.out_of_memory("the sails"):
        torch.zeros(2) + torch.zeros(3)


def test_micro_batches_train_all_pictures(arguments, tmp_path):
    for name, size in (("joint", 0), ("micro", 2)):  # frozen: statistics are those of the start, so both go the same way
        pretrain(**arguments(tmp_path / name, micro_batch=size, frozen_steps=9))
    joint, micro = (pd.read_csv(tmp_path / name / "history.csv") for name in ("joint", "micro"))
    np.testing.assert_allclose(micro, joint, rtol=1e-4)
