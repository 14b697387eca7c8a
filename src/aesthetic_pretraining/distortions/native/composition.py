"""Composition distortions: crops, rotation and aspect ratio (paper section 4.1; Pillow's definitions).

Every function takes
    photo: uint8 (H, W, 3), short side 1.5 x the base photo's: the margin for crops and rotations
    base: uint8 (h, w, 3), the whole photo at the network's short side
    value: the distortion's value in the registry; 0 gives the anchor
and returns uint8 (h, w, 3), so that the size never reveals a distortion.
"""

from math import cos, radians, sin

import cv2
import numpy as np

from aesthetic_pretraining.data.letterbox import resize, short_side_size

STEPS = 5  # levels from the centre to the border of the free margin
LARGEST_ANGLE = 10  # degrees; every rotation is cropped to what is visible at this angle


def horizontal_crop(photo: np.ndarray, base: np.ndarray, value: int) -> np.ndarray:
    """The window moves right (value > 0) or left, `value`/5 of the free margin."""
    return _window(photo, base, right=value, up=0)


def vertical_crop(photo: np.ndarray, base: np.ndarray, value: int) -> np.ndarray:
    """The window moves up (value > 0) or down, `value`/5 of the free margin."""
    return _window(photo, base, right=0, up=value)


def left_diagonal_crop(photo: np.ndarray, base: np.ndarray, value: int) -> np.ndarray:
    """The window moves left, and up (value > 0) or down by as much."""
    return _window(photo, base, right=-abs(value), up=value)


def right_diagonal_crop(photo: np.ndarray, base: np.ndarray, value: int) -> np.ndarray:
    """The window moves right, and up (value > 0) or down by as much."""
    return _window(photo, base, right=abs(value), up=value)


def rotation(photo: np.ndarray, base: np.ndarray, value: float) -> np.ndarray:
    """The photo rotated by `value` degrees, cropped for any angle to what is free of border at `LARGEST_ANGLE`."""
    # ASSUME: positive is counter-clockwise, as in Pillow, to which the released code passes the value
    inner = turned_centre(photo, value, *inner_rectangle(photo.shape[1], photo.shape[0], LARGEST_ANGLE))
    height, width = base.shape[:2]
    return centre(resize(inner, *size_of_turned(inner.shape[1], inner.shape[0], base)), width, height)


def image_ratio(photo: np.ndarray, base: np.ndarray, value: int) -> np.ndarray:
    """The centre of the photo with its height stretched by 1 + value/5 (value > 0) or its width by 1 + |value|/5."""
    height, width = base.shape[:2]
    across, down = width * (STEPS + max(-value, 0)) // STEPS, height * (STEPS + max(value, 0)) // STEPS
    return centre(cv2.resize(base, (across, down), interpolation=cv2.INTER_LINEAR), width, height)


def crop_anchor(photo: np.ndarray, base: np.ndarray) -> np.ndarray:
    """The centred window: level 0 of the four crops (fidelity row 3)."""
    return _window(photo, base, right=0, up=0)


def rotation_anchor(photo: np.ndarray, base: np.ndarray) -> np.ndarray:
    """The unturned inner rectangle: level 0 of rotation (fidelity row 3)."""
    return rotation(photo, base, 0)


def inner_rectangle(width: int, height: int, angle: float) -> tuple[int, int]:
    """(width, height) of the largest upright rectangle inside a width x height one rotated by `angle` degrees.

    It also fits at every smaller angle. 0 <= angle < 45; truncated to whole pixels.
    """
    s, c = sin(radians(angle)), cos(radians(angle))
    long, short = max(width, height), min(width, height)
    if short <= 2 * s * c * long:  # a panorama: two corners touch the long sides, the other two are free
        across, down = (short / 2 / s, short / 2 / c) if width > height else (short / 2 / c, short / 2 / s)
    else:  # all four corners touch
        across, down = ((side * c - other * s) / (c * c - s * s) for side, other in ((width, height), (height, width)))
    return int(across), int(down)


def size_of_turned(width: int, height: int, base: np.ndarray) -> tuple[int, int]:
    """(width, height) that an inner rectangle is resized to, before its centre is cropped to the base photo's size."""
    across, down = short_side_size(width, height, min(base.shape[:2]))
    # Truncation can leave the long side one pixel short, which a centre crop would fill with black.
    return max(across, base.shape[1]), max(down, base.shape[0])


def turned_centre(
    photo: np.ndarray, angle: float, width: int, height: int, columns: slice = slice(None), rows: slice = slice(None)
) -> np.ndarray:
    """The centre of Pillow's rotate(angle, BICUBIC, expand=True), without computing the pixels around it: uint8 (height, width, 3).

    photo: uint8 or, which saves converting it, float32 (H, W, 3) in 0..255
    columns, rows: the part of the centre that is wanted
    OpenCV's cubic filter overshoots less than Pillow's (its parameter is -0.75, not -1) and takes a sixth of the time. On photos,
    they differ by about half a level on average, without bias.
    """
    s, c = sin(radians(angle)), cos(radians(angle))
    middle = np.array([photo.shape[1], photo.shape[0]]) / 2
    reach = np.array([[c, abs(s)], [abs(s), c]]) @ middle
    # The canvas has whole pixels, so its corner is off by up to one pixel and the crop's centre by up to a half.
    canvas = np.ceil(middle + reach) - np.floor(middle - reach)
    corner = [round(free / 2) for free in canvas - (width, height)] - canvas / 2
    turn = np.array([[c, -s], [s, c]])
    # Pillow's coordinates refer to pixel corners, OpenCV's to pixel centres.
    across, down = range(width)[columns], range(height)[rows]
    offset = middle + turn @ (corner + (across.start, down.start) + 0.5) - 0.5
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    photo = photo.astype(np.float32, copy=False)  # twice as fast as bytes, and not rounded: Pillow truncates
    turned: np.ndarray = cv2.warpAffine(
        photo, np.column_stack([turn, offset]), (len(across), len(down)), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    turned += np.float32(0.01)  # 32-bit sums over uniform areas may be slightly below their level
    return turned.clip(0, 255, out=turned).astype(np.uint8)


def _window(photo: np.ndarray, base: np.ndarray, right: int, up: int) -> np.ndarray:
    """A window of the base photo's size from the larger photo; `right` and `up` in fifths of the margin from the centre."""
    height, width = base.shape[:2]
    top = round((photo.shape[0] - height) * (STEPS - up) / (2 * STEPS))
    left = round((photo.shape[1] - width) * (STEPS + right) / (2 * STEPS))
    return photo[top : top + height, left : left + width]


def centre(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """The middle width x height pixels of a picture (H, W, 3), a view."""
    left, top = round((picture.shape[1] - width) / 2), round((picture.shape[0] - height) / 2)
    return picture[top : top + height, left : left + width]
