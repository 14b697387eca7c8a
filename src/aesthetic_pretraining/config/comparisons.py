"""The section of comparison rows: a pretext task that is pretrained with values of its own, as one more row of Table 2."""

from typing import Annotated, Any, Literal

from pydantic import Field

from aesthetic_pretraining.config.fields import Section, value
from aesthetic_pretraining.config.training import Ablation, Task

Row = Annotated[str, Field(pattern="^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]
OWN = ("distortions", "pretrain")  # sections of which a row may have values of its own
# ASSUME: these belong to all rows: they say which rows there are, which files variants come from and what computes them, and how many threads a job takes
COMMON = (
    "distortions.engine",
    "distortions.kernels",
    "pretrain.tasks",
    "pretrain.ablations",
    "pretrain.comparisons",
    "pretrain.seeds",
    "pretrain.threads",
)


class ComparisonParams(Section):
    """A comparison row: a pretext task, and what of its pretraining differs from the other rows."""

    task: Literal[Task, Ablation] = value(
        "The pretext task, of pretrain.tasks or pretrain.ablations, whether trained there or not."
    )
    distortions: dict[str, Any] = value(
        "Values of the section distortions for the row's pretraining alone; it is judged on the same photos as all rows.",
        default={},
    )
    pretrain: dict[str, Any] = value("Values of the section pretrain for this row alone.", default={})
