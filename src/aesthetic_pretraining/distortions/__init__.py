"""The 21 distortions and what they make of a photo.

registry     names, levels, values, order; the only list of distortions
technical    six, on the photo at the network's size
style        nine, likewise, as darktable does them
composition  six, on the photo with room to move in
render       all of them for one photo
"""

from aesthetic_pretraining.distortions.registry import (
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
from aesthetic_pretraining.distortions.render import base_photo, render, rows, source_photo

__all__ = [
    "ANCHORS",
    "ASPECTS",
    "DISTORTIONS",
    "VARIANTS",
    "Distortion",
    "Variant",
    "anchor_index",
    "base_photo",
    "indices",
    "norm",
    "render",
    "rows",
    "source_photo",
]
