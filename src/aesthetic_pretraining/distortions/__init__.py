"""The 21 distortions and what they make of a photo.

ladder       what a distortion is
registry     names, levels, values, order; the only list of distortions
own          yours, added by editing that file alone
technical    six, on the photo at the network's size
style        nine, likewise, as darktable does them
composition  six, on the photo with room to move in
render       all of them for one photo; not imported here, so that names and levels can be had without torch
reference    the same by darktable, imagecorruptions and Pillow; likewise
"""

from aesthetic_pretraining.distortions.ladder import ANCHORS, ASPECTS, TABLES, Distortion
from aesthetic_pretraining.distortions.registry import (
    DISTORTIONS,
    VARIANTS,
    Variant,
    anchor_index,
    indices,
    norm,
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
]
