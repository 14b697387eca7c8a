"""Rules that are run by hand: the audit, and cross-checks on a labelled set of one's own."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from aesthetic_pretraining.data.sources import Packages
from projects import ran

pytestmark = pytest.mark.slow


def test_a_set_of_ones_own_is_judged_and_audited_and_changes_nothing_else(project, make_photo):
    before = project.digests("results/smoke/tables", "results/smoke/metrics")
    place = project.path / "data/raw/ours"
    place.mkdir(parents=True)
    for k in range(6):
        Image.fromarray(make_photo(k)).save(place / f"picture {k}.png")
    trained = next(r for r in pd.read_csv(project.path / "data/smoke/photos/split.csv").itertuples() if r.split == "train")
    (place / "trained.jpg").write_bytes(Packages().read(trained.id))
    Image.fromarray(np.asarray(Image.open(place / "picture 0.png").resize((48, 36)))).save(place / "picture 6.png")
    (place / "picture 7.png").write_text("<html>log in</html>")
    rows = "".join(f"picture {k},{k},{1 + k % 2},0,1,{'train' if k == 0 else 'test'}\n" for k in range(8))
    (place / "labels.csv").write_text("id,v1,v2,v3,v4,split\n" + rows)
    project.add_set("ours", title="Ours", reader="folder", folder="data/raw/ours", low=1, high=4, bins=4, above=2.5)
    project.set("labels.crosscheck", ["ours"])
    refused = project.snakemake("data/smoke/ours/split.csv", ok=False)
    assert "ours: 1 of 8 images cannot be used: picture 7.png: unreadable (not an image in a known format" in refused
    rows = "".join(rows.splitlines(keepends=True)[:7]) + "trained,1,1,1,1,test\n"
    (place / "labels.csv").write_text("id,v1,v2,v3,v4,split\n" + rows)
    targets = ("results/smoke/crosscheck/metrics.csv", "results/smoke/audit/leakage.csv")
    said = project.snakemake(*targets, "--forcerun", "data/smoke/ours/listing.csv")
    jobs = ran(said)
    assert (jobs["judge"], jobs["listing"], jobs["finetune"], jobs["predict"]) == (3, 1, 0, 0)
    table = pd.read_csv(project.path / "results/smoke/crosscheck/metrics.csv")
    assert list(table["init"]) == ["imagenet", "ranking_regression", "rotnet"]
    assert set(table["ours_n"]) == {6}
    assert set(table["ours_left_out"]) == {1}
    assert pd.read_csv(project.path / "results/smoke/crosscheck/seen/ours.csv")["other_id"].tolist() == [trained.id]
    assert set(table["note"]) == {"smoke: simulated votes"}
    leaks = pd.read_csv(project.path / "results/smoke/audit/leakage.csv").set_index(
        ["dataset", "split", "other_dataset", "other_split"]
    )
    assert leaks.loc[("ours", "train", "ours", "test"), "alike"] == 1  # picture 6 is picture 0, smaller
    assert leaks.loc[("ours", "test", "photos", "train"), "alike"] == 1  # the trained one
    assert project.digests("results/smoke/tables", "results/smoke/metrics") == before


def test_networks_of_a_run_are_exported_and_score_photos(project, make_photo):
    before = project.digests("results/smoke/tables", "results/smoke/metrics")
    jobs = ran(project.snakemake("stage_export"))
    assert (jobs["export"], jobs["finetune"], jobs["pretrain"]) == (1, 0, 0)
    bundles = project.path / "models/smoke/bundles"
    assert sorted(path.name for path in bundles.iterdir()) == ["imagenet", "ranking_regression"]
    config = json.loads((bundles / "imagenet/config.json").read_text())
    assert (config["name"], config["labels"]["simulated"], config["size"]) == ("smoke-imagenet", True, 32)
    table = pd.read_csv(project.path / "results/smoke/metrics/intervals.csv")
    known = table[(table["init"] == "imagenet") & (table["dataset"] == "ava") & (table["metric"] == "mae")]
    assert {each["metric"]: each["value"] for each in config["metrics"]}["mae"] == pytest.approx(float(known["value"].iloc[0]))
    Image.fromarray(make_photo(1)).save(project.path / "photo.png")
    said = project.run(
        "python", "-m", "aesthetic_pretraining", "score", "photo.png", "--model", "models/smoke/bundles/imagenet"
    )
    assert "1 photo scored; see scores/scores.html" in said
    assert project.digests("results/smoke/tables", "results/smoke/metrics") == before
