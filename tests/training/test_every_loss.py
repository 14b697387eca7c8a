"""What holds for every loss: batches, orders, slopes."""

import numpy as np
import pytest
import torch
from ladders import BETWEEN_PHOTOS, LOSSES, random


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
