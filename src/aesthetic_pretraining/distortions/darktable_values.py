"""The fields of darktable's modules that a distortion's value does not set, for both engines."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

# (red, green, blue) factors of the white balance module in the released parameter files
TEMPERATURE_GAINS: Mapping[float, tuple[float, float, float]] = {  # by kelvin
    2000: (0.256725, 1.0, 31.670061),
    3000: (0.476834, 1.0, 3.102820),
    5000: (0.829422, 1.0, 1.352282),
    6000: (0.950103, 1.0, 1.086534),
    6500: (1.000166, 1.0, 1.000054),
    7000: (1.043913, 1.0, 0.933234),
    8000: (1.118167, 1.0, 0.835342),
    10000: (1.226649, 1.0, 0.720213),
    14000: (1.355780, 1.0, 0.615271),
    18000: (1.428652, 1.0, 0.567675),
}
TINT_GAINS = {  # by tint: below 1 magenta, above 1 green
    0.75: (3.334152, 1.0, 1.744009),
    0.8: (2.386403, 1.0, 1.548024),
    0.85: (1.826895, 1.0, 1.380836),
    0.9: (1.457622, 1.0, 1.236535),
    0.95: (1.195660, 1.0, 1.110720),
    1.0: (1.000166, 1.0, 1.000054),
    1.05: (0.848692, 1.0, 0.901956),
    1.1: (0.727872, 1.0, 0.814399),
    1.15: (0.629258, 1.0, 0.735772),
    1.2: (0.547242, 1.0, 0.664775),
    1.25: (0.477960, 1.0, 0.600348),
}


EDITED_WIDTH = 1000  # ASSUME: pixels; the width of the photos as the authors downloaded them (fidelity row 36)


@dataclass(frozen=True)
class Shadhi:
    """The module "shadows and highlights" in one table of distortions.

    highlights_beside_shadows, shadows_beside_highlights: in [-100, 100], the value of the field that does not vary
    radius: blur radius in pixels for a photo `reference_width` pixels wide; with reference_width 0, for any photo (see `shadhi`)
    """

    highlights_beside_shadows: float
    shadows_beside_highlights: float
    radius: float
    reference_width: int

    def sigma(self, width: int) -> float:
        """Blur radius for a photo of this width, both in pixels."""
        return self.radius * width / self.reference_width if self.reference_width else self.radius


SHADHI = {
    # As in the released parameter files: fidelity rows 17 and 18; darktable's radius ignores the photo's size.
    "published": Shadhi(highlights_beside_shadows=100, shadows_beside_highlights=50, radius=100, reference_width=0),
    # ASSUME: a fiftieth of a photo's width. With a wider blur, the shadows of many photos vanish, and with them every effect
    # of the module; the check in docs/distortions.md counts those photos.
    "corrected": Shadhi(highlights_beside_shadows=0, shadows_beside_highlights=0, radius=20, reference_width=1000),
    # The published radius in the photos that the authors downloaded, which are 1000 pixels wide.
    "corrected_wide": Shadhi(highlights_beside_shadows=0, shadows_beside_highlights=0, radius=100, reference_width=1000),
}


def shadhi(table: str, edited_width: int = EDITED_WIDTH) -> Shadhi:
    """The module in a table of ladder.TABLES. Raises: KeyError for another table.

    edited_width: width, in pixels, of the files that the published radius was applied to. The authors edited stored files and then
        shrank them (fidelity row 36), so at our size the radius is the same fraction of the width. 0: the radius in pixels at our
        size. Has no effect on the corrected tables, whose radius is a fraction of the width already.
    """
    found = SHADHI[table]
    return found if found.reference_width else replace(found, reference_width=edited_width)
