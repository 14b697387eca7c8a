"""Losses of some distortions: the default is what it was, and a subset is the sum over that subset written out."""

import math

import pytest
import torch
import torch.nn.functional as F
from ladders import COUNT, LOSSES, ladder, place, random

from aesthetic_pretraining.distortions import ASPECTS, DISTORTIONS, VARIANTS, anchor_index, indices, norm, rows
from aesthetic_pretraining.training import losses

SUBSETS = [
    ["defocus_blur", "brightness"],
    ["brightness", "defocus_blur"],  # order does not count
    ["rotation"],
    ["vibrance", "left_diagonal_crop", "jpeg_compression"],
    list(DISTORTIONS),
]


def before(name):
    """The losses of all distortions as they were before subsets, in float32."""
    pairs = []
    for key, distortion in DISTORTIONS.items():
        at = dict(zip(distortion.levels, indices(key), strict=True))
        for sign in (-1, 1):
            side = [anchor_index(key), *(at[level] for level in sorted((n for n in at if n * sign > 0), key=abs))]
            pairs += [(side[i], side[j]) for j in range(len(side)) for i in range(j)]
    less, more = map(torch.tensor, zip(*pairs, strict=True))
    if name == "ranking":
        return lambda x: F.relu(0.2 - (x[:, less] - x[:, more])).mean(dim=0).sum()
    if name == "aspect_ranking":
        aspect = torch.tensor([ASPECTS.index(DISTORTIONS[VARIANTS[j].distortion].aspect) for _, j in pairs])
        return lambda x: F.relu(0.2 - (x[:, less, aspect] - x[:, more, aspect])).mean(dim=0).sum()
    channel = {key: k for k, key in enumerate(DISTORTIONS)}
    if name == "regression":
        terms = [(i, channel[v.distortion], norm(v.distortion, v.level)) for i, v in enumerate(VARIANTS) if v.distortion]
        terms += [(anchor_index(key), channel[key], 0.0) for key in DISTORTIONS]
        at, out, target = map(torch.tensor, zip(*terms, strict=True))
        return lambda x: (x[:, at, out] - target).square().mean(dim=0).sum()

    def classification(x):
        total = x.new_zeros(())
        for aspect, part in zip(ASPECTS, x.split(list(COUNT.values()), dim=2), strict=True):
            names = [key for key, d in DISTORTIONS.items() if d.aspect == aspect]
            targets = [(i, label) for label, key in enumerate(names) for i in indices(key)]
            at, target = map(torch.tensor, zip(*targets, strict=True))
            chosen = part[:, at].transpose(1, 2)
            total = total + F.cross_entropy(chosen, target.expand(len(x), -1), reduction="none").mean(dim=0).sum()
        return total

    return classification


@pytest.mark.parametrize("name", LOSSES)
def test_without_a_subset_every_bit_is_what_it_was(name):
    loss, shape = LOSSES[name]
    for seed in range(5):
        x = random(3, *shape, seed=seed).float()
        assert loss(x).item() == before(name)(x).item()


def shown(names):
    """{(distortion, level): position in the subset's variants}, level 0 included."""
    at = {position: k for k, position in enumerate(rows(names))}
    return {(name, level): at[place(name, level)] for name in names for level in ladder(name)}


@pytest.mark.parametrize("names", SUBSETS, ids=lambda names: f"{len(names)}_{names[0]}")
def test_ranking_of_a_subset_is_the_double_loop(names):
    at, scores = shown(names), random(3, len(rows(names)))
    pairs = [
        (at[name, i], at[name, j], ASPECTS.index(DISTORTIONS[name].aspect))
        for name in names
        for i in ladder(name)
        for j in ladder(name)
        if abs(i) < abs(j) and i * j >= 0
    ]
    wanted = sum(max(0.0, 0.2 - float(row[i] - row[j])) for row in scores for i, j, _ in pairs) / 3
    assert losses.ranking_loss(scores, 0.2, names).item() == pytest.approx(wanted, rel=1e-12)
    wanted = sum(max(0.0, 0.2 - float(a[i] - b[j])) for a in scores for b in scores for i, j, _ in pairs) / 9
    assert losses.ranking_loss_across_photos(scores, 0.2, names).item() == pytest.approx(wanted, rel=1e-12)
    by_aspect = random(3, len(rows(names)), 3, seed=1)
    wanted = sum(max(0.0, 0.2 - float(row[i, a] - row[j, a])) for row in by_aspect for i, j, a in pairs) / 3
    assert losses.aspect_ranking_loss(by_aspect, 0.2, names).item() == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("names", SUBSETS, ids=lambda names: f"{len(names)}_{names[0]}")
def test_regression_and_classification_of_a_subset_term_by_term(names):
    at, ordered = shown(names), [name for name in DISTORTIONS if name in names]
    outputs = random(2, len(rows(names)), len(names))
    wanted = sum(
        (float(row[at[name, level], ordered.index(name)]) - norm(name, level)) ** 2
        for row in outputs
        for name in names
        for level in ladder(name)
    )
    assert losses.regression_loss(outputs, names).item() == pytest.approx(wanted / 2, rel=1e-6)  # targets are float32
    heads = {aspect: [name for name in ordered if DISTORTIONS[name].aspect == aspect] for aspect in ASPECTS}
    logits = {aspect: random(2, len(rows(names)), len(heads[aspect])) for aspect in ASPECTS if heads[aspect]}
    wanted = 0.0
    for name in names:
        head = heads[DISTORTIONS[name].aspect]
        for row in logits[DISTORTIONS[name].aspect]:
            for level in ladder(name):
                if level:
                    values = row[at[name, level]].tolist()
                    wanted += math.log(sum(map(math.exp, values))) - values[head.index(name)]
    assert losses.classification_loss(logits, names).item() == pytest.approx(wanted / 2, rel=1e-9)


def test_a_subset_of_the_pictures_costs_what_its_own_terms_cost_among_all():
    names = ["defocus_blur", "tint"]
    scores = random(3, 174)
    rest = [name for name in DISTORTIONS if name not in names]
    parts = [losses.ranking_loss(scores[:, list(rows(chosen))], 0.2, chosen) for chosen in (names, rest)]
    assert sum(parts).item() == pytest.approx(losses.ranking_loss(scores, 0.2).item(), rel=1e-12)


@pytest.mark.parametrize(("names", "say"), [(["blur"], "unknown distortion 'blur'; known are jpeg"), ([], "at least one")])
def test_a_subset_has_to_name_distortions(names, say):
    with pytest.raises(ValueError, match=say):
        losses.ranking_loss(random(1, 174), 0.2, names)
