"""How the rows of Table 2 came about, as one footnote: the choices that the paper leaves open, or that a scale makes otherwise."""

from collections.abc import Mapping
from typing import Any

from aesthetic_pretraining.initialisations import title_of
from aesthetic_pretraining.settings.labels import Labels
from aesthetic_pretraining.settings.pretraining import comparisons_of

# of params.yaml; a comparison row's own values are the keys comparisons.<row>.<section>.<key>
PARAMETERS = (
    *("distortions.table", "distortions.engine"),
    *("pretrain.trainable", "pretrain.learning_blocks", "pretrain.batch_norm", "pretrain.micro_batch"),
    *("pretrain.contrast_micro_batch", "pretrain.contrast_updates"),
    *("finetune.trainable", "finetune.batch_norm", "finetune.micro_batch", "finetune.at_unfreezing"),
    *("compute.processes", "compute.precision", "compute.tf32"),
)
STATISTICS = {"batch": "the batch's", "frozen": "the start's"}  # of batch normalisation


def conditions(cfg: Mapping[str, Any], labels: Labels, split: str) -> str:
    """One sentence without its end.

    Args:
        cfg: the values of `PARAMETERS` and of comparison rows.
        split: how the home set was split, in words.
    """
    blocks = cfg["pretrain.learning_blocks"] if cfg["pretrain.trainable"] == "all" else 0
    learning = ("the last block" if blocks == 1 else f"the last {blocks} blocks") if blocks else cfg["pretrain.trainable"]
    said = [
        f"Distortions: table {cfg['distortions.table']}, engine {cfg['distortions.engine']}",
        f"{labels.home.title} split: {split}",
        f"weights that learn: {learning} in pretraining, {cfg['finetune.trainable']} in fine-tuning",
        f"statistics of batch normalisation: {STATISTICS[cfg['pretrain.batch_norm']]} in pretraining, "
        f"{STATISTICS[cfg['finetune.batch_norm']]} in fine-tuning",
    ]
    for stage, key, where in (
        ("pretrain", "micro_batch", "pretraining"),
        ("pretrain", "contrast_micro_batch", "RotNet and SimCLR"),
        ("finetune", "micro_batch", "fine-tuning"),
    ):
        # with the start's statistics a micro-batch changes no number
        if (size := cfg[f"{stage}.{key}"]) and cfg[f"{stage}.batch_norm"] == "batch":
            said.append(f"batch normalisation in {where} saw micro-batches of at most {size} pictures")
    if (processes := cfg["compute.processes"]) > 1:
        said.append(f"{processes} processes a training")
    if (precision := cfg["compute.precision"]) != "float32":
        said.append(f"backbone trained in {precision}")
    if cfg["compute.tf32"]:
        said.append("TF32 allowed in training")
    if cfg["pretrain.contrast_updates"] == "matched":
        said.append("RotNet and SimCLR got as many updates as the ranking tasks, not as many epochs")
    if cfg["finetune.at_unfreezing"] == "restart":
        said.append("Adam and the schedule began anew when the backbone was unfrozen")
    for row, task in comparisons_of(cfg).items():
        start = f"comparisons.{row}."
        own = [
            f"{key.removeprefix(start)} {value}"
            for key, value in cfg.items()
            if key.startswith(start) and key != f"{start}task"
        ]
        said.append(f"{title_of(row)}: as {title_of(task)}, but {' and '.join(own)}")
    return "; ".join(said)
