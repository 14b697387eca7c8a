"""Your own distortions: this is the only file to edit. docs/distortions.md shows an example.

A function takes
    photo: uint8 (H, W, 3), short side 1.5 x the base photo's
    base: uint8 (h, w, 3), the whole photo at the network's short side
    value: the ladder's value for a level
    rng: the numpy Generator of this image; equal inputs give equal numbers
and returns uint8 (h, w, 3). It must not modify its inputs.

Every list of distortions (losses, heads, figures, sheets, docs) follows. Networks with heads must be retrained.
"""

from aesthetic_pretraining.distortions.ladder import Distortion

OWN: tuple[Distortion, ...] = ()
