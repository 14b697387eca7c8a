"""Fine-tuning on eight tiny pictures: features from a file against direct passes, the same bytes, each part at its own rate."""

import dataclasses
import importlib

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from small_finetuning import CONFIG, TRAIN, VAL, emd, network_of, outputs, pixels, table

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.models.network import new_backbone
from aesthetic_pretraining.training import checkpoint
from aesthetic_pretraining.training.finetune import finetune, flips

module = importlib.import_module("aesthetic_pretraining.training.finetune")
networks_module = importlib.import_module("aesthetic_pretraining.models.network")
STILL = {"learning_rate_features": 1e-30, "learning_rate_head": 1e-30}  # rates that move no float32 weight


def test_the_same_seed_gives_the_same_bytes(tuning, tuned, tmp_path):
    torch.manual_seed(99)
    finetune(**tuning(tmp_path))
    assert outputs(tmp_path) == outputs(tuned)
    assert list((tmp_path / "work").iterdir()) == []


def test_recomputation_ends_with_the_same_bytes(tuning, tuned, tmp_path):
    finetune(**tuning(tmp_path, recompute=True))
    assert outputs(tmp_path) == outputs(tuned)


def test_another_seed_gives_other_results(tuning, tuned, tmp_path):
    finetune(**tuning(tmp_path, seed=2, max_epochs=1))
    assert table(tmp_path)[0]["val_loss"][0] != table(tuned)[0]["val_loss"][0]
    assert outputs(tmp_path)[0] != outputs(tuned)[0]


def test_the_first_plateau_unfreezes_and_the_next_ones_halve(tuning, tmp_path):
    # no epoch after the first halves the loss: 2 and 3 unfreeze, 4 and 5 halve, 6 and 7 halve and are four since then
    finetune(**tuning(tmp_path, halve_after=2, stop_after=4, max_epochs=20, min_improvement=0.9))
    history, summary = table(tmp_path)
    assert list(history) == ["epoch", "train_loss", "val_loss", "frozen", "rate_features", "rate_head"]
    assert history["frozen"].tolist() == [1, 1, 1, 0, 0, 0, 0]
    np.testing.assert_allclose(history["rate_features"], [1e-4] * 5 + [0.5e-4] * 2)
    np.testing.assert_allclose(history["rate_head"], [1e-3] * 5 + [0.5e-3] * 2)
    assert (summary["epochs"], summary["stopped"], summary["unfrozen_at"]) == (7, "early", 4)


def test_adam_begins_anew_at_the_unfreezing_if_asked_to(tuning, tmp_path, monkeypatch):
    """Fidelity row 34. Adam counts its steps in its state: 3 batches an epoch, two epochs frozen."""
    steps = {}
    real = module.gradient_cache.backward

    for how in ("continue", "restart"):
        made = []
        monkeypatch.setattr(
            module.torch.optim, "Adam", lambda *a, make=torch.optim.Adam, made=made, **k: made.append(make(*a, **k)) or made[-1]
        )
        seen = steps[how] = []

        def spy(network, *rest, made=made, seen=seen):
            head = network.heads["votes"].weight
            state = made[-1].state.get(head, {})
            seen.append((int(state["step"]), float(state["exp_avg"].abs().max())) if state else (0, 0.0))
            return real(network, *rest)

        monkeypatch.setattr(module.gradient_cache, "backward", spy)
        finetune(**tuning(tmp_path / how, at_unfreezing=how))
        monkeypatch.undo()
    assert [step for step, _ in steps["continue"]] == [6, 7, 8, 9, 10, 11]
    assert [step for step, _ in steps["restart"]] == [0, 1, 2, 3, 4, 5]
    assert steps["continue"][0][1] > 0 == steps["restart"][0][1]
    first, second = (table(tmp_path / how)[0] for how in ("continue", "restart"))
    assert first.head(2).equals(second.head(2)) and first["train_loss"][3] != second["train_loss"][3]


def test_summary(tuned, votes):
    history, summary = table(tuned)
    mean = np.mean([sum(s * n for s, n in enumerate(votes[i], start=1)) / votes[i].sum() for i in TRAIN])
    assert summary == {
        "pretraining": "imagenet", "share": 100, "seed": 1, "epochs": 4, "stopped": "cap", "unfrozen_at": 3, "train_pictures": 6,
        "best_epoch": int(history["val_loss"].idxmin()) + 1, "train_mean": pytest.approx(mean, abs=1e-5),
    }  # fmt: skip


def test_validation_is_in_inference_mode_and_moves_nothing(tuning, labelled_store, votes, tmp_path, monkeypatch):
    """Fidelity row 32: also when everything learns: no dropout, the running statistics, no flips, and nothing moves."""
    real, frozen, losses = module.predict_votes, [], []

    def spy(network, ids, store, features, *rest):
        assert not any(part.training for part in network.modules())
        before = {k: v.clone() for k, v in network.state_dict().items()}
        predicted = real(network, ids, store, features, *rest)
        assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
        frozen.append(features is not None)
        losses.append(emd(network, labelled_store, votes, VAL))
        return predicted

    monkeypatch.setattr(module, "predict_votes", spy)
    finetune(**tuning(tmp_path))
    assert frozen == [True, True, False, False]
    np.testing.assert_allclose(table(tmp_path)[0]["val_loss"], losses, rtol=1e-4)


def test_the_frozen_phase_leaves_every_running_statistic_alone(tuning, backbone_file, tmp_path, monkeypatch):
    """Fidelity row 33, against batch normalisation left in training mode, as in the released code."""
    states, real = [], module.gradient_cache.backward
    start = load_file(backbone_file)

    def spy(network, *rest):
        states.append({k: v.clone() for k, v in network.backbone.state_dict().items()})
        return real(network, *rest)

    monkeypatch.setattr(module.gradient_cache, "backward", spy)
    finetune(**tuning(tmp_path, max_epochs=3))
    statistics = [name for name in start if "running" in name]
    assert statistics and all(torch.equal(states[0][name], start[name]) for name in statistics)  # after two frozen epochs
    assert any(not torch.equal(states[1][name], start[name]) for name in statistics)  # after the first unfrozen step


def test_without_a_plateau_nothing_is_unfrozen(tuning, backbone_file, tmp_path):
    finetune(**tuning(tmp_path, max_epochs=1))
    assert table(tmp_path)[1]["unfrozen_at"] is None
    state = load_file(tmp_path / "weights.safetensors")
    assert all(torch.equal(state[f"backbone.{key}"], value) for key, value in load_file(backbone_file).items())


@pytest.mark.parametrize("min_improvement", [0.0, 0.9])
def test_the_kept_weights_are_those_of_the_lowest_validation_loss(min_improvement, tuning, labelled_store, votes, tmp_path):
    finetune(**tuning(tmp_path, halve_after=9, max_epochs=3, min_improvement=min_improvement, dropout=0.0, val=TRAIN))
    history, summary = table(tmp_path)
    assert history["val_loss"].idxmin() > 0
    assert history["val_loss"].nunique() == 3
    again = emd(network_of(tmp_path), labelled_store, votes, TRAIN)
    assert again == pytest.approx(history["val_loss"].min(), rel=1e-4)
    assert again == pytest.approx(history["val_loss"][summary["best_epoch"] - 1], rel=1e-4)


def test_the_frozen_training_loss_is_that_of_the_flipped_pictures(tuning, labelled_store, votes, tmp_path):
    made = tuning(tmp_path, max_epochs=1, dropout=0.0, **STILL)
    finetune(**made)
    network, flipped = network_of(tmp_path), flips(TRAIN, made["config"], 0)
    assert len(set(flipped)) == 2
    loss = table(tmp_path)[0]["train_loss"][0]
    assert loss == pytest.approx(emd(network, labelled_store, votes, TRAIN, flipped), rel=1e-5)
    assert abs(emd(network, labelled_store, votes, TRAIN) / loss - 1) > 1e-4  # without flips it is another one


class Direct:
    """Stands for features: runs the backbone each time."""

    files = ()

    def __init__(self, store, start):
        self.backbone, self.store = new_backbone("efficientnet_lite0", start).eval(), store

    def read(self, ids, flipped):
        with torch.no_grad():
            return self.backbone(torch.stack([pixels(self.store, i, f) for i, f in zip(ids, flipped, strict=True)])).numpy()


def test_a_run_without_the_file_of_features_goes_the_same_way(tuning, labelled_store, backbone_file, tmp_path):
    made = {name: tuning(tmp_path / name, max_epochs=3, halve_after=9) for name in ("from the file", "direct")}
    made["direct"]["features"] = Direct(labelled_store, backbone_file)
    for arguments in made.values():
        finetune(**arguments)
    one, other = (table(tmp_path / name)[0] for name in made)
    np.testing.assert_allclose(one, other, rtol=1e-4)
    assert one["train_loss"].nunique() == 3


def test_flips():
    ids = [f"p{k}" for k in range(1000)]
    drawn = flips(ids, CONFIG, 3)
    assert 430 < sum(drawn) < 570  # 500 expected, deviation 16
    assert flips(ids[::-1], CONFIG, 3) == drawn[::-1]  # each by its id alone
    assert flips(ids, CONFIG, 4) != drawn != flips(ids, dataclasses.replace(CONFIG, seed=2), 3)
    assert not any(flips(ids, dataclasses.replace(CONFIG, flip=False), 3))


def test_a_handful_of_pictures_is_learnt_by_heart(tuning, labelled_store, votes, tmp_path, monkeypatch):
    monkeypatch.setattr(
        checkpoint.Checkpoint, "save", lambda *args, **more: None
    )  # forty writes would take longer than all else
    names = [f"p{k}" for k in range(8)]
    finetune(
        **tuning(
            tmp_path,
            train=names,
            val=names,
            max_epochs=40,
            halve_after=41,
            learning_rate_head=2e-3,
            dropout=0.0,
            flip=False,
            batch=4,
            weight_decay=0.0,
            min_improvement=0.0,
        )
    )
    history, _ = table(tmp_path)
    shares = np.array([votes[i] / votes[i].sum() for i in names])
    constant = np.sqrt(((shares.mean(0).cumsum() - shares.cumsum(1)) ** 2).mean(1)).mean()
    assert history["val_loss"].min() < 0.2 * constant
    network = network_of(tmp_path)
    with torch.no_grad():
        votes_of = network(torch.stack([pixels(labelled_store, i) for i in names]))["votes"].softmax(1)
    np.testing.assert_allclose(votes_of @ torch.arange(1.0, 11), shares @ np.arange(1, 11), atol=0.5)


def test_a_subset_of_the_labels(tuning, votes, tmp_path):
    few = {i: votes[i] for i in ["p6", "p2", *VAL]}  # nobody else's votes are asked for
    finetune(**tuning(tmp_path / "few", train=["p6", "p2"], votes=few, max_epochs=2))
    finetune(**tuning(tmp_path / "all", max_epochs=2))
    _, summary = table(tmp_path / "few")
    assert summary["train_pictures"] == 2
    assert summary["train_mean"] == pytest.approx(
        np.mean([votes[i] @ np.arange(1, 11) / votes[i].sum() for i in ("p2", "p6")]), abs=1e-5
    )
    assert table(tmp_path / "few")[0]["val_loss"][1] != table(tmp_path / "all")[0]["val_loss"][1]
    del few["p6"]
    with pytest.raises(KeyError, match="p6"):
        finetune(**tuning(tmp_path / "none", train=["p6", "p2"], votes=few))


def test_a_diverged_training_is_not_written_as_if_it_were_one(tuning, tmp_path):
    with pytest.raises(UserError, match=r"the loss is nan.* lower the learning rate"):
        finetune(**tuning(tmp_path, learning_rate_head=float("inf"), max_epochs=1))
    assert not (tmp_path / "weights.safetensors").exists()


@pytest.mark.parametrize("batch_norm", ["batch", "frozen"])
def test_frozen_statistics_stay_those_of_the_start(batch_norm, tuning, backbone_file, tmp_path, monkeypatch):
    networks, set_learning = [], module.set_learning
    monkeypatch.setattr(module, "set_learning", lambda network, *how: [networks.append(network), set_learning(network, *how)])
    finetune(**tuning(tmp_path, batch_norm=batch_norm, max_epochs=3))  # the third epoch's three steps are unfrozen
    start, ended = load_file(backbone_file), networks[-1].backbone.state_dict()
    moved = {name for name in start if not torch.equal(start[name], ended[name])}
    statistics = {name for name in start if name.endswith(("running_mean", "running_var"))}
    assert moved & statistics == (statistics if batch_norm == "batch" else set())
    assert moved & {name for name, _ in networks[-1].backbone.named_parameters()}


def test_a_backbone_without_batch_normalisation_has_no_statistics_to_freeze(tuning, tmp_path, monkeypatch):
    monkeypatch.setattr(networks_module, "batch_norms", lambda module: [])
    with pytest.raises(UserError, match=r"^finetune.batch_norm is 'frozen', but backbone.name .* has no batch normalisation"):
        finetune(**tuning(tmp_path, batch_norm="frozen"))


@pytest.mark.parametrize("trainable", ["all", "released"])
def test_each_part_learns_at_its_own_rate_once_unfrozen(trainable, tuning, backbone_file, tmp_path, monkeypatch):
    networks, heads, set_learning = [], [], module.set_learning

    def spy(network, trainable, frozen, batch_norm):
        networks.append(network)
        heads.append(network.heads["votes"].weight.detach().clone())
        set_learning(network, trainable, frozen, batch_norm)

    monkeypatch.setattr(module, "set_learning", spy)
    finetune(**tuning(tmp_path, trainable=trainable, max_epochs=3))  # the third epoch's three steps are unfrozen
    (network,), start = set(networks), load_file(backbone_file)
    steps = {key: (value - start[key]).abs().max().item() for key, value in network.backbone.named_parameters()}
    last = {id(p) for part in network.backbone.last_block for p in part.parameters()}
    learnt = {key for key, p in network.backbone.named_parameters() if trainable == "all" or id(p) in last}
    moved = {key for key, step in steps.items() if step > 0}
    # a shift that the next batch normalisation takes out again has no slope
    assert moved <= learnt
    assert all(key.endswith("_bn2.bias") for key in learnt - moved)
    # Adam's first step is its rate, whatever the gradient, and later ones are about as long at most
    assert np.median([steps[key] for key in moved]) > 0.9e-4
    assert max(steps.values()) < 4e-4
    assert len(heads) == 3
    for before, after in zip(heads, [*heads[1:], network.heads["votes"].weight], strict=True):  # three steps an epoch
        assert 0.9e-3 < (after - before).abs().max() < 4e-3


def test_votes_of_another_set_have_its_bins_and_its_values(tuning, labelled_store, votes, tmp_path):
    """Three bins at 0, 2 and 4: the head, the loss and the training mean, against numpy."""
    three = {i: np.array([v[:3].sum(), v[3:7].sum(), v[7:].sum()]) for i, v in votes.items()}
    made = tuning(tmp_path, votes=three, max_epochs=1, dropout=0.0, low=0, high=4, bins=3, **STILL)
    finetune(**made | {"describe": {"init": "imagenet", "fold": 2}})
    history, summary = table(tmp_path)
    state = load_file(tmp_path / "weights.safetensors")
    assert state["heads.votes.weight"].shape[0] == 3
    assert summary["fold"] == 2
    wanted = np.mean([(2 * three[i][1] + 4 * three[i][2]) / three[i].sum() for i in TRAIN])
    assert summary["train_mean"] == pytest.approx(wanted, abs=1e-5)
    network = network_of(tmp_path, bins=3)
    assert history["val_loss"][0] == pytest.approx(emd(network, labelled_store, three, VAL), rel=1e-4)
