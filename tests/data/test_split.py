"""Splits: counted by hand, without overlap, and stable when images come and go."""

import itertools

import pandas as pd
import pytest

from aesthetic_pretraining.config import load
from aesthetic_pretraining.data.ledger import read_table
from aesthetic_pretraining.data.sources import Folder
from aesthetic_pretraining.data.split import (
    assign,
    check_enough,
    roles,
    sample,
    split_by_list,
    split_by_share,
    split_by_test,
    split_labelled,
    split_photos,
    subset,
)
from aesthetic_pretraining.errors import UserError


def keys(count, prefix="k"):
    return [f"{prefix}{k}" for k in range(count)]


def counts(roles):
    return pd.Series(list(roles.values())).value_counts().to_dict()


def table(ids, **columns):
    return pd.DataFrame({"id": list(ids), "sha256": [f"hash of {i}" for i in ids], "state": "usable", **columns})


@pytest.mark.parametrize(
    ("count", "shares", "expected"),
    [
        (10, {"a": 0.5, "b": 0.3, "c": 0.2}, {"a": 5, "b": 3, "c": 2}),
        (7, {"a": 0.5, "b": 0.25, "c": 0.25}, {"a": 4, "b": 1, "c": 2}),  # cut at 3.5 and 5.25, rounded to 4 and 5
        (130, {"a": 0.7692, "b": 0.1154, "c": 0.1154, "d": 0}, {"a": 100, "b": 15, "c": 15}),
        (100, {"a": 0.9, "b": 0.05, "c": 0.05}, {"a": 90, "b": 5, "c": 5}),
        (20, {"a": 0.94, "b": 0.03, "c": 0.03}, {"a": 18, "b": 1, "c": 1}),  # 18.8, 0.6, 0.6: nobody goes without
        (3, {"a": 0.98, "b": 0.01, "c": 0.01}, {"a": 1, "b": 1, "c": 1}),
        (100, {"a": 0.29, "b": 0.71}, {"a": 29, "b": 71}),  # 0.29 * 100 is 28.999... in binary
        (5, {"a": 1.0, "b": 0}, {"a": 5}),
        (0, {"a": 0.5, "b": 0.5}, {}),
    ],
)
def test_counts_by_hand(count, shares, expected):
    roles = assign(keys(count), shares, 1)
    assert sorted(roles) == sorted(keys(count))
    assert counts(roles) == expected


@pytest.mark.parametrize("count", [*range(20, 40), 200, 1001])
def test_no_count_is_off_by_a_whole_picture(count):
    shares = {"train": 0.35, "val": 0.1, "test": 0.1, "labels": 0.45}
    for role, n in counts(assign(keys(count), shares, 1)).items():
        assert abs(n - shares[role] * count) < 1


def test_neither_order_nor_repetition_matters():
    shares = {"a": 0.6, "b": 0.4}
    expected = assign(keys(50), shares, 1)
    assert assign(keys(50)[::-1], shares, 1) == assign(set(keys(50)), shares, 1) == expected


def test_roles_do_not_follow_the_names():
    roles = assign(sorted(keys(100)), {"a": 0.5, "b": 0.5}, 1)
    first = [roles[k] for k in sorted(keys(100))[:50]]
    assert 12 < first.count("a") < 38


def test_another_salt_is_another_assignment():
    shares = {"a": 0.5, "b": 0.5}
    one, two, three = (assign(keys(200), shares, *salt) for salt in ((1,), (2,), ("simulate", 1)))
    for x, y in ((one, two), (one, three), (two, three)):
        assert 60 < sum(x[k] == y[k] for k in x) < 140  # as many as chance


def moved(shares, count, candidate, salt=1):
    """For each cut between roles: how many of the old keys change sides when `candidate` comes in."""
    names = [role for role, share in shares.items() if share > 0]
    before, after = assign(keys(count), shares, salt), assign([*keys(count), candidate], shares, salt)
    return [
        sum((names.index(before[k]) <= cut) != (names.index(after[k]) <= cut) for k in before) for cut in range(len(names) - 1)
    ]


def test_a_picture_more_moves_at_most_one_across_each_cut(project):
    params = load(project / "params.yaml")
    every = [entry["shares"] for entry in params["sets"].values()]
    every += [scale[section]["shares"] for scale in params["scales"].values() for section in ("photos", "simulate")]
    for shares in every:
        for count in (20, 27, 28, 33, 45, 52):
            for k in range(4):
                assert max(moved(shares, count, f"new{k}"), default=0) <= 1, (shares, count)


def test_a_picture_more_moves_at_most_one_for_any_shares():
    shares = {"a": 1 / 33, "b": 15 / 33, "c": 9 / 33, "d": 8 / 33}
    # 47 -> 48 pictures: the counts go from 2, 21, 13, 11 to 1, 22, 13, 12
    assert max(max(moved(shares, 47, f"new{k}")) for k in range(150)) <= 1


def test_split_by_share_counts_usable_pictures_only():
    ledger = table(keys(12), state=["usable"] * 10 + ["missing", "unreadable"])
    split = split_by_share(ledger, {"train": 0.6, "test": 0.4, "val": 0}, 1, "id")
    assert sorted(split["id"]) == sorted(keys(10))
    assert split["id"].is_unique
    assert split["split"].value_counts().to_dict() == {"train": 6, "test": 4}
    assert list(split["id"]) == sorted(split["id"])


def test_a_ledger_in_another_order_gives_the_same_split():
    ledger = table(keys(30))
    shares = {"train": 0.5, "val": 0.25, "test": 0.25}
    one, two = (split_by_share(t, shares, 1, "sha256").reset_index(drop=True) for t in (ledger, ledger[::-1]))
    assert one.equals(two)
    assert not split_by_share(ledger, shares, 2, "sha256")["split"].reset_index(drop=True).equals(one["split"])


def test_equal_pictures_under_two_names_play_one_role():
    ledger = table(keys(60), sha256=[f"content {k // 3}" for k in range(60)])
    split = split_by_share(ledger, {"train": 0.5, "val": 0.25, "test": 0.25}, 1, "sha256").merge(ledger)
    assert (split.groupby("sha256")["split"].nunique() == 1).all()
    assert split["split"].value_counts().to_dict() == {"train": 30, "val": 15, "test": 15}


def test_renaming_pictures_keeps_their_roles():
    shares = {"train": 0.5, "test": 0.5}
    old, new = table(keys(40)), table(keys(40, "renamed"), sha256=[f"hash of {i}" for i in keys(40)])
    a, b = (split_by_share(t, shares, 1, "sha256").merge(t).set_index("sha256")["split"].sort_index() for t in (old, new))
    assert a.equals(b)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_role_that_gets_no_picture_is_named(count):
    with pytest.raises(UserError, match=r"the split '(train|val|test)'") as caught:
        split_by_share(table(keys(count)), {"train": 0.8, "val": 0.1, "test": 0.1}, 1, "sha256")
    assert "\n" not in str(caught.value)


def test_split_by_list_leaves_out_what_is_on_no_list_and_says_so(caplog):
    ledger = table(["1", "2", "003", "4", "5"], state=["usable", "usable", "usable", "usable", "missing"])
    split = split_by_list(ledger, {"003": "train", "1": "val", "4": "test", "5": "test"})
    assert dict(split.values) == {"003": "train", "1": "val", "4": "test"}
    assert caplog.messages == ["1 of 4 usable images are on no split list and left out, such as 2"]


def test_a_list_with_a_picture_that_has_no_labels_is_named():
    roles = {"1": "train", "2": "val", "3": "test", "99": "val", "98": "val"}
    with pytest.raises(UserError, match=r"splits/val\.csv: image 98 \(2 in all lists\) is not in the labelled set"):
        split_by_list(table(["1", "2", "3"]), roles)


@pytest.mark.parametrize("role", ["train", "val", "test"])
def test_published_lists_that_leave_a_role_empty(role):
    roles = {"1": "train", "2": "val", "3": "test"}
    lost = next(i for i, r in roles.items() if r == role)
    ledger = table(roles, state=["missing" if i == lost else "usable" for i in roles])
    with pytest.raises(UserError, match=f"the split '{role}'"):
        split_by_list(ledger, roles)


def test_split_by_test_keeps_the_list_and_divides_the_rest():
    ledger = table(keys(120), state=["missing"] + ["usable"] * 119)
    listed = [*keys(20), "not in the set"]
    split = split_by_test(ledger, listed, 1).set_index("id")["split"]
    assert set(split.index[split == "test"]) == set(keys(20)) - {"k0"}
    assert split.value_counts().to_dict() == {"train": 95, "val": 5, "test": 19}
    other = split_by_test(ledger, listed, 2).set_index("id")["split"]
    assert set(other.index[other == "val"]) != set(split.index[split == "val"])
    whole = split_by_test(table(keys(120)), listed, 1).set_index("id")["split"]
    assert split.equals(whole.drop("k0"))  # a test image that is missing moves no other


VOTES = ",0,1,5,17,38,36,15,6,5,1\n"
PAPER = {"splits/train.csv": "1" + VOTES, "splits/val.csv": "2" + VOTES, "splits/test.csv": "3" + VOTES}
PRED = {"splits/pred.txt": "".join(f"{k} mean: 6.083 | std: 1.363 | GT: 5.914\n" for k in (3, 7, 99))}
OFFICIAL = {"aesthetics_image_lists/generic_test.jpgl": "5\n6\n98\n"}
SHARES = {"train": 0.5, "val": 0.25, "test": 0.25}


LABELS = "".join(f"{k} {k} {VOTES.replace(',', ' ').strip()} 0 0 1\n" for k in range(40))  # AVA.txt


def ava(make_folder, files, kind, seed=1):
    source = Folder(make_folder({"AVA.txt": LABELS} | files))
    return split_labelled("ava", table(keys(40, "")), kind, SHARES, 0, seed, source=source, trained_on=True)


@pytest.mark.parametrize(
    ("files", "kind", "test", "by"),
    [
        (PAPER | PRED | OFFICIAL, "paper", {"3"}, "paper"),
        (PRED | OFFICIAL, "paper", {"3", "7"}, "paper's test list, rebuilt from pred.txt; train and val random, seed 1"),
        (PAPER | PRED | OFFICIAL, "official", {"5", "6"}, "official test list; train and val random, seed 1"),
    ],
)
def test_the_split_of_ava_that_was_asked_for(make_folder, caplog, files, kind, test, by):
    with caplog.at_level("INFO"):
        split = ava(make_folder, files, kind)
    assert set(split["id"][split["split"] == "test"]) == test
    assert set(split["by"]) == {by}
    if len(split) == 3:
        assert caplog.messages == ["37 of 40 usable images are on no split list and left out, such as 0"]
    else:
        assert split["split"].value_counts().to_dict() == {"train": 36, "val": 2, "test": 2}
        assert "1 of 3 ids are not in AVA.txt" in caplog.text


def test_lists_whose_votes_are_not_those_of_the_labels_are_named(make_folder, caplog):
    ava(make_folder, PAPER | {"splits/val.csv": "2" + VOTES.replace("17", "71")}, "paper")
    assert "splits/*.csv: 1 of 3 images have other votes than in AVA.txt, whose votes are used, such as 2" in caplog.text


def test_the_random_split_of_ava_needs_no_lists_and_is_the_seeds(make_folder):
    one, two = ava(make_folder, {}, "random"), ava(make_folder, {}, "random", seed=2)
    assert one["split"].value_counts().to_dict() == {"train": 20, "val": 10, "test": 10}
    assert set(one["by"]) == {"random, seed 1"}
    assert list(one["split"]) != list(two["split"])


@pytest.mark.parametrize(
    ("files", "kind", "part"),
    [
        ({}, "paper", r"splits/train\.csv is missing"),
        (PRED | {"splits/val.csv": "2" + VOTES}, "paper", r"splits/train\.csv is missing"),  # half a split is not rebuilt
        (PRED, "official", r"generic_test\.jpgl is missing"),
        ({"splits/pred.txt": "3 mean\n<html>\n"}, "paper", r"pred\.txt, row 2: .*<html>"),
        ({"splits/pred.txt": "3 mean\n3 mean\n"}, "paper", r"image 3 appears twice"),
        ({"splits/pred.txt": "\n"}, "paper", "is empty"),
    ],
)
def test_lists_that_are_missing_or_none_are_named(make_folder, files, kind, part):
    with pytest.raises(UserError, match=part):
        ava(make_folder, files, kind)


def judged(ledger, kind="own", **more):
    return split_labelled("ours", ledger, kind, SHARES, 0, 1, **more)


def test_a_set_to_judge_on_keeps_its_own_roles_or_is_all_test():
    assert list(judged(table(keys(3)))) == ["id", "split"]
    assert set(judged(table(keys(3)))["split"]) == {"test"}
    own = judged(table(keys(3), split=["train", "test", "val"]))
    assert dict(own[["id", "split"]].values) == {"k0": "train", "k1": "test", "k2": "val"}
    assert set(own["by"]) == {"own"}
    with pytest.raises(UserError, match="'test'"):
        judged(table(keys(3), split="train"))
    assert set(judged(table(keys(3), split=["train", "test", "val"]), "folds")["split"]) == {"test"}  # nothing is trained on it


def test_a_set_to_train_on_without_roles_of_its_own_is_named():
    with pytest.raises(UserError, match=r"sets\.ours\.split is 'own', but .* the role 'train'.*'random' or 'folds'") as caught:
        judged(table(keys(3)), trained_on=True)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="the role 'val'"):
        judged(table(keys(3), split=["train", "test", "test"]), trained_on=True)


def test_a_group_on_both_sides_of_a_users_own_split_is_named():
    groups = ["beach", "", "beach", "", "lake"]
    roles_ = ["train", "train", "test", "val", "test"]
    with pytest.raises(
        UserError, match=r"the group 'beach' is in test and train .*\(1 groups in all\); keep each group on one side"
    ):
        judged(table(keys(5), split=roles_, group=groups))
    apart = judged(table(keys(5), split=["train", "train", "train", "val", "test"], group=groups))
    assert len(apart) == 5  # images without a group are on their own


def grouped(count=120, size=7):
    """Groups of 1 to `size` images, in turn."""
    groups = [f"g{k}" for k in range(count) for _ in range(1 + k % size)]
    return table(keys(len(groups)), group=groups)


def test_a_random_split_keeps_groups_together_and_counts_images():
    ledger = grouped()
    split = judged(ledger, "random")
    joined = split.merge(ledger, on="id")
    assert (joined.groupby("group")["split"].nunique() == 1).all()
    for role, share in SHARES.items():
        assert abs((split["split"] == role).mean() - share) < 7 / len(ledger)  # by less than the largest group
    assert not judged(ledger, "random", trained_on=True)["split"].isna().any()


def test_near_duplicates_join_the_groups_that_they_connect():
    ledger = grouped(40)
    families = {i: ("g0" if g in ("g5", "g6") else g) for i, g in zip(ledger["id"], ledger["group"])}
    joined = judged(ledger, "random", families=families).merge(ledger, on="id")
    assert joined[joined["group"].isin(["g0", "g5", "g6"])]["split"].nunique() == 1


@pytest.mark.parametrize("folds", [3, 4, 10])
def test_folds_are_even_and_keep_groups_together(folds, tmp_path):
    ledger = grouped()
    split = split_labelled("ours", ledger, "folds", SHARES, folds, 1, trained_on=True)
    joined = split.merge(ledger, on="id")
    assert (joined.groupby("group")[["split", "fold"]].nunique() <= 1).all(axis=None)
    assert abs((split["split"] == "val").mean() - SHARES["val"]) < 7 / len(ledger)
    sizes = split["fold"].value_counts()
    assert sorted(sizes.index) == list(range(1, folds + 1))
    assert sizes.max() - sizes.min() <= 1
    assert split["fold"].isna().equals(split["split"] == "val")
    split.to_csv(tmp_path / "split.csv", index=False)
    read = read_table(tmp_path / "split.csv")
    tested = []
    for fold in range(1, folds + 1):
        role = roles(read, fold).set_index("id")["split"]
        assert set(role[role == "val"].index) == set(split["id"][split["split"] == "val"])
        assert set(role[role == "test"].index) == set(split["id"][split["fold"] == fold])
        assert set(role) == {"train", "val", "test"}
        tested += list(role[role == "test"].index)
    assert sorted(tested) == sorted(split["id"][split["split"] == "fold"])  # each image is tested once


def test_folds_without_enough_groups_are_refused():
    with pytest.raises(UserError, match=r"sets\.ours\.folds is 4, but the images make only \d groups"):
        split_labelled("ours", table(keys(60), group=[f"g{k % 4}" for k in range(60)]), "folds", SHARES, 4, 1, trained_on=True)


def test_roles_without_folds_stay_as_they_are():
    split = pd.DataFrame({"id": ["a", "b"], "split": ["train", "test"]})
    assert roles(split).equals(split)


def test_fewer_than_fifty_images_are_too_few_to_train_on():
    check_enough("ours", table(keys(50)))
    with pytest.raises(UserError, match=r"sets\.ours: only 49 images can be used, but fine-tuning needs at least 50"):
        check_enough("ours", table(keys(50), state=["missing"] + ["usable"] * 49))


def test_photos_that_look_like_labelled_images_get_no_role(caplog):
    ledger = table(keys(20))
    split = split_photos(ledger, ["bsds500"], {"train": 0.5, "test": 0.5}, 1, ["k3", "k7"])
    assert sorted(split["id"]) == sorted(set(keys(20)) - {"k3", "k7"})
    assert caplog.messages == ["photos: 2 of 20 look like labelled images and are left out"]


def test_shares_are_cut_in_the_order_written():
    one = assign(keys(40), {"train": 0.5, "test": 0.5}, 1)
    other = assign(keys(40), {"test": 0.5, "train": 0.5}, 1)
    assert {k: {"train": "test", "test": "train"}[role] for k, role in one.items()} == other


@pytest.mark.parametrize(
    ("count", "expected"), [(100, [20, 40, 60, 80, 100]), (37, [8, 15, 23, 30, 37]), (3, [1, 2, 2, 3, 3]), (1, [1] * 5)]
)
def test_subsets_are_nested_and_counted_by_hand(count, expected):
    ids = keys(count)
    subsets = [subset(ids, percent, 1) for percent in (20, 40, 60, 80, 100)]
    assert list(map(len, subsets)) == expected  # rounded up
    for small, large in itertools.pairwise(subsets):
        assert set(small) <= set(large)
    assert sorted(subsets[-1]) == sorted(ids)
    assert all(len(set(s)) == len(s) for s in subsets)


def test_at_least_one_is_kept():
    assert len(subset(keys(10), 1, 1)) == 1


def test_a_subset_is_the_seeds_and_not_the_orders():
    ids = keys(100)
    assert subset(ids, 40, 1) == subset(ids[::-1], 40, 1)
    chosen = [set(subset(ids, 40, seed)) for seed in range(5)]
    for k in range(1, 5):  # 16 of 40 are expected in common by chance
        assert 5 < len(chosen[0] & chosen[k]) < 28
    assert 10 < sum(i in chosen[0] for i in ids[:50]) < 30


def test_a_picture_more_displaces_at_most_one_from_a_subset():
    ids = keys(50)
    before = set(subset(ids, 40, 1))
    for k in range(20):
        after = set(subset([*ids, f"new{k}"], 40, 1))
        assert len(before - after) <= 1
        assert len((after - before) - {f"new{k}"}) <= 1


def test_a_sample_is_the_seeds_and_not_the_orders():
    ids = keys(40)
    chosen = sample(ids, 7, seed=1)
    assert len(set(chosen)) == 7 and set(chosen) <= set(ids) and chosen != ids[:7]
    assert sample(reversed(ids), 7, seed=1) == chosen == sample(ids, 40, seed=1)[:7]
    assert sample(ids, 7, seed=2) != chosen
    assert sorted(sample(ids[:3], 7, seed=1)) == ids[:3]
