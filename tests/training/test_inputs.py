"""What goes into a network: each image or its mirror image, in the order asked for."""

import torch
from small_finetuning import pixels

from aesthetic_pretraining.training.datasets import LabelledImages
from aesthetic_pretraining.training.distributed import Alone
from aesthetic_pretraining.training.inputs import epoch_inputs


def test_any_id_finds_its_picture_and_its_side(store_of):
    ids = ["a\x1f1", "b\x1f", "c"]
    store = store_of(ids, 32)
    sides = [True, False, True]
    images, parts = LabelledImages(store, ids, sides), [range(2), range(2, 3)]
    got = list(epoch_inputs(images, parts, None, Alone(torch.device("cpu")), 0))
    wanted = [pixels(store, i, side) for i, side in zip(ids, sides, strict=True)]
    assert [len(batch) for batch in got] == [2, 1]
    assert all(map(torch.equal, torch.cat(got), wanted))
