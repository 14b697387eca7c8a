"""NT-Xent and RotNet's loss against double loops and sums done by hand."""

import math

import numpy as np
import pytest
import torch

from aesthetic_pretraining.training import losses


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def naive_nt_xent(views, temperature):
    flat = [(photo, row / np.linalg.norm(row)) for photo, pair in enumerate(views.numpy()) for row in pair]
    total = 0.0
    for k, (photo, row) in enumerate(flat):
        similar = {other: math.exp(row @ flat[other][1] / temperature) for other in range(len(flat)) if other != k}
        partner = next(other for other in similar if flat[other][0] == photo)
        total -= math.log(similar[partner] / sum(similar.values()))
    return total / len(flat)


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_nt_xent_is_the_double_loop(temperature):
    views = random(5, 2, 7) - 0.5
    assert losses.nt_xent(views, temperature).item() == pytest.approx(naive_nt_xent(views, temperature), rel=1e-9)


def test_nt_xent_by_hand():
    views = torch.eye(4, dtype=torch.float64)[:, None].repeat(1, 2, 1)  # partners equal, all others at right angles
    expected = -math.log(math.exp(2) / (math.exp(2) + 6))
    assert losses.nt_xent(views, 0.5).item() == pytest.approx(expected)
    assert losses.nt_xent(views[:1], 0.5).item() == pytest.approx(0)  # nobody else to be mistaken for
    assert losses.nt_xent(views.flip(0), 0.5).item() == pytest.approx(expected)
    mismatched = torch.stack([views[:, 0], views[:, 1].roll(1, 0)], dim=1)
    assert losses.nt_xent(mismatched, 0.5).item() == pytest.approx(-math.log(1 / (math.exp(2) + 6)))


def test_nt_xent_is_blind_to_length_and_to_the_order_of_the_views():
    views = random(4, 2, 6) - 0.5
    loss = losses.nt_xent(views, 0.5).item()
    assert losses.nt_xent(views * (random(4, 2, 1, seed=3) + 0.1), 0.5).item() == pytest.approx(loss)
    assert losses.nt_xent(views.flip(1), 0.5).item() == pytest.approx(loss)
    assert torch.autograd.gradcheck(lambda x: losses.nt_xent(x, 0.5), views.requires_grad_())


def four_blocks(views, temperature):
    """NT-Xent written otherwise: the similarities of first and second views in four blocks, as the paper of SimCLR has them."""
    a, b = (view / view.square().sum(dim=1, keepdim=True).sqrt() for view in views.unbind(1))
    own = 1e9 * torch.eye(len(a), dtype=a.dtype)  # a view is not compared with itself
    aa, bb, ab = a @ a.T / temperature - own, b @ b.T / temperature - own, a @ b.T / temperature
    partner = ab.diagonal()
    first = torch.cat([ab, aa], dim=1).logsumexp(dim=1) - partner
    second = torch.cat([ab.T, bb], dim=1).logsumexp(dim=1) - partner
    return (first.sum() + second.sum()) / (2 * len(a))


@pytest.mark.parametrize("temperature", [0.05, 0.5, 2.0])
def test_nt_xent_and_its_slope_are_those_of_the_four_blocks(temperature):
    views = (3 * random(6, 2, 8, seed=5) - 1).requires_grad_()  # not of unit length
    other = views.detach().clone().requires_grad_()
    loss, wanted = losses.nt_xent(views, temperature), four_blocks(other, temperature)
    loss.backward()
    wanted.backward()
    torch.testing.assert_close(loss, wanted, rtol=1e-12, atol=0)
    torch.testing.assert_close(views.grad, other.grad, rtol=1e-9, atol=1e-12)


def test_rotation_loss():
    logits = 3 * random(3, 4, 4)
    expected = -np.mean([math.log(math.exp(x[k]) / np.exp(x).sum()) for photo in logits.numpy() for k, x in enumerate(photo)])
    assert losses.rotation_loss(logits).item() == pytest.approx(expected)
    assert losses.rotation_loss(torch.zeros(2, 4, 4)).item() == pytest.approx(math.log(4))
    right = 50 * torch.eye(4)[None]
    assert losses.rotation_loss(right).item() < 1e-9
    assert losses.rotation_loss(right.roll(1, 1)).item() == pytest.approx(50)


def test_rotation_gradients_and_the_order_of_the_photos():
    logits = (3 * random(3, 4, 4, seed=2)).requires_grad_()
    assert torch.autograd.gradcheck(losses.rotation_loss, logits)
    assert losses.rotation_loss(logits[[2, 0, 1]]).item() == pytest.approx(losses.rotation_loss(logits).item(), rel=1e-12)
    shifted = logits + random(3, 4, 1, seed=3)  # a softmax is blind to it
    assert losses.rotation_loss(shifted).item() == pytest.approx(losses.rotation_loss(logits).item(), rel=1e-12)


def test_nt_xent_does_not_know_the_order_of_the_photos():
    views = random(5, 2, 6, seed=8) - 0.5
    assert losses.nt_xent(views[[4, 2, 0, 1, 3]], 0.5).item() == pytest.approx(losses.nt_xent(views, 0.5).item(), rel=1e-12)
