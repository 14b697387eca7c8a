"""Made-up predictions that several tests of the evidence share."""

import numpy as np
import pandas as pd

from aesthetic_pretraining.evaluation import metrics


def predictions(target, predicted, true=None):
    """A prediction frame whose distributions are mixed from two neighbouring scores; `true` are the means of true votes."""
    frame = pd.DataFrame({"target": np.asarray(target, float), "predicted": np.asarray(predicted, float)})
    frame.insert(0, "id", [f"{i:03d}" for i in frame.index])
    frame.insert(1, "scene", frame["id"])
    frame[metrics.probabilities(10)] = mixed(frame["predicted"])
    if true is not None:
        frame[metrics.histogram(10)] = mixed(true)
    return frame


def mixed(means):
    """Distributions (N, 10) over the scores 1..10 with these means, on two neighbouring scores each."""
    means = np.asarray(means, float)
    low = np.minimum(means.astype(int), 9)
    votes = np.zeros((len(means), 10))
    votes[np.arange(len(means)), low - 1] = 1 - (means - low)
    votes[np.arange(len(means)), low] = means - low
    return votes
