"""Headings and captions of the report's figures, and what each of them is drawn from."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aesthetic_pretraining.names import LABELS, PAPER, RANKED

WILSON = "Bars are Wilson's 95 % intervals."


class Caption(NamedTuple):
    """A figure's words: heading and text (also for those who cannot see the picture); `pictures`, a key of the report's counts;
    `networks` that it shows where they are trained; `wide`: too large for a column, shown folded."""

    heading: str
    text: str
    pictures: str
    networks: Sequence[str] = ()
    wide: bool = False


CAPTIONS = {
    "figure1": Caption(
        "Figure 1: what pretraining asks of the network",
        "Variants of one test photo. Of two variants the network has to score the less distorted one higher; in the multi-task "
        "settings it also names the distortion, or its level.",
        "photos: test",
    ),
    "figure2": Caption("Figure 2: the unlabelled photos", "Photos of the unlabelled set, drawn at random.", "photos: listed"),
    "figure3": Caption(
        "Figure 3: performance by share of the labels",
        "Accuracy, Pearson and Spearman correlation and mean absolute error on the AVA test set when fine-tuning uses part of "
        "the training labels. Bars, where there are any, show 95 % intervals over pictures and, where there are three or "
        "more, seeds, where these were computed (metrics/intervals.csv says over what), else one standard deviation over seeds.",
        "ava: test",
    ),
    "figure4": Caption(
        "Figure 4: answers to one distortion",
        "Outputs of the pretrained, not fine-tuned regression network (first pretraining seed) for every test photo at each level of the applied "
        "distortion. Level 0 is the undistorted photo; circles are medians.",
        "photos: test",
    ),
    "figure5": Caption(
        "Figure 5: epochs until early stopping",
        "The epoch in which early stopping ended fine-tuning, by share of the training labels. Circled points were ended by the "
        "cap, finetune.max_epochs.",
        "ava: val",
    ),
    "learning_curves": Caption(
        "Learning curves",
        "Loss by epoch: above, each pretraining (faint: further seeds); below, the validation loss of every fine-tuning on all labels. A ring marks the "
        "first epoch in which the whole network learns. The losses of different pretext tasks cannot be compared.",
        "ava: val",
        PAPER[1:],
    ),
    "ranking_accuracy": Caption(
        "Ranking accuracy by distortion and level",
        "Share of the test photos that the pretrained network (first pretraining seed) ranks below the level before it (one nearer to 0), as the ranking "
        "task asks; chance is 0.5. metrics/ranking_accuracy.csv has Wilson's 95 % intervals.",
        "photos: test",
        RANKED,
        True,
    ),
    "heatmap": Caption(
        "Answers of every output to every distortion",
        "Figure 4 for all pairs: correlation of each intensity output of the pretrained regression network (first seed) with the level of "
        "each applied distortion, within photos. The diagonal is what the network was trained on.",
        "photos: test",
        (),
        True,
    ),
    "confusion": Caption(
        "Which distortion is it? (Appendix D)",
        "Above: accuracy of the pretrained classification heads (first pretraining seed) by distance from level 0. Below: which distortion of its aspect "
        "each applied distortion is taken for, as shares of each row, all levels together.",
        "photos: test",
        ("ranking_classification",),
        True,
    ),
    "premise": Caption(
        "Does the premise hold?",
        "Share of pairs of neighbouring levels in which people's mean score falls, by type of distortion; and, where a survey is "
        f"given, share of answers that prefer the original. {WILSON}",
        "tid2013: test",
    ),
    "scatter": Caption(
        "Predicted against given scores",
        "Mean score predicted over mean score given, each AVA test picture, fine-tuned on all labels, first seed. Dashed: where "
        "both are equal.",
        "ava: test",
        PAPER,
    ),
    "histograms": Caption(
        "Which scores are given and predicted",
        "How many AVA test pictures get which mean score; networks fine-tuned on all labels, first seed.",
        "ava: test",
        PAPER,
    ),
    "best_worst": Caption(
        "Both ends of the predicted scores",
        "The AVA test pictures that the fine-tuned ranking + regression network (first seed) scores highest and lowest, as the "
        "network sees them.",
        "ava: test",
    ),
    "overview": Caption(
        "The distortions",
        "One photo under the distortions that the networks are pretrained to put in order; level 0 is framed.",
        "photos: test",
        (),
        True,
    ),
}
SECTIONS = {
    "Figures of the paper": ("figure1", "figure2", "figure3", "figure4", "figure5"),
    "What pretraining taught": ("learning_curves", "ranking_accuracy", "heatmap", "confusion"),
    "What the fine-tuned networks say": ("scatter", "histograms", "best_worst"),
    "What it all rests on": ("premise", "overview"),
}


def untrained(name: str, trained: Sequence[str]) -> list[str]:
    """Printed names of the networks that a figure would show and the run did not train."""
    return [LABELS[init] for init in CAPTIONS[name].networks if init not in trained]


def basis(name: str, counts: Mapping[str, int], context: str) -> str:
    """A figure's last sentence: how many pictures, then the run's settings."""
    dataset, _, role = CAPTIONS[name].pictures.partition(": ")
    printed = {"photos": "photos", "ava": "AVA pictures", "tid2013": "TID2013 pictures"}[dataset]
    number = counts.get(CAPTIONS[name].pictures)
    shown = f"{number:,} {printed} ({role}). " if number is not None else ""
    return shown + context
