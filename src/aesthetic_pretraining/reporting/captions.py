"""Headings and captions of the report's figures, and what each of them is drawn from."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from aesthetic_pretraining.initialisations import LABELS, NAMING, PAPER, PAPER_RANKING, RANKING, RESPONDING
from aesthetic_pretraining.reporting import facts

WILSON = "Bars are Wilson's 95 % intervals."
PRETRAINED = "photos: train, val, test"  # the photos of the pretraining: all but those that simulated labels take


class Caption(NamedTuple):
    """A figure's words: heading and text (also for those who cannot see the picture); `pictures`, a key of the report's counts, or several, "photos: train, val";
    `networks` that it shows where they are trained; `wide`: too large for a column, shown folded; `votes`: whether people's votes
    enter, so that it carries the mark where these are simulated; `part`: the part that they enter, "" for all of it; `rests`: for
    results of pretraining, the function of `facts` that says on which photos and updates they rest; `ablations`: shown, too."""

    heading: str
    text: str
    pictures: str
    networks: Sequence[str] = ()
    wide: bool = False
    votes: bool = True
    part: str = ""
    rests: Callable[..., str] | None = None
    ablations: Sequence[str] = ()


CAPTIONS = {
    "figure1": Caption(
        "Figure 1: what pretraining asks of the network",
        "Variants of one test photo. Of two variants the network has to score the less distorted one higher; in the multi-task "
        "settings it also names the distortion, or its level.",
        "photos: test",
        votes=False,
    ),
    "figure2": Caption(
        "Figure 2: the unlabelled photos", "Photos of the unlabelled set, drawn at random.", "photos: listed", votes=False
    ),
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
        (RESPONDING,),
        votes=False,
        rests=facts.judged,
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
        part="below",
        rests=facts.trained,
        ablations=[name for name in LABELS if name not in PAPER],
    ),
    "probes": Caption(
        "Linear probes",
        "Spearman's correlation of ridge regressions on the frozen features of each initialisation with the mean scores, with "
        "intervals over test pictures. Above: all labels; dotted, ImageNet's; unseen scenes: probes of TID2013 itself. Below, "
        "where there are several shares: by share of AVA's training labels, points of one share drawn side by side.",
        "ava: test",
        PAPER,
    ),
    "ranking_accuracy": Caption(
        "Ranking accuracy by distortion and level",
        "Share of the test photos that the pretrained network (first pretraining seed) ranks below the level before it (one nearer to 0), as the ranking "
        "task asks; chance is 0.5. metrics/ranking_accuracy.csv has Wilson's 95 % intervals.",
        "photos: test",
        PAPER_RANKING,
        True,
        votes=False,
        rests=facts.judged,
        ablations=[name for name in RANKING if name not in PAPER_RANKING],
    ),
    "heatmap": Caption(
        "Answers of every output to every distortion",
        "Figure 4 for all pairs: correlation of each intensity output of the pretrained regression network (first seed) with the level of "
        "each applied distortion, within photos. The diagonal is what the network was trained on.",
        "photos: test",
        (RESPONDING,),
        True,
        votes=False,
        rests=facts.judged,
    ),
    "confusion": Caption(
        "Which distortion is it? (Appendix D)",
        "Above: accuracy of the pretrained classification heads (first pretraining seed) by distance from level 0. Below: which distortion of its aspect "
        "each applied distortion is taken for, as shares of each row, all levels together.",
        "photos: test",
        (NAMING,),
        True,
        votes=False,
        rests=facts.judged,
    ),
    "premise": Caption(
        "Does the premise hold?",
        "Share of pairs of neighbouring levels in which people's mean score falls, by type of distortion; and, where a survey is "
        f"given, share of answers that prefer the original. {WILSON}",
        "tid2013: test",
        part="TID2013",
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
        "Distance between the pretrained network's (first pretraining seed) features of a distorted test photo and of its level 0, the mean over the "
        "distortion's levels; 1 is the (root mean square) distance of two different photos. Last row of each panel: the mean over "
        "the aspect. Bars are Student's intervals over photos, of which photo_check.distorted_photos were looked at.",
        "photos: test",
        PAPER[1:],
        True,
        votes=False,
        rests=facts.pretrained,
        ablations=[name for name in LABELS if name not in PAPER],
    ),
    "photo_scores": Caption(
        "Are the photos highly aesthetic? (section 4.2)",
        "Mean scores that the network fine-tuned on all labels from the ImageNet start, averaged over seeds, gives to the unlabelled "
        "photos. The title has the share above five with Wilson's 95 % interval over photos, and the paper's.",
        PRETRAINED,
    ),
    "photo_classes": Caption(
        "What is in the photos (Appendix B)",
        "Left: how many photos each class is the most certain one of, or show that kind of object. Right: all that were seen, by "
        "frequency; the number is exp(entropy).",
        PRETRAINED,
        (),
        True,
        votes=False,
    ),
    "overview": Caption(
        "The distortions",
        "One photo under the distortions that the networks are pretrained to put in order; level 0 is framed.",
        "photos: test",
        (),
        True,
        votes=False,
    ),
}
SECTIONS = {
    "Figures of the paper": ("figure1", "figure2", "figure3", "figure4", "figure5"),
    "What pretraining taught": ("learning_curves", "probes", "ranking_accuracy", "heatmap", "confusion", "sensitivity"),
    "What the fine-tuned networks say": ("scatter", "histograms", "best_worst"),
    "What it all rests on": ("premise", "photo_scores", "photo_classes", "overview"),
}


def untrained(name: str, trained: Sequence[str]) -> list[str]:
    """Printed names of the networks that a figure would show and the run did not train."""
    return [LABELS[init] for init in CAPTIONS[name].networks if init not in trained]


def mark(name: str, note: str) -> str:
    """The caveat as a figure's caption carries it: none where no vote enters, with the part that it is about where one is not all.

    A figure without a caption carries the caveat: nothing is known of it.
    """
    caption = CAPTIONS.get(name)
    if not note or (caption and not caption.votes):
        return ""
    return f"{caption.part}: {note}" if caption and caption.part else note


def basis(
    name: str, counts: Mapping[str, int], histories: Mapping[tuple[str, int], pd.DataFrame], context: str, unlabelled: str
) -> str:
    """A figure's last sentences: on how many pictures it rests, results of pretraining on how many updates, the run's settings.

    Args:
        counts: number of pictures by what they are for, "<set>: <role>".
        histories: {(task, seed): history} of all pretrainings of the run.
        context: the settings where votes enter. unlabelled: where none do.
    """
    caption = CAPTIONS[name]
    dataset, _, role = caption.pictures.partition(": ")
    sentences = []
    if caption.rests:
        drawn = (*caption.networks, *caption.ablations)
        sentences.append(caption.rests(counts, {network: rows for network, rows in histories.items() if network[0] in drawn}))
    found = [counts[key] for each in role.split(", ") if (key := f"{dataset}: {each}") in counts]
    if (caption.votes or not caption.rests) and found:
        printed = {"photos": "photos", "ava": "AVA pictures", "tid2013": "TID2013 pictures"}[dataset]
        sentences.append(f"{sum(found):,} {printed} ({role}){'' if caption.votes else '; ' + facts.UNLABELLED}.")
    return " ".join([*sentences, context if caption.votes else unlabelled])
