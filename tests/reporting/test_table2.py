"""Table 2 from made-up models: the right rows, numbers, marks and footnotes."""

import numpy as np
import pandas as pd
import pytest
from sets import PAPERS
from table2_models import NOTE, ODD, PAPER, PUBLISHED, build, made_up, markdown_cells

from aesthetic_pretraining import initialisations
from aesthetic_pretraining.evaluation.runs import Run
from aesthetic_pretraining.reporting import table2, table2_print

NAMES = [column.name for column in table2.columns_of(PAPERS.tested)]


@pytest.fixture(scope="module")
def table():
    return build(note=NOTE, inits=[ODD, *reversed(PAPER)], seeds=(0, 1))


def test_published_numbers_are_those_of_the_paper():
    assert list(PUBLISHED["initialisation"]) == PAPER
    assert PUBLISHED.set_index("initialisation").loc["ranking_regression", "ava_lcc"] == 0.5541
    assert PUBLISHED.filter(like="_significant").eq(True).sum().tolist() == [2, 3]  # two daggers on AVA, three on TID2013


def test_rows_come_in_the_papers_order_and_others_after_them(table):
    assert list(table["init"]) == [*PAPER, ODD]
    assert list(table["label"]) == [*(initialisations.LABELS[init] for init in PAPER), "my net|50%\\x"]
    assert list(table["seeds"]) == [2] * 7
    assert table["ava_lcc_published"].notna().tolist() == [True] * 6 + [False]


def test_numbers_against_the_metrics(table):
    frame, _ = made_up(inits=[ODD, *reversed(PAPER)], seeds=(0, 1))
    for _, row in table.iterrows():
        one, two = frame[frame["init"] == row["init"]].to_dict("records")
        for name in (*NAMES, "tid2013_mae_rescaled"):
            assert row[name] == pytest.approx((one[name] + two[name]) / 2, abs=1e-6)
            assert row[f"{name}_sd"] == pytest.approx(abs(one[name] - two[name]) / 2**0.5, abs=1e-6)
    assert table["comparisons"].eq(12).all()  # six rows besides imagenet, two sets


def test_other_shares_do_not_enter():
    frame, predictions = made_up()
    other = frame.assign(share=20, ava_lcc=0.99)
    pd.testing.assert_frame_equal(
        table2.build(pd.concat([other, frame]), predictions, PUBLISHED, PAPERS.tested),
        table2.build(frame, predictions, PUBLISHED, PAPERS.tested),
    )


def test_daggers_stand_where_the_test_says_and_nowhere_else():
    cells = markdown_cells(build())
    daggers = {label.strip(): [i for i, cell in enumerate(row) if "†" in cell] for label, row in cells.items()}
    mae = [NAMES.index("ava_mae"), NAMES.index("tid2013_mae")]
    assert {label: where for label, where in daggers.items() if where} == {"ranking": mae, "ranking + regression": mae}
    table = build()
    assert table["ava_mae_significant"].isna().tolist() == [True] + [False] * 5  # the baseline is not tested
    assert 0 < table.set_index("init").loc["ranking", "ava_mae_p"] < 1e-6  # not rounded to 0


def test_bold_is_the_best_of_each_metric_ties_included():
    frame, predictions = made_up()
    frame["ava_lcc"] = [0.1, 0.2, 0.50001, 0.3, 0.50002, 0.4]  # both print as 0.5000
    frame["ava_mae"] = [0.5, 0.4, 0.3, 0.2, 0.6, 0.7]
    frame["tid2013_srcc"] = [float("nan"), 0.1, 0.2, 0.3, 0.2, 0.1]
    printed = list(markdown_cells(table2.build(frame, predictions, PUBLISHED, PAPERS.tested)).values())
    bold = {name: [row for row in range(6) if "**" in printed[row][column]] for column, name in enumerate(NAMES)}
    assert bold["ava_lcc"] == [2, 4]
    assert bold["ava_mae"] == bold["tid2013_srcc"] == [3]
    assert bold["epochs"] == bold["best_epoch"] == []
    assert printed[0][NAMES.index("tid2013_srcc")].strip() == table2_print.UNDEFINED
    assert "undef.: undefined, because" in table2_print.to_markdown(table2.build(frame, predictions, PUBLISHED, PAPERS.tested))


def test_rows_with_other_pictures_are_shown_marked_and_not_the_best():
    frame, predictions = made_up()
    frame.loc[frame["init"] == "ranking", "ava_mae"] = 0.001  # would be the best
    run = Run("ranking", 100, 1, 0, "ava")
    predictions[run] = predictions[run].assign(id=lambda f: "x" + f["id"])
    table = table2.build(frame, predictions, PUBLISHED, PAPERS.tested)
    cells = markdown_cells(table)[" ranking "]
    assert cells[NAMES.index("ava_mae")].strip() == "0.0010 ‡"
    assert "‡" not in cells[NAMES.index("tid2013_mae")] and "†" in cells[NAMES.index("tid2013_mae")]
    assert "‡ ranking cannot be compared on AVA: other images than imagenet" in table2_print.to_markdown(table)
    assert r"$^{\ddagger}$" in table2_print.to_latex(table) and table2_print.to_latex(table).isascii()
    assert table["comparisons"].eq(10).all()


def test_rows_with_other_numbers_of_seeds_say_so():
    frame, predictions = made_up(seeds=(0, 1))
    one = (frame["init"] == "simclr") & (frame["seed"] == 1)
    predictions = {run: each for run, each in predictions.items() if (run.init, run.seed) != ("simclr", 1)}
    table = table2.build(frame[~one], predictions, PUBLISHED, PAPERS.tested)
    assert "whose number differs: ImageNet 2, RotNet 2, SimCLR 1, ranking 2" in table2_print.to_markdown(table)
    assert np.isnan(table.set_index("init").loc["simclr", "ava_lcc_sd"])


def test_a_dagger_needs_every_training_and_the_count_is_always_shown():
    """ranking is better in both seeds of both pretrainings, ranking_regression after its second pretraining in one seed alone."""
    frame, predictions = made_up(seeds=(0, 1), pretrainings=(1, 2))
    lost = Run("ranking_regression", 100, 2, 1, "ava")
    predictions[lost] = predictions[Run("rotnet", 100, 1, 1, "ava")]
    table = table2.build(frame, predictions, PUBLISHED, PAPERS.tested)
    cells, at = markdown_cells(table), NAMES.index("ava_mae")
    assert cells[" ranking "][at].endswith(" † 4/4 ") and cells[" ranking + regression "][at].endswith(" 3/4 ")
    assert "†" not in cells[" ranking + regression "][at] and cells[" RotNet "][at].endswith(" 0/4 ")
    assert cells[" ImageNet "][at].count("/") == 0 and cells[" ranking "][at + 1].count("/") == 0
    row = table.set_index("init").loc["ranking_regression"]
    assert (row["ava_mae_smaller"], row["ava_mae_tested"], row["ava_mae_significant"]) == (3, 4, False)
    assert row["ava_mae_p"] > 0.01 and row["tid2013_mae_significant"]
    assert dict(table2_print.tests(table))["ranking + regression"][0].endswith(" (3 of 4)")
    tex = table2_print.to_latex(table)
    assert r"$^{\dagger}$$^{4/4}$" in tex and r"$^{3/4}$" in tex
    assert list(table["seeds"]) == [2] + [4] * 5 and list(table["pretrainings"]) == [1] + [2] * 5
    assert "whose number differs: ImageNet 2, RotNet 4 from 2 pretrainings, SimCLR 4 from" in table2_print.to_markdown(table)


def test_trainings_without_a_counterpart_are_not_tested_and_named():
    frame, predictions = made_up(seeds=(0, 1))
    gone = (frame["init"] == "imagenet") & (frame["seed"] == 1)
    predictions = {run: each for run, each in predictions.items() if (run.init, run.seed) != ("imagenet", 1)}
    table = table2.build(frame[~gone], predictions, PUBLISHED, PAPERS.tested)
    assert "ranking: only 1 of 2 training runs were tested on AVA, because ImageNet lacks" in table2_print.to_markdown(table)
    assert "were tested on" not in table2_print.to_markdown(build(seeds=(0, 1)))


@pytest.mark.parametrize(
    ("seeds", "pretrainings", "training", "pretraining"),
    [((0,), (1,), True, False), ((0, 1), (1,), False, True), ((0, 1), (1, 2), False, False), ((0,), (1, 2), True, False)],
)
def test_the_luck_that_no_interval_holds_is_named(seeds, pretrainings, training, pretraining):
    text = table2_print.to_markdown(build(seeds=seeds, pretrainings=pretrainings))
    assert ("variation between runs is unknown and in no interval" in text) == training
    assert ("One pretraining run per task" in text) == pretraining
    if training:
        assert ("One training run of each row" if pretrainings == (1,) else "One training run of ImageNet:") in text


def test_both_epochs_stand_in_the_table_and_the_footnote_says_what_they_are_worth():
    """Fidelity row 35: if 147 and 77 were best epochs, stops came `stop_after` = 10 epochs later."""
    table = build()
    cells = markdown_cells(table)[" RotNet "]
    assert [cell.strip() for cell in cells[:2]] == ["95", "84"]
    assert table["epochs_published"].notna().all() and table["best_epoch_published"].isna().all()
    epochs = PUBLISHED.set_index("initialisation")["epochs"]
    fewer = [int(100 * (1 - (epochs["ranking_regression"] + more) / (epochs["imagenet"] + more))) for more in (0, 10)]
    rounded = round(100 * (1 - (epochs["ranking_regression"] + 10) / (epochs["imagenet"] + 10)))
    assert fewer[0] == 47 and rounded == 45
    assert f"{fewer[0]} % of the epochs would be about {rounded} %" in table2_print.to_markdown(table)


def test_the_error_on_tid2013s_own_scale_is_a_footnote():
    frame, predictions = made_up(seeds=(0, 1))
    text = table2_print.to_markdown(table2.build(frame, predictions, PUBLISHED, PAPERS.tested))
    runs = [predictions[Run("rotnet", 100, 1, seed, "tid2013")] for seed in (0, 1)]
    errors = [(run["target"] - (run["predicted"] - 1)).abs().mean() for run in runs]  # 1..10 onto 0..9
    assert f"RotNet {np.mean(errors):.4f} ± {np.std(errors, ddof=1):.4f}, " in text
    assert abs(np.mean(errors) - frame.loc[frame["init"] == "rotnet", "tid2013_mae"].mean()) > 0.1


def test_effects_and_kinds_of_p_values_stand_in_the_frame():
    table = build().set_index("init")
    assert table.loc["ranking", "ava_mae_effect"] > 0.8 and abs(table.loc["rotnet", "ava_mae_effect"]) < 0.5
    assert (
        table["ava_mae_method"].dropna().eq("approximate").all()
        and table["ava_mae_method"].isna().tolist() == [True] + [False] * 5
    )
    assert "(p values by normal approximation)" in table2_print.to_markdown(build())


def test_one_seed_has_no_spread_and_whole_epochs(table):
    single = build()
    assert single["ava_lcc_sd"].isna().all()
    assert "±" not in table2_print.to_markdown(single) and r"\pm" not in table2_print.to_latex(single)
    assert markdown_cells(single)[" ImageNet "][0].strip() == "100"
    assert markdown_cells(table)[" ImageNet "][1].strip() == "60.5 ± 0.7"
    assert markdown_cells(table)[" ImageNet "][0].strip().endswith("± 0.7")  # sd of two neighbours: 1 / sqrt(2)


def test_a_run_that_the_cap_ended_is_named():
    frame, predictions = made_up(seeds=(0, 1))
    assert "the cap" not in table2_print.to_markdown(table2.build(frame, predictions, PUBLISHED, PAPERS.tested))
    frame.loc[(frame["init"] == "rotnet") & (frame["seed"] == 1), "capped"] = 1
    built = table2.build(frame, predictions, PUBLISHED, PAPERS.tested)
    assert "rather than by early stopping at least once: RotNet." in table2_print.to_markdown(built)
    assert built.set_index("init").loc["rotnet", "capped"] == 0.5


def test_an_undefined_seed_is_not_averaged_away():
    frame, predictions = made_up(seeds=(0, 1))
    frame.loc[0, "ava_lcc"] = float("nan")
    assert np.isnan(table2.build(frame, predictions, PUBLISHED, PAPERS.tested)["ava_lcc"][0])


def test_a_paper_row_that_was_not_trained_stays_with_empty_cells():
    table = build(inits=[init for init in PAPER if init != "simclr"])
    row = table.set_index("init").loc["simclr"]
    assert row["seeds"] == 0 and row[NAMES].isna().all() and row["ava_lcc_published"] > 0
    assert {cell.strip() for cell in markdown_cells(table)[" SimCLR "]} == {table2_print.MISSING}
    assert "Not trained in this run: SimCLR." in table2_print.to_markdown(table)
    assert "Not trained" not in table2_print.to_markdown(build())


def test_a_model_that_is_there_twice_is_named():
    frame, predictions = made_up()
    with pytest.raises(ValueError, match="two rows of metrics for imagenet"):
        table2.build(pd.concat([frame, frame.head(1)]), predictions, PUBLISHED, PAPERS.tested)
