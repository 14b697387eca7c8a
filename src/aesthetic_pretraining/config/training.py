"""Sections about distortions, the network, and how it is trained."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from aesthetic_pretraining.config.fields import Count, Positive, Rate, Section, Set, Trainable, value, wrong
from aesthetic_pretraining.initialisations import BETWEEN_PHOTOS, RESPONDING

MIN_EDITED_WIDTH = 300  # pixels; the published blur of 100 pixels leaves no surroundings in a narrower photo

BatchNorm = Literal["batch", "frozen"]
Seed = Annotated[int, Field(ge=1)]
Task = Literal["ranking", "ranking_classification", "ranking_regression", "rotnet", "simclr"]
Ablation = Literal["ranking_across_photos", "ranking_consistency", "ranking_aspects", "ranking_margin_04", "ranking_margin_06"]


def _wide_enough(width: int) -> int:
    if 0 < width < MIN_EDITED_WIDTH:
        raise wrong(
            "", f"is {width}, but must be 0 or at least {MIN_EDITED_WIDTH} pixels, because narrower photos were hardly edited"
        )
    return width


def _integer(given: object) -> object:
    """A literal alone would let 1.0 and true pass for 1."""
    if type(given) is not int:
        raise wrong("", f"is {given!r}, but must be one of 1, 2")
    return given


class DistortionsParams(Section):
    """How photos are distorted for pretraining."""

    table: Literal["published", "corrected", "corrected_wide"] = value(
        "published: the released code's values; corrected: level 0 of shadows, highlights and vibrance is the filters' true no-op; "
        "corrected_wide: the same with the published blur radius, for photos 1000 pixels wide.",
        "fidelity rows 17 to 19",
    )
    edited_width: Annotated[Count, AfterValidator(_wide_enough)] = value(
        "Width of the files on which the published blur radius of shadows and highlights acted, before they were shrunk; 0: the "
        "radius as it stands, in the network's images; else at least 300. The corrected tables do not need it.",
        "fidelity row 36",
        "pixels",
    )
    engine: Literal["native", "device", "reference"] = value(
        "native: our own code, live in the data loader; device: the same distortions as tensor code, live where the network is trained; "
        "reference: darktable, imagecorruptions and Pillow, rendered once into shards.",
        "section 4.1; docs/distortions.md",
    )
    kernels: Literal["torch", "numba"] = value(
        "What computes the native engine's pixels: torch, or numba (extra 'fast'): fused loops for the CPU, in which single pixels "
        "differ by one level.",
        "ours; docs/distortions.md",
    )


class BackboneParams(Section):
    """The network under the heads."""

    name: str = value(
        "A classification network of torchvision (mobilenet_v2 is the paper's) or of timm (timm:resnet10t), or efficientnet_lite0, "
        "whose ImageNet weights come in a package; docs/architecture.md.",
        "section 4.3",
        min_length=1,
    )


class PretrainParams(Section):
    """Self-supervised pretraining."""

    tasks: Set[Task] = value(
        "Pretext tasks to train, each a row of Table 2; imagenet is always there.", "sections 4.3 and 4.4", min_length=1
    )
    ablations: Set[Ablation] = value(
        "Variants of the ranking task to train beside the tasks, each a row of Table 2; docs/equations.md defines them. Those "
        "between photos need batch_photos of at least 2.",
        "section 6",
    )
    comparisons: Set[str] = value(
        "Rows of the section comparisons to train beside the tasks, each a row of Table 2; docs/how-to/comparison.md.",
        "ours, the paper has none",
    )
    seeds: Set[Seed] = value(
        "One pretraining of each task per seed, and one fine-tuning per pretraining and seed of finetune.seeds; 0 is left to "
        "ImageNet's weights, which this run does not train.",
        "ours; the paper tells of one pretraining of each task",
        min_length=1,
    )
    learning_rate: Rate = value("Initial learning rate of RMSprop.", "section 4.3")
    learning_rate_decay: float = value(
        "Factor on the learning rate after each epoch.", "section 4.3; fidelity row 4", gt=0, le=1
    )
    rmsprop_decay: float = value("RMSprop's smoothing constant.", "section 4.3; fidelity row 28", gt=0, lt=1)
    momentum: float = value("RMSprop's momentum.", "section 4.3", ge=0, lt=1)
    weight_decay: float = value("L2 regularisation.", "section 4.3", ge=0, le=1)
    margin: float = value(
        "Least difference wanted between two scores that are ranked.", "section 4.3, m of equation 1", ge=0, le=1
    )
    balance_temperature: float = value("T of the loss balancing exp(L / T).", "section 3.4, T of equations 4 and 5", gt=0)
    balance_ranking_alone: bool = value(
        "Whether the ranking loss goes through exp(L / T) where it stands alone, too, as in the released code.",
        "fidelity row 29",
    )
    head_dropout: float = value("Dropout before every head of the pretext tasks, in training.", "fidelity row 30", ge=0, lt=1)
    head_init: Literal["torch", "xavier"] = value(
        "First weights of the heads: torch's for a linear layer, or Xavier's uniform ones without bias.", "fidelity row 30"
    )
    contrast_updates: Literal["epochs", "matched"] = value(
        "How long rotnet and simclr are trained: as many epochs as the ranking tasks, or as many updates, which is many more passes "
        "over the photos, each with its validation.",
        "fidelity row 22",
    )
    trainable: Trainable = value(
        "released: only the last block and the heads learn, as the released code does in effect.", "fidelity row 26"
    )
    simclr_temperature: float = value("Temperature of NT-Xent.", "ours; fidelity row 22", gt=0, le=10)
    simclr_projection: Positive = value("Width of SimCLR's projection.", "fidelity row 22")
    micro_batch: Count = value(
        "Images that pass the network at once where a batch does not fit into memory: same loss and gradients, but batch "
        "normalisation sees so few; 0: all. 1 fails where the last maps are one pixel (image.size 32).",
        "fidelity row 27",
        "images",
    )
    contrast_micro_batch: Count = value(
        "The same for rotnet and simclr, whose batches are of contrast_batch photos with 4 and 2 images each; 0: all.",
        "fidelity row 27",
        "images",
    )
    kept_micro_batches: Count = value(
        "Micro-batches of a step whose graphs are kept, so that they need no second forward pass: takes their memory, changes no "
        "number beyond the order of sums.",
        "fidelity row 27",
    )
    epochs: Positive = value("Epochs; the one with the lowest validation loss is kept.", "section 4.3; fidelity row 7")
    batch_photos: Positive = value(
        "Photos in a batch of the ranking tasks, each with all its variants.", "section 4.3; fidelity row 5", "photos"
    )
    frozen_steps: Count = value("Steps at the start in which only the heads learn.", "fidelity row 6")
    batch_norm: BatchNorm = value(
        "What batch normalisation uses in training: batch: the statistics of the batch, as in the paper; frozen: the running "
        "statistics of the start, which stay as they are, while the layers' weights and biases learn.",
        "fidelity row 42",
    )
    warmup_steps: Count = value(
        "Updates over which the learning rate rises linearly from zero, counted for the backbone from its first unfrozen update; "
        "0: no warm-up, as in the paper."
    )
    layer_decay: float = value(
        "Factor on the learning rate from each block of the backbone to the one before it, counted from the heads down; 1: one "
        "rate for all, as in the paper.",
        gt=0,
        le=1,
    )
    clip_norm: float = value(
        "Largest L2 norm of the gradient of all weights together, scaled down beyond it; 0: no clipping, as in the paper.", ge=0
    )
    learning_blocks: Count = value(
        "Last blocks of the backbone that learn, with trainable all; 0: all of them, as in the paper. Those before them keep the "
        "start's weights."
    )
    augment: Literal["none", "flip_crop"] = value(
        "Views of the training photos that the ranking tasks distort: none: the whole photo, as in the paper; flip_crop: in each "
        "epoch a random part of it, at least 75 % of each side, mirrored or not. RotNet and SimCLR have views of their own."
    )
    contrast_batch: int = value("Photos in a batch of rotnet and simclr.", "fidelity row 22", "photos", ge=2)
    threads: Positive = value("CPU threads of one pretraining; changes the last bits of a result.")

    @model_validator(mode="after")
    def _tasks_can_be_trained_and_drawn(self) -> Self:
        if RESPONDING not in self.tasks:
            raise wrong("tasks", f"lacks {RESPONDING!r}, which Figure 4 is drawn with; put it back")
        for name in BETWEEN_PHOTOS:
            if name in self.ablations and self.batch_photos < 2:
                raise wrong(
                    "ablations",
                    f"names {name!r}, which compares photos of a batch, but pretrain.batch_photos is 1; set it to 2 or more",
                )
        return self


class ComputeParams(Section):
    """How trainings compute."""

    processes: Positive = value(
        "Processes of one training, each on a GPU of its own, or on the CPU where there is none. They share every batch: losses are "
        "those of the joint batch, batch normalisation sees each process's part.",
        "ours; docs/training.md",
    )
    nodes: Positive = value(
        "Nodes of a Slurm cluster that the processes of one training are spread over, as many on each: `processes` is a multiple of it. "
        "It changes no result.",
        "ours; docs/how-to/cluster.md",
    )
    precision: Literal["float32", "bfloat16"] = value(
        "Precision of the backbone in training; heads, losses, weights and predictions are float32 in both.", "fidelity row 31"
    )
    tf32: bool = value(
        "Whether convolutions and matrix products in float32 may round their factors to 10 bits on a GPU in training, which its "
        "tensor cores do faster; predictions never do.",
        "fidelity row 31",
    )
    recompute: bool = value(
        "Whether training computes the outputs of batch normalisation and its activation again in the backward pass, instead of "
        "keeping them: about half the memory of an image, results equal to the bit.",
        "ours; docs/training.md",
    )

    @model_validator(mode="after")
    def _nodes_have_equal_shares(self) -> Self:
        if self.processes % self.nodes:
            raise wrong("nodes", f"is {self.nodes}, but compute.processes is {self.processes}, which is no multiple of it")
        return self


class FinetuneSearchParams(Section):
    """The grid of the search of fine-tuning's rates, dropout and patience, run by hand; docs/training.md."""

    learning_rates_head: Set[Rate] = value("Rates of the new layer, each tried with each dropout.", min_length=1)
    dropouts: Set[Annotated[float, Field(ge=0, lt=1)]] = value("Dropouts before the last layer.", min_length=1)
    learning_rates_features: Set[Rate] = value(
        "Rates of the pretrained layers, each tried with each patience at the best rate of the head and the best dropout.",
        min_length=1,
    )
    patiences: Set[Annotated[list[Positive], Field(min_length=2, max_length=2)]] = value(
        "Pairs of finetune.halve_after and finetune.stop_after.", unit="epochs", min_length=1
    )
    seeds: Set[Count] = value("One fine-tuning of each combination per seed.", min_length=2)


class SearchParams(Section):
    """The searches of learning rates, run by hand."""

    lowest: Rate = value("Learning rate of the first step.", "ours; section 4.3 names a search, not its range")
    highest: Rate = value(
        "Learning rate of the last step; each step's is higher by the same factor.",
        "ours; section 4.3 names a search, not its range",
    )
    steps: int = value("Steps, one batch each; the search ends early where the loss breaks away.", ge=2, le=1000)
    finetune: FinetuneSearchParams

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.lowest >= self.highest:
            raise wrong("lowest", f"is {self.lowest:g}, but must be below search.highest, which is {self.highest:g}")
        return self


class FinetuneParams(Section):
    """Fine-tuning on AVA as in NIMA."""

    compared: Set[str] = value(
        "Initialisations that are fine-tuned at every share of labels; the others only at 100 %.",
        "Figures 3 and 5",
        min_length=1,
    )
    shares: Set[Annotated[int, Field(ge=1, le=100)]] = value(
        "Shares of the labelled training images; 100 must be among them.", "section 5; fidelity row 16", "percent", min_length=1
    )
    weight_decay: float = value("L2 regularisation of Adam.", "section 4.5", ge=0, le=1)
    halving: float = value("Factor on both learning rates at a plateau.", "section 4.5", gt=0, lt=1)
    min_improvement: float = value(
        "Relative fall of the validation loss that counts as an improvement.",
        'ours; section 4.5 says "significantly"',
        ge=0,
        le=0.5,
    )
    dropout: float = value("Dropout before the last layer.", "fidelity row 12", ge=0, lt=1)
    flip: bool = value("Random horizontal flips in training.", "fidelity row 12")
    emd: Literal["per_image", "per_batch"] = value("Where the root of the earth mover's distance is taken.", "fidelity row 13")
    emd_r: Annotated[Literal[1, 2], BeforeValidator(_integer)] = value(
        "Norm of the earth mover's distance.", "NIMA's r; fidelity row 13"
    )
    trainable: Trainable = value("As for pretraining.", "fidelity row 26")
    micro_batch: Count = value(
        "Images that pass the network at once where a batch does not fit into memory, as in pretrain; 0: all.",
        "fidelity row 27",
        "images",
    )
    at_unfreezing: Literal["continue", "restart"] = value(
        "When the backbone begins to learn: whether Adam's moments and the schedule's best loss are kept or forgotten.",
        "fidelity row 34",
    )
    seeds: Set[Count] = value(
        "One fine-tuning of each pretrained network per seed.", "section 5; fidelity row 16", min_length=1
    )
    batch: int = value("Images in a batch.", "fidelity row 12", "images", ge=2)
    learning_rate_features: Rate = value("Learning rate of the pretrained layers.", "section 4.5")
    learning_rate_head: Rate = value("Learning rate of the new layer.", "section 4.5")
    halve_after: Positive = value("Epochs without improvement before the learning rates fall.", "section 4.5; fidelity row 11")
    stop_after: Positive = value("Epochs without improvement before training stops.", "section 4.5; fidelity row 11")
    max_epochs: Positive = value("Most epochs; the summary of a run that gets there says so.", "fidelity row 23")
    threads: Positive = value("CPU threads of one fine-tuning; changes the last bits of a result.")
    batch_norm: BatchNorm = value(
        "As for pretraining: with the statistics of small batches, a fine-tuning of a few hundred images loses at the unfreezing what "
        "the new layer had learned.",
        "fidelity row 42",
    )

    @model_validator(mode="after")
    def _whole_is_among_the_shares(self) -> Self:
        if 100 not in self.shares:
            raise wrong("shares", f"is {self.shares}, but must contain 100")
        return self
