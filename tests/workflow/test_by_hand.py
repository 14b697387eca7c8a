"""Rules that are run by hand: the audit, and cross-checks on a labelled set of one's own."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from projects import ran

pytestmark = pytest.mark.slow


def test_a_set_of_ones_own_is_judged_and_audited_and_changes_nothing_else(project, make_photo):
    before = project.digests("results/smoke/tables", "results/smoke/metrics")
    place = project.path / "data/raw/ours"
    place.mkdir(parents=True)
    for k in range(6):
        Image.fromarray(make_photo(k)).save(place / f"picture {k}.png")
    Image.fromarray(np.asarray(Image.open(place / "picture 0.png").resize((48, 36)))).save(place / "picture 6.png")
    (place / "picture 7.png").write_text("<html>log in</html>")
    rows = "".join(f"picture {k},{k},{1 + k % 2},0,1,{'train' if k == 0 else 'test'}\n" for k in range(8))
    (place / "labels.csv").write_text("id,v1,v2,v3,v4,split\n" + rows)
    project.set("labels.extra", [{"name": "ours", "format": "folder", "folder": "data/raw/ours", "range": [1, 4]}])
    refused = project.snakemake("data/smoke/ours/split.csv", ok=False)
    assert "ours: 1 of 8 pictures cannot be used: picture 7.png: unreadable (not a picture in a known format)" in refused
    (place / "labels.csv").write_text("id,v1,v2,v3,v4,split\n" + "".join(rows.splitlines(keepends=True)[:7]))
    targets = ("results/smoke/crosscheck/metrics.csv", "results/smoke/audit/leakage.csv")
    said = project.snakemake(*targets, "--forcerun", "data/smoke/ours/listing.csv")
    jobs = ran(said)
    assert (jobs["judge"], jobs["listing"], jobs["finetune"], jobs["predict"]) == (3, 1, 0, 0)
    table = pd.read_csv(project.path / "results/smoke/crosscheck/metrics.csv")
    assert list(table["init"]) == ["imagenet", "ranking_regression", "rotnet"]
    assert set(table["ours_n"]) == {6}
    assert set(table["note"]) == {"smoke: simulated votes"}
    leaks = pd.read_csv(project.path / "results/smoke/audit/leakage.csv").set_index(
        ["dataset", "split", "other_dataset", "other_split"]
    )
    assert leaks.loc[("ours", "train", "ours", "test"), "alike"] == 1  # picture 6 is picture 0, smaller
    assert leaks.loc[("ours", "test", "photos", "train"), "alike"] == 0
    assert project.digests("results/smoke/tables", "results/smoke/metrics") == before
