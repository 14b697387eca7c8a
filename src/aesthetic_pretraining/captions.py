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
        "the training labels. Bars, where there are any, show 95 % intervals over pictures where these were computed, else "
        "one standard deviation over seeds.",
        "ava: test",
    ),
    "figure4": Caption(
        "Figure 4: answers to one distortion",
        "Outputs of the pretrained, not fine-tuned regression network for every test photo at each level of the applied "
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
        "Loss by epoch: above, each pretraining; below, the validation loss of every fine-tuning on all labels. A ring marks the "
        "first epoch in which the whole network learns. The losses of different pretext tasks cannot be compared.",
        "ava: val",
        PAPER[1:],
    ),
    "ranking_accuracy": Caption(
        "Ranking accuracy by distortion and level",
        "Share of the test photos that the pretrained network ranks below the level before it (one nearer to 0), as the ranking "
        "task asks; chance is 0.5. metrics/ranking_accuracy.csv has Wilson's 95 % intervals.",
        "photos: test",
        RANKED,
        True,
    ),
    "heatmap": Caption(
        "Answers of every output to every distortion",
        "Figure 4 for all pairs: correlation of each intensity output of the pretrained regression network with the level of "
        "each applied distortion, within photos. The diagonal is what the network was trained on.",
        "photos: test",
        (),
        True,
    ),
    "confusion": Caption(
        "Which distortion is it? (Appendix D)",
        "Above: accuracy of the pretrained classification heads by distance from level 0. Below: which distortion of its aspect "
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
    "sensitivity": Caption(
        "How far distortions move the features (section 5)",
        "Distance between the pretrained network's features of a distorted test photo and of its level 0, the mean over the "
        "distortion's levels; 1 is the (root mean square) distance of two different photos. Last row of each panel: the mean over "
        "the aspect. Bars are Student's intervals over photos, of which photo_check.distorted_photos were looked at. No label "
        "takes part.",
        "photos: test",
        PAPER[1:],
        True,
    ),
    "photo_scores": Caption(
        "Are the photos highly aesthetic? (section 4.2)",
        "Mean scores that the network fine-tuned on all labels from the ImageNet start, averaged over seeds, gives to the unlabelled "
        "photos. The title has the share above five with Wilson's 95 % interval over photos, and the paper's.",
        "photos: listed",
    ),
    "photo_classes": Caption(
        "What is in the photos (Appendix B)",
        "Left: how many photos each class is the most certain one of, or show that kind of object. Right: all that were seen, by "
        "frequency; the number is exp(entropy). No label takes part.",
        "photos: listed",
        (),
        True,
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
    "What pretraining taught": ("learning_curves", "ranking_accuracy", "heatmap", "confusion", "sensitivity"),
    "What the fine-tuned networks say": ("scatter", "histograms", "best_worst"),
    "What it all rests on": ("premise", "photo_scores", "photo_classes", "overview"),
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
