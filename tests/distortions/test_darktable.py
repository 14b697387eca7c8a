"""The style distortions against the real darktable, with parameter files in the released ones' format."""

import os
import shutil
import struct
import subprocess

import numpy as np
import pytest
import torch
from PIL import Image

from aesthetic_pretraining.distortions import DISTORTIONS, fields, style

pytestmark = pytest.mark.skipif(shutil.which("darktable-cli") is None, reason="darktable-cli is not installed")

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
    "temperature": lambda v: white_balance(fields.TEMPERATURE_GAINS[v]),
    "tint": lambda v: white_balance(fields.TINT_GAINS[v]),
    "vibrance": lambda v: ("vibrance", 2, struct.pack("<f", v)),
}


def darktable(folder, picture, steps):
    """The picture under each (distortion, value), all in one run of the program: uint8 (n, h, w, 3)."""
    for name in ("in", "out", "config"):
        (folder / name).mkdir()
    Image.fromarray(picture).save(folder / "in" / "photo.png")
    stems = ["photo"] + [f"photo_{k:02d}" for k in range(1, len(steps))]
    for stem, (name, value) in zip(stems, steps, strict=True):
        module, version, parameters = MODULE[name](value)
        xmp = XMP.format(module=module, version=version, parameters=parameters.hex())
        (folder / "in" / f"{stem}.png.xmp").write_text(xmp)
    places = [folder / "in", folder / "out", "--out-ext", "png", "--apply-custom-presets", "0"]
    core = ["--core", "--configdir", folder / "config", "--cachedir", folder / "config", "--disable-opencl"]
    # More threads spin while they wait, and take longer.
    subprocess.run(
        ["darktable-cli", *places, *core], check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    return np.stack([np.array(Image.open(folder / "out" / f"{stem}.png").convert("RGB")) for stem in stems])


def ours(picture, steps):
    photo = style.Photo(torch.from_numpy(picture).permute(2, 0, 1).contiguous())
    pictures = torch.cat([getattr(style, name)(photo, (value,)) for name, value in steps])
    return pictures.permute(0, 2, 3, 1).numpy()


def ends(name):
    return DISTORTIONS[name].levels[0], DISTORTIONS[name].levels[-1]


def test_as_darktable_does(tmp_path):
    """The outermost level of every distortion on either side."""
    from skimage.data import astronaut

    steps = [(name, DISTORTIONS[name].values[level]) for name in MODULE for level in ends(name)]
    picture = np.ascontiguousarray(astronaut()[:96, 170:290])
    difference = np.abs(ours(picture, steps).astype(int) - darktable(tmp_path, picture, steps))
    for (name, value), off in zip(steps, difference, strict=True):
        assert off.max() <= (4 if value == 2000 else 1), (name, value, off.max())
        assert off.mean() < 0.05, (name, value, off.mean())
