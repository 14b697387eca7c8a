"""The whole chain on votes of people, split by folds: a set of one's own at the smoke scale."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import spearmanr

from projects import ran

pytestmark = pytest.mark.slow
VALUES = np.arange(1, 6)  # of the votes


def test_networks_are_fine_tuned_judged_and_reported_on_ones_own_votes(project, make_photo):
    place, rng = project.path / "data/raw/ours", np.random.default_rng(0)
    place.mkdir(parents=True)
    votes = rng.integers(0, 9, (56, 5)) + np.eye(5, dtype=int)[rng.integers(0, 5, 56)]
    for k in range(56):
        Image.fromarray(make_photo(k)[:48, :64]).save(place / f"{k}.png")
    rows = [f"{k},{','.join(map(str, votes[k]))},theme {k // 2}" for k in range(56)]
    (place / "labels.csv").write_text("\n".join(["id,v1,v2,v3,v4,v5,group", *rows]) + "\n")
    project.add_set(
        "ours", title="Our photos", reader="folder", folder="data/raw/ours", low=1, high=5, bins=5, above=3, split="folds", folds=3,
        apart=True, shares={"train": 0.6, "val": 0.2, "test": 0.2},
    )  # fmt: skip
    for key, value in (("source", "real"), ("train_on", "ours"), ("test_on", ["ours"])):
        project.set(f"labels.{key}", value)
    project.set(
        "photos.shares", {"labels": 0, "test": 0.3, "train": 0.4, "val": 0.3}
    )  # photos are cropped for simulated votes alone
    jobs = ran(project.snakemake("results/smoke/report.html"))
    assert (jobs["pretrain"], jobs["finetune"], jobs["simulate"], jobs["over_ridge"]) == (2, 3, 0, 1)

    split = pd.read_csv(project.path / "data/smoke/ours/split.csv").set_index("id")
    tested = split.index[split["split"] == "fold"]
    assert set(split.loc[tested, "fold"]) == {1, 2, 3} and set(split["split"]) == {"fold", "val"}
    sides = split["fold"].fillna(0).groupby(split.index // 2).nunique()
    assert (sides == 1).all()  # a theme is on one side alone

    table = pd.read_csv(project.path / "results/smoke/tables/table2.csv").set_index("init")
    assert not [column for column in table if column.startswith(("ava", "tid2013"))]
    means = votes @ VALUES / votes.sum(axis=1)
    predictions = project.path / "results/smoke/predictions"
    for init in ("imagenet", "ranking_regression", "rotnet"):
        (file,) = predictions.glob(f"{init}/*/ours.parquet")
        frame = pd.read_parquet(file)
        assert set(frame["id"].astype(int)) == set(tested)
        assert [column for column in frame if column[0] in "pt" and column[1:].isdigit()] == [
            f"{c}{k}" for c in "pt" for k in VALUES
        ]
        truth = means[frame["id"].astype(int)]
        assert table.loc[init, "ours_srcc"] == pytest.approx(spearmanr(truth, frame["predicted"]).statistic, abs=1e-5)
        assert table.loc[init, "ours_mae"] == pytest.approx(np.abs(truth - frame["predicted"]).mean(), abs=1e-5)

    text = (project.path / "results/smoke/tables/table2.md").read_text()
    assert "Our photos SRCC" in text and "AVA" not in text and "TID2013" not in text and "simulated" not in text
    page = (project.path / "results/smoke/report.html").read_text()
    assert "Our photos" in page and "simulated votes" not in page
