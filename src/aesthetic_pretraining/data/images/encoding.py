"""Resized copies of images, and their bytes."""

import io

import numpy as np
from PIL import Image


def shrink(image: Image.Image, short_side: int) -> Image.Image:
    """`image` resized to `short_side` pixels on its short side (Lanczos); smaller ones are enlarged."""
    scale = short_side / min(image.size)
    width, height = (max(short_side, round(side * scale)) for side in image.size)
    return image if (width, height) == image.size else image.resize((width, height), Image.Resampling.LANCZOS)


def encode_jpeg(image: Image.Image | np.ndarray, quality: int) -> bytes:
    """JPEG bytes without chroma subsampling and without metadata."""
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(image)).save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def encode_png(image: Image.Image | np.ndarray) -> bytes:
    """PNG bytes without metadata, lossless."""
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(image)).save(buffer, "PNG")
    return buffer.getvalue()
