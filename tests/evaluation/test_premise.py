"""Whether people agree with the premise: small sets whose answers are counted by hand, and every malformed file."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aesthetic_pretraining.data.labelled.tid2013 import LABELS
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation import premise as module
from aesthetic_pretraining.evaluation.premise import PREMISE_COLUMNS, premise
from aesthetic_pretraining.evaluation.statistics.clustered import share_interval

# Two references, types 1 and 8. Type 1: 5 > 4 > 3 falls twice; 5 > 4 = 4 falls once, a tie is no fall.
# Type 8: 2 < 3 > 1 falls once; of the other reference level 2 is missing, so that it has no pair.
TID = {
    "i01_01_1": 5, "i01_01_2": 4, "i01_01_3": 3, "i02_01_1": 5, "i02_01_2": 4, "i02_01_3": 4,
    "i01_08_1": 2, "i01_08_2": 3, "i01_08_3": 1, "i02_08_1": 9, "i02_08_3": 1,
}  # fmt: skip


def ledger(scores=TID):
    return pd.DataFrame({"id": scores.keys(), "score": scores.values()}).sample(frac=1, random_state=0)


def counts(table, source):
    rows = table[table["source"] == source]
    return {(r.distortion, r.level): (r.pairs, r.agree) for r in rows.itertuples()}


def test_falls_by_hand():
    table = premise(ledger())
    assert list(table) == PREMISE_COLUMNS
    assert counts(table, "TID2013") == {
        ("Gaussian noise", 2): (2, 2),
        ("Gaussian noise", 3): (2, 1),
        ("Gaussian noise", "all"): (4, 3),
        ("Gaussian blur", 2): (1, 0),
        ("Gaussian blur", 3): (1, 1),
        ("Gaussian blur", "all"): (2, 1),
    }
    noise = table[(table["distortion"] == "Gaussian noise") & (table["level"] == "all")].iloc[0]
    assert (noise["share"], noise["low"], noise["high"]) == pytest.approx((0.75, 0.3006, 0.9544), abs=1e-4)


def test_what_is_published_stands_beside_real_scores_alone():
    real = premise(ledger()).set_index(["distortion", "level"])["published"]
    assert real["Gaussian noise", "all"] == 0.96 and real["Gaussian blur", "all"] == 0.99 and np.isnan(real["Gaussian blur", 2])
    assert premise(ledger(), simulated=True)["published"].isna().all()


def test_the_names_of_the_checked_types_are_their_numbers():
    names = {number: module.DISTORTION_KINDS["TID2013"][number - 1] for number in module.TID2013_FALLS}
    assert names == {
        1: "Gaussian noise", 8: "Gaussian blur", 10: "JPEG", 15: "local blocks", 16: "mean shift", 17: "contrast", 18: "saturation",
    }  # fmt: skip
    assert [len(set(module.DISTORTION_KINDS[source])) for source in ("TID2013", "KADID-10k")] == [24, 25]


def test_kadid(tmp_path):
    path = tmp_path / "dmos.csv"
    path.write_text(
        "dist_img,ref_img,dmos,var\nI01_10_01.png,I01.png,4.5,0.1\nI01_10_02.png,I01.png,4.5,0.1\nI01_10_03.png,I01.png,1.0,0.1\n"
    )
    table = premise(ledger(), path)
    assert counts(table, "KADID-10k") == {("JPEG", 2): (1, 0), ("JPEG", 3): (1, 1), ("JPEG", "all"): (2, 1)}
    assert len(table[table["source"] == "TID2013"]) == 6


SURVEY = """filter,level,prefers_original
tint,-1,1
tint,-1,0
tint,2,yes
brightness,5,True
brightness,5,0
"""


def test_survey(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("\ufeff" + SURVEY, encoding="utf-8")  # a spreadsheet's mark at the start
    table = premise(ledger(), survey=path)
    assert counts(table, "survey") == {
        ("all", "all"): (5, 3),
        ("brightness", 5): (2, 1),
        ("brightness", "all"): (2, 1),
        ("tint", -1): (2, 1),
        ("tint", 2): (1, 1),
        ("tint", "all"): (3, 2),
    }
    assert table[table["source"] == "survey"]["published"].dropna().tolist() == [0.74]
    assert set(table["over"]) == {"pairs"}


def test_answers_of_a_survey_may_be_words(tmp_path):
    path = tmp_path / "answers.csv"
    answers = ["1", "TRUE", "Yes", "0", "False", " no "]
    path.write_text("filter,level,prefers_original\n" + "".join(f"tint,1,{answer}\n" for answer in answers))
    assert counts(premise(ledger(), survey=path), "survey")["tint", 1] == (6, 3)


# four people and four photos; brightness was shown to one person alone
WHO = """photo,filter,level,prefers_original,person
a,tint,-1,1,p1
b,tint,-1,1,p1
a,tint,-1,0,p2
c,tint,2,0,p2
b,tint,2,1,p3
d,tint,2,1,p4
c,brightness,5,1,p1
d,brightness,5,0,p1
"""


def test_a_surveys_intervals_are_over_people_and_photos_where_it_names_them(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text(WHO)
    table = premise(survey=path).set_index(["distortion", "level"])
    frame = pd.read_csv(path)
    for (name, level), row in table.iterrows():
        rows = frame[((frame["filter"] == name) | (name == "all")) & ((frame["level"] == level) | (level == "all"))]
        share, low, high = share_interval(rows["prefers_original"].to_numpy(), [rows["person"], rows["photo"]])
        assert (row["pairs"], row["share"]) == (len(rows), share)
        np.testing.assert_array_equal([row["low"], row["high"]], [low, high])
    assert len(table) == 6 and set(table["over"]) == {"people and photos"}
    assert table.loc["brightness", ["low", "high"]].isna().all(axis=None)  # one person says nothing about others
    assert table.loc[("tint", "all"), "low"] < premise(survey=without(path, "person", "photo")).iloc[-1]["low"]


def without(path, *columns):
    other = path.with_name("without.csv")
    pd.read_csv(path).drop(columns=list(columns)).to_csv(other, index=False)
    return other


@pytest.mark.parametrize(("gone", "over"), [("photo", "people"), ("person", "photos")])
def test_a_survey_that_names_one_of_them_is_clustered_by_it(gone, over, tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text(WHO)
    assert set(premise(survey=without(path, gone))["over"]) == {over}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (WHO + "a,tint,1,1,\n", "row 10: person is '', but must be a name"),
        (WHO + " ,tint,1,1,p1\n", "row 10: photo is ' ', but must be a name"),
        ("", "is empty and not a table"),
        ("filter,level\ntint,1\n", "the first line lacks the column 'prefers_original'"),
        ("filter,level,prefers_original\n", "has no rows"),
        (SURVEY + "tint,1.5,1\n", "row 7: level is '1.5', but must be a whole number"),
        (SURVEY + "tint,one,1\n", "row 7: level is 'one'"),
        (SURVEY + "tint,1,maybe\n", "row 7: prefers_original is 'maybe', but must be 0 or 1"),
        (SURVEY + ",1,1\n", "row 7: filter is '', but must be a name"),
        (SURVEY + "tint,1,1,1,1\n", "row 7: has 5 fields, but the first line has 3"),
        # pandas would take the first column for the names of the rows and shift the others
        ("filter,level,prefers_original\ntint,1,1,0\ntint,2,0,1\n", "row 2: has 4 fields, but the first line has 3"),
        (SURVEY + "tint,1\n", "row 7: has 2 fields"),
        (SURVEY + "\n\ntint,one,1\n", "row 9: level is 'one'"),
        (None, "no such file"),
    ],
)
def test_a_malformed_survey_is_one_sentence(text, sentence, tmp_path):
    path = tmp_path / "answers.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=sentence) as error:
        premise(ledger(), survey=path)
    assert str(path) in str(error.value)


def test_a_survey_that_is_no_text(tmp_path):
    (tmp_path / "answers.csv").write_bytes(b"PK\x03\x04\xff\xfe\x00")
    with pytest.raises(UserError, match="is not a text file"):
        premise(ledger(), survey=tmp_path / "answers.csv")


@pytest.mark.parametrize(("encoding", "end"), [("utf-16", "\r\n"), ("utf-8-sig", "\r"), ("utf-8", "\n\n")])
def test_a_survey_is_read_in_the_encodings_that_label_files_are(encoding, end, tmp_path):
    path = tmp_path / "answers.csv"
    path.write_bytes(SURVEY.encode())
    wanted = premise(survey=path)
    path.write_bytes(SURVEY.replace("\n", end).encode(encoding))
    pd.testing.assert_frame_equal(premise(survey=path), wanted)


def test_names_and_scores_that_cannot_be(tmp_path):
    for name in ("i01_25_1", "i01_00_1", "x01_01_1", "i01_01_12"):
        with pytest.raises(UserError, match=f"{name!r} does not name reference, type and level"):
            premise(ledger({name: 5}))
    path = tmp_path / "dmos.csv"
    path.write_text("dist_img,dmos\nI01_10_01.png,4\nI01_10_02.png,7\n")
    with pytest.raises(UserError, match="row 3: dmos is '7'"):
        premise(ledger(), path)
    path.write_text("dist_img,dmos\ni01_10_01.png,4,0.2\ni01_10_02.png,3,0.1\n")
    with pytest.raises(UserError, match="row 2: has 3 fields, but the first line has 2"):
        premise(ledger(), path)
    path.write_text("dist_img,dmos\nI01_10_01.png,4\ni01_10_01.png,3\n")
    with pytest.raises(UserError, match="appears twice"):
        premise(ledger(), path)


def test_the_real_tid2013_where_it_is_there():
    """The published label file gives the shares that were counted on it before."""
    folder = Path(os.environ.get("TID2013_FOLDER", Path(__file__).parents[2] / "data/raw/tid2013"))
    if not (folder / LABELS).exists():
        pytest.skip("TID2013 is not here: put it into data/raw/tid2013 or name its folder in TID2013_FOLDER")
    rows = [line.split() for line in (folder / LABELS).read_text().splitlines() if line.strip()]
    frame = pd.DataFrame({"id": [name.lower().removesuffix(".bmp") for _, name in rows], "score": [float(s) for s, _ in rows]})
    shares = premise(frame).query("level == 'all'").set_index("distortion")
    checked = shares.dropna(subset=["published"])
    assert len(checked) == len(module.TID2013_FALLS)
    assert checked["share"].round(2).to_numpy() == pytest.approx(checked["published"].to_numpy(), abs=0.006)
