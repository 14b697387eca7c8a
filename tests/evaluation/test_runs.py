"""Which networks a run makes, and whose a file is."""

import pytest

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.runs import Run, Training, fold_of, pretraining_of, run_of, runs_of, training_of

SETS = ("ava", "tid2013")
PLACE = "predictions/rotnet/share20_pretraining3_seed0"


def test_every_pretraining_is_fine_tuned_with_every_seed_and_imagenet_has_one_pretraining():
    runs = runs_of(["imagenet", "rotnet", "ranking"], ["imagenet", "ranking"], [20, 100], [3, 1], [5, 6])
    assert len(runs) == len(set(runs)) == 2 * 2 + 2 * 2 * 2 + 2 * 2  # imagenet, ranking, rotnet
    assert [run for run in runs if run.init == "imagenet"] == [
        ("imagenet", 20, 0, 5), ("imagenet", 20, 0, 6), ("imagenet", 100, 0, 5), ("imagenet", 100, 0, 6),
    ]  # fmt: skip
    assert [run for run in runs if run.init == "rotnet"] == [
        ("rotnet", 100, 3, 5), ("rotnet", 100, 3, 6), ("rotnet", 100, 1, 5), ("rotnet", 100, 1, 6),
    ]  # fmt: skip


def test_paths_say_whose_they_are():
    whose = Training("rotnet", 20, 3, 0)
    for path in (PLACE, f"{PLACE}.safetensors", f"{PLACE}.csv"):
        assert training_of(path) == whose and fold_of(path) == 0
    for path in (f"{PLACE}_fold3", f"{PLACE}_fold3.safetensors"):
        assert training_of(path) == whose and fold_of(path) == 3
    assert run_of(f"{PLACE}/ava.parquet", SETS) == Run(*whose, "ava")
    assert pretraining_of("models/demo/pretrained/ranking_regression/seed12.csv") == ("ranking_regression", 12)


@pytest.mark.parametrize(
    "path",
    [
        "share20_seed0",
        "share20_pretraining3",
        "share20_pretraining3_seed",
        "share20_pretraining-1_seed0",
        "share20_pretraining3_seed0_fold1",
    ],
)
def test_another_place_is_refused(path):
    with pytest.raises(UserError, match=r"is not named <init>/share<percent>_pretraining<seed>_seed<seed>"):
        run_of(f"rotnet/{path}/ava.parquet", SETS)


def test_another_set_another_kind_of_file_and_another_name_of_a_network_are_refused():
    for path in (f"{PLACE}/koniq.parquet", f"{PLACE}/ava.csv"):
        with pytest.raises(UserError, match=r"is not named .*<ava\|tid2013>\.parquet"):
            run_of(path, SETS)
    with pytest.raises(UserError, match=r"rotnet\.csv is not named <init>/seed<seed>\.csv"):
        pretraining_of("models/demo/pretrained/rotnet.csv")
