"""Classification, regression and balancing against double loops and sums done by hand; what holds for every loss."""

import math

import numpy as np
import pytest
import torch
from ladders import COUNT, ladder, place, random

from aesthetic_pretraining import losses
from aesthetic_pretraining.distortions import ASPECTS, DISTORTIONS, VARIANTS


def random_logits(batch, seed=0):
    return {aspect: 4 * random(batch, 174, COUNT[aspect], seed=seed + k) for k, aspect in enumerate(ASPECTS)}


def naive_classification(logits):
    total = 0.0
    for aspect in COUNT:
        names = [name for name, d in DISTORTIONS.items() if d.aspect == aspect]
        for name in names:
            for level in ladder(name):
                if level:
                    for row in logits[aspect].numpy():
                        out = row[place(name, level)]
                        total -= math.log(math.exp(out[names.index(name)]) / sum(math.exp(x) for x in out)) / len(
                            logits[aspect]
                        )
    return total


def test_classification_is_the_double_loop():
    logits = random_logits(3)
    assert losses.classification_loss(logits).item() == pytest.approx(naive_classification(logits), rel=1e-12)


def test_classification_by_hand():
    logits = {aspect: torch.zeros(2, 174, n, dtype=torch.float64) for aspect, n in COUNT.items()}
    style = 5 * 10 + 8 + 8 + 9 + 6
    expected = 30 * math.log(6) + style * math.log(9) + 60 * math.log(6)
    assert losses.classification_loss(logits).item() == pytest.approx(expected, rel=1e-12)
    for aspect in ASPECTS:
        names = losses.aspect_distortions(aspect)
        for i, v in enumerate(VARIANTS):
            if v.distortion in names:
                logits[aspect][:, i, names.index(v.distortion)] = 60
    assert losses.classification_loss(logits).item() < 1e-9


def test_classification_leaves_out_level_0_and_other_aspects():
    logits = {aspect: x.requires_grad_() for aspect, x in random_logits(2).items()}
    losses.classification_loss(logits).backward()
    for aspect, x in logits.items():
        touched = x.grad.abs().sum(dim=(0, 2)) > 0
        assert touched.tolist() == [v.distortion is not None and DISTORTIONS[v.distortion].aspect == aspect for v in VARIANTS]


def test_classification_is_blind_to_a_shift_of_one_pictures_logits():
    logits = random_logits(2)
    shifted = {aspect: x + random(2, 174, 1, seed=9) for aspect, x in logits.items()}
    assert losses.classification_loss(shifted).item() == pytest.approx(losses.classification_loss(logits).item(), rel=1e-12)


def naive_regression(outputs):
    total = 0.0
    for d, name in enumerate(DISTORTIONS):
        below, above = -min(ladder(name)), max(ladder(name))
        for level in ladder(name):
            wanted = level / (above if level > 0 else below or 1)
            total += sum((float(row[place(name, level), d]) - wanted) ** 2 for row in outputs) / len(outputs)
    return total


def test_regression_is_the_double_loop():
    outputs = 2 * random(3, 174, 21) - 1
    assert losses.regression_loss(outputs).item() == pytest.approx(naive_regression(outputs), rel=1e-6)


def test_regression_by_hand():
    five, four, three, two = 55 / 25, 30 / 16, 14 / 9, 5 / 4  # sums of squares of k/n
    expected = 6 * five + 11 * 2 * five + 2 * (five + three) + (four + five) + (two + four)
    assert losses.regression_loss(torch.zeros(2, 174, 21)).item() == pytest.approx(expected, rel=1e-6)
    # 1 everywhere: also each of the 21 anchors is wrong by 1; norm is odd on the five-sided ladders
    worse = losses.regression_loss(torch.ones(1, 174, 21)).item()
    # sum of norm(i): 3 for a side of 5, then shadows -3 + 2, highlights -2 + 3, temperature -2.5 + 3, vibrance -1.5 + 2.5
    sums = 6 * 3 + (-3 + 2) + (-2 + 3) + (-2.5 + 3) + (-1.5 + 2.5)
    assert worse == pytest.approx(expected - 2 * sums + 171 + 21, rel=1e-6)


def test_regression_reads_one_output_per_picture_and_all_at_the_anchors():
    outputs = (random(1, 174, 21) + 2).requires_grad_()  # never right, so every term has a slope
    losses.regression_loss(outputs).backward()
    touched = {tuple(at) for at in outputs.grad[0].nonzero().tolist()}
    assert touched == {(place(name, level), d) for d, name in enumerate(DISTORTIONS) for level in ladder(name)}
    assert len(touched) == 171 + 21


LOSSES = {
    "ranking": (lambda x: losses.ranking_loss(x, 0.2), (174,)),
    "regression": (losses.regression_loss, (174, 21)),
    "classification": (
        lambda x: losses.classification_loss(dict(zip(COUNT, x.split(list(COUNT.values()), dim=2), strict=True))),
        (174, 21),
    ),
    "aspect_ranking": (lambda x: losses.aspect_ranking_loss(x, 0.2), (174, 3)),
}


BETWEEN_PHOTOS = {
    "across_photos": (lambda x: losses.ranking_loss_across_photos(x, 0.2), (174,)),
    "consistency": (losses.consistency_loss, (174,)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_costs_the_mean_of_its_photos(name):
    loss, shape = LOSSES[name]
    batch = random(4, *shape)
    alone = [loss(batch[k : k + 1]).item() for k in range(4)]
    assert loss(batch).item() == pytest.approx(np.mean(alone), rel=1e-12)
    assert len({round(value, 9) for value in alone}) == 4
    assert loss(torch.cat([batch, batch])).item() == pytest.approx(loss(batch).item(), rel=1e-12)


@pytest.mark.parametrize("name", BETWEEN_PHOTOS)
def test_between_photos_a_batch_twice_costs_the_same_but_not_the_mean_of_its_photos(name):
    loss, shape = BETWEEN_PHOTOS[name]
    batch = random(4, *shape)
    batch[0] += 1  # one photo is rated above all others
    assert loss(torch.cat([batch, batch])).item() == pytest.approx(loss(batch).item(), rel=1e-12)
    assert loss(batch).item() > np.mean([loss(batch[k : k + 1]).item() for k in range(4)]) + 0.1


@pytest.mark.parametrize("name", LOSSES | BETWEEN_PHOTOS)
def test_the_order_of_the_photos_does_not_count(name):
    loss, shape = (LOSSES | BETWEEN_PHOTOS)[name]
    batch = random(4, *shape)
    assert loss(batch[[2, 0, 3, 1]]).item() == pytest.approx(loss(batch).item(), rel=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_the_order_of_the_pictures_counts(name):
    loss, shape = LOSSES[name]
    batch = random(4, *shape)
    assert loss(batch.flip(1)).item() != pytest.approx(loss(batch).item(), rel=1e-3)


@pytest.mark.parametrize("name", LOSSES | BETWEEN_PHOTOS)
def test_gradients(name):
    loss, shape = (LOSSES | BETWEEN_PHOTOS)[name]
    assert torch.autograd.gradcheck(loss, random(2, *shape).requires_grad_(), fast_mode=True)


def test_balanced_by_hand():
    assert losses.balanced(torch.tensor([0.0, 50.0, 100.0]), 50).tolist() == pytest.approx([1, math.e, math.e**2])


def test_balanced_slope_is_its_value_over_t():
    loss = torch.tensor([0.0, 25.0, 100.0], dtype=torch.float64, requires_grad=True)
    losses.balanced(loss, 50).sum().backward()
    assert loss.grad.tolist() == pytest.approx([1 / 50, math.exp(0.5) / 50, math.e**2 / 50])
    assert torch.autograd.gradcheck(lambda x: losses.balanced(x, 50), loss)
