"""Table 2's footnote on how its rows came about."""

import pytest
from labelled_sets import FOLDED

from aesthetic_pretraining.reporting.conditions import PARAMETERS, conditions

PUBLISHED = {
    "distortions.table": "published",
    "distortions.engine": "native",
    "pretrain.trainable": "all",
    "pretrain.learning_blocks": 0,
    "pretrain.batch_norm": "batch",
    "pretrain.micro_batch": 0,
    "pretrain.contrast_micro_batch": 0,
    "pretrain.contrast_updates": "epochs",
    "finetune.trainable": "all",
    "finetune.batch_norm": "batch",
    "finetune.micro_batch": 0,
    "finetune.at_unfreezing": "continue",
    "compute.processes": 1,
    "compute.precision": "float32",
    "compute.tf32": False,
}
PLAIN = (
    "Distortions: table published, engine native; OASIS split: 3 folds; weights that learn: all in pretraining, all in fine-tuning; "
    "statistics of batch normalisation: the batch's in pretraining, the batch's in fine-tuning"
)


def said(**changes):
    return conditions(PUBLISHED | {key.replace("__", "."): value for key, value in changes.items()}, FOLDED, "3 folds")


def test_the_published_values():
    assert set(PUBLISHED) == set(PARAMETERS)
    assert said() == PLAIN


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"pretrain__learning_blocks": 1}, "weights that learn: the last block in pretraining, all in fine-tuning"),
        ({"pretrain__learning_blocks": 12}, "the last 12 blocks in pretraining"),
        ({"pretrain__learning_blocks": 12, "pretrain__trainable": "released"}, "weights that learn: released in pretraining"),
        ({"finetune__batch_norm": "frozen"}, "the batch's in pretraining, the start's in fine-tuning"),
        ({"pretrain__micro_batch": 29}, "; batch normalisation in pretraining saw micro-batches of at most 29 pictures"),
        ({"pretrain__contrast_micro_batch": 8}, "; batch normalisation in RotNet and SimCLR saw micro-batches of at most 8"),
        ({"finetune__micro_batch": 7}, "; batch normalisation in fine-tuning saw micro-batches of at most 7 pictures"),
        ({"compute__processes": 8}, "; 8 processes a training"),
        ({"compute__precision": "bfloat16"}, "; backbone trained in bfloat16"),
        ({"compute__tf32": True}, "; TF32 allowed in training"),
        ({"pretrain__contrast_updates": "matched"}, "; RotNet and SimCLR got as many updates as the ranking tasks"),
        ({"finetune__at_unfreezing": "restart"}, "; Adam and the schedule began anew when the backbone was unfrozen"),
    ],
)
def test_what_is_otherwise_is_said(changes, wanted):
    assert wanted in said(**changes)


def test_with_the_starts_statistics_micro_batches_change_nothing_and_are_not_mentioned():
    found = said(pretrain__batch_norm="frozen", pretrain__micro_batch=29, pretrain__contrast_micro_batch=8)
    assert "micro-batches" not in found and "the start's in pretraining" in found


def test_a_comparison_row_has_its_own_values_beside_it():
    row = "comparisons__ranking_regression_batch_statistics__"
    own = {f"{row}task": "ranking_regression", f"{row}pretrain__batch_norm": "batch", f"{row}pretrain__micro_batch": 0}
    assert said(**own) == (
        f"{PLAIN}; ranking + regression, batch statistics: as ranking + regression, but pretrain.batch_norm batch and "
        "pretrain.micro_batch 0"
    )
