"""The registry against the paper's Table 1, counted by hand."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from aesthetic_pretraining import distortions
from aesthetic_pretraining.distortions import (
    ANCHORS,
    ASPECTS,
    DISTORTIONS,
    VARIANTS,
    Distortion,
    Variant,
    anchor_index,
    indices,
    norm,
)
from aesthetic_pretraining.distortions.native import composition, style, technical

TABLE_1 = """JPEG compression 0 5, Defocus blur 0 5, Motion blur 0 5, Pixelate 0 5, Gaussian noise 0 5,
Impulse noise 0 5,
Brightness -5 5, Contrast -5 5, Saturation -5 5, Exposure -5 5, Shadows -5 3, Highlights -3 5, Temperature -4 5,
Tint -5 5, Vibrance -2 4, Rotation -5 5, Horizontal crop -5 5, Vertical crop -5 5, Left Diagonal crop -5 5,
Right Diagonal crop -5 5, Image Ratio -5 5"""


def test_order_and_levels_are_those_of_table_1():
    rows = [re.fullmatch(r"(.+) (-?\d) (\d)", row.strip()).groups() for row in TABLE_1.split(",")]
    expected = {
        name.lower().replace(" ", "_"): tuple(level for level in range(int(low), int(high) + 1) if level)
        for name, low, high in rows
    }
    assert {name: d.levels for name, d in DISTORTIONS.items()} == expected
    assert list(DISTORTIONS) == list(expected)


def test_counts():
    count = Counter(DISTORTIONS[v.distortion].aspect for v in VARIANTS if v.distortion)
    assert count == {"technical": 6 * 5, "style": 6 * 10 - 10 + 8 + 8 + 9 + 6, "composition": 6 * 10}
    assert sum(count.values()) == 171 and len(VARIANTS) == 174 and len(set(VARIANTS)) == 174


def test_each_distortion_has_its_function():
    modules = dict(zip(ASPECTS, (technical, style, composition), strict=True))
    assert all(callable(getattr(modules[d.aspect], name)) for name, d in DISTORTIONS.items())


# what names say here is which code makes which distortion; a distortion of one's own does not have to be added
BY_NAME = ("batched/composition.py", "batched/geometry.py", "batched/style.py", "native/kernels/photo.py")


def test_no_second_list_of_names():
    folder = Path(distortions.__file__).parent
    for path in folder.rglob("*.py"):
        texts = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
        named = [name for name in DISTORTIONS if name in texts and name not in ANCHORS]  # an example in a docstring is no list
        assert not named or path.relative_to(folder).as_posix() in ("registry.py", *BY_NAME), (path.name, named)


def test_variants_start_with_the_anchors():
    assert VARIANTS[:3] == (Variant(None, 0, "original"), Variant(None, 0, "crop"), Variant(None, 0, "rotation"))
    assert VARIANTS[3] == Variant("jpeg_compression", 1, "original")
    assert VARIANTS[-1] == Variant("image_ratio", 5, "original")


def test_indices_cover_everything_once():
    assert [i for name in DISTORTIONS for i in indices(name)] == list(range(3, 174))
    for name, distortion in DISTORTIONS.items():
        assert tuple(VARIANTS[i].level for i in indices(name)) == distortion.levels
        assert VARIANTS[anchor_index(name)].anchor == distortion.anchor
    with pytest.raises(KeyError):
        indices("sepia")


@pytest.mark.parametrize(
    ("name", "anchor"),
    [("brightness", 0), ("image_ratio", 0), ("jpeg_compression", 0), ("left_diagonal_crop", 1), ("rotation", 2)],
)
def test_anchor_index(name, anchor):
    assert anchor_index(name) == anchor


@pytest.mark.parametrize(
    ("name", "level", "expected"),
    [
        ("brightness", -5, -1.0),
        ("brightness", 2, 0.4),
        ("brightness", 0, 0.0),
        ("jpeg_compression", 1, 0.2),
        ("shadows", -5, -1.0),
        ("shadows", 1, 1 / 3),
        ("temperature", -1, -0.25),
        ("vibrance", -1, -0.5),
        ("vibrance", 3, 0.75),
    ],
)
def test_norm_by_hand(name, level, expected):
    assert norm(name, level) == pytest.approx(expected)


def test_norm_refuses_a_level_that_is_not_there():
    with pytest.raises(ValueError, match="vibrance has no level 5"):
        norm("vibrance", 5)


@pytest.mark.parametrize("broken", [{1: 1, 0: 0}, {2: 1, 1: 1}])
def test_levels_ascend_without_zero(broken):
    with pytest.raises(ValueError, match="ascend"):
        Distortion("x", "style", broken)


def test_aspect_is_known():
    with pytest.raises(ValueError, match="aspect"):
        Distortion("x", "mood", {1: 1})
