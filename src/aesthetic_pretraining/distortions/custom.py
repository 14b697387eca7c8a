"""Your own distortions: this file is all there is to edit. docs/distortions.md shows an example.

A function takes
    photo: uint8 (H, W, 3), short side 1.5 x the base photo's
    base: uint8 (h, w, 3), the whole photo at the network's short side
    value: the ladder's value for a level
    rng: numpy's Generator of this picture alone; equal inputs give equal numbers
and returns uint8 (h, w, 3). It may not change what it is given.

Every list of distortions (losses, heads, figures, sheets, docs) follows. Networks with heads have to be trained again.
"""

from aesthetic_pretraining.distortions.ladder import Distortion

OWN: tuple[Distortion, ...] = ()
