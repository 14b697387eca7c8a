"""How intensity outputs are read, against sklearn's linear discriminant analysis and against what can be said of made-up outputs."""

import json

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from aesthetic_pretraining.use import reading
from aesthetic_pretraining.use.reading import NOTHING, Reading, Responses, assess, fit
from aesthetic_pretraining.use.words import SAID, Statement, sentence

NAMES = ["brightness", "contrast", "gaussian_noise", "rotation"]


def responses(photos, noise, seed=0, names=NAMES):
    """Outputs that are level / 2 on the applied distortion's output, a photo's own offset and noise."""
    rng = np.random.default_rng(seed)
    rows = []
    for photo in range(photos):
        own = rng.normal(0, noise, len(names))
        for k, name in enumerate(names):
            for level in (-2, -1, 0, 1, 2):
                outputs = own + rng.normal(0, noise, len(names))
                outputs[k] += level / 2
                rows.append((outputs, f"p{photo}", name, level))
    columns = list(zip(*rows))
    return Responses(np.array(columns[0]), *(np.array(column) for column in columns[1:]))


def test_probabilities_are_those_of_linear_discriminant_analysis(monkeypatch):
    monkeypatch.setattr(reading, "SHRINKAGE", 0.0)
    seen = responses(12, 0.3)
    mine = fit(seen, {})
    label = np.array([0 if k == 0 else mine.classes.index((d, k)) for d, k in zip(seen.distortion, seen.level)])
    theirs = LinearDiscriminantAnalysis(solver="lsqr").fit(seen.outputs, label)
    # sklearn would weigh the covariance by other priors, too: its own are the shares of the classes
    likely = theirs.predict_proba(seen.outputs) * reading._prior(mine.classes) / theirs.priors_
    likely /= likely.sum(axis=1, keepdims=True)
    assert np.allclose(mine.probabilities(seen.outputs), likely, atol=1e-6)


def test_the_prior_is_half_for_undistorted_photos_and_even_over_distortions():
    classes = [(NOTHING, 0), ("a", 1), ("a", 2), ("b", -1)]
    assert reading._prior(classes) == pytest.approx([0.5, 0.125, 0.125, 0.25])


def test_clear_outputs_are_read_right_and_unclear_ones_at_chance():
    clear, lost = assess(responses(30, 0.03)), assess(responses(30, 30.0))
    assert clear.photos == 30 and clear.chance == pytest.approx(3 / 4)
    assert clear.top3 == 1.0 and clear.told == dict.fromkeys(NAMES, 0.1)
    assert min(clear.precision.values()) > 0.95
    assert abs(lost.top3 - 0.75) < 0.1
    assert not lost.told and not lost.precision


def test_an_output_that_depends_on_the_photo_alone_is_never_called_reliable():
    """Each photo is read by the others: what only memory could know, nobody knows."""
    seen = responses(30, 0.03)
    spoilt = seen.outputs.copy()
    spoilt[:, 1] = np.random.default_rng(1).normal(0, 1, len(spoilt))  # contrast's own output is noise
    found = assess(Responses(spoilt, seen.photo, seen.distortion, seen.level))
    assert "contrast" not in found.told and "brightness" in found.told


def test_unclear_outputs_are_named_from_a_higher_probability():
    """From each probability on, right statements are counted by hand: the first that is right every second time is taken."""
    seen = responses(40, 0.45)
    found = assess(seen)
    assert found.told and max(found.told.values()) > 0.1
    for name, least in found.told.items():
        assert found.precision[name] >= reading.RELIABLE
        assert least in reading.TOLD


def test_few_photos_make_no_statement_reliable_and_one_says_nothing():
    few = assess(responses(reading.FEWEST - 1, 0.03))
    assert few.top3 == 1.0 and few.told == {}
    with pytest.raises(ValueError, match="one photo"):
        assess(responses(1, 0.03))


def test_statements_name_reliable_distortions_with_their_level_most_probable_first():
    seen = responses(30, 0.03)
    read = fit(seen, {"brightness": 0.5, "rotation": 0.5})
    dark, lined, turned, plain = read.statements(np.array([[-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0.5], [0, 0, 0, 0]]))
    assert [(each.distortion, each.level) for each in dark] == [("brightness", -2.0)]
    assert dark[0].probability > 0.9
    assert lined == () and plain == ()  # contrast is not reliable
    assert [(each.distortion, each.level) for each in turned] == [("rotation", 1.0)]


def test_it_is_the_same_after_json():
    read = fit(responses(10, 0.3), {"brightness": 0.75})
    again = Reading.of_json(json.loads(json.dumps(read.as_json())))
    assert again.classes == read.classes and again.told == read.told
    outputs = responses(2, 0.3, seed=5).outputs
    assert np.allclose(again.probabilities(outputs), read.probabilities(outputs), atol=1e-3)


@pytest.mark.parametrize("broken", [{"bias": [1.0]}, {"weights": [[float("nan")] * 17] * 4}, {"classes": [["", 0]]}])
def test_a_reading_that_does_not_fit_is_refused(broken):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Reading.of_json(fit(responses(10, 0.3), {}).as_json() | broken)


def test_words_say_side_and_level():
    said = sentence(
        (Statement("brightness", -2.1, 0.9), Statement("rotation", 0.2, 0.5), Statement("gaussian_noise", 3.4, 0.3))
    )
    assert said == "too dark, about level -2; tilted counter-clockwise; noisy, about level 3"
    assert sentence(()) == ""
    assert Statement("my_own", 1.0, 0.2).said == "my own, about level 1"


def test_every_distortion_has_words_for_each_side_that_it_has():
    from aesthetic_pretraining.distortions import DISTORTIONS

    for name, distortion in DISTORTIONS.items():
        below, above = SAID[name]
        assert bool(below) == any(level < 0 for level in distortion.levels), name
        assert above


@pytest.mark.parametrize(
    ("name", "level", "channel", "sign"),
    [("temperature", -3, 2, 1), ("temperature", 3, 0, 1), ("tint", -3, 1, -1), ("tint", 3, 1, 1)],
)
def test_words_for_colours_are_what_the_distortion_does(name, level, channel, sign):
    """Cold is bluer, warm is redder, magenta is less green: measured on grey."""
    from aesthetic_pretraining.distortions.transforms import Distort

    made = Distort(name, level)(np.full((32, 32, 3), 120, np.uint8)).reshape(-1, 3).mean(axis=0)
    others = np.delete(made, channel).mean()
    assert sign * (made[channel] - others) > 3
