"""Pretraining on three tiny photos: the same bytes every time, and what the paper's settings say."""

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

from aesthetic_pretraining.distortions.variants import Variants
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import Network
from aesthetic_pretraining.seeding import seeded_int
from aesthetic_pretraining.training.pretext import TASKS
from aesthetic_pretraining.training.pretrain import pretrain
from aesthetic_pretraining.training.pretrain_setup import micro_batch_of

module = importlib.import_module("aesthetic_pretraining.training.pretrain")
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


def turns(store, name, epoch=0):
    """As the trainer shows it in an epoch from 0, or in "val"."""
    return TASKS["rotnet"](TASK).pictures(Variants(store, 32, "published"), name, seeded_int(pretraining.CONFIG.seed, epoch))


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
    assert list(history) == ["epoch", "steps", "unfrozen_updates", "pictures", "train_loss", "val_loss", "learning_rate"]
    assert history["epoch"].tolist() == [1, 2]
    assert history["steps"].tolist() == [2, 4]
    assert history["unfrozen_updates"].tolist() == [1, 3]  # the first step is frozen
    assert history["pictures"].tolist() == [2 * 4, 4 * 4]
    np.testing.assert_allclose(history["learning_rate"], [1e-3, 1e-3 * 0.98])
    assert np.isfinite(history).all(axis=None)
    assert history["train_loss"].between(0.01, 10).all()


def test_the_epoch_with_the_lowest_validation_loss_is_kept(arguments, photo_store, tmp_path):
    pretrain(**arguments(tmp_path, epochs=3, frozen_steps=0, learning_rate=5e-5, contrast_batch=2))
    val_losses = pd.read_csv(tmp_path / "history.csv")["val_loss"]
    best = val_losses.idxmin()
    assert best == 1, "choose a learning rate for which it is neither the first nor the last epoch"
    with torch.no_grad():
        again = cross_entropy(network_of(tmp_path).eval()(turns(photo_store, "square", "val"))["rotation"])
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

    def spy(network, *how):
        seen.append(how)
        states.append({k: v.clone() for k, v in network.backbone.state_dict().items()})
        set_learning(network, *how)

    monkeypatch.setattr(module, "set_learning", spy)
    pretrain(**arguments(tmp_path, frozen_steps=frozen_steps, trainable=trainable))
    assert seen == [(trainable, step < frozen_steps, "batch", 0) for step in range(4)]
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


def test_contrast_tasks_get_as_many_updates_as_the_ranking_tasks(arguments, tmp_path):
    """By hand: three photos, one a batch for ranking: two epochs are six updates. Two a batch: a pass is two updates."""
    train = [*TRAIN, "square"]
    pretrain(**arguments(tmp_path, train=train, contrast_batch=2, contrast_updates="matched", learning_rate_decay=0.5))
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["steps"].tolist() == [2, 4, 6]
    assert history["pictures"].tolist() == [12, 24, 36]
    # it falls once after three updates, as ranking's would: seen by the pass that begins after them
    np.testing.assert_allclose(history["learning_rate"], [1e-3, 1e-3, 0.5e-3])


def test_a_last_pass_that_is_cut_counts_its_own_photos(arguments, photo_store, tmp_path):
    """Two photos a batch of ranking: two epochs of three photos are four updates; three passes of one would be too few."""
    train = [*TRAIN, "square"]
    changes = dict(train=train, frozen_steps=0, learning_rate=STILL, contrast_updates="matched")
    pretrain(**arguments(tmp_path, epochs=2, batch_photos=2, contrast_batch=1, **changes))
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["steps"].tolist() == [3, 4]
    assert history["pictures"].tolist() == [12, 16]
    network, possible = network_of(tmp_path).train(), []
    with torch.no_grad():
        for name in train:
            possible.append(cross_entropy(network(turns(photo_store, name, 1))["rotation"]))
    assert min(abs(history["train_loss"][1] / p - 1) for p in possible) < 1e-4  # the mean over its one photo


def test_the_ranking_tasks_have_their_epochs_whatever_the_others_get(arguments, tmp_path):
    pretrain(**arguments(tmp_path, task="ranking", train=["wide"], epochs=1, contrast_updates="matched", contrast_batch=9))
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["steps"].tolist() == [1] and history["pictures"].tolist() == [174]


def test_the_log_says_where_the_kept_epoch_never_moved_the_backbone(arguments, reference, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "aesthetic_pretraining"):
        pretrain(**arguments(tmp_path / "frozen", frozen_steps=4))
        assert (
            "RotNet's backbone are ImageNet's, because the kept epoch, 1, lies inside of the frozen start; it is" in caplog.text
        )
        caplog.clear()
        pretrain(**arguments(tmp_path / "moved"))
    assert caplog.text == ""


def test_the_first_heads_are_xaviers_and_dropout_works_in_training_alone(arguments, backbone_file, tmp_path):
    changes = dict(task="ranking", train=["wide"], epochs=1, frozen_steps=9, learning_rate=STILL)
    for name, more in {"plain": {}, "xavier": {"head_init": "xavier"}, "dropout": {"head_dropout": 0.9}}.items():
        pretrain(**arguments(tmp_path / name, **changes, **more))
    plain, xavier, dropout = (pd.read_csv(tmp_path / name / "history.csv").iloc[0] for name in ("plain", "xavier", "dropout"))
    heads = {name: load_file(tmp_path / name / "weights.safetensors")["heads.rank.weight"] for name in ("plain", "xavier")}
    # U(-a, a): a of torch's linear layer is 1 / sqrt(n), of Xavier's sqrt(6 / (n + outputs))
    for name, bound in (("plain", 1280**-0.5), ("xavier", (6 / 1281) ** 0.5)):
        assert 0.99 * bound < heads[name].abs().max() <= bound
    assert load_file(tmp_path / "xavier" / "weights.safetensors")["heads.rank.bias"].abs().max() < 1e-20
    # frozen, so that nothing but dropout tells training from validation
    assert dropout["val_loss"] == pytest.approx(plain["val_loss"], rel=1e-6)
    assert dropout["train_loss"] != pytest.approx(plain["train_loss"], rel=1e-3)
    assert xavier["val_loss"] != pytest.approx(plain["val_loss"], rel=1e-6)


@pytest.mark.parametrize(("smoothing", "size"), [(0.9, 0.1), (0.99, 0.01)])
def test_rmsprops_smoothing_is_the_parameter(smoothing, size, arguments, tmp_path):
    """Fidelity row 28: the first step is rate / sqrt(1 - smoothing); torch's default makes it three times the paper's."""
    for name, rate in (("still", STILL), ("moved", 1e-3)):
        more = dict(train=["wide"], epochs=1, frozen_steps=0, rmsprop_decay=smoothing, weight_decay=0.0)
        pretrain(**arguments(tmp_path / name, learning_rate=rate, **more))
    still, moved = (load_file(tmp_path / n / "weights.safetensors")["heads.rotation.weight"] for n in ("still", "moved"))
    assert (moved - still).abs().median().item() == pytest.approx(1e-3 / size**0.5, rel=1e-2)


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


def test_unknown_photos_and_broken_starts_are_errors(arguments, tmp_path):
    with pytest.raises(KeyError, match="nobody"):
        pretrain(**arguments(tmp_path, train=["nobody"]))
    broken = tmp_path / "start.safetensors"
    save_file({"features.other": torch.zeros(2)}, broken)
    with pytest.raises(UserError, match=r"start\.safetensors"):
        pretrain(**arguments(tmp_path) | {"start": broken})


def test_a_comparison_row_of_equal_values_is_its_task_and_is_called_by_its_own_name(arguments, reference, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "aesthetic_pretraining"):
        pretrain(**arguments(tmp_path), row="rotnet_other")
    assert outputs(tmp_path) == outputs(
        reference
    )  # heads, order and noise are the task's, so that rows differ by their values alone
    assert "rotnet_other seed 1 epoch 1" in caplog.text
