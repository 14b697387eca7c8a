"""python -m aesthetic_pretraining, with images that take no time to render, so that processes start without torch."""

import io
import sys

from PIL import Image

from aesthetic_pretraining.__main__ import main
from aesthetic_pretraining.survey.images import Images


def plain(self: Images, photo: str, distortion: str, level: int) -> bytes:
    """A JPEG of one colour, and of a size that fits no scroll bar."""
    self.photos.pixels(photo)  # raises for one that is gone
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200), (40, 40, 120) if level else (200, 180, 60)).save(buffer, "JPEG")
    return buffer.getvalue()


Images.render = plain

if __name__ == "__main__":
    sys.exit(main())
