"""Comparison rows of params.yaml: what may differ by row, which mistakes are found, what they are called."""

import pytest
from parameters import put

from aesthetic_pretraining.config import own_values, resolve
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.initialisations import LABELS, task_of, title_of
from aesthetic_pretraining.settings.keys import keys_of
from aesthetic_pretraining.settings.pretraining import PretrainConfig, TaskConfig, comparisons_of

ROW = {"task": "ranking", "pretrain": {"margin": 0.3}}


@pytest.fixture
def demo(params):
    """params(row, chosen, **changes) -> the demo with one comparison row."""

    def make(row=ROW, chosen=True, name="ranking_other", **changes):
        params["scale"] = "demo"
        for own in params["scales"].values():
            own["pretrain"]["comparisons"] = []
        params["comparisons"] = {name: row}
        params["scales"]["demo"]["pretrain"]["comparisons"] = [name] if chosen else []
        for key, value in changes.items():
            put(params, key.replace("__", "."), value)
        return params

    return make


def sentence(params):
    with pytest.raises(UserError) as caught:
        resolve(params)
    said = str(caught.value)
    assert said.startswith("params.yaml (") and "\n" not in said and len(said) < 600
    return said


def test_a_rows_own_values_leave_those_of_all_rows_as_they_are(demo):
    values = resolve(demo())
    assert values["pretrain"]["margin"] == 0.2
    assert own_values(values, "ranking_other") == {"pretrain.margin": 0.3}
    both = {"task": "ranking", "distortions": {"table": "corrected"}, "pretrain": {"margin": 0.3, "epochs": 2}}
    assert own_values(resolve(demo(both)), "ranking_other") == {
        "distortions.table": "corrected",
        "pretrain.margin": 0.3,
        "pretrain.epochs": 2,
    }


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        ({"task": "ranking", "pretrain": {"margins": 0.3}}, ["comparisons.ranking_other", "unknown key 'pretrain.margins'", "known here"]),
        ({"task": "ranking", "pretrain": {"margin": 7}}, ["comparisons.ranking_other", "pretrain.margin is 7", "at most 1"]),
        ({"task": "ranking", "pretrain": {"margin": 0.2}}, ["(demo, comparisons.ranking_other)", "pretrain.margin is 0.2, as for all"]),
        ({"task": "ranking", "pretrain": {"seeds": [2]}}, ["pretrain.seeds is the same for all rows"]),
        ({"task": "ranking", "distortions": {"engine": "reference"}}, ["distortions.engine is the same for all rows"]),
        ({"task": "ranking", "distortions": {"table": "wrong"}}, ["distortions.table is 'wrong'", "corrected_wide"]),
        ({"task": "ranking"}, ["has no value of its own"]),
        ({"task": "jigsaw", "pretrain": {"margin": 0.3}}, ["comparisons.ranking_other.task is 'jigsaw'", "ranking_regression"]),
        ({"pretrain": {"margin": 0.3}}, ["the key 'comparisons.ranking_other.task' is missing"]),
        (ROW | {"finetune": {"batch": 2}}, ["unknown key 'comparisons.ranking_other.finetune'", "distortions, pretrain"]),
        ({"task": "ranking_across_photos", "pretrain": {"margin": 0.3}}, ["ranking_across_photos", "pretrain.batch_photos is 1"]),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_that_names_the_row(demo, row, parts):
    said = sentence(demo(row))
    for part in parts:
        assert part in said


def test_what_an_unchosen_row_needs_of_the_scale_is_not_asked_for(demo):
    resolve(demo({"task": "ranking", "pretrain": {"margin": 0.2}}, chosen=False))
    resolve(demo({"task": "ranking_across_photos", "pretrain": {"margin": 0.3}}, chosen=False))
    assert "margin is 7" in sentence(demo({"task": "ranking", "pretrain": {"margin": 7}}, chosen=False))


@pytest.mark.parametrize("name", ["imagenet", "simclr", "ranking_margin_04", "constant", "imagenet_ridge"])
def test_a_name_that_is_taken_is_refused(demo, name):
    assert f"comparisons.{name} has a name that is taken" in sentence(demo(name=name))


def test_a_name_has_to_fit_into_paths_and_columns(demo):
    for name in ("Big", "a/b", "with blank", "_a", "a__b"):
        assert "must be like" in sentence(demo(name=name))


def test_a_row_that_is_not_described_cannot_be_chosen_nor_compared(demo):
    assert "pretrain.comparisons names 'other', but the section comparisons has only ranking_other" in sentence(
        demo(pretrain__comparisons=["other"])
    )
    assert "finetune.compared names 'other'" in sentence(demo(finetune__compared=["imagenet", "other"]))
    resolve(
        demo(finetune__compared=["imagenet", "ranking_other"])
    )  # one for all scales: also for those that do not choose the row


def test_rendered_variants_are_the_same_for_all_rows(demo):
    row = {"task": "ranking", "distortions": {"table": "corrected"}}
    said = sentence(demo(row, distortions__engine="reference", pretrain__augment="none"))
    assert "distortions.table cannot differ by row where distortions.engine is 'reference'" in said
    resolve(demo(distortions__engine="reference", pretrain__augment="none"))


def test_every_value_that_may_differ_reaches_the_pretraining(params):
    """Each key of both sections is either common to all rows or among what rule pretrain takes."""
    from aesthetic_pretraining.config.comparisons import COMMON
    from aesthetic_pretraining.config.training import DistortionsParams, PretrainParams

    sections = {"distortions": DistortionsParams, "pretrain": PretrainParams}
    keys = {f"{section}.{name}" for section, model in sections.items() for name in model.model_fields}
    assert keys - set(COMMON) <= {*keys_of(TaskConfig), *keys_of(PretrainConfig)}


def test_tasks_and_titles():
    cfg = {"pretrain.margin": 0.3, "comparisons.ranking_other.task": "ranking", "comparisons.x.pretrain.margin": 1}
    assert comparisons_of(cfg) == {"ranking_other": "ranking"}
    assert [task_of(init, comparisons_of(cfg)) for init in ("imagenet", "simclr", "ranking_other")] == [
        "imagenet",
        "simclr",
        "ranking",
    ]
    assert title_of("ranking_regression_last_block") == "ranking + regression, last block"
    assert title_of("ranking_smaller_margin") == "ranking, smaller margin"
    assert title_of("simclr_matched") == "SimCLR, matched"
    assert title_of("corrected_table") == "corrected table"
    assert all(title_of(init) == label for init, label in LABELS.items())
