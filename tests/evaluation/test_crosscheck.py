"""Cross-checks: metrics of other sets by hand and by SciPy, on the set's own scale."""

import numpy as np
import pandas as pd
import pytest
from labelled_sets import AVA, KONIQ, OASIS
from scipy.stats import pearsonr, spearmanr

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.cross_dataset import crosscheck, judge
from aesthetic_pretraining.settings.labels import LabelledSet

OURS = LabelledSet("ours", "ours", -1, 1, 5, 0)


def write(folder, run, dataset, target, predicted):
    path = folder / run / f"{dataset}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"id": [f"{k:03d}" for k in range(len(target))], "target": target, "predicted": predicted}).to_parquet(
        path, index=False
    )
    return path


def test_the_error_is_on_the_sets_scale():
    frame = pd.DataFrame({"target": [0, 50, 100, 40], "predicted": [1, 5.5, 10, 5.5]})  # 0, 50, 100 and 50 of 100
    assert judge(frame, AVA, KONIQ)["mae"] == pytest.approx(2.5)
    assert judge(frame.assign(target=frame["target"] / 100 * 2 - 1), AVA, OURS)["mae"] == pytest.approx(0.05)
    from_seven = frame.assign(predicted=[1, 4, 7, 4])  # the same, of a network that was trained on votes 1..7
    assert judge(from_seven, OASIS, KONIQ)["mae"] == pytest.approx(2.5)
    assert judge(frame.assign(target=frame["target"] / 100 * 9 + 1), AVA, AVA)["mae"] == pytest.approx(0.225)


def test_one_row_for_each_network_and_columns_for_each_set(tmp_path):
    rng = np.random.default_rng(0)
    paths, expected = [], {}
    for run in (
        "ranking/share100_pretraining2_seed1",
        "imagenet/share100_pretraining0_seed2",
        "imagenet/share20_pretraining0_seed1",
    ):
        for dataset, (low, high) in {"koniq": (0, 100), "ours": (-1, 1)}.items():
            target, predicted = rng.uniform(low, high, 40), rng.uniform(1, 10, 40)
            paths.append(write(tmp_path, run, dataset, target, predicted))
            expected[run, dataset] = (pearsonr(target, predicted)[0], spearmanr(target, predicted)[0])
    table = crosscheck(paths, AVA, {"koniq": KONIQ, "ours": OURS}, {"koniq": ["x", "y"], "ours": []})
    assert list(table.columns) == ["init", "share", "pretraining", "seed"] + [
        f"{s}_{v}" for s in ("koniq", "ours") for v in ("n", "left_out", "lcc", "srcc", "mae")
    ]
    assert [tuple(row) for row in table[["init", "share", "pretraining", "seed"]].itertuples(index=False)] == [
        ("imagenet", 20, 0, 1), ("imagenet", 100, 0, 2), ("ranking", 100, 2, 1),
    ]  # fmt: skip
    for row in table.itertuples():
        for dataset in ("koniq", "ours"):
            wanted = expected[f"{row.init}/share{row.share}_pretraining{row.pretraining}_seed{row.seed}", dataset]
            assert (getattr(row, f"{dataset}_lcc"), getattr(row, f"{dataset}_srcc")) == pytest.approx(wanted)
            assert getattr(row, f"{dataset}_n") == 40
            assert getattr(row, f"{dataset}_left_out") == {"koniq": 2, "ours": 0}[dataset]


def test_what_cannot_be_judged_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"labels\.crosscheck"):
        crosscheck([], AVA, {}, {})
    path = write(tmp_path, "ranking/share100_pretraining1_seed1", "koniq", [101.0, 3, 4], [1, 2, 3])
    with pytest.raises(ValueError, match="outside 0..100"):
        crosscheck([path], AVA, {"koniq": KONIQ}, {"koniq": []})
    with pytest.raises(UserError, match="is not named <init>"):
        crosscheck([path], AVA, {"kadid": OURS}, {"kadid": []})
    with pytest.raises(UserError, match="001 was trained on; run again with --forcerun judge"):
        crosscheck([path], AVA, {"koniq": KONIQ}, {"koniq": ["001"]})
