"""Pretraining that was killed or changed: it goes on with the same bytes, or says why it does not."""

import dataclasses
import logging

import numpy as np
import pytest
import torch
from pretraining import TASK, TRAIN, outputs
from safetensors.torch import load_file, save_file

from aesthetic_pretraining.distortions.variants import Variants
from aesthetic_pretraining.training import checkpoint
from aesthetic_pretraining.training.pretrain import pretrain


@pytest.fixture(scope="module")
def reference(arguments, tmp_path_factory):
    """A run in one go, and its outputs' folder."""
    folder = tmp_path_factory.mktemp("reference")
    pretrain(**arguments(folder))
    return folder


def test_however_it_ends_early_it_goes_on_to_the_same_bytes(arguments, reference, killed_runs, tmp_path):
    """SIGTERM, and SIGKILL inside and after a save, between write and rename, at random moments: one process for all."""
    whole, parts = arguments(tmp_path / "whole"), arguments(tmp_path / "parts", micro_batch=2)
    # two epochs of two steps; saved after each step and after each validation: six saves in all
    moments = [
        ("write", 1),  # nothing was saved yet
        ("save", 1),  # in the frozen step
        ("write", 2),  # saves 2, then dies in 3, after the validation
        ("save", 1),  # 3: between the epochs
        ("save", 2),  # 5: all steps done, not validated
        ("remove", 0),  # 6, and all outputs are written
    ]
    random = [("after", int(ms)) for ms in np.random.default_rng().integers(50, 900, 2)]
    others = [  # in micro-batches: their second pass is one more place to be killed in
        ("rename", 1),  # nothing was saved
        ("term", 1),  # saves the first step at its end
        ("term", 1),  # and the second
        ("rename", 2),  # the end of the first epoch is saved, the third step written and not renamed
        *random,
        ("output", 1),  # all saved, the history not renamed
        ("output", 2),  # the weights not renamed
    ]
    first, second = killed_runs(pretrain, (whole, moments), (parts, others))
    assert first == ["9"] * 5 + ["1", "9", "0"]  # one save after the fifth, then nothing but to write
    assert outputs(tmp_path / "whole") == outputs(reference)
    assert not [p for p in (tmp_path / "whole" / "work").iterdir() if not p.name.startswith(".")]
    assert second[:4] == ["9", "exit143", "exit143", "9"]
    assert set(second[4:6]) <= {"9", "exit0"}, random
    assert second[6:] == ["9", "9", "0"], random
    pretrain(**arguments(tmp_path / "parts in one go", micro_batch=2))
    assert outputs(tmp_path / "parts") == outputs(tmp_path / "parts in one go"), random


@pytest.mark.parametrize("count", [1, 2])
def test_a_damaged_checkpoint_starts_over(count, arguments, reference, interrupt, tmp_path, caplog):
    interrupt(count, pretrain, **arguments(tmp_path))
    (saved,) = (tmp_path / "work").glob("[!.]*.pt")
    saved.write_bytes(saved.read_bytes()[:-1000])
    with caplog.at_level(logging.WARNING, "aesthetic_pretraining"):
        pretrain(**arguments(tmp_path))
    assert "starting over" in caplog.text
    assert outputs(tmp_path) == outputs(reference)


def test_a_checkpoint_is_gone_on_with_only_where_nothing_has_changed(
    arguments, photo_store, labelled_store, backbone_file, interrupt, resumed, tmp_path
):
    same = arguments(tmp_path)
    interrupt(1, pretrain, **same)
    assert resumed(pretrain, **same) == "goes on"
    save_file({k: v + 1 for k, v in load_file(backbone_file).items()}, tmp_path / "start.safetensors")
    for name, other in {
        "epochs was 2, now 3": arguments(tmp_path, epochs=3),
        "table was 'published', now 'corrected'": arguments(tmp_path, table="corrected"),
        "engine was 'native', now 'reference'": arguments(tmp_path, engine="reference"),
        "size was 32, now 64": same | {"variants": Variants(same["variants"].store, 64, "published")},
        "margin was 0.2, now 0.3": same | {"task_config": dataclasses.replace(TASK, margin=0.3)},
        "micro_batch was 0, now 2": arguments(tmp_path, micro_batch=2),
    }.items():
        said = resumed(pretrain, **other)
        assert f"began with other parameters ({name}); set them back" in said
    for name, other in {
        "the split of the photos": arguments(tmp_path, train=TRAIN[::-1]),
        "(the split of the photos)": same | {"val": TRAIN},
        "the photos": same | {"variants": Variants(labelled_store, 32, "published")},
        "the start's weights": same | {"start": tmp_path / "start.safetensors"},
    }.items():
        said = resumed(pretrain, **other)
        assert "starting over" in said and name in said
    assert resumed(pretrain, **arguments(tmp_path, task="ranking")) == ""  # has a checkpoint of its own, which is not there
    assert resumed(pretrain, **same) == "goes on"  # none of this touched it


def test_checkpoints_are_rare_by_default(arguments, tmp_path, monkeypatch):
    saves = []
    real = torch.save
    monkeypatch.setattr(torch, "save", lambda *a: saves.append(1) or real(*a))
    pretrain(**arguments(tmp_path))
    assert checkpoint.CHECKPOINT_SECONDS >= 10
    assert len(saves) == 2
