"""The 21 distortions and the variants that they make of a photo.

ladder            the definition of a distortion
registry          names, levels, values, order; the only list of distortions
custom            your own, added by editing only that file
darktable_values  fields of darktable's modules, for both engines
native            our own implementation: six technical, nine style and six composition distortions, and all of them for one photo;
                  not imported here, so that names and levels are available without torch
reference         the same with darktable, imagecorruptions and Pillow; not imported here either
transforms        one distortion at one level as a torchvision v2 transform; not imported here either
variants          the variants of photos for training, rendered on the fly or read from shards; not imported here either
shards            writes such shards; not imported here either
views             random views of photos, taken before distortion
"""

from aesthetic_pretraining.distortions.ladder import ANCHORS, ASPECTS, TABLES, Distortion
from aesthetic_pretraining.distortions.registry import (
    DISTORTIONS,
    VARIANTS,
    Variant,
    anchor_index,
    indices,
    norm,
    rows,
    selected,
)

__all__ = [
    "ANCHORS",
    "ASPECTS",
    "DISTORTIONS",
    "TABLES",
    "VARIANTS",
    "Distortion",
    "Variant",
    "anchor_index",
    "indices",
    "norm",
    "rows",
    "selected",
]
