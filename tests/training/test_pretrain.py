"""Pretraining on three tiny photos: the same bytes every time, killed or not, and what the paper's settings say."""

import dataclasses
import importlib
import logging

import numpy as np
import pandas as pd
import pretraining
import pytest
import torch
from pretraining import TASK, TRAIN, outputs
from safetensors.torch import load_file, save_file

from aesthetic_pretraining import checkpoint
from aesthetic_pretraining.backbones import build_backbone
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.networks import Network
from aesthetic_pretraining.pretext import TASKS
from aesthetic_pretraining.pretrain import micro_batch_of, pretrain
from aesthetic_pretraining.variants import Variants

module = importlib.import_module("aesthetic_pretraining.pretrain")

STILL = 1e-30  # a learning rate that moves no float32 weight


@pytest.fixture(scope="module")
def reference(arguments, tmp_path_factory):
    """A run in one go, and its outputs' folder."""
    folder = tmp_path_factory.mktemp("reference")
    pretrain(**arguments(folder))
    return folder


def network_of(folder, task="rotnet"):
    made = TASKS[task](TASK)
    network = Network(build_backbone("efficientnet_lite0"), made.heads, made.hidden)
    network.load_state_dict(load_file(folder / "weights.safetensors"))
    return network


def turns(store, name):
    return TASKS["rotnet"](TASK).pictures(Variants(store, 32, "published"), name, 0)


def cross_entropy(logits):
    """Of four turns of each photo in a row, by numpy."""
    x = logits.detach().double().numpy()
    return float(np.mean(np.log(np.exp(x).sum(1)) - x[np.arange(len(x)), np.arange(len(x)) % 4]))


def test_the_same_seed_gives_the_same_bytes(arguments, reference, tmp_path):
    torch.manual_seed(99)
    torch.rand(3)
    pretrain(**arguments(tmp_path))
    assert outputs(tmp_path) == outputs(reference)
    assert list((tmp_path / "work").iterdir()) == []


def test_another_seed_gives_other_weights(arguments, reference, tmp_path):
    pretrain(**arguments(tmp_path, seed=2))
    for other, one in zip(outputs(tmp_path), outputs(reference), strict=True):
        assert other != one


def test_history_and_learning_rate(reference):
    history = pd.read_csv(reference / "history.csv")
    assert list(history) == ["epoch", "steps", "train_loss", "val_loss", "learning_rate"]
    assert history["epoch"].tolist() == [1, 2]
    assert history["steps"].tolist() == [2, 4]
    np.testing.assert_allclose(history["learning_rate"], [1e-3, 1e-3 * 0.98])
    assert np.isfinite(history).all(axis=None)
    assert history["train_loss"].between(0.01, 10).all()


def test_the_epoch_with_the_lowest_validation_loss_is_kept(arguments, photo_store, tmp_path):
    pretrain(**arguments(tmp_path, epochs=3, frozen_steps=0, learning_rate=1e-4, contrast_batch=2))
    val_losses = pd.read_csv(tmp_path / "history.csv")["val_loss"]
    best = val_losses.idxmin()
    assert best == 1, "choose a learning rate for which it is neither the first nor the last epoch"
    with torch.no_grad():
        again = cross_entropy(network_of(tmp_path).eval()(turns(photo_store, "square"))["rotation"])
    assert again == pytest.approx(val_losses[best], rel=1e-4)
    assert abs(val_losses.drop(best) - again).min() > 1e-3 * again


@pytest.mark.parametrize("batch", [1, 2])
def test_the_training_loss_is_the_mean_over_photos_and_the_batch_is_normalised_jointly(batch, arguments, photo_store, tmp_path):
    pretrain(**arguments(tmp_path, epochs=1, frozen_steps=0, learning_rate=STILL, contrast_batch=batch))
    loss = pd.read_csv(tmp_path / "history.csv")["train_loss"].item()
    network = network_of(tmp_path).train()
    with torch.no_grad():
        apart = np.mean([cross_entropy(network(turns(photo_store, name))["rotation"]) for name in TRAIN])
        jointly = cross_entropy(network(torch.cat([turns(photo_store, name) for name in TRAIN]))["rotation"])
    assert abs(apart - jointly) > 1e-3
    assert loss == pytest.approx(jointly if batch == 2 else apart, rel=1e-4)


def test_the_last_batch_is_smaller_and_counts_by_its_photos(arguments, photo_store, tmp_path):
    train = [*TRAIN, "square"]
    pretrain(**arguments(tmp_path, train=train, epochs=1, frozen_steps=0, learning_rate=STILL, contrast_batch=2))
    row = pd.read_csv(tmp_path / "history.csv").iloc[0]
    assert row["steps"] == 2
    network, possible = network_of(tmp_path).train(), []
    with torch.no_grad():
        for last in train:  # whichever came last
            pair = torch.cat([turns(photo_store, name) for name in train if name != last])
            parts = [cross_entropy(network(x)["rotation"]) for x in (pair, turns(photo_store, last))]
            possible.append((2 * parts[0] + parts[1]) / 3)
    assert min(abs(row["train_loss"] / p - 1) for p in possible) < 1e-4


def test_the_start_is_the_given_backbone_and_one_step_is_rmsprops(arguments, backbone_file, tmp_path):
    for name, rate in (("still", STILL), ("moved", 1e-3)):
        pretrain(**arguments(tmp_path / name, train=["wide"], epochs=1, frozen_steps=0, learning_rate=rate))
    start, still, moved = (
        load_file(backbone_file),
        *(load_file(tmp_path / n / "weights.safetensors") for n in ("still", "moved")),
    )
    for key, value in start.items():
        if "running" not in key and "tracked" not in key:
            torch.testing.assert_close(still[f"backbone.{key}"], value, rtol=0, atol=1e-20)
    step = (moved["heads.rotation.weight"] - still["heads.rotation.weight"]).abs()
    # v = 0.1 g^2, so the step is rate g / sqrt(0.1 g^2), whatever g is
    assert step.median().item() == pytest.approx(1e-3 / 0.1**0.5, rel=1e-2)


@pytest.mark.parametrize(("frozen_steps", "trainable"), [(0, "all"), (3, "all"), (3, "released"), (4, "all")])
def test_the_first_steps_are_frozen_across_epochs(frozen_steps, trainable, arguments, backbone_file, tmp_path, monkeypatch):
    seen, set_learning, states = [], module.set_learning, []

    def spy(network, trainable, frozen):
        seen.append((trainable, frozen))
        states.append({k: v.clone() for k, v in network.backbone.state_dict().items()})
        set_learning(network, trainable, frozen)

    monkeypatch.setattr(module, "set_learning", spy)
    pretrain(**arguments(tmp_path, frozen_steps=frozen_steps, trainable=trainable))
    assert seen == [(trainable, step < frozen_steps) for step in range(4)]
    start = load_file(backbone_file)
    for step, state in enumerate(states):  # as it was before each step
        same = all(torch.equal(value, start[key]) for key, value in state.items())
        assert same == (step <= frozen_steps)
    if frozen_steps == 4:
        final = load_file(tmp_path / "weights.safetensors")
        assert all(torch.equal(final[f"backbone.{key}"], value) for key, value in start.items())


def test_a_combined_task_end_to_end(arguments, tmp_path):
    pretrain(**arguments(tmp_path, task="ranking_regression", train=["wide"], epochs=1, frozen_steps=0, learning_rate=STILL))
    state = load_file(tmp_path / "weights.safetensors")
    assert state["heads.rank.weight"].shape == (1, 1280)
    assert state["heads.intensity.weight"].shape == (21, 1280)
    history = pd.read_csv(tmp_path / "history.csv")
    # a new network knows no order: exp(L_rank / 50) is about exp(100 / 50), exp(L_regr / 50) about exp(68 / 50)
    assert history["val_loss"].between(2, 60).all()


def test_contrast_tasks_use_their_own_batch(arguments, tmp_path):
    pretrain(**arguments(tmp_path, task="simclr", epochs=1, batch_photos=1, contrast_batch=2))
    assert pd.read_csv(tmp_path / "history.csv")["steps"].tolist() == [1]
    assert load_file(tmp_path / "weights.safetensors")["heads.projection.2.weight"].shape == (8, 1280)


def test_contrast_tasks_have_a_micro_batch_of_their_own(arguments, photo_store, tmp_path):
    config = dataclasses.replace(pretraining.CONFIG, micro_batch=5, contrast_micro_batch=3)
    asked = {task: micro_batch_of(TASKS[task](TASK), config) for task in ("ranking", "ranking_regression", "rotnet", "simclr")}
    assert asked == {"ranking": 5, "ranking_regression": 5, "rotnet": 3, "simclr": 3}
    # the four turns of each photo are normalised apart, in training; the other micro-batch says nothing
    changes = dict(epochs=1, frozen_steps=0, learning_rate=STILL, contrast_batch=2)
    pretrain(**arguments(tmp_path, **changes, contrast_micro_batch=4, micro_batch=3))
    row, network = pd.read_csv(tmp_path / "history.csv").iloc[0], network_of(tmp_path).train()
    with torch.no_grad():
        apart = np.mean([cross_entropy(network(turns(photo_store, name))["rotation"]) for name in TRAIN])
    assert row["steps"] == 1 and row["train_loss"] == pytest.approx(apart, rel=1e-4)


def test_recomputation_ends_with_the_same_bytes(arguments, reference, tmp_path):
    pretrain(**arguments(tmp_path, recompute=True))
    assert outputs(tmp_path) == outputs(reference)


def test_killed_at_any_moment_it_ends_with_the_same_bytes(arguments, reference, killed_runs, tmp_path):
    # two epochs of two steps; saved after each step and after each validation: six saves in all
    moments = [
        ("write", 1),  # nothing was saved yet
        ("save", 1),  # in the frozen step
        ("write", 2),  # saves 2, then dies in 3, after the validation
        ("save", 1),  # 3: between the epochs
        ("save", 2),  # 5: all steps done, not validated
        ("remove", 0),  # 6, and all outputs are written
    ]
    ended = killed_runs(pretrain, arguments(tmp_path / "run"), moments)
    assert ended == ["9"] * 5 + ["1", "9", "0"]  # one save after the fifth, then nothing but to write
    assert outputs(tmp_path / "run") == outputs(reference)
    assert not [p for p in (tmp_path / "run" / "work").iterdir() if not p.name.startswith(".")]


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


def test_unknown_photos_and_broken_starts_are_errors(arguments, tmp_path):
    with pytest.raises(KeyError, match="nobody"):
        pretrain(**arguments(tmp_path, train=["nobody"]))
    broken = tmp_path / "start.safetensors"
    save_file({"features.other": torch.zeros(2)}, broken)
    with pytest.raises(UserError, match=r"start\.safetensors"):
        pretrain(**arguments(tmp_path) | {"start": broken})


def test_checkpoints_are_rare_by_default(arguments, tmp_path, monkeypatch):
    saves = []
    real = torch.save
    monkeypatch.setattr(torch, "save", lambda *a: saves.append(1) or real(*a))
    pretrain(**arguments(tmp_path))
    assert checkpoint.CHECKPOINT_SECONDS >= 10
    assert len(saves) == 2
