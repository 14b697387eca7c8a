"""The 21 distortions and what they make of a photo.

ladder            what a distortion is
registry          names, levels, values, order; the only list of distortions
custom            yours, added by editing that file alone
darktable_values  fields of darktable's modules, for both engines
native            six technical ones, nine of style and six of composition by formulas of our own, and all of them for one photo;
                  not imported here, so that names and levels can be had without torch
reference         the same by darktable, imagecorruptions and Pillow; likewise
transforms        one distortion at one level as a transform of torchvision's second kind; likewise
variants          the variants of the photos as training sees them, live or out of rendered shards; likewise
shards            writes such shards; likewise
views             random views of photos before anything is done to them
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
