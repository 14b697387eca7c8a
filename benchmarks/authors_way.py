"""darktable as the authors run it, for the benchmark of the distortions: a sidecar file per edit, one program per picture."""

import struct
import subprocess
from pathlib import Path

from aesthetic_pretraining.distortions import fields

XMP = """<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:darktable="http://darktable.sf.net/" darktable:xmp_version="3"
 darktable:raw_params="0" darktable:auto_presets_applied="1" darktable:history_end="1" darktable:iop_order_version="5">
<darktable:history><rdf:Seq><rdf:li darktable:num="0" darktable:operation="{module}" darktable:enabled="1"
 darktable:modversion="{version}" darktable:params="{parameters}" darktable:multi_name="" darktable:multi_priority="0"/>
</rdf:Seq></darktable:history></rdf:Description></rdf:RDF></x:xmpmeta>
"""


def module(name: str, value: float) -> tuple[str, int, bytes]:
    """darktable's module, its version and its packed parameters for one style picture of the published table."""
    beside = fields.SHADHI["published"]

    def shadhi(shadows: float, highlights: float) -> bytes:
        return struct.pack("<i8fIfi", 0, beside.radius, shadows, 0, highlights, 0, 50, 100, 50, 127, 1e-6, 0)

    match name:
        case "contrast" | "brightness" | "saturation":
            fill = (value if name == field else 0.0 for field in ("contrast", "brightness", "saturation"))
            return "colisa", 1, struct.pack("<3f", *fill)
        case "exposure":
            return "exposure", 5, struct.pack("<i4f", 0, 0, value, 50, -4)
        case "shadows":
            return "shadhi", 5, shadhi(value, beside.highlights_beside_shadows)
        case "highlights":
            return "shadhi", 5, shadhi(beside.shadows_beside_highlights, value)
        case "temperature":
            return "temperature", 3, struct.pack("<4f", *fields.TEMPERATURE_GAINS[value], 1)
        case "tint":
            return "temperature", 3, struct.pack("<4f", *fields.TINT_GAINS[value], 1)
        case "vibrance":
            return "vibrance", 2, struct.pack("<f", value)
    raise ValueError(f"{name} is no style distortion")


def write_xmp(path: Path, name: str, value: float) -> None:
    operation, version, parameters = module(name, value)
    path.write_text(XMP.format(module=operation, version=version, parameters=parameters.hex()))


def darktable(*places: object, config: Path) -> None:
    """Run darktable-cli once."""
    core = ["--core", "--configdir", config, "--cachedir", config, "--disable-opencl"]
    command = ["darktable-cli", *places, "--apply-custom-presets", "0", *core]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
