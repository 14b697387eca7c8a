"""What each pretext task shows the network, and that its loss teaches every head."""

import dataclasses
import math
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from aesthetic_pretraining.config.training import Ablation, Task
from aesthetic_pretraining.distortions import VARIANTS
from aesthetic_pretraining.distortions.variants import Variants
from aesthetic_pretraining.initialisations import BETWEEN_PHOTOS, LABELS
from aesthetic_pretraining.models.network import Network
from aesthetic_pretraining.training import losses
from aesthetic_pretraining.training.pretext import TASKS, TaskConfig

SIZE = 32
CONFIG = TaskConfig(margin=0.2, balance_temperature=50, simclr_temperature=0.5, simclr_projection=64)
HEADS = {
    "ranking": {"rank": 1},
    "ranking_classification": {"rank": 1, "technical": 6, "style": 9, "composition": 6},
    "ranking_regression": {"rank": 1, "intensity": 21},
    "rotnet": {"rotation": 4},
    "simclr": {"projection": 64},
    "ranking_across_photos": {"rank": 1},
    "ranking_consistency": {"rank": 1},
    "ranking_aspects": {"rank": 3},
    "ranking_margin_04": {"rank": 1},
    "ranking_margin_06": {"rank": 1},
}
PICTURES = dict.fromkeys(HEADS, 174) | {"rotnet": 4, "simclr": 2}


class One(Variants):
    """Stands for a store with one photo in it."""

    def __init__(self, photo):
        super().__init__(None, SIZE, "published")
        self.pixels = photo

    def photo(self, photo_id):
        return self.pixels


class Small(nn.Module):
    """Stands for a backbone: a few numbers per picture."""

    width = 12

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3 * 16, self.width)

    def forward(self, pictures):
        return self.layer(nn.functional.adaptive_avg_pool2d(pictures.float() / 255, 4).flatten(1)).tanh()


@pytest.fixture(scope="module")
def pictures(photos):
    """{task: its pictures of two photos}."""
    kinds = {
        "ranking": torch.stack(
            [TASKS["ranking"](CONFIG).pictures(One(photo), name, 1) for name, photo in list(photos.items())[:2]]
        ),
    }
    for name in ("rotnet", "simclr"):
        kinds[name] = torch.stack([TASKS[name](CONFIG).pictures(One(photo), key, 1) for key, photo in list(photos.items())[:2]])
    return {name: kinds.get(name, kinds["ranking"]) for name in TASKS}


def test_heads():
    assert {name: dict(task(CONFIG).heads) for name, task in TASKS.items()} == HEADS
    assert (
        [name for name, task in TASKS.items() if task(CONFIG).hidden]
        == ["simclr"]
        == [name for name in TASKS if TASKS[name].hidden]
    )
    assert {name for name, task in TASKS.items() if task.contrast} == {"rotnet", "simclr"}


@pytest.mark.parametrize("name", TASKS)
def test_pictures(name, photos, pictures):
    task = TASKS[name](CONFIG)
    got = task.pictures(One(photos["square"]), "square", 3)
    assert got.shape == (PICTURES[name], 3, SIZE, SIZE)
    assert got.dtype == torch.uint8
    assert torch.equal(got, task.pictures(One(photos["square"]), "square", 3))
    assert len(VARIANTS) == PICTURES["ranking"]
    assert task.views == PICTURES[name]


@pytest.mark.parametrize("name", [name for name in TASKS if PICTURES[name] == 174])
def test_a_photo_of_another_size_is_an_error(name, photos):
    with pytest.raises(ValueError, match="square: need uint8"):
        TASKS[name](CONFIG).pictures(One(photos["square"][:40]), "square", 3)


@pytest.mark.parametrize("name", ["wide", "folder/tall"])
def test_rotnet_shows_exact_quarter_turns_of_a_square_of_the_photo(name, photos):
    got = TASKS["rotnet"](CONFIG).pictures(One(photos[name]), name, 3).permute(0, 2, 3, 1).numpy()
    for k in range(4):
        np.testing.assert_array_equal(got[k], np.rot90(got[0], k))
        assert k == 0 or (got[k] != got[0]).any()
    image, found = Image.fromarray(photos[name]), []
    for side in range(SIZE, min(image.size) + 1):  # every square that it might be, by Pillow
        for top in range(image.height - side + 1):
            for left in range(image.width - side + 1):
                square = image.crop((left, top, left + side, top + side)).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
                found.append(np.abs(np.asarray(square).astype(int) - got[0]).max())
    assert min(found) <= 2  # Pillow rounds twice
    assert np.sort(found)[1] > 4  # and it is no other


def test_rotnet_sees_another_square_in_each_epoch_and_all_of_the_photo_in_time():
    rows, columns = np.mgrid[:48, :72]
    photo = np.dstack([rows * 5, columns * 3, 0 * rows]).astype(np.uint8)  # tells where a pixel comes from
    corners = []
    for seed in range(200):
        square = TASKS["rotnet"](CONFIG).pictures(One(photo), "a", seed)[0].numpy()
        corners.append((square[0, 0, 0] / 5, square[1, 0, 0] / 3, square[0, -1, 0] / 5, square[1, 0, -1] / 3))
    top, left, bottom, right = np.array(corners).T
    assert top.min() < 1 and left.min() < 1 and bottom.max() > 46 and right.max() > 70
    sides = np.rint((bottom - top) * SIZE / (SIZE - 1))  # from middle to middle of the outermost pixels
    assert sides.min() == SIZE and sides.max() >= 47
    assert len({tuple(c) for c in corners}) > 150


@pytest.mark.parametrize("shape", [(48, 96), (96, 48)])
def test_simclr_has_no_black_bars_that_two_views_of_a_photo_share(shape):
    """Of an even photo a view is even, too, whatever is cut out of it, and never black."""
    for seed in range(30):
        views = TASKS["simclr"](CONFIG).pictures(One(np.full((*shape, 3), 128, np.uint8)), "grey", seed)
        for view in views:
            assert view.flatten(1).float().std(dim=1).max() < 1 and view.max() > 10


@pytest.mark.parametrize("shape", [(48, 96), (96, 48), (48, 49)])
def test_rotnet_has_no_black_bars_that_would_tell_the_turn(shape):
    white = np.full((*shape, 3), 255, np.uint8)
    assert TASKS["rotnet"](CONFIG).pictures(One(white), "white", 3).min() == 255
    assert TASKS["ranking"](CONFIG).pictures(One(white), "white", 3)[0].min() == 0 or shape == (48, 49)


def test_simclr_views_depend_on_the_photo_and_the_seed_alone(photos):
    task, photo = TASKS["simclr"](CONFIG), photos["wide"]
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = task.pictures(One(photo), "wide", 3)
    assert torch.equal(torch.get_rng_state(), before)
    task.pictures(One(photo), "other", 3)
    torch.manual_seed(2)
    assert torch.equal(task.pictures(One(photo), "wide", 3), first)
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(task.pictures(One(photo), "wide", 4), first)
    assert not torch.equal(task.pictures(One(photo), "other", 3), first)


@pytest.mark.parametrize("name", TASKS)
def test_losses_reach_every_head(name, pictures):
    torch.manual_seed(0)
    task = TASKS[name](CONFIG)
    network = Network(Small(), task.heads, task.hidden)
    batch = pictures[name]
    loss = task.loss({head: out.unflatten(0, batch.shape[:2]) for head, out in network(batch.flatten(0, 1)).items()})
    assert loss.shape == ()
    assert loss.isfinite()
    loss.backward()
    for weight, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all() and (parameter.grad != 0).any(), weight


def test_combined_losses_are_sums_of_exponentials():
    rng = torch.Generator().manual_seed(4)
    draw = lambda n: torch.randn(2, 174, n, generator=rng, dtype=torch.float64)  # noqa: E731
    outputs = {"rank": draw(1), "technical": draw(6), "style": draw(9), "composition": draw(6), "intensity": draw(21)}
    rank = losses.ranking_loss(1 / (1 + torch.exp(-outputs["rank"][:, :, 0])), 0.2).item()
    assert TASKS["ranking"](CONFIG).loss(outputs).item() == pytest.approx(rank)
    second = {
        "ranking_classification": losses.classification_loss(outputs).item(),
        "ranking_regression": losses.regression_loss(outputs["intensity"]).item(),
    }
    for name, other in second.items():
        assert TASKS[name](CONFIG).loss(outputs).item() == pytest.approx(np.exp(rank / 50) + np.exp(other / 50))


@pytest.mark.parametrize("name", ["ranking", "ranking_across_photos", "ranking_aspects", "ranking_margin_04"])
def test_ranking_alone_can_be_balanced_as_in_the_released_code(name):
    """Fidelity row 29: exp(L / 50); combined tasks have it anyway and change nothing."""
    rng = torch.Generator().manual_seed(4)
    outputs = {"rank": torch.randn(2, 174, 3 if name == "ranking_aspects" else 1, generator=rng, dtype=torch.float64)}
    released = dataclasses.replace(CONFIG, balance_ranking_alone=True)
    plain = TASKS[name](CONFIG).loss(outputs).item()
    assert TASKS[name](released).loss(outputs).item() == pytest.approx(math.exp(plain / 50))
    outputs["intensity"] = torch.randn(2, 174, 21, generator=rng, dtype=torch.float64)
    if name == "ranking":
        combined = [TASKS["ranking_regression"](config).loss(outputs).item() for config in (CONFIG, released)]
        assert combined[0] == combined[1]


def test_ablations_take_their_own_losses():
    rng = torch.Generator().manual_seed(4)
    one, three = (torch.randn(2, 174, n, generator=rng, dtype=torch.float64) for n in (1, 3))
    score = 1 / (1 + torch.exp(-one[..., 0]))
    loss = {name: TASKS[name](CONFIG).loss({"rank": three if name == "ranking_aspects" else one}).item() for name in HEADS if HEADS[name].keys() == {"rank"}}  # fmt: skip
    assert loss == {
        "ranking": losses.ranking_loss(score, 0.2).item(),
        "ranking_across_photos": losses.ranking_loss_across_photos(score, 0.2).item(),
        "ranking_consistency": pytest.approx(
            math.exp(losses.ranking_loss(score, 0.2).item() / 50) + math.exp(losses.consistency_loss(score).item() / 50)
        ),
        "ranking_aspects": losses.aspect_ranking_loss(1 / (1 + torch.exp(-three)), 0.2).item(),
        "ranking_margin_04": losses.ranking_loss(score, 0.4).item(),
        "ranking_margin_06": losses.ranking_loss(score, 0.6).item(),
    }


def test_ablations_are_what_the_parameters_and_the_table_know():
    names = [*get_args(Task), *get_args(Ablation)]
    assert names == list(TASKS)
    assert set(names) | {"imagenet"} == set(LABELS)
    assert set(BETWEEN_PHOTOS) < set(get_args(Ablation))


def test_simclr_and_rotnet_take_their_own_losses():
    rng = torch.Generator().manual_seed(4)
    views, turns = torch.randn(3, 2, 64, generator=rng), torch.randn(3, 4, 4, generator=rng)
    assert TASKS["simclr"](CONFIG).loss({"projection": views}).item() == losses.nt_xent(views, 0.5).item()
    assert TASKS["rotnet"](CONFIG).loss({"rotation": turns}).item() == losses.rotation_loss(turns).item()
