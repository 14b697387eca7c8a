"""What each pretraining came to, from networks and histories that are made up, and what is said of it."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.training import pretrained

START = {
    "conv.weight": torch.arange(6.0).view(2, 3),
    "bn.weight": torch.ones(3),
    "bn.running_mean": torch.zeros(3),
    "bn.running_var": torch.ones(3),
    "bn.num_batches_tracked": torch.tensor(7),
}
HISTORY = pd.DataFrame(
    {"epoch": [1, 2, 3], "steps": [10, 20, 30], "unfrozen_updates": [0, 8, 18], "pictures": [40, 80, 120],
     "train_loss": [3.0, 2.0, 1.0], "val_loss": [5.0, 4.0, 4.5], "learning_rate": [1e-4] * 3}
)  # fmt: skip
RANKING = pd.DataFrame(
    {
        "task": ["ranking", "ranking_regression"],
        "photos": [12, 12],
        "accuracy": [0.51, 0.7],
        "low": [0.47, 0.6],
        "high": [0.55, 0.8],
    }
)


def network(**moved):
    """State of a network whose backbone is the start's but for `moved`: {weight with _ for .: change of its first number}."""
    state = {f"backbone.{name}": value.clone() for name, value in START.items()} | {"heads.rank.weight": torch.ones(1, 3)}
    for name, by in moved.items():
        state[f"backbone.{name.replace('__', '.')}"].view(-1)[0] += by
    return state


@pytest.fixture
def collect(tmp_path):
    """collect({(task, seed): (state, history)}, ranking) -> the frame, from files."""

    def call(runs, ranking=RANKING):
        save_file(START, tmp_path / "start.safetensors")
        rows = []
        for k, ((task, seed), (state, history)) in enumerate(runs.items()):
            weights, table = tmp_path / f"{k}.safetensors", tmp_path / f"{k}.csv"
            save_file(state, weights)
            history.to_csv(table, index=False)
            rows.append((task, seed, weights, table))
        return pretrained.collect(tmp_path / "start.safetensors", rows, ranking)

    return call


def test_numbers_are_those_of_the_kept_epoch(collect):
    frame = collect({("ranking", 0): (network(conv__weight=-0.25, bn__running_var=0.5), HISTORY)})
    assert frame.to_dict("records") == [
        {
            "task": "ranking", "pretraining": 0, "epochs": 3, "kept_epoch": 2, "updates": 20, "unfrozen_updates": 8, "pictures": 80,
            "train_loss": 2.0, "val_loss": 4.0, "last_train_loss": 1.0, "last_val_loss": 4.5, "weights_moved": 0.25, "statistics_moved": 0.5,
            "ranking_accuracy": 0.51, "ranking_low": 0.47, "ranking_high": 0.55, "test_photos": 12, "flags": "chance",
        }
    ]  # fmt: skip


def test_of_equal_losses_the_later_epoch_was_kept():
    assert pretrained.kept(HISTORY.assign(val_loss=[4.0, 4.0, 5.0]))["epoch"] == 2


@pytest.mark.parametrize(
    ("moved", "flags"),
    [
        ({}, "unmoved"),
        ({"bn__num_batches_tracked": 3}, "unmoved"),  # counts steps, changes nothing
        ({"bn__running_mean": 1e-7}, "statistics_only"),
        ({"bn__running_var": 1.0, "bn__weight": -1e-6}, ""),
        ({"conv__weight": 1e-7}, ""),
    ],
)
def test_a_backbone_that_did_not_move_is_flagged(moved, flags, collect):
    frame = collect({("simclr", 0): (network(**moved), HISTORY)})
    assert frame["flags"].tolist() == [flags]
    assert frame["ranking_accuracy"].isna().all() and frame["test_photos"].isna().all()


@pytest.mark.parametrize(
    ("low", "high", "flagged"),
    [(0.51, 0.6, False), (0.5, 0.6, True), (0.45, 0.55, True), (0.3, 0.4, True), (np.nan, np.nan, True)],
)
def test_chance_is_an_interval_that_is_not_above_a_half(low, high, flagged, collect):
    """Also one that lies below, and none at all."""
    ranking = pd.DataFrame({"task": ["ranking"], "photos": [5], "accuracy": [0.5], "low": [low], "high": [high]})
    frame = collect({("ranking", 0): (network(conv__weight=1), HISTORY)}, ranking)
    assert frame["flags"].tolist() == ["chance" if flagged else ""]


def test_each_pretraining_has_its_own_accuracy(collect):
    ranking = pd.concat([RANKING.assign(pretraining=1), RANKING.assign(pretraining=2, accuracy=0.9, low=0.8, high=1.0)])
    moved = network(conv__weight=1)
    frame = collect({("ranking", 1): (moved, HISTORY), ("ranking", 2): (moved, HISTORY)}, ranking)
    assert frame["ranking_accuracy"].tolist() == [0.51, 0.9] and frame["flags"].tolist() == ["chance", ""]
    (said,) = pretrained.warnings(frame)
    assert said.startswith("Warning: ranking (1 of 2 pretrainings) ranks the test photos no better than chance: 0.510 of")


def test_what_is_said(collect, tmp_path):
    still = HISTORY.assign(unfrozen_updates=0)
    frame = collect(
        {
            ("ranking", 0): (network(conv__weight=1), HISTORY),
            ("ranking_regression", 0): (network(conv__weight=1), HISTORY),
            ("rotnet", 0): (network(), still),
            ("simclr", 0): (network(bn__running_mean=1), HISTORY),
        }
    )
    pretrained.write(frame, tmp_path / "pretraining.csv")
    back = pretrained.read(tmp_path / "pretraining.csv")
    pd.testing.assert_frame_equal(back, frame, check_dtype=False)
    assert pretrained.warnings(back) == [
        "Warning: ranking ranks the test photos no better than chance: 0.510 of neighbouring levels in the right order "
        "(95 % interval 0.470 to 0.550, 12 photos), where a coin has 0.5.",
        "Warning: the weights of RotNet's backbone are ImageNet's, because the kept epoch, 2, lies inside of the frozen start; "
        "it is the start's own.",
        "Warning: the weights of SimCLR's backbone are ImageNet's, because the kept epoch, 2, did not move it; only batch "
        "normalisation's statistics differ from the start's.",
    ]
    assert pretrained.updates(back) == (
        "updates until the kept epoch (those that let the backbone learn): ranking 20 (8), ranking + regression 20 (8), RotNet 20 (0), SimCLR 20 (8)"
    )
    assert pretrained.warnings(back[back["flags"] == ""]) == []


def test_a_small_move_is_one_after_writing(collect, tmp_path):
    pretrained.write(collect({("simclr", 0): (network(bn__running_mean=1e-12), HISTORY)}), tmp_path / "pretraining.csv")
    assert pretrained.read(tmp_path / "pretraining.csv")["statistics_moved"].item() == pytest.approx(1e-12)


def test_a_network_of_another_backbone_is_named(collect, tmp_path):
    with pytest.raises(UserError, match=r"0\.safetensors: is no network on the backbone of .*start\.safetensors; delete it"):
        collect({("ranking", 0): ({"backbone.other": torch.ones(2)}, HISTORY)})
    with pytest.raises(UserError, match=r"0\.safetensors: is no network"):
        collect({("ranking", 0): (network() | {"backbone.bn.weight": torch.ones(5)}, HISTORY)})
    (tmp_path / "broken.safetensors").write_bytes(b"\x00" * 20)
    with pytest.raises(UserError, match=r"broken\.safetensors: is no safetensors file"):
        pretrained.collect(tmp_path / "broken.safetensors", [], RANKING)
