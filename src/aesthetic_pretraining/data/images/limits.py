"""How much one picture may ask for, so that none stops a shard."""

from typing import NamedTuple

SCANS = 500  # ASSUME: of a JPEG; libjpeg-turbo's own limit in its fuzzers, ordinary progressive files have about ten
MEMORY = 2 << 30  # ASSUME: bytes, for a picture that is decoded in a process of its own
CHUNKS = 100_000  # ASSUME: of a PNG
MAX_RATIO = 20  # long side over short side; beyond, resizing by the short side would leave a huge image
WHOLE = 89_478_485  # pixels (Pillow's limit): larger JPEGs are read at a half, a quarter or an eighth of their size
HERE = 40  # megapixels: pictures of other formats are read so above this, and in a process of their own; as are JPEGs above WHOLE and
WORK = 400  # megapixels times scans of a JPEG (a few seconds): what is more is decoded in a process of its own


class Limits(NamedTuple):
    """What one picture may take; larger or slower ones are Unreadable.

    Attributes:
        megapixels: width times height (image.max_megapixels).
        seconds: for decoding a picture of more than HERE megapixels, or of many scans (image.max_seconds).
    """

    megapixels: float = 250
    seconds: float = 60


DEFAULT = Limits()
OUTER = Limits(1000, 600)  # the largest values of params.yaml: for pictures that a store's limits have let pass
