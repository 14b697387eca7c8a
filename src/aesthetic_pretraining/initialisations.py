"""The initialisations by name, in groups, and their printed names.

A comparison row (section `comparisons` of params.yaml) is an initialisation of any other name, whose pretext task params.yaml says.
Separate from `evaluation.metrics`, because figures need the names but not scipy, which imports slowly.
"""

from collections.abc import Mapping

BASELINE = "imagenet"
NAMING = "ranking_classification"  # the task whose network Appendix D evaluates
RESPONDING = "ranking_regression"  # the task whose network Figure 4 evaluates
PAPER_RANKING = ("ranking", NAMING, RESPONDING)  # the paper's own tasks
PAPER = (BASELINE, "rotnet", "simclr", *PAPER_RANKING)  # Table 2's rows
BETWEEN_PHOTOS = ("ranking_across_photos", "ranking_consistency")  # the ablations that compare photos within a batch
# the tasks whose networks give each variant of a photo a single score
RANKING = (*PAPER_RANKING, *BETWEEN_PHOTOS, "ranking_margin_04", "ranking_margin_06")
LABELS = {  # {name in paths and frames: name in Table 2}; `title_of` says those of comparison rows
    "imagenet": "ImageNet",
    "rotnet": "RotNet",
    "simclr": "SimCLR",
    "ranking": "ranking",
    "ranking_classification": "ranking + classification",
    "ranking_regression": "ranking + regression",
    # pretrain.ablations
    "ranking_across_photos": "ranking across photos",
    "ranking_consistency": "ranking + consistency",
    "ranking_aspects": "ranking, a score per aspect",
    "ranking_margin_04": "ranking, margin 0.4",
    "ranking_margin_06": "ranking, margin 0.6",
}


def task_of(init: str, comparisons: Mapping[str, str]) -> str:
    """The pretext task that an initialisation is pretrained on; ImageNet's is itself.

    Args: comparisons: {comparison row: its task}, which `settings.pretraining.comparisons_of` takes from a rule's parameters.
    """
    return comparisons.get(init, init)


def title_of(init: str) -> str:
    """The printed name: of LABELS; of a comparison row whose name begins with its task's, "<the task's>, <the rest>"; else its words."""
    if init in LABELS:
        return LABELS[init]
    task = max((name for name in LABELS if init.startswith(f"{name}_")), key=len, default="")
    words = init.removeprefix(f"{task}_").replace("_", " ")
    return f"{LABELS[task]}, {words}" if task else words
