"""The device engine on the CPU against the native one: within the bounds of docs/distortions.md, on photos of every shape."""

import dataclasses
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from aesthetic_pretraining.distortions import DISTORTIONS, TABLES, VARIANTS, indices, rows
from aesthetic_pretraining.distortions.batched.geometry import Recipe
from aesthetic_pretraining.distortions.batched.parcel import Parcels, pack
from aesthetic_pretraining.distortions.batched.render import exact_products, render, render_photo
from aesthetic_pretraining.distortions.darktable_values import EDITED_WIDTH
from aesthetic_pretraining.distortions.native.render import render as render_native
from aesthetic_pretraining.distortions.native.render import source_photo

SIZE = 64
NOISES = ("gaussian_noise", "impulse_noise")
SHAPES = {
    "wide": np.s_[:, :],
    "tall": np.s_[:, 120:290],
    "square": np.s_[:300, 100:400],
    "odd": np.s_[:299, 40:441],
    "panorama": np.s_[100:195, :],
    "pillar": np.s_[:, 200:290],
    "tiny": np.s_[100:105, 200:203],
}
EXTREMES = {
    "black": lambda: np.zeros((100, 70, 3), np.uint8),
    "white": lambda: np.full((70, 100, 3), 255, np.uint8),
    "noise": lambda: np.random.default_rng(0).integers(0, 256, (120, 97, 3), np.uint8),
}
PHOTOS = (*SHAPES, *EXTREMES, "letterboxed")
CASES = [*product(PHOTOS, TABLES, [EDITED_WIDTH]), *product(["wide", "pillar", "noise"], ["published"], [0])]


def bounds() -> Iterator[tuple[str, float, int]]:
    """(distortion, largest share of values that differ, largest difference) of the table in the docs; bit-equal ones are not in it."""
    page = (Path(__file__).parents[2] / "docs/distortions.md").read_text()
    table = page[page.index("<!-- device-bounds:begin -->") : page.index("<!-- device-bounds:end -->")]
    for name, share, most in re.findall(r"^\| `(\w+)` \| ([\d.]+) % \| (\d+) \|", table, re.M):
        yield name, float(share) / 100, int(most)


BOUNDS = {name: (share, most) for name, share, most in bounds()}


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Two would wait for each other for longer than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def photo():
    from skimage.data import chelsea

    def of(shape="wide"):
        if shape in EXTREMES:
            return source_photo(EXTREMES[shape](), SIZE)
        if shape == "letterboxed":
            return source_photo(np.pad(chelsea(), ((90, 90), (0, 0), (0, 0))), SIZE)
        return source_photo(np.ascontiguousarray(chelsea()[SHAPES[shape]]), SIZE)

    return of


@pytest.fixture(scope="module")
def pictures(photo):
    return render_photo(photo(), "cat", SIZE, 0)


def test_the_bounds_name_distortions():
    assert BOUNDS and set(BOUNDS) < set(DISTORTIONS)


@pytest.mark.parametrize(("shape", "table", "edited_width"), CASES)
def test_every_distortion_is_the_native_ones(photo, shape, table, edited_width):
    options = {"table": table, "edited_width": edited_width}
    made, expected = (engine(photo(shape), "cat", SIZE, 3, **options) for engine in (render_photo, render_native))
    assert made.shape == expected.shape and made.dtype == torch.uint8
    assert made.stride() == expected.stride()  # channels_last
    off = (made.int() - expected.int()).abs()
    for name in (None, *DISTORTIONS):
        own = off[[i for i, variant in enumerate(VARIANTS) if variant.distortion == name]]
        if name not in NOISES:
            share, most = BOUNDS.get(name, (0, 0))
            assert (own > 0).float().mean() <= share and own.max() <= most, name


def test_noises_are_the_native_ones_in_distribution():
    """Of a grey photo, far from black and white but for the strongest: the shares of all levels, within what chance allows."""
    grey = np.full((96, 96, 3), 120, np.uint8)
    made, expected = (engine(grey, "grey", SIZE, 0, only=NOISES).double() for engine in (render_photo, render_native))
    for k in range(3, 13):
        ours, theirs = (torch.histc(one[k], 256, 0, 255).cumsum(0) / one[k].numel() for one in (made, expected))
        assert (ours - theirs).abs().max() < 0.025  # Kolmogorov and Smirnov's 1e-6 for two samples of 12,288 is 0.035
        assert (made[k].mean() - expected[k].mean()).abs() < 2.5
        assert made[k].std() == pytest.approx(expected[k].std().item(), rel=0.15)  # the weakest impulses are 369 +- 19
        assert (made[k] != expected[k]).float().mean() > 0.05
    assert len({one.flatten().sum().item() for one in made[3:]}) == 10  # each level draws its own


def test_impulses_are_as_many_as_native_and_gaussian_steps_grow(pictures, photo):
    grey = render_photo(np.full((96, 96, 3), 120, np.uint8), "grey", SIZE, 0, only=NOISES)
    impulses = grey[8:].flatten(1)
    assert [(one != 120).float().mean().item() for one in impulses] == pytest.approx([0.03, 0.06, 0.09, 0.17, 0.27], abs=0.015)
    assert set(impulses.unique().tolist()) == {0, 120, 255}
    assert grey[3:6].double().flatten(1).std(1).tolist() == pytest.approx([0.08 * 255, 0.12 * 255, 0.18 * 255], rel=0.05)


@pytest.mark.parametrize(
    "only", [["tint"], ["image_ratio", "gaussian_noise"], ["motion_blur", "shadows"], ["jpeg_compression"], []]
)
def test_only_gives_the_same_pixels(photo, pictures, only):
    assert torch.equal(render_photo(photo(), "cat", SIZE, 0, only=only), pictures[list(rows(only))])


def test_a_batch_of_many_shapes_is_each_photo_alone(photo, pictures):
    recipe = Recipe(SIZE)
    shapes = ["tall", "wide", "square"]
    made = render(Parcels.of([pack(photo(shape), "cat", 0, recipe) for shape in shapes]))
    assert made.shape == (3, 174, 3, SIZE, SIZE)
    assert torch.equal(made[1], pictures)
    assert torch.equal(made[0], render_photo(photo("tall"), "cat", SIZE, 0))


@pytest.mark.parametrize(("photo_id", "seed"), [("cat", 1), ("dog", 0)])
def test_seed_and_name_change_noise_and_motion_only(photo, pictures, photo_id, seed):
    np.random.seed(1)
    torch.manual_seed(1)
    assert torch.equal(render_photo(photo(), "cat", SIZE, 0), pictures)
    other = render_photo(photo(), photo_id, SIZE, seed)
    assert {VARIANTS[i].distortion for i in range(174) if (other[i] != pictures[i]).any()} == {"motion_blur", *NOISES}
    assert all((other[i] != pictures[i]).any() for name in NOISES for i in indices(name))


def test_ones_own_distortion_is_made_by_the_loader(photo, monkeypatch):
    def upside_down(photo, base, value, rng):
        assert photo.shape[0] > base.shape[0] and 0 <= rng.random() < 1
        return np.ascontiguousarray(base[::-1])

    monkeypatch.setitem(DISTORTIONS, "tint", dataclasses.replace(DISTORTIONS["tint"], make=upside_down))
    only = ["tint", "gaussian_noise", "jpeg_compression"]
    made, expected = (engine(photo(), "cat", SIZE, 0, only=only) for engine in (render_photo, render_native))
    assert pack(photo(), "cat", 0, Recipe(SIZE, only=tuple(only))).made.shape == (15, 3, SIZE, SIZE)
    kept = [k for k, i in enumerate(rows(only)) if VARIANTS[i].distortion != "gaussian_noise"]
    assert torch.equal(made[kept], expected[kept])


def test_a_parcel_is_a_twentieth_of_the_pictures(photo):
    parcel = pack(photo(), "cat", 0, Recipe(SIZE))
    assert parcel.nbytes < 174 * 3 * SIZE**2 / 20


def test_wrong_photo_table_and_distortion_are_refused(photo):
    with pytest.raises(ValueError, match="cat: need uint8"):
        render_photo(photo()[:90], "cat", SIZE, 0)
    with pytest.raises(KeyError):
        render_photo(photo(), "cat", SIZE, 0, only=["sepia"])
    with pytest.raises(ValueError, match="unknown table of distortions 'raw'"):
        render_photo(photo(), "cat", SIZE, 0, table="raw")
    with pytest.raises(ValueError, match="one recipe"):
        Parcels.of([pack(photo(), "cat", 0, Recipe(SIZE, only=only)) for only in (None, ())])


def test_products_are_exact_whatever_training_allows():
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("high")
        with exact_products():
            assert torch.get_float32_matmul_precision() == "highest"
            assert not torch.backends.cudnn.enabled
        assert torch.get_float32_matmul_precision() == "high"
        assert torch.backends.cudnn.enabled
    finally:
        torch.set_float32_matmul_precision(before)
