"""Ledgers: parts and labels as one table; too many bad images stop the run and are named."""

import pandas as pd
import pytest

from aesthetic_pretraining.data.ledger import merge_ledger, read_table, usable
from aesthetic_pretraining.errors import UserError

COLUMNS = "id,file,sha256,width,height,format,state,reason\n"


def good(name):
    return f"{name},images/{name}.jpg,{'ab' * 32},640,480,JPEG,usable,\n"


def bad(name, state="unreadable", reason="image file is truncated"):
    return f'{name},images/{name}.jpg,,,,,{state},"{reason}"\n'


@pytest.fixture
def parts(tmp_path):
    def write(*tables):
        paths = [tmp_path / f"{k}.csv" for k in range(len(tables))]
        for path, rows in zip(paths, tables, strict=True):
            path.write_text(COLUMNS + "".join(rows))
        return paths

    return write


def listing(*ids, **columns):
    return pd.DataFrame({"id": list(ids), "file": [f"images/{i}.jpg" for i in ids], **columns})


def test_parts_and_labels_become_one_table(parts):
    table = listing("c", "a", "b", score=[3.5, 1.25, 2.0], v1=[3, 1, 2])
    ledger = merge_ledger(table, parts([good("b")], [], [good("a"), good("c")]), 0, "ava")
    assert list(ledger["id"]) == ["a", "b", "c"]
    assert list(ledger["score"]) == [1.25, 2.0, 3.5]
    assert list(ledger["v1"]) == [1, 2, 3]
    assert list(ledger["file"]) == [f"images/{i}.jpg" for i in "abc"]
    assert (ledger["state"] == "usable").all()


def test_the_order_of_the_parts_does_not_matter(parts):
    a, b = parts([good("b")], [good("a"), bad("c")])
    table = listing("a", "b", "c")
    one, two = (merge_ledger(t, p, 1, "x").reset_index(drop=True) for t, p in ((table, [a, b]), (table[::-1], [b, a])))
    assert one.equals(two)


def test_bad_pictures_stop_the_run_and_are_named(parts):
    ids = [f"p{k}" for k in range(10)]
    rows = [bad("p2"), bad("p5", "missing", "no such file"), *(good(i) for i in ids if i not in ("p2", "p5"))]
    with pytest.raises(UserError) as caught:
        merge_ledger(listing(*ids), parts(rows), 0.1, "tid2013")
    said = str(caught.value)
    for part in (
        "tid2013: 2 of 10 ",
        "images/p2.jpg: unreadable (image file is truncated)",
        "images/p5.jpg: missing (no such file)",
        "0.1",
    ):
        assert part in said
    assert "\n" not in said


def test_only_the_first_bad_pictures_are_named(parts):
    ids = [f"p{k:04d}" for k in range(500)]
    with pytest.raises(UserError, match="500 of 500") as caught:
        merge_ledger(listing(*ids), parts(map(bad, ids)), 0.5, "photos")
    assert "p0000" in str(caught.value)
    assert "p0499" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(("share", "stops"), [(0, True), (0.24, True), (0.25, False), (1, False)])
def test_exactly_the_allowed_share_passes(parts, share, stops):
    files = parts([bad("a"), good("b"), good("c"), good("d")])
    if stops:
        with pytest.raises(UserError):
            merge_ledger(listing(*"abcd"), files, share, "x")
    else:
        ledger = merge_ledger(listing(*"abcd"), files, share, "x")
        assert len(ledger) == 4
        assert list(usable(ledger)["id"]) == ["b", "c", "d"]


def test_parts_that_do_not_cover_the_listing_are_refused(parts):
    with pytest.raises(UserError, match="do not cover b"):
        merge_ledger(listing("a", "b"), parts([good("a")]), 1, "x")


def test_a_picture_in_two_parts_is_refused(parts):
    with pytest.raises(pd.errors.MergeError):
        merge_ledger(listing("a"), parts([good("a")], [good("a")]), 1, "x")


def test_pictures_that_are_no_longer_listed_are_left_out(parts):
    assert list(merge_ledger(listing("a"), parts([good("a"), bad("old")]), 0, "x")["id"]) == ["a"]


def test_tables_come_back_as_they_were_written(tmp_path):
    ids = ["0012", "1e5", "NA", "null", "None", "nan", "a,b", 'q"q', "sub/é 1", "True"]
    table = listing(*ids, score=[k / 7 for k in range(10)])
    part = table[["id", "file"]].assign(
        sha256="", width="", height="", format="", state="unreadable", reason="image file is truncated"
    )
    part.to_csv(tmp_path / "part.csv", index=False)
    ledger = merge_ledger(table, [tmp_path / "part.csv"], 1, "x")
    ledger.to_csv(tmp_path / "ledger.csv", index=False)
    again = read_table(tmp_path / "ledger.csv")
    assert list(again["id"]) == sorted(ids)
    assert list(again["score"]) == list(ledger["score"])
    assert list(again["file"]) == [f"images/{i}.jpg" for i in sorted(ids)]
    assert (again["sha256"] == "").all()
    assert (again["reason"] == "image file is truncated").all()


def test_a_table_without_scores_and_one_without_all_scores(tmp_path):
    (tmp_path / "a.csv").write_text("id,split\n007,train\n")
    assert read_table(tmp_path / "a.csv").to_dict("records") == [{"id": "007", "split": "train"}]
    (tmp_path / "b.csv").write_text("id,score\n1,\n2,5.5\n")
    scores = read_table(tmp_path / "b.csv")["score"]
    assert scores.isna()[0]
    assert scores[1] == 5.5
