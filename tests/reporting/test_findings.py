"""The three sentences at the start of the report, against values by hand."""

import numpy as np
import pandas as pd
from sets import AVA, PAPERS

from aesthetic_pretraining.reporting import findings, table2
from aesthetic_pretraining.settings.labels import FIELDS

METRICS = [column for column in table2.columns_of(PAPERS.tested) if column.group]


def table(diffs, over="images"):
    """A Table 2 of ImageNet and ranking, whose differences in SRCC and MAE on AVA are (difference, low, high)."""
    frame = pd.DataFrame({"init": ["imagenet", "ranking"], "label": ["ImageNet", "ranking"], "confidence": 0.95})
    for each in PAPERS.tested:
        for field in FIELDS:
            frame[f"{each.name}_{field}"] = getattr(each, field)
        frame[f"{each.name}_problem"] = ""
    for column in METRICS:
        frame[column.name] = [0.5, 0.5 + diffs.get(column.name, (np.nan,))[0]]
        for end, value in zip(("diff", "diff_low", "diff_high"), diffs.get(column.name, (np.nan,) * 3), strict=True):
            frame[f"{column.name}_{end}"] = [np.nan, value]
        frame[f"{column.name}_low"], frame[f"{column.name}_high"] = 0.25, 0.75
        frame[f"{column.name}_diff_over"] = over
    return frame


def test_gains_are_counted_by_their_direction_and_their_intervals():
    frame = table(
        {
            "ava_srcc": (0.125, 0.1, 0.2),
            "ava_lcc": (-0.1, -0.2, 0.1),
            "ava_mae": (0.2, 0.1, 0.3),
            "tid2013_mae": (-0.1, -0.2, 0.1),
        }
    )
    # SRCC up: better beyond noise; LCC down: worse; MAE up: worse beyond noise; MAE down: better
    assert findings.against_imagenet(frame) == (2, 1, 2, 1, 4)
    first, second, third = findings.sentences(frame, None, simulated=True)
    assert (
        first.startswith("In 2 of 4 comparisons on AVA and TID2013")
        and "1 of them beyond noise; in 2 it is a worse one" in first
    )
    assert "95 % intervals over images" in first and "variation between training runs" in first
    assert second == (
        "The highest rank correlation on AVA is 0.625 [0.250, 0.750], of ranking; that of ImageNet is 0.500 [0.250, 0.750]: "
        "0.125 more, beyond noise."
    )
    assert third.startswith("The votes are simulated")


def test_what_is_not_known_is_not_claimed():
    frame = table({})
    first, second, _ = findings.sentences(frame, None, simulated=False)
    assert first.startswith("No pretext task of the paper was compared")
    assert "beyond" not in second
    within = findings.sentences(table({"ava_srcc": (0.1, -0.1, 0.3)}, over="seeds"), None, simulated=False)
    assert within[1].endswith("0.100 more, within noise.") and "training runs" not in within[0]
    tuned = findings.sentences(
        table({"ava_srcc": (0.1, -0.1, 0.3)}, over="fine-tuning seeds and images"), None, simulated=False
    )
    assert "the variation between pretraining runs is in none of them" in tuned[0]
    odd = table({"ava_srcc": (0.1, 0.05, 0.3)}).assign(**{f"{AVA.name}_problem": ["", "other images"]})
    assert "of ImageNet." in findings.sentences(odd, None, simulated=False)[1]  # what cannot be compared is not best


def test_verdicts_are_counted_where_votes_are_real():
    claims = pd.DataFrame(
        {
            "id": ["a", "b", "c", "d", "table2.x"],
            "verdict": ["holds here", "not seen here", "not seen here", "needs data: answers", "reproduced"],
        }
    )
    third = findings.sentences(table({}), claims, simulated=False)[2]
    assert "4 claims in prose, this run can judge 3: 2 “not seen here”, 1 “holds here”;" in third
