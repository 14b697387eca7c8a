"""The search of fine-tuning's rates, dropout and patience: what is tried, what is chosen, what a second run does again."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from small_finetuning import CONFIG, TRAIN, VAL, emd, features_of

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.models.network import new_backbone, save_weights, score_network
from aesthetic_pretraining.reporting.figures.training import draw_finetune_search
from aesthetic_pretraining.settings.search import FinetuneSearchConfig
from aesthetic_pretraining.training import finetune_search as module
from aesthetic_pretraining.training.finetune_search import Labelled, chosen, search_finetuning

SEARCH = FinetuneSearchConfig([1e-3, 1e-2], [0.0, 0.5], [1e-5], [[1, 2]], [1, 2])
GROUPS = dict(zip(VAL, "ab", strict=True))
SMALL = dataclasses.replace(CONFIG, max_epochs=2)


@pytest.fixture(scope="module")
def images(labelled_store, votes, backbone_file, tmp_path_factory):
    features = features_of(labelled_store, backbone_file, tmp_path_factory.mktemp("features"))
    return Labelled(labelled_store, votes, range(1, 11), [TRAIN], VAL, GROUPS, features)


@pytest.fixture(scope="module")
def done(images, backbone_file, tmp_path_factory):
    """A search, its folder."""
    folder = tmp_path_factory.mktemp("search")
    return search_finetuning(SMALL, SEARCH, images, backbone_file, folder / "found.csv", folder / "work"), folder


def test_every_combination_is_tried_with_every_seed(done):
    table, folder = done
    head, whole = (table[table["phase"] == phase] for phase in ("head", "all"))
    tried = set(zip(head["learning_rate_head"], head["dropout"], head["seed"]))
    assert tried == {(rate, dropout, seed) for rate in (1e-3, 1e-2) for dropout in (0.0, 0.5) for seed in (1, 2)}
    assert len(head) == 8 and len(whole) == 2
    assert head["stopped"].eq("cap").all() and head["epochs"].eq(2).all()  # the backbone stays frozen to the end
    assert whole[["learning_rate_features", "halve_after", "stop_after"]].drop_duplicates().values.tolist() == [[1e-5, 1, 2]]
    kinds = dict.fromkeys(["halve_after", "stop_after"], "Int64")  # empty where the phase has no such value
    pd.testing.assert_frame_equal(pd.read_csv(folder / "found.csv", dtype=kinds), table, check_dtype=False, rtol=1e-5)
    assert head["halve_after"].isna().all()


def test_what_is_chosen_of_the_head_is_used_in_the_second_phase(done):
    table, _ = done
    head, whole = (table[table["phase"] == phase] for phase in ("head", "all"))
    best = tuple(chosen(table, "head").values())
    marked = head[head["chosen"] == 1]
    assert [*map(tuple, marked[["learning_rate_head", "dropout"]].drop_duplicates().values)] == [best]
    assert [*map(tuple, whole[["learning_rate_head", "dropout"]].drop_duplicates().values)] == [best]
    assert whole["chosen"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("losses", "wanted"),
    [
        # rate 1 is above rate 2 by 0.02 and 0.04: 0.03 on average, whose standard error is 0.01
        ([[0.22, 0.34], [0.20, 0.30]], 2.0),
        # by -0.02 and 0.04: 0.01 on average, whose standard error is 0.03, so that these seeds cannot tell
        ([[0.18, 0.34], [0.20, 0.30]], 1.0),
        # the parts differ more than the rates do: not paired, 0.01 would lie within the lowest's own standard error of 0.2
        ([[0.11, 0.51], [0.10, 0.50]], 2.0),
        ([[0.10, 0.50], [0.11, 0.51]], 1.0),
    ],
)
def test_of_rates_that_seeds_cannot_tell_apart_the_lowest_is_chosen(losses, wanted):
    rows = [(rate, seed, loss) for rate, own in zip((1.0, 2.0), losses, strict=True) for seed, loss in enumerate(own)]
    table = pd.DataFrame(rows, columns=["learning_rate_head", "seed", "held_emd"]).assign(phase="head", dropout=0.5)
    for order in (table, table.iloc[::-1]):
        assert chosen(order, "head") == {"learning_rate_head": wanted, "dropout": 0.5}


def test_at_the_chosen_rate_the_lowest_mean_is_taken():
    """Both dropouts of rate 1 are as good as rate 2's; the one that was tried second has the lower mean."""
    rows = [(1.0, 0.25, [0.19, 0.32]), (1.0, 0.5, [0.18, 0.32]), (2.0, 0.5, [0.20, 0.29])]
    table = pd.DataFrame(
        [(*row[:2], seed, loss) for row in rows for seed, loss in enumerate(row[2])],
        columns=["learning_rate_head", "dropout", "seed", "held_emd"],
    ).assign(phase="head")
    assert chosen(table, "head") == {"learning_rate_head": 1.0, "dropout": 0.5}


def test_at_the_chosen_rate_the_least_patience_of_those_as_good_is_taken():
    """3 / 6 is above 5 / 10 by 0.01 on average, whose standard error is 0.03; 2 / 4 by 0.03, whose standard error is 0.01."""
    rows = [(2, 4, [0.22, 0.34]), (3, 6, [0.18, 0.34]), (5, 10, [0.20, 0.30])]
    table = pd.DataFrame(
        [(*row[:2], seed, loss) for row in rows for seed, loss in enumerate(row[2])],
        columns=["halve_after", "stop_after", "seed", "held_emd"],
    ).assign(phase="all", learning_rate_features=1e-4)
    assert chosen(table, "all") == {"learning_rate_features": 1e-4, "halve_after": 3, "stop_after": 6}


def test_the_halves_hold_whole_groups_of_validation_images(images):
    six = dataclasses.replace(images, val=list("uvwxyz"), groups=dict(zip("uvwxyz", "aabbcc", strict=True)))
    first, second = six.halves()
    assert first and second and sorted([*first, *second]) == list("uvwxyz")
    assert not {six.groups[i] for i in first} & {six.groups[i] for i in second}


def test_one_half_of_the_validation_images_stops_and_the_other_judges(images, backbone_file, tmp_path, monkeypatch):
    """Whatever is searched: nothing but these two halves has a say, and seeds take turns."""
    given, judged = [], []

    def noted(config, store, votes, train, val, *args):
        given.append((config.seed, [*train], [*val]))
        pretended(config, store, votes, train, val, *args)

    def judging(config, images, train, held, *args):
        judged.append([*held])
        return {"held_emd": 1.0, "held_srcc": 0.0, "constant_emd": 1.0}

    (tmp_path / "work").mkdir()
    monkeypatch.setattr(module, "finetune", noted)
    monkeypatch.setattr(module, "_judged", judging)
    search_finetuning(SMALL, SEARCH, images, backbone_file, tmp_path / "found.csv", tmp_path / "work")
    first, second = images.halves()
    turns = {1: (first, second), 2: (second, first)}
    assert len(given) == len(judged) == 10
    for (seed, train, stopping), held in zip(given, judged, strict=True):
        assert train == TRAIN and (stopping, held) == turns[seed]


def test_seeds_take_turns_in_folds_and_halves(images, backbone_file, tmp_path, monkeypatch):
    """With two folds and four seeds: each fold's training images once with either half."""
    given = []

    def noted(config, store, votes, train, val, *args):
        given.append((config.seed, train, val))
        pretended(config, store, votes, train, val, *args)

    (tmp_path / "work").mkdir()
    monkeypatch.setattr(module, "finetune", noted)
    monkeypatch.setattr(module, "_judged", lambda *args: {"held_emd": 1.0, "held_srcc": 0.0, "constant_emd": 1.0})
    folds, (first, second) = [TRAIN[:3], TRAIN[3:]], images.halves()
    search = dataclasses.replace(SEARCH, seeds=[1, 2, 3, 4])
    table = search_finetuning(
        SMALL,
        search,
        dataclasses.replace(images, train=folds),
        backbone_file,
        tmp_path / "found.csv",
        tmp_path / "work",
    )
    turns = {1: (folds[0], first), 2: (folds[1], first), 3: (folds[0], second), 4: (folds[1], second)}
    assert len(given) == 20 and all((train, stopping) == turns[seed] for seed, train, stopping in given)
    assert set(zip(table["seed"], table["fold"])) == {(1, 1), (2, 2), (3, 1), (4, 2)}


def test_the_constant_prediction_is_the_training_images_mean(done, images, votes):
    """By hand; the networks' own losses by `test_a_network_is_judged_by_its_votes_for_these_images`."""
    table, _ = done
    shares = {i: votes[i] / votes[i].sum() for i in (*TRAIN, *VAL)}
    mean = np.mean([shares[i] for i in TRAIN], axis=0)
    for seed, held in zip((1, 2), images.halves()[::-1], strict=True):
        constant = np.mean([np.sqrt(np.mean((mean.cumsum() - shares[i].cumsum()) ** 2)) for i in held])
        rows = table[table["seed"] == seed]
        assert rows["constant_emd"].to_numpy() == pytest.approx(constant, rel=1e-5)
    assert table["held_emd"].between(0, 1).all()
    assert table["val_emd"].between(0, 1).all() and (table["val_emd"] != table["held_emd"]).all()


def test_a_network_is_judged_by_its_votes_for_these_images(images, votes, labelled_store, backbone_file, tmp_path):
    network = score_network(new_backbone(SMALL.backbone, backbone_file), 0.0, 10)
    save_weights(network.state_dict(), tmp_path / "weights.safetensors")
    found = module._judged(SMALL, images, TRAIN[:3], TRAIN[3:], tmp_path / "weights.safetensors", 0)
    assert found["held_emd"] == pytest.approx(emd(network.eval(), labelled_store, votes, TRAIN[3:]), rel=1e-4)


def test_validation_images_of_one_group_are_refused(images, backbone_file, tmp_path):
    alike = dataclasses.replace(images, groups=dict.fromkeys(VAL, "a"))
    with pytest.raises(UserError, match=r"one half of the validation images.*of one group \(theme\); .* larger shares\.val"):
        search_finetuning(SMALL, SEARCH, alike, backbone_file, tmp_path / "found.csv", tmp_path / "work")


def pretended(config, store, votes, train, val, start, features, weights, history, summary, *args):
    """What the search reads of a fine-tuning, without one."""
    for path in (weights, history):
        path.touch()
    history.write_text("epoch,val_loss\n1,0.5\n")
    summary.write_text('{"epochs": 2, "best_epoch": 1, "stopped": "cap"}')


def test_a_search_goes_on_where_it_was_broken_off_and_begins_anew_with_other_inputs(done, images, backbone_file, monkeypatch):
    table, folder = done
    calls = []

    def counted(config, *args):
        calls.append(config.seed)
        return real(config, *args)

    real = module.finetune
    monkeypatch.setattr(module, "finetune", counted)
    next(folder.glob("work/head_*seed2.json")).unlink()
    again = search_finetuning(SMALL, SEARCH, images, backbone_file, folder / "again.csv", folder / "work")
    assert calls == [2]
    pd.testing.assert_frame_equal(again, table)
    other = dataclasses.replace(images, train=[TRAIN[:3]])
    monkeypatch.setattr(module, "_judged", lambda *args: {"held_emd": 1.0, "held_srcc": 0.0, "constant_emd": 1.0})
    real = pretended
    search_finetuning(SMALL, SEARCH, other, backbone_file, folder / "other.csv", folder / "work")
    assert len(calls) == 1 + 10


def test_the_figure_shows_every_combination_and_rings_the_chosen(done):
    table, _ = done
    head, whole = draw_finetune_search(table).axes
    names = [text.get_text() for text in head.get_legend().get_texts()]
    assert names == ["dropout 0", "dropout 0.5", "constant prediction"]
    dots = [line for line in head.get_lines() if line.get_marker() == "o" and line.get_fillstyle() != "none"]
    assert sum(len(line.get_xdata()) for line in dots) == 8
    (ring,) = [line for line in whole.get_lines() if line.get_fillstyle() == "none"]
    assert ring.get_xdata().tolist() == [1e-5]
    assert [text.get_text() for text in head.get_xticklabels()] == ["0.001", "0.01"]
    assert ring.get_ydata()[0] == pytest.approx(table[table["phase"] == "all"]["held_emd"].mean())
