"""Style by the real darktable: against single renders of a second driver, and against the native engine.

What darktable 4.2.1 made of two synthetic pictures is kept in darktable.npz, so the native engine is compared with it where
there is no darktable, too. `python tests/distortions/test_darktable.py` makes that file anew.
"""

import os
import shutil
import struct
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aesthetic_pretraining.distortions import DISTORTIONS, darktable_values
from aesthetic_pretraining.distortions.darktable_values import EDITED_WIDTH
from aesthetic_pretraining.distortions.darktable_values import shadhi as shadhi_of
from aesthetic_pretraining.distortions.reference import darktable, darktable_cli, xmp
from aesthetic_pretraining.distortions.reference.darktable import style_steps, style_variants
from aesthetic_pretraining.errors import UserError

with_darktable = pytest.mark.skipif(shutil.which("darktable-cli") is None, reason="darktable-cli is not installed")
CORRECTED = ["shadows", "highlights", "vibrance"]  # where that table differs
POINTWISE = ["brightness", "contrast", "saturation", "exposure", "temperature", "tint", "vibrance"]

# ---- the second driver: one picture, the whole installation, PNG ----------------------------------------------------

XMP = """<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:darktable="http://darktable.sf.net/" darktable:xmp_version="3"
 darktable:raw_params="0" darktable:auto_presets_applied="1" darktable:history_end="1" darktable:iop_order_version="5">
<darktable:history><rdf:Seq><rdf:li darktable:num="0" darktable:operation="{module}" darktable:enabled="1"
 darktable:modversion="{version}" darktable:params="{parameters}" darktable:multi_name="" darktable:multi_priority="0"/>
</rdf:Seq></darktable:history></rdf:Description></rdf:RDF></x:xmpmeta>
"""


def colisa(contrast=0.0, brightness=0.0, saturation=0.0):
    return "colisa", 1, struct.pack("<3f", contrast, brightness, saturation)


def white_balance(gains):
    return "temperature", 3, struct.pack("<4f", *gains, 1.0)


def shadhi(shadows, highlights):  # order, radius, shadows, white point, highlights, reserved, compress, colour x 2, ...
    values = (0, 100.0, shadows, 0.0, highlights, 0.0, 50.0, 100.0, 50.0, 127, 1e-6, 0)
    return "shadhi", 5, struct.pack("<i8fIfi", *values)


MODULE = {
    "brightness": lambda v: colisa(brightness=v),
    "contrast": lambda v: colisa(contrast=v),
    "saturation": lambda v: colisa(saturation=v),
    "exposure": lambda v: ("exposure", 5, struct.pack("<i4f", 0, 0.0, v, 50.0, -4.0)),
    "shadows": lambda v: shadhi(v, 100),
    "highlights": lambda v: shadhi(50, v),
    "temperature": lambda v: white_balance(darktable_values.TEMPERATURE_GAINS[v]),
    "tint": lambda v: white_balance(darktable_values.TINT_GAINS[v]),
    "vibrance": lambda v: ("vibrance", 2, struct.pack("<f", v)),
}


def single(folder, picture, steps):
    """The picture alone under each (distortion, value): uint8 (n, h, w, 3)."""
    for name in ("in", "out", "config"):
        (folder / name).mkdir(parents=True)
    Image.fromarray(picture).save(folder / "in" / "photo.png")
    stems = ["photo"] + [f"photo_{k:02d}" for k in range(1, len(steps))]
    for stem, (name, value) in zip(stems, steps, strict=True):
        module, version, parameters = MODULE[name](value)
        text = XMP.format(module=module, version=version, parameters=parameters.hex())
        (folder / "in" / f"{stem}.png.xmp").write_text(text)
    places = [folder / "in", folder / "out", "--out-ext", "png", "--apply-custom-presets", "0"]
    core = ["--core", "--configdir", folder / "config", "--cachedir", folder / "config", "--disable-opencl"]
    subprocess.run(
        ["darktable-cli", *places, *core], check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    return np.stack([np.array(Image.open(folder / "out" / f"{stem}.png").convert("RGB")) for stem in stems])


# ---- the batch ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def photos(real_photos):
    return real_photos(64)[1:11]


@pytest.fixture(scope="module")
def published(photos):
    """With the radius as it stands in the released files, which the second driver has, too."""
    return list(style_variants(photos, edited_width=0))


@with_darktable
def test_the_batch_is_what_single_renders_are(tmp_path, photos, published):
    """Every distortion's outermost levels, to the last bit: mosaic, slim modules and TIFF change nothing."""
    levels = {name: (DISTORTIONS[name].levels[0], DISTORTIONS[name].levels[-1]) for name in MODULE}
    steps = [(name, DISTORTIONS[name].values[level]) for name in MODULE for level in levels[name]]
    places = [style_steps("published").index(darktable.Step(*step)) for step in steps]
    assert (published[1][places] == single(tmp_path, photos[1], steps)).all()


@with_darktable
def test_few_photos_together_are_the_same_as_many_also_without_a_home(photos, published, monkeypatch):
    monkeypatch.setattr(darktable, "CHUNK_PIXELS", 10_000)  # two photos fill a chunk each
    names = ["vibrance", "shadows"]
    places = [k for k, step in enumerate(style_steps("published")) if step.name in names]
    monkeypatch.setenv("HOME", "/proc/none")  # where darktable would stop
    darktable_cli._version.cache_clear()
    for made, expected in zip(style_variants(photos[3:5], only=names, edited_width=0), published[3:5], strict=True):
        assert (made == expected[places]).all()


# ---- the native engine ----------------------------------------------------------------------------------------------


def mean_bound(step, over_one_photo=False):
    """Levels. An eighth of a code (exposure -3) ends on a half every eighth time; which way it falls, darktable's rounding decides.

    Blue times 31.7 (2000 K) magnifies the rounding of 32-bit floats.
    """
    if step.value == 2000 or (step.name, step.value) == ("exposure", -3):
        return 0.06 if over_one_photo else 0.045
    return 0.06 if over_one_photo else 0.03


def check_parity(steps, references, natives):
    off = np.array(
        [
            [(np.abs(a.astype(int) - b).mean(), np.abs(a.astype(int) - b).max()) for a, b in zip(made, native, strict=True)]
            for made, native in zip(references, natives, strict=True)
        ]
    )
    for step, mean, worst, most in zip(steps, off[..., 0].mean(0), off[..., 0].max(0), off[..., 1].max(0), strict=True):
        assert most <= (4 if step.value == 2000 else 1), (step, most)
        assert mean <= mean_bound(step), (step, mean)
        assert worst <= mean_bound(step, over_one_photo=True), (step, worst)


@with_darktable
def test_native_on_real_photos(photos, published, native_styles):
    check_parity(style_steps("published"), published, [native_styles(photo, edited_width=0) for photo in photos])


@pytest.fixture(scope="module")
def corrected(photos):
    return list(style_variants(photos[3:5], "corrected", CORRECTED))


@with_darktable
def test_native_with_the_corrected_table(photos, corrected, native_styles):
    """Negative vibrance, the other field of shadows and highlights at 0, and their radius by the photo's width."""
    natives = [native_styles(photo, "corrected", CORRECTED) for photo in photos[3:5]]
    check_parity(style_steps("corrected", CORRECTED), corrected, natives)


@with_darktable
def test_native_with_the_radius_of_the_files_that_were_edited(photos, published, native_styles):
    """Fidelity row 36."""
    names = ["shadows", "highlights"]
    made = list(style_variants(photos[3:5], only=names))
    check_parity(style_steps("published", names), made, [native_styles(photo, only=names) for photo in photos[3:5]])
    places = [k for k, step in enumerate(style_steps("published")) if step.name in names]
    assert np.abs(made[0].astype(int) - published[3][places]).max() > 5


@with_darktable
def test_native_with_the_wide_radius(photos, native_styles):
    made = next(style_variants(photos[5:6], "corrected_wide", ["highlights"]))
    check_parity(
        style_steps("corrected_wide", ["highlights"]), [made], [native_styles(photos[5], "corrected_wide", ["highlights"])]
    )
    narrow = native_styles(photos[5], "corrected", ["highlights"])
    assert np.abs(made.astype(int) - narrow).max() > 5  # so that the radius is seen


@with_darktable
def test_corrected_values_ascend_in_lightness(corrected):
    """Shadows and highlights: what the corrected table is for."""
    for made in corrected:
        for name in ("shadows", "highlights"):
            means = [made[k].mean() for k, step in enumerate(style_steps("corrected", CORRECTED)) if step.name == name]
            assert all(darker <= lighter for darker, lighter in pairwise(means)), (name, means)


@with_darktable
def test_native_on_a_grid_of_all_colours(native_styles):
    steps = np.arange(0, 256, 15)
    grid = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(54, -1, 3).astype(np.uint8)
    for table, names in (("published", POINTWISE), ("corrected", ["vibrance"])):
        check_parity(style_steps(table, names), style_variants([grid], table, names), [native_styles(grid, table, names)])


# ---- what is kept of darktable 4.2.1 --------------------------------------------------------------------------------

KEPT = Path(__file__).with_name("darktable.npz")
RUNS = {  # name -> arguments of style_variants
    "published": ("published", None, 0),
    "edited": ("published", ("shadows", "highlights"), EDITED_WIDTH),
    "corrected": ("corrected", tuple(CORRECTED), EDITED_WIDTH),
    "corrected_wide": ("corrected_wide", ("shadows", "highlights"), EDITED_WIDTH),
}


def synthetic():
    """Colours of all kinds, and one half dark and one half light, because shadows and highlights look at surroundings."""
    y, x = np.mgrid[0:12, 0:18]
    colours = np.stack([(9 * x + 3 * y) % 256, (29 * y + 5 * x) % 256, (7 * x * y) % 256], axis=-1)
    halves = (np.where(x < 9, 25, 185) + 3 * y + x % 7)[..., None] + [0, 9, 18]
    return [colours.astype(np.uint8), halves.clip(0, 255).astype(np.uint8)]


def rendered():
    """{run and number of the picture: its variants} by the darktable of this machine."""
    return {f"{run}{k}": made for run, given in RUNS.items() for k, made in enumerate(style_variants(synthetic(), *given))}


@pytest.mark.parametrize("run", RUNS)
def test_native_against_what_is_kept(native_styles, run):
    table, only, width = RUNS[run]
    with np.load(KEPT) as kept:
        made = [kept[f"{run}{k}"] for k in range(2)]
    check_parity(style_steps(table, only), made, [native_styles(picture, table, only, width) for picture in synthetic()])


@with_darktable
def test_darktable_still_makes_what_is_kept():
    made = rendered()
    with np.load(KEPT) as kept:
        assert set(kept) == set(made)
        for name, variants in made.items():
            assert (variants == kept[name]).all(), name


def test_what_is_kept_differs_from_picture_to_picture_and_by_the_radius():
    with np.load(KEPT) as kept:
        for name, variants in kept.items():
            assert (variants != synthetic()[int(name[-1])]).any(axis=(1, 2, 3)).mean() > 0.9, name
        narrow, wide = ([kept[f"{run}{k}"] for k in range(2)] for run in ("edited", "published"))
        places = [k for k, step in enumerate(style_steps("published")) if step.name in ("shadows", "highlights")]
        assert max(np.abs(a.astype(int) - b[places]).max() for a, b in zip(narrow, wide, strict=True)) > 5


# ---- parameters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", style_steps("published"), ids=lambda step: f"{step.name}{step.value:g}")
def test_parameters_of_the_published_table(step):
    """The second driver has them from the released files."""
    name, version, parameters = MODULE[step.name](step.value)
    module = step.module(shadhi_of("published", 0), 336)
    assert (module.kind, module.fields) == (f"{name} {version}", parameters)


@pytest.mark.parametrize(
    ("table", "width", "radius", "other"),
    [("published", 336, 33.6, 100), ("corrected", 336, 6.72, 0), ("corrected_wide", 1000, 100, 0), ("corrected", 50, 1, 0)],
)
def test_radius_and_the_other_field(table, width, radius, other):
    fields = struct.unpack("<i8fIfi", xmp.module("shadows", -20, shadhi_of(table), width).fields)
    assert fields[1] == pytest.approx(radius) and fields[2] == -20 and fields[4] == other


@with_darktable
def test_the_corrected_no_op_is_one(photos):
    """Level 0 stands for it, so no table has it among its values."""
    none = tuple(darktable.Step(name, 0) for name in ("shadows", "highlights", "vibrance"))
    for made, photo in zip(darktable._render(photos[:2], none, shadhi_of("corrected")), photos[:2], strict=True):
        assert (made == photo).all()


@with_darktable
@pytest.mark.parametrize("name", ["tint", "shadows"])
def test_parameters_that_darktable_does_not_understand_are_noticed(photos, monkeypatch, name):
    """It exports the photo as it is, without an error."""
    monkeypatch.setattr(xmp, "_DOCUMENT", xmp._DOCUMENT.replace("</rdf:Seq>", "</rdf:Sec>"))
    with pytest.raises(UserError, match=f"left a photo unchanged for {name} .*install 4.2, or set distortions.engine: native"):
        next(style_variants(photos[:1], only=[name]))


if __name__ == "__main__":
    np.savez_compressed(KEPT, **rendered())
    print(KEPT, f"{KEPT.stat().st_size / 1000:.0f} kB", file=sys.stderr)
