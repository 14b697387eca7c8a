"""What a distortion at a level is called where somebody's photo is described."""

from collections.abc import Mapping
from typing import NamedTuple

# distortion -> (what levels below 0 are called, what levels above 0 are); one-sided ladders have levels above 0 alone
SAID: Mapping[str, tuple[str, str]] = {
    "jpeg_compression": ("", "JPEG artefacts"),
    "defocus_blur": ("", "out of focus"),
    "motion_blur": ("", "blurred by motion"),
    "pixelate": ("", "pixelated"),
    "gaussian_noise": ("", "noisy"),
    "impulse_noise": ("", "speckled"),
    "brightness": ("too dark", "too bright"),
    "contrast": ("too little contrast", "too much contrast"),
    "saturation": ("colours too pale", "colours too strong"),
    "exposure": ("underexposed", "overexposed"),
    "shadows": ("shadows too dark", "shadows too bright"),
    "highlights": ("highlights too dark", "highlights too bright"),
    "temperature": ("too cold", "too warm"),
    "tint": ("tinted magenta", "tinted green"),
    "vibrance": ("not vivid enough", "too vivid"),
    "rotation": ("tilted clockwise", "tilted counter-clockwise"),
    "horizontal_crop": ("framed too far left", "framed too far right"),
    "vertical_crop": ("framed too low", "framed too high"),
    "left_diagonal_crop": ("framed too far to the lower left", "framed too far to the upper left"),
    "right_diagonal_crop": ("framed too far to the lower right", "framed too far to the upper right"),
    "image_ratio": ("stretched in width", "stretched in height"),
}
LEVELLED = 0.5  # of a level, below which a mean level says nothing


class Statement(NamedTuple):
    """One thing that may be off about a photo.

    Attributes:
        distortion: its name in `distortions.DISTORTIONS`.
        level: the mean level, on the ladder of the distortion (not whole).
        probability: 0..1, that it was applied, where half of all photos are undistorted (`reading`).
    """

    distortion: str
    level: float
    probability: float

    @property
    def said(self) -> str:
        """In words: "too dark, about level -2"."""
        below, above = SAID.get(self.distortion, ("", ""))
        words = (below if self.level < 0 else above) or self.distortion.replace("_", " ")
        return f"{words}, about level {round(self.level)}" if abs(self.level) >= LEVELLED else words


def sentence(statements: tuple[Statement, ...]) -> str:
    """All statements on a photo in one line; empty if there is none."""
    return "; ".join(each.said for each in statements)
