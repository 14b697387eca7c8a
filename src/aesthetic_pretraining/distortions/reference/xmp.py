"""darktable's parameter files (XMP): one module with the values of one variant.

Format and module versions are those of the released parameter files; darktable upgrades old ones itself.

Every distortion's function takes
    value: as in the registry
    shadhi: the fields of shadows and highlights in the distortion table
    width: of the photo, in pixels
and returns the `Module` with its parameters.
"""

import struct
from dataclasses import dataclass

from aesthetic_pretraining.distortions.darktable_values import TEMPERATURE_GAINS, TINT_GAINS, Shadhi

# Do not modernise: with these two versions, exposure and white balance run before the input profile and so multiply gamma-encoded
# values. In today's module order for JPEG, the same parameters act on linear light, with entirely different results.
_DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:darktable="http://darktable.sf.net/" darktable:xmp_version="3"
    darktable:raw_params="0" darktable:auto_presets_applied="1" darktable:history_end="1" darktable:iop_order_version="5">
   <darktable:history>
    <rdf:Seq>
     <rdf:li darktable:num="0" darktable:operation="{module}" darktable:enabled="1" darktable:modversion="{version}"
       darktable:params="{parameters}" darktable:multi_name="" darktable:multi_priority="0"/>
    </rdf:Seq>
   </darktable:history>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""


@dataclass(frozen=True)
class Module:
    """One module of darktable with its parameters.

    kind: darktable's name for it, a blank, and the version of the parameters' layout
    fields: the packed parameters
    idle: whether it should return the photo unchanged
    """

    kind: str
    fields: bytes
    idle: bool

    @property
    def pointwise(self) -> bool:
        """Whether each output pixel depends on one input pixel only."""
        return not self.kind.startswith("shadhi ")


def module(name: str, value: float, shadhi: Shadhi, width: int) -> Module:
    """The module of the style distortion `name` at a value, for a photo of this width and the fields `darktable_values.shadhi`.

    Raises: KeyError for another name, or for a temperature or tint without known gains.
    """
    return _STYLE[name](value, shadhi, width)


def document(module: Module) -> str:
    """The text of the file."""
    name, version = module.kind.split()
    return _DOCUMENT.format(module=name, version=version, parameters=module.fields.hex())


def brightness(value: float, shadhi: Shadhi, width: int) -> Module:
    return Module("colisa 1", struct.pack("<3f", 0, value, 0), value == 0)


def contrast(value: float, shadhi: Shadhi, width: int) -> Module:
    return Module("colisa 1", struct.pack("<3f", value, 0, 0), value == 0)


def saturation(value: float, shadhi: Shadhi, width: int) -> Module:
    return Module("colisa 1", struct.pack("<3f", 0, 0, value), value == 0)


def exposure(value: float, shadhi: Shadhi, width: int) -> Module:
    # mode (manual), black, EV, two fields of the automatic mode
    return Module("exposure 5", struct.pack("<i4f", 0, 0, value, 50, -4), value == 0)


def vibrance(value: float, shadhi: Shadhi, width: int) -> Module:
    return Module("vibrance 2", struct.pack("<f", value), value == 0)


def temperature(value: float, shadhi: Shadhi, width: int) -> Module:
    return _white_balance(TEMPERATURE_GAINS[value], value == 6500)


def tint(value: float, shadhi: Shadhi, width: int) -> Module:
    return _white_balance(TINT_GAINS[value], value == 1)


def shadows(value: float, shadhi: Shadhi, width: int) -> Module:
    return _shadhi(value, shadhi.highlights_beside_shadows, shadhi.sigma(width))


def highlights(value: float, shadhi: Shadhi, width: int) -> Module:
    return _shadhi(shadhi.shadows_beside_highlights, value, shadhi.sigma(width))


_STYLE = {
    function.__name__: function
    for function in (brightness, contrast, saturation, exposure, vibrance, temperature, tint, shadows, highlights)
}


def _white_balance(gains: tuple[float, float, float], idle: bool) -> Module:
    return Module("temperature 3", struct.pack("<4f", *gains, 1), idle)  # the fourth gain is for a second green channel


def _shadhi(shadows: float, highlights: float, radius: float) -> Module:
    # blur (0: Gaussian), radius, shadows, white point, highlights, unused, compress, colour of shadows and of highlights,
    # flags (unbounded), smallest divisor, algorithm
    fields = (0, radius, shadows, 0, highlights, 0, 50, 100, 50, 127, 1e-6, 0)
    return Module("shadhi 5", struct.pack("<i8fIfi", *fields), shadows == highlights == 0)
