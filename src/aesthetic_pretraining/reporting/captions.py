"""Headings and captions of the report's figures, and the data behind each.

In texts {home} is the title of the set that networks are trained on, {above} its threshold, and {fold} says which fold is shown
where there are folds; in `pictures` {home} is its name.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from aesthetic_pretraining.initialisations import LABELS, NAMING, PAPER, PAPER_RANKING, RANKING, RESPONDING, title_of
from aesthetic_pretraining.reporting import facts
from aesthetic_pretraining.settings.labels import LabelledSet

WILSON = "Bars are Wilson's 95 % intervals."
TESTED_IN_FOLDS = "each the test image of one fold"
PRETRAINED = "photos: train, val, test"  # the photos of the pretraining set: all but those used for simulated labels


class Caption(NamedTuple):
    """The text that goes with a figure.

    Attributes:
        heading, text: heading and caption.
        pictures: the images behind it: a key of the report's counts, or several roles of one set ("photos: train, val").
        networks: the networks that it shows if they were trained. others: whether it shows such a network that is not the paper's, too.
        wide: wider than the column, so collapsed by default.
        votes: whether it depends on votes, so that it carries the note when these are simulated.
        part: the panel that depends on votes; "" for all of it.
        data: names of the CSVs that it is drawn from.
        rests: for results of pretraining, the function of `facts` that states the photos and updates behind them.
    """

    heading: str
    text: str
    pictures: str
    networks: Sequence[str] = ()
    wide: bool = False
    votes: bool = True
    part: str = ""
    rests: Callable[..., str] | None = None
    data: Sequence[str] = ()
    others: Callable[[str], bool] = lambda init: False


CAPTIONS = {
    "figure1": Caption(
        "Figure 1: the pretext tasks",
        "Variants of one test photo, of both signs where a distortion has them. Of two variants of one sign, the network must score the less "
        "distorted one higher; in the multi-task settings it also predicts the distortion, or its level. * Distortions that cut the photo "
        "have a level 0 that is cut alike, so that no border gives them away.",
        "photos: test",
        votes=False,
    ),
    "figure2": Caption(
        "Figure 2: the unlabelled photos", "Photos of the unlabelled set, drawn at random.", "photos: listed", votes=False
    ),
    "figure3": Caption(
        "Figure 3: performance by share of the labels",
        "Accuracy, Pearson and Spearman correlation, and mean absolute error on the {home} test set, by share of the training labels "
        "used for fine-tuning. Error bars are 95 % intervals over images and, with three or more seeds, over seeds "
        "(metrics/intervals.csv says which); where no interval was computed, one standard deviation over seeds.",
        "{home}: test",
        data=("metrics", "intervals"),
    ),
    "figure4": Caption(
        "Figure 4: responses to one distortion",
        "Outputs of the pretrained regression network (first pretraining seed), before fine-tuning, for every test photo at each "
        "level of the applied distortion. Level 0 is the undistorted photo; circles are medians.",
        "photos: test",
        (RESPONDING,),
        votes=False,
        rests=facts.judged,
    ),
    "figure5": Caption(
        "Figure 5: epochs until early stopping",
        "The epoch in which fine-tuning ended, by share of the training labels, with the points of one share side by side. Filled points "
        "ended by early stopping, open ones in a ring by the cap, finetune.max_epochs.",
        "{home}: val",
        data=("metrics",),
    ),
    "learning_curves": Caption(
        "Learning curves",
        "Loss by epoch. Above: each pretraining run (faint: further seeds). Below: the validation loss of every fine-tuning run on "
        "all labels{fold}; a ring marks the first epoch in which the whole network is trained. The losses of different pretext tasks are "
        "not comparable.",
        "{home}: val",
        PAPER[1:],
        part="below",
        rests=facts.trained,
        others=lambda init: init not in PAPER,
    ),
    "probes": Caption(
        "Linear probes",
        "Spearman correlation between the mean scores and the predictions of ridge regressions on each initialisation's frozen "
        "features, with intervals over test images. Above: all labels; the dotted line is ImageNet; “unseen scenes” are probes "
        "trained on that set itself. Below, if there are several shares: by share of {home}'s training labels, with the points of one "
        "share side by side.",
        "{home}: test",
        PAPER,
        data=("probes",),
    ),
    "ranking_accuracy": Caption(
        "Ranking accuracy by distortion and level",
        "Fraction of the test photos for which the pretrained network (first pretraining seed) scores a level below the one before "
        "it (one step nearer to 0), as the ranking task asks; chance is 0.5. Hatched: no such level. metrics/ranking_accuracy.csv has Wilson 95 % intervals.",
        "photos: test",
        PAPER_RANKING,
        True,
        votes=False,
        rests=facts.judged,
        others=lambda init: init in RANKING or init not in LABELS,  # comparison rows are variants of the ranking tasks
        data=("ranking_accuracy",),
    ),
    "heatmap": Caption(
        "Responses of every output to every distortion",
        "Figure 4 for all pairs: correlation, within photos, of each intensity output of the pretrained regression network (first "
        "pretraining seed) with the level of each applied distortion. The diagonal is what the network was trained on.",
        "photos: test",
        (RESPONDING,),
        True,
        votes=False,
        rests=facts.judged,
        data=("cross_responses",),
    ),
    "confusion": Caption(
        "Which distortion is it? (Appendix D)",
        "Above: accuracy of the pretrained classification heads (first pretraining seed) by distance from level 0, with Wilson's 95 % "
        "intervals at the number of photos. Below: confusion matrix of each aspect, with rows normalised and all levels pooled.",
        "photos: test",
        (NAMING,),
        True,
        votes=False,
        rests=facts.judged,
        data=("confusion",),
    ),
    "premise": Caption(
        "Does the premise hold?",
        "Fraction of pairs of adjacent levels across which the mean opinion score falls, by type of distortion; if a survey is "
        f"given, also the fraction of answers that prefer the original. {WILSON}",
        "tid2013: test",
        part="TID2013",
        data=("premise",),
    ),
    "scatter": Caption(
        "Predicted against true scores",
        "Predicted against true mean score of every {home} test image, for networks fine-tuned on all labels, first seed. On the "
        "dashed line the two are equal.",
        "{home}: test",
        PAPER,
    ),
    "histograms": Caption(
        "Distributions of true and predicted scores",
        "Histograms of the true and the predicted mean scores of the {home} test images; networks fine-tuned on all labels, first seed.",
        "{home}: test",
        PAPER,
    ),
    "best_worst": Caption(
        "Highest and lowest predicted scores",
        "The {home} test images that the fine-tuned ranking + regression network (first seed) scores highest and lowest, as the "
        "network sees them.",
        "{home}: test",
    ),
    "sensitivity": Caption(
        "How far distortions move the features (section 5)",
        "Distance between the pretrained network's (first pretraining seed) features of a distorted test photo and of its level 0, "
        "averaged over the distortion's levels; 1 is the root-mean-square distance between two different photos. The last row of "
        "each panel is the mean over the aspect. Error bars are Student's t intervals over photos, whose number is "
        "photo_check.distorted_photos.",
        "photos: test",
        PAPER[1:],
        True,
        votes=False,
        rests=facts.pretrained,
        others=lambda init: init not in PAPER,
        data=("sensitivity",),
    ),
    "photo_scores": Caption(
        "Are the photos highly aesthetic? (section 4.2)",
        "Mean scores of the unlabelled photos, predicted by the networks fine-tuned on all labels from ImageNet and averaged over "
        "seeds. The title gives the fraction above {above} with its Wilson 95 % interval over photos, and the paper's value.",
        PRETRAINED,
        data=("photo_scores",),
    ),
    "photo_classes": Caption(
        "What is in the photos (Appendix B)",
        "Left: number of photos for which a class is the top-1 prediction, or which show that kind of object. Right: all classes "
        "found, by frequency; the number is exp(entropy).",
        PRETRAINED,
        (),
        True,
        votes=False,
        data=("photo_classes", "photo_diversity"),
    ),
    "overview": Caption(
        "The distortions",
        "One photo under every distortion that pretraining ranks; level 0 is framed.",
        "photos: test",
        (),
        True,
        votes=False,
    ),
}
SECTIONS = {
    "Figures of the paper": ("figure1", "figure2", "figure3", "figure4", "figure5"),
    "What pretraining learns": ("learning_curves", "probes", "ranking_accuracy", "heatmap", "confusion", "sensitivity"),
    "What the fine-tuned networks predict": ("scatter", "histograms", "best_worst"),
    "Premises and data": ("premise", "photo_scores", "photo_classes", "overview"),
}


def untrained(name: str, trained: Sequence[str]) -> list[str]:
    """Printed names of the networks that a figure would show but the run did not train."""
    return [title_of(init) for init in CAPTIONS[name].networks if init not in trained]


def mark(name: str, note: str) -> str:
    """The note as a figure's caption carries it: "" if the figure does not depend on votes; prefixed by the panel that does, if one.

    A figure without an entry in `CAPTIONS` always carries the note, because it may depend on votes.
    """
    caption = CAPTIONS.get(name)
    if not note or (caption and not caption.votes):
        return ""
    return f"{caption.part}: {note}" if caption and caption.part else note


def caption_of(name: str, home: LabelledSet) -> Caption:
    """A figure's caption in a run whose networks are trained on `home`."""
    caption = CAPTIONS[name]
    text = caption.text.replace("{home}", home.title).replace("{above}", f"{home.above:g}")
    text = text.replace("{fold}", " (its network of the first fold)" if home.folds else "")
    return caption._replace(text=text, pictures=caption.pictures.replace("{home}", home.name))


def basis(
    name: str,
    counts: Mapping[str, int],
    histories: Mapping[tuple[str, int], pd.DataFrame],
    sets: Sequence[LabelledSet],
    context: str,
    unlabelled: str,
    examples: Mapping[str, int] | None = None,
) -> str:
    """A figure's last sentences: its number of images, for results of pretraining its updates, and the run's settings.

    Args:
        counts: number of images by "<set>: <role>".
        histories: {(task, seed): history} of all pretraining runs.
        sets: the test sets, the one that networks are trained on first.
        context: the settings for figures that depend on votes. unlabelled: for those that do not.
        examples: {figure: how many of its photos it shows}; a figure that is not named shows or uses all.
    """
    caption = caption_of(name, sets[0])
    dataset, _, role = caption.pictures.partition(": ")
    sentences = []
    if caption.rests:
        drawn = [network for network in histories if network[0] in caption.networks or caption.others(network[0])]
        sentences.append(caption.rests(counts, {network: histories[network] for network in drawn}))
    if dataset == sets[0].name and role == "test" and sets[0].folds:
        counts, role = {**counts, f"{dataset}: {TESTED_IN_FOLDS}": counts.get(f"{dataset}: fold", 0)}, TESTED_IN_FOLDS
    found = [counts[key] for each in role.split(", ") if (key := f"{dataset}: {each}") in counts]
    if found and name in (examples or {}):
        by_role = {what: number for what, number in counts.items() if not what.endswith(": listed")}  # which counts all again
        sentences.append(facts.shown((examples or {})[name], by_role, "" if role == "listed" else role))
    elif (caption.votes or not caption.rests) and found:
        images = {"photos": "photos"} | {each.name: f"{each.title} images" for each in sets}
        sentences.append(f"{sum(found):,} {images[dataset]} ({role}){'' if caption.votes else '; ' + facts.UNLABELLED}.")
    return " ".join([*sentences, context if caption.votes else unlabelled])
