"""Distortions as transforms of torchvision's second kind (`torchvision.transforms.v2`), for use outside of this project's training.

One distortion at one level, at the image's own resolution; no letterbox, and nothing is shrunk to a network's size. The pixels
are those that `native.render.render` makes of a photo of that size.

    >>> from aesthetic_pretraining.distortions.transforms import Distort
    >>> blurred = Distort("defocus_blur", level=3)(image)

Radii of technical distortions are in pixels and were made for a short side of 224: on a larger image they do less.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from aesthetic_pretraining.data.letterbox import ROOM, fit_short_side
from aesthetic_pretraining.distortions.darktable_values import EDITED_WIDTH
from aesthetic_pretraining.distortions.native import composition, style
from aesthetic_pretraining.distortions.native.render import pictures_of
from aesthetic_pretraining.distortions.registry import DISTORTIONS, Distortion, selected

AnyImage = TypeVar("AnyImage", Image.Image, np.ndarray, Tensor)

SMALLEST = 32  # pixels; below, kernels are wider than the image
SEEDS = 2**63 - 1


def distort(
    image: AnyImage,
    distortion: str,
    level: int,
    *,
    seed: int = 0,
    photo_id: str = "",
    table: str = "published",
    edited_width: int = EDITED_WIDTH,
) -> AnyImage:
    """The image under one distortion at one level, of the same type.

    Args:
        image: RGB, Pillow's, or uint8 (H, W, 3) as an array, or uint8 (3, H, W) as a tensor; short side at least 32 pixels.
        distortion: one of `DISTORTIONS`.
        level: one of its levels, or 0: the image itself, but for crops and rotation what their other levels are compared
            with, the centred window and the unturned inner rectangle (fidelity row 3).
        seed, photo_id: with the distortion and the level, all that noise and motion blur depend on.
        table: one of `TABLES`.
        edited_width: as for `darktable_values.shadhi`.
    Returns: an image of the same size; of crops and rotation one of 2/3 of each side, because they need room to move and to turn in.
    Raises: ValueError for an unknown distortion, level or table and for an image of another shape, TypeError for one of another type.
    """
    found = _checked(distortion, level, table)
    pixels = _pixels(image)
    return _like(image, _distorted(pixels, found, level, seed, photo_id, table, edited_width))


class _Distorting(v2.Transform):
    """What `Distort` and `RandomDistortion` share: what becomes of the parts of a sample."""

    _transformed_types = (Tensor, Image.Image, np.ndarray)

    def __init__(self, table: str, edited_width: int):
        super().__init__()
        self.table, self.edited_width = table, edited_width

    def _needs_transform_list(self, flat_inputs: list[Any]) -> list[bool]:
        """Which parts of a sample are seen by `transform`: an array or a plain tensor may be a label, so at most one is an image.

        torchvision's own rule knows this of plain tensors, not of arrays.
        """
        marked = [isinstance(part, Image.Image | tv_tensors.TVTensor) for part in flat_inputs]
        if not any(isinstance(part, Image.Image | tv_tensors.Image) for part in flat_inputs):
            for kind in (np.ndarray, Tensor):
                plain = [k for k, part in enumerate(flat_inputs) if isinstance(part, kind) and not marked[k]]
                if plain:
                    marked[plain[0]] = True
                    break
        return marked

    def transform(self, part: Any, params: dict[str, Any]) -> Any:
        """`distort` for an image; masks and boxes pass, or raise TypeError under a composition distortion."""
        if isinstance(part, tv_tensors.Video):
            raise TypeError("a video cannot be distorted; pass its frames as images, one by one")
        if isinstance(part, tv_tensors.TVTensor) and not isinstance(part, tv_tensors.Image):
            if DISTORTIONS[params["distortion"]].aspect == "composition":
                raise TypeError(
                    f"{params['distortion']} moves the image's content, but {type(part).__name__} cannot be moved along; "
                    "leave it out of the sample"
                )
            return part
        return distort(part, **params, table=self.table, edited_width=self.edited_width)


class Distort(_Distorting):
    """`distort` as a transform: takes an image, or a sample with an image in it, as torchvision's do.

    Labels and whatever else a sample has pass; so do masks and boxes, which composition distortions refuse.

    Args:
        distortion, level, table, edited_width: as for `distort`.
        seed: a number: the same noise in every image; None: drawn from torch's generator at each call, as torchvision's random
            transforms do.
    Raises: ValueError for an unknown distortion, level or table.
    """

    def __init__(
        self,
        distortion: str,
        level: int,
        *,
        seed: int | None = 0,
        table: str = "published",
        edited_width: int = EDITED_WIDTH,
    ):
        super().__init__(table, edited_width)
        _checked(distortion, level, table)
        self.distortion, self.level, self.seed = distortion, level, seed

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """The distortion, level and seed of one call."""
        return {"distortion": self.distortion, "level": self.level, "seed": _drawn() if self.seed is None else self.seed}


class RandomDistortion(_Distorting):
    """`distort` with a distortion, one of its levels and a seed, all drawn from torch's generator anew at each call.

    Each of the distortions is drawn equally often, and so is each level of one but 0 (`v2.RandomApply` leaves samples as they are).

    Args:
        distortions: names; None: all.
        table, edited_width: as for `distort`.
    Raises: ValueError for an unknown distortion or table.
    """

    def __init__(self, distortions: Iterable[str] | None = None, *, table: str = "published", edited_width: int = EDITED_WIDTH):
        super().__init__(table, edited_width)
        self.distortions = selected(distortions)
        _checked(self.distortions[0], 0, table)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """The distortion, level and seed of one call."""
        name = self.distortions[int(torch.randint(len(self.distortions), ()))]
        levels = DISTORTIONS[name].levels
        return {"distortion": name, "level": levels[int(torch.randint(len(levels), ()))], "seed": _drawn()}


def _drawn() -> int:
    return int(torch.randint(SEEDS, ()))


def _checked(name: str, level: int, table: str) -> Distortion:
    found = DISTORTIONS[selected([name])[0]]
    found.ladder(table)  # raises for an unknown one
    if level and level not in found.levels:
        raise ValueError(f"{name} has no level {level}; it has 0 and {', '.join(map(str, found.levels))}")
    return found


def _pixels(image: Any) -> np.ndarray:
    """uint8 (H, W, 3) of an image of any of the types. Raises as `distort`."""
    if isinstance(image, Image.Image):
        if image.mode != "RGB":
            raise ValueError(f"the image must be RGB, not {image.mode}; call image.convert('RGB') before")
        pixels = np.array(image)
    elif isinstance(image, Tensor):
        _check_bytes(image.dtype, torch.uint8, "torchvision.transforms.v2.functional.to_dtype(image, torch.uint8, scale=True)")
        if image.ndim != 3 or image.shape[0] != 3:
            raise ValueError(
                f"the tensor must be one RGB image (3, H, W), not {tuple(image.shape)}; repeat a grey channel before"
            )
        pixels = image.detach().cpu().permute(1, 2, 0).contiguous().numpy()
    elif isinstance(image, np.ndarray):
        _check_bytes(image.dtype, np.dtype(np.uint8), "(image * 255).round().astype(np.uint8) for values in 0..1")
        if image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"the array must be one RGB image (H, W, 3), not {image.shape}; repeat a grey channel before")
        pixels = np.ascontiguousarray(image)
    else:
        raise TypeError(f"an image must be a Pillow image, a uint8 array or a uint8 tensor, not {type(image).__name__}")
    if min(pixels.shape[:2]) < SMALLEST:
        raise ValueError(
            f"the image has {pixels.shape[1]} x {pixels.shape[0]} pixels, but needs {SMALLEST} on each side; enlarge it"
        )
    return pixels


def _check_bytes(dtype: object, wanted: object, how: str) -> None:
    if dtype != wanted:
        raise TypeError(f"the image must be uint8 in 0..255, not {dtype}; convert it: {how}")


def _distorted(
    pixels: np.ndarray, found: Distortion, level: int, seed: int, photo_id: str, table: str, edited_width: int
) -> np.ndarray:
    short = min(pixels.shape[:2])
    if found.anchor == "original":
        if not level:
            return pixels.copy()
        # only a distortion of one's own (`custom`) may want the photo with room around
        photo, base = pixels if found.make is None else fit_short_side(pixels, round(ROOM * short)), pixels
    else:
        photo, base = pixels, fit_short_side(pixels, round(short / ROOM))
        if not level:
            anchor = {"crop": composition.crop_anchor, "rotation": composition.rotation_anchor}[found.anchor]
            return np.array(anchor(photo, base))
    tones = style.Photo(torch.from_numpy(base).permute(2, 0, 1).contiguous(), table, edited_width)
    value = found.ladder(table)[level]
    (picture,) = pictures_of(found, photo, base, tones, photo_id, seed, {level: value})
    return np.array(picture)


def _like(image: Any, pixels: np.ndarray) -> Any:
    """The pixels as what the image is."""
    if isinstance(image, Image.Image):
        return Image.fromarray(pixels)
    if isinstance(image, Tensor):
        made = torch.from_numpy(pixels).permute(2, 0, 1).contiguous().to(image.device)
        return tv_tensors.wrap(made, like=image) if isinstance(image, tv_tensors.TVTensor) else made
    return pixels
