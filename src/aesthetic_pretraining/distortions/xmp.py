"""The files that tell darktable what to do with a picture: one module with the values of one variant.

Format and module versions are those of the released parameter files; darktable lifts older ones to its own.
"""

import struct

from aesthetic_pretraining.distortions.fields import SHADHI, TEMPERATURE_GAINS, TINT_GAINS

# Not to be modernised: with these two versions exposure and white balance run before the input profile and so multiply
# gamma-encoded values. In today's order for JPEG the same parameters work on linear light: other pictures altogether.
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


def document(name: str, value: float, table: str, width: int) -> str:
    """The whole file for one style distortion at one value; arguments as in `parameters`."""
    module, version, fields = parameters(name, value, table, width)
    return _DOCUMENT.format(module=module, version=version, parameters=fields.hex())


def parameters(name: str, value: float, table: str, width: int) -> tuple[str, int, bytes]:
    """(darktable's module, version of its parameters, the parameters) of one style distortion.

    value: as in the registry
    table: one of registry.TABLES; with `width`, the photo's in pixels, it fixes the blur of shadows and highlights
    Raises KeyError for another name, for a kelvin or a tint without known gains, and for another table.
    """
    match name:
        case "brightness":
            return "colisa", 1, struct.pack("<3f", 0, value, 0)
        case "contrast":
            return "colisa", 1, struct.pack("<3f", value, 0, 0)
        case "saturation":
            return "colisa", 1, struct.pack("<3f", 0, 0, value)
        case "exposure":  # mode (manual), black, EV, two fields of the automatic mode
            return "exposure", 5, struct.pack("<i4f", 0, 0, value, 50, -4)
        case "vibrance":
            return "vibrance", 2, struct.pack("<f", value)
        case "temperature":
            return _white_balance(TEMPERATURE_GAINS[value])
        case "tint":
            return _white_balance(TINT_GAINS[value])
        case "shadows":
            return _shadhi(value, SHADHI[table].highlights_beside_shadows, SHADHI[table].sigma(width))
        case "highlights":
            return _shadhi(SHADHI[table].shadows_beside_highlights, value, SHADHI[table].sigma(width))
    raise KeyError(name)


def does_nothing(name: str, value: float, table: str) -> bool:
    """Whether darktable is meant to return the photo as it is."""
    match name:
        case "temperature":
            return value == 6500
        case "tint":
            return value == 1
        case "shadows":
            return value == 0 and SHADHI[table].highlights_beside_shadows == 0
        case "highlights":
            return value == 0 and SHADHI[table].shadows_beside_highlights == 0
    return value == 0


def _white_balance(gains: tuple[float, float, float]) -> tuple[str, int, bytes]:
    return "temperature", 3, struct.pack("<4f", *gains, 1)  # the fourth is for sensors with a second green


def _shadhi(shadows: float, highlights: float, radius: float) -> tuple[str, int, bytes]:
    # blur (0 = Gaussian), radius, shadows, white point, highlights, unused, compress, colour of shadows and of highlights,
    # bounds that are off, smallest divisor, algorithm
    fields = (0, radius, shadows, 0, highlights, 0, 50, 100, 50, 127, 1e-6, 0)
    return "shadhi", 5, struct.pack("<i8fIfi", *fields)
