"""The losses against double loops written from the equations, and against sums done by hand."""

import math

import numpy as np
import pytest
import torch
from ladders import COUNT, LOSSES, ladder, place, random

from aesthetic_pretraining.distortions import ASPECTS, DISTORTIONS, VARIANTS
from aesthetic_pretraining.training import losses


def naive_ranking(scores, margin):
    total, pairs = 0.0, 0
    for name in DISTORTIONS:
        for i in ladder(name):
            for j in ladder(name):
                if abs(i) < abs(j) and i * j >= 0:  # equal signs; 0 has both
                    terms = [max(0.0, margin - (float(row[place(name, i)]) - float(row[place(name, j)]))) for row in scores]
                    total, pairs = total + sum(terms) / len(terms), pairs + 1
    return total, pairs


def test_ranking_is_the_double_loop_over_500_pairs():
    scores = random(3, 174)
    expected, pairs = naive_ranking(scores, 0.2)
    # a side of n levels with level 0 has n (n + 1) / 2 pairs
    by_hand = 6 * 15 + 11 * (15 + 15) + (15 + 6) + (6 + 15) + (10 + 15) + (3 + 10)
    assert pairs == by_hand == 500 == len(losses.ranking_pairs()[0]) == len(set(zip(*losses.ranking_pairs(), strict=True)))
    assert losses.ranking_loss(scores, 0.2).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (None, 100.0),  # 500 pairs of equals miss the margin by 0.2 each
        (("jpeg_compression", 5), 105.0),  # above its 5 betters by 1
        (("jpeg_compression", 1), 100 + 1 - 4 * 0.2),  # above 1 better, and far enough above 4 worse
        (("vibrance", -2), 102.0),  # above level -1 and the original
        (("brightness", 0), 100 - 121 * 0.2),  # the original: 171 distorted pictures but 40 crops and 10 rotations
        (("vertical_crop", 0), 100 - 40 * 0.2),
        (("rotation", 0), 100 - 10 * 0.2),
    ],
)
def test_ranking_by_hand(raised, expected):
    scores = torch.zeros(2, 174, dtype=torch.float64)
    if raised:
        scores[:, place(*raised)] = 1
    assert losses.ranking_loss(scores, 0.2).item() == pytest.approx(expected, rel=1e-12)


def test_ranking_is_zero_for_the_right_order_and_only_beyond_the_margin():
    scores = torch.tensor([[-abs(v.level) for v in VARIANTS]], dtype=torch.float64)
    assert losses.ranking_loss(scores * 0.25, 0.2).item() == 0
    # steps of 0.19: the neighbours alone miss the margin, by 0.01; there are as many of them as distorted pictures
    assert losses.ranking_loss(scores * 0.19, 0.2).item() == pytest.approx(171 * 0.01)
    assert losses.ranking_loss(scores * -0.25, 0.2).item() > 500 * 0.2  # the reverse order costs more than no order


def test_ranking_is_blind_to_a_shift_but_not_to_scale():
    scores = random(2, 174)
    loss = losses.ranking_loss(scores, 0.2)
    assert losses.ranking_loss(scores + 0.37, 0.2).item() == pytest.approx(loss.item(), rel=1e-12)
    assert losses.ranking_loss(scores * 2, 0.2).item() != pytest.approx(loss.item(), rel=0.1)


def test_ranking_is_torchs_margin_ranking_loss_pair_by_pair():
    scores, one = random(3, 174, seed=4), torch.ones(3, dtype=torch.float64)
    pairs = [
        torch.nn.functional.margin_ranking_loss(scores[:, place(name, i)], scores[:, place(name, j)], one, margin=0.2)
        for name in DISTORTIONS
        for i in ladder(name)
        for j in ladder(name)
        if abs(i) < abs(j) and i * j >= 0
    ]
    assert losses.ranking_loss(scores, 0.2).item() == pytest.approx(torch.stack(pairs).sum().item(), rel=1e-12)


def test_rankings_slope_by_hand():
    """Of equal scores all 500 pairs miss the margin: each pulls its better picture up and its worse one down, by 1 / B."""
    scores = torch.zeros(2, 174, dtype=torch.float64, requires_grad=True)
    losses.ranking_loss(scores, 0.2).backward()
    assert scores.grad[:, place("jpeg_compression", 5)].tolist() == [5 / 2] * 2  # five betters
    assert scores.grad[:, place("jpeg_compression", 1)].tolist() == [(1 - 4) / 2] * 2  # one better, four worse
    assert scores.grad[:, place("rotation", 0)].tolist() == [-10 / 2] * 2
    assert scores.grad.sum().item() == pytest.approx(0)


def test_ranking_needs_all_pictures():
    with pytest.raises(IndexError):
        losses.ranking_loss(random(2, 173), 0.2)


def pairs_of_levels():
    """(distortion, i, j) of equation 1: |i| < |j|, equal signs; 0 has both."""
    return [(name, i, j) for name in DISTORTIONS for i in ladder(name) for j in ladder(name) if abs(i) < abs(j) and i * j >= 0]


def naive_ranking_across_photos(scores, margin):
    return sum(
        max(0.0, margin - (float(a[place(name, i)]) - float(b[place(name, j)]))) / len(scores) ** 2
        for name, i, j in pairs_of_levels()
        for a in scores
        for b in scores
    )


def test_ranking_across_photos_is_the_double_loop():
    scores = random(3, 174, seed=2)
    wanted = naive_ranking_across_photos(scores, 0.2)
    assert losses.ranking_loss_across_photos(scores, 0.2).item() == pytest.approx(wanted, rel=1e-12)


def test_ranking_across_photos_by_hand():
    scores = torch.zeros(2, 174, dtype=torch.float64)
    assert losses.ranking_loss_across_photos(scores, 0.2).item() == pytest.approx(100)  # as within a photo
    scores[1] = 1  # photo 1 is rated above photo 0 in everything: of four pairs (a, b) one misses by 1.2, one not at all
    assert losses.ranking_loss_across_photos(scores, 0.2).item() == pytest.approx(500 * (0.2 + 1.2 + 0 + 0.2) / 4)
    assert losses.ranking_loss(scores, 0.2).item() == pytest.approx(100)  # which within a photo is not seen


def test_ranking_across_photos_is_the_ranking_of_one_photo_or_of_equal_ones():
    scores = random(1, 174, seed=5)
    wanted = losses.ranking_loss(scores, 0.2).item()
    assert losses.ranking_loss_across_photos(scores, 0.2).item() == pytest.approx(wanted, rel=1e-12)
    assert losses.ranking_loss_across_photos(scores.expand(3, -1), 0.2).item() == pytest.approx(wanted, rel=1e-12)


def naive_consistency(scores):
    pairs = [(a, b) for a in scores for b in scores]
    return sum((float(a[k]) - float(b[k])) ** 2 for k in range(174) for a, b in pairs) / len(pairs)


def test_consistency_is_the_double_loop():
    scores = random(4, 174, seed=3)
    assert losses.consistency_loss(scores).item() == pytest.approx(naive_consistency(scores), rel=1e-12)


def test_consistency_by_hand():
    scores = torch.full((2, 174), 0.3, dtype=torch.float64)
    assert losses.consistency_loss(scores).item() == 0
    scores[0, 7] = 0.7  # of four pairs (a, b) two differ by 0.4
    assert losses.consistency_loss(scores).item() == pytest.approx(2 * 0.4**2 / 4)
    assert losses.consistency_loss(scores[:1]).item() == 0  # nothing to differ from


def test_consistency_is_blind_to_what_all_photos_share():
    scores = random(3, 174, seed=6)
    loss = losses.consistency_loss(scores).item()
    assert losses.consistency_loss(scores + random(1, 174, seed=7)).item() == pytest.approx(loss, rel=1e-12)
    assert losses.consistency_loss(2 * scores).item() == pytest.approx(4 * loss, rel=1e-12)


def naive_aspect_ranking(scores, margin):
    total = 0.0
    for name, i, j in pairs_of_levels():
        k = list(COUNT).index(DISTORTIONS[name].aspect)
        total += sum(max(0.0, margin - (float(row[place(name, i), k]) - float(row[place(name, j), k]))) for row in scores)
    return total / len(scores)


def test_aspect_ranking_is_the_double_loop():
    scores = random(3, 174, 3, seed=4)
    wanted = naive_aspect_ranking(scores, 0.2)
    assert losses.aspect_ranking_loss(scores, 0.2).item() == pytest.approx(wanted, rel=1e-12)


def test_aspect_ranking_by_hand():
    scores = torch.zeros(2, 174, 3, dtype=torch.float64)
    assert losses.aspect_ranking_loss(scores, 0.2).item() == pytest.approx(100)
    scores[:, place("jpeg_compression", 5), 0] = 1  # above its 5 betters by 1, in the score of its aspect
    assert losses.aspect_ranking_loss(scores, 0.2).item() == pytest.approx(105)
    scores[:, place("jpeg_compression", 5), 1:] = 1  # the scores of other aspects do not rank it
    assert losses.aspect_ranking_loss(scores, 0.2).item() == pytest.approx(105)


def test_aspect_ranking_is_the_ranking_where_the_three_scores_are_equal():
    scores = random(2, 174, seed=8)
    assert losses.aspect_ranking_loss(scores[..., None].expand(-1, -1, 3), 0.2).item() == pytest.approx(
        losses.ranking_loss(scores, 0.2).item(), rel=1e-12
    )


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


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_costs_the_mean_of_its_photos(name):
    loss, shape = LOSSES[name]
    batch = random(4, *shape)
    alone = [loss(batch[k : k + 1]).item() for k in range(4)]
    assert loss(batch).item() == pytest.approx(np.mean(alone), rel=1e-12)
    assert len({round(value, 9) for value in alone}) == 4
    assert loss(torch.cat([batch, batch])).item() == pytest.approx(loss(batch).item(), rel=1e-12)


def test_balanced_by_hand():
    assert losses.balanced(torch.tensor([0.0, 50.0, 100.0]), 50).tolist() == pytest.approx([1, math.e, math.e**2])


def test_balanced_slope_is_its_value_over_t():
    loss = torch.tensor([0.0, 25.0, 100.0], dtype=torch.float64, requires_grad=True)
    losses.balanced(loss, 50).sum().backward()
    assert loss.grad.tolist() == pytest.approx([1 / 50, math.exp(0.5) / 50, math.e**2 / 50])
    assert torch.autograd.gradcheck(lambda x: losses.balanced(x, 50), loss)
