"""Which images are drawn together: those of one group of the ledger."""

import numpy as np
import pandas as pd

from aesthetic_pretraining.data.ledger import read_table
from aesthetic_pretraining.evaluation.folds import fold_by_image, folds_of
from aesthetic_pretraining.evaluation.scenes import clusters, scenes


def test_images_of_a_group_show_one_scene_and_others_their_own():
    ledger = pd.DataFrame({"id": ["i01_1_1", "i01_1_2", "x", "i02_1_1", "y"], "group": ["i01", "i01", "", "i02", np.nan]})
    assert scenes(ledger).tolist() == ["i01", "i01", "x", "i02", "y"]
    assert scenes(ledger.drop(columns="group")).tolist() == ledger["id"].tolist()
    assert scenes(ledger.assign(group=[3, 3, 4, 4, 5])).tolist() == ["3", "3", "4", "4", "5"]  # themes may be called by numbers


def test_clusters_are_numbered_as_they_come_so_that_names_decide_nothing():
    assert clusters(["b", "a", "b", "c"]).tolist() == clusters(["x", "zz", "x", "y"]).tolist() == [0, 1, 0, 2]


def test_folds_are_read_as_they_are_written(tmp_path):
    split = pd.DataFrame({"id": ["a", "b", "c", "d"], "split": ["fold", "val", "fold", "fold"], "fold": [2, None, 1, 2]})
    split.astype({"fold": "Int64"}).to_csv(tmp_path / "split.csv", index=False)
    for found in (
        split,
        split.astype({"fold": "Int64"}),
        read_table(tmp_path / "split.csv"),
        pd.read_csv(tmp_path / "split.csv"),
        pd.read_csv(tmp_path / "split.csv", keep_default_na=False),
    ):
        assert fold_by_image(found) == {"a": 2, "c": 1, "d": 2} and folds_of(found) == [1, 2]
    assert fold_by_image(split.drop(columns="fold")) is None and folds_of(split.drop(columns="fold")) == [0]
