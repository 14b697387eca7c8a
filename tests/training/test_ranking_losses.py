"""Losses that rank: against double loops written from the equations, and against sums done by hand."""

import pytest
import torch
from ladders import COUNT, ladder, place, random

from aesthetic_pretraining import losses
from aesthetic_pretraining.distortions import DISTORTIONS, VARIANTS


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
