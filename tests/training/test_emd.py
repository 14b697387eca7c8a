"""The earth mover's distance against a double loop, scipy's, and sums done by hand."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from aesthetic_pretraining.training import losses


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def distributions(n, seed):
    return torch.from_numpy(np.random.default_rng(seed).dirichlet(np.full(10, 0.7), n))


def test_emd_with_r_1_is_scipys_over_ten_bins():
    p, q = distributions(5, 1), distributions(5, 2)
    scores = np.arange(1, 11)
    expected = np.mean([wasserstein_distance(scores, scores, a, b) / 10 for a, b in zip(p.numpy(), q.numpy(), strict=True)])
    for variant in ("per_image", "per_batch"):
        assert losses.earth_movers_distance(p, q, 1, variant).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("r", [1, 2, 3])
def test_emd_is_the_double_loop(r):
    p, q = distributions(4, 3), distributions(4, 4)
    gaps = [sum(abs(float(a[:k].sum() - b[:k].sum())) ** r for k in range(1, 11)) / 10 for a, b in zip(p, q, strict=True)]
    per_image = losses.earth_movers_distance(p, q, r, "per_image").item()
    per_batch = losses.earth_movers_distance(p, q, r, "per_batch").item()
    assert per_image == pytest.approx(sum(g ** (1 / r) for g in gaps) / 4, rel=1e-9)
    assert per_batch == pytest.approx((sum(gaps) / 4) ** (1 / r), rel=1e-9)
    assert per_batch >= per_image - 1e-12  # Jensen
    assert losses.earth_movers_distance(q, p, r, "per_image").item() == pytest.approx(per_image)
    one = [losses.earth_movers_distance(p[:1], q[:1], r, variant).item() for variant in ("per_image", "per_batch")]
    assert one[0] == pytest.approx(one[1])


def test_emd_by_hand():
    votes = torch.eye(10, dtype=torch.float64)
    assert losses.earth_movers_distance(votes[:1], votes[9:], 2, "per_image").item() == pytest.approx(math.sqrt(0.9))
    assert losses.earth_movers_distance(votes[4:5], votes[5:6], 2, "per_image").item() == pytest.approx(math.sqrt(0.1))
    both = losses.earth_movers_distance(votes[[0, 4]], votes[[9, 5]], 2, "per_image").item()
    assert both == pytest.approx((math.sqrt(0.9) + math.sqrt(0.1)) / 2)
    assert losses.earth_movers_distance(votes[[0, 4]], votes[[9, 5]], 2, "per_batch").item() == pytest.approx(math.sqrt(0.5))


@pytest.mark.parametrize("variant", ["per_image", "per_batch"])
def test_emd_gradients(variant):
    target = distributions(3, 5)
    logits = (3 * random(3, 10)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: losses.earth_movers_distance(x.softmax(1), target, 2, variant), logits)


@pytest.mark.parametrize("variant", ["per_image", "per_batch"])
@pytest.mark.parametrize("r", [1, 2])
def test_emd_has_a_finite_gradient_at_a_perfect_prediction(variant, r):
    logits = random(2, 10).requires_grad_()
    loss = losses.earth_movers_distance(logits.softmax(1), logits.detach().softmax(1), r, variant)
    loss.backward()
    assert loss.item() < 1e-5
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("variant", ["per_image", "per_batch"])
def test_emd_does_not_know_the_order_of_the_pictures_but_that_of_the_scores(variant):
    p, q = distributions(5, 6), distributions(5, 7)
    loss = losses.earth_movers_distance(p, q, 2, variant).item()
    order = [3, 1, 4, 0, 2]
    assert losses.earth_movers_distance(p[order], q[order], 2, variant).item() == pytest.approx(loss, rel=1e-12)
    swapped = p[:, [9, *range(1, 9), 0]], q[:, [9, *range(1, 9), 0]]
    assert losses.earth_movers_distance(*swapped, 2, variant).item() != pytest.approx(loss, rel=1e-3)
