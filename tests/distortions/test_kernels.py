"""The fused kernels against the code of torch and OpenCV, which is their reference, on photos of every shape."""

import hashlib
import importlib.util
import os
import subprocess
import sys
from functools import cache

import numpy as np
import pytest

from aesthetic_pretraining.distortions import DISTORTIONS, TABLES, VARIANTS, indices
from aesthetic_pretraining.distortions.native import kernels, technical
from aesthetic_pretraining.distortions.native.render import base_photo, pictures_of, render, source_photo
from aesthetic_pretraining.distortions.variants import Variants
from aesthetic_pretraining.errors import UserError

SIZE = 64
FUSED = {name for name, d in DISTORTIONS.items() if d.aspect == "style"} | {"defocus_blur", "motion_blur", "rotation"}
pytestmark = pytest.mark.usefixtures("compiled_kernels")


@cache
def photo(which):
    """Stored photos, uint8 (H, W, 3): real ones, dark and light; tall, wide, tiny and with black bars; synthetic extremes."""
    from skimage.data import astronaut, chelsea, rocket

    rng = np.random.default_rng(0)
    made = {
        "cat": chelsea,
        "square": astronaut,
        "dark": lambda: rocket() // 4,
        "tall": lambda: astronaut()[:, 150:300],
        "wide": lambda: rocket()[200:280],
        "odd": lambda: chelsea()[:, :211],
        "tiny": lambda: chelsea()[100:107, 100:109],
        "letterboxed": lambda: np.pad(chelsea(), ((90, 90), (0, 0), (0, 0))),
        "noise": lambda: rng.integers(0, 256, (120, 97, 3), np.uint8),
        "white": lambda: np.full((70, 100, 3), 255, np.uint8),
        "black": lambda: np.zeros((100, 70, 3), np.uint8),
    }[which]()
    return source_photo(made, SIZE)


PHOTOS = ["cat", "square", "dark", "tall", "wide", "odd", "tiny", "letterboxed", "noise", "white", "black"]


@cache
def both(which, table):
    made = [render(photo(which), which, SIZE, 3, table=table, kernels=name) for name in ("torch", "numba")]
    return [pictures.permute(0, 2, 3, 1).numpy().astype(int) for pictures in made]


@pytest.mark.parametrize("which", PHOTOS)
@pytest.mark.parametrize("name", DISTORTIONS)
def test_every_level_is_the_references(which, name):
    """At most one level away, and all but a few of a thousand values equal; what has no kernel of its own is equal altogether."""
    reference, fused = (made[list(indices(name))] for made in both(which, "published"))
    off = np.abs(reference - fused)
    assert off.max() <= (1 if name in FUSED else 0)
    for level, mean in zip(DISTORTIONS[name].levels, off.mean((1, 2, 3)), strict=True):
        assert mean <= 0.01, (level, mean)


@pytest.mark.parametrize("which", PHOTOS)
def test_few_values_of_rotation_differ_and_none_of_the_anchors(which):
    off = np.abs(np.subtract(*both(which, "published")))
    assert (off[list(indices("rotation"))] > 0).mean() <= 1e-4
    assert off[[i for i, variant in enumerate(VARIANTS) if variant.distortion is None]].max() == 0


@pytest.mark.parametrize("table", TABLES[1:])
def test_the_other_tables(table):
    reference, fused = both("cat", table)
    off = np.abs(reference - fused)
    assert off.max() <= 1 and off.mean() <= 0.001


def test_on_a_grid_of_all_colours():
    steps = np.arange(0, 256, 9)
    grid = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(29, -1, 3).astype(np.uint8)
    made = [
        np.stack(
            [
                picture
                for distortion in DISTORTIONS.values()
                if distortion.aspect == "style"
                for picture in pictures_of(distortion, grid, grid, tones, "x", 0, distortion.values)
            ]
        ).astype(int)
        for tones in (kernels.prepare(grid, grid, "published", kernels=name) for name in kernels.KERNELS)
    ]
    off = np.abs(made[0] - made[1])
    assert off.max() <= 1 and off.mean() <= 0.002


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_defocus_is_the_sum_over_the_disk(severity):
    """A third implementation, in float64: the sum over the kernel's pixels, mirrored at the borders."""
    from scipy.ndimage import convolve

    base = base_photo(photo("cat"), SIZE)
    disk = technical.disk(*technical.DEFOCUS_RADIUS_SIGMA[severity - 1]).astype(float)
    exact = np.dstack([convolve(base[..., c].astype(float), disk, mode="mirror") for c in range(3)])
    tones = kernels.prepare(base, base, "published", kernels="numba")
    (made,) = tones.makers["defocus_blur"]([severity], iter([None]), [np.empty_like(base)])
    assert np.abs(made - (exact - 0.5)).max() <= 0.501  # truncated, not rounded


# ---- determinism ----------------------------------------------------------------------------------------------------

ELSEWHERE = """
import hashlib, sys
import numpy as np, torch
from aesthetic_pretraining.distortions.native.render import render
torch.set_num_threads(int(sys.argv[1]))
photo = (np.arange(96 * 130 * 3).reshape(96, 130, 3) * 7919 >> 3).astype(np.uint8)
made = render(photo, "x", 64, 0, kernels="numba")
print(hashlib.sha256(made.numpy().tobytes()).hexdigest())
"""


def test_the_same_bytes_again_and_in_other_processes_of_one_and_two_threads():
    photo = (np.arange(96 * 130 * 3).reshape(96, 130, 3) * 7919 >> 3).astype(np.uint8)
    here = {hashlib.sha256(render(photo, "x", 64, 0, kernels="numba").numpy().tobytes()).hexdigest() for _ in range(2)}
    there = {run(ELSEWHERE, threads) for threads in ("1", "2")}
    assert here == there and len(here) == 1


PLAIN = """
import hashlib, sys
import numpy as np
from aesthetic_pretraining.distortions.native.kernels import prepare
base = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
makers, made = prepare(base, base, "published", kernels="numba").makers, []
for name, values in (("brightness", (-1, 0.4)), ("temperature", (2000, 7000)), ("motion_blur", (5,)), ("defocus_blur", (4,))):
    rngs = (np.random.default_rng(k) for k in range(len(values)))
    made += list(makers[name](values, rngs, np.empty((len(values), *base.shape), np.uint8)))
print(hashlib.sha256(np.stack(made).tobytes()).hexdigest())
"""


def test_the_same_bytes_on_a_processor_without_wide_vectors_and_multiply_add():
    assert run(PLAIN) == run(PLAIN, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")


def run(code, *arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, env=os.environ | environment
    )
    return done.stdout.strip()


# ---- the choice -----------------------------------------------------------------------------------------------------


def test_numba_is_imported_only_where_it_is_asked_for():
    code = """
import sys
import numpy as np
from aesthetic_pretraining.distortions import shards, transforms, variants
from aesthetic_pretraining.distortions.native.render import render
render(np.zeros((48, 48, 3), np.uint8), "x", 32, 0)
print("numba" in sys.modules)
"""
    assert run(code) == "False"


def test_without_numba_one_sentence_says_what_to_do(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        UserError, match=r"distortions\.kernels is 'numba', but .* pip install .*fast.*set distortions\.kernels: torch"
    ):
        Variants(None, SIZE, "published", kernels="numba")
    with pytest.raises(UserError, match="numba is not installed"):
        render(photo("cat"), "x", SIZE, 0, kernels="numba")
    Variants(None, SIZE, "published")


def test_unknown_kernels_are_refused():
    with pytest.raises(ValueError, match="unknown kernels 'cuda'; known are torch, numba"):
        render(photo("cat"), "x", SIZE, 0, kernels="cuda")


def test_variants_of_a_store_and_of_a_random_view_are_made_by_the_same_kernels(store_of):
    from aesthetic_pretraining.distortions.variants import augmented

    store = store_of(["a"], SIZE)
    plain, fused = (Variants(store, SIZE, "published", kernels=name) for name in kernels.KERNELS)
    for a, b in ((plain, fused), (augmented(plain, "flip_crop", 3), augmented(fused, "flip_crop", 3))):
        off = (a.pictures("a", 0).int() - b.pictures("a", 0).int()).abs().flatten(1).amax(1)
        changed = {VARIANTS[i].distortion for i in off.nonzero()[:, 0].tolist()}
        assert changed and changed <= FUSED and off.max() == 1


def test_where_no_cache_can_be_written_kernels_are_compiled_all_the_same(monkeypatch, caplog):
    from aesthetic_pretraining.distortions.native.kernels import compiled

    def njit(cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(compiled, "njit", njit)
    assert compiled.compiled(len)("abc") == 3
    assert "set NUMBA_CACHE_DIR" in caplog.text
