"""Decoding and encoding of images: the only place where a file becomes an array."""

from aesthetic_pretraining.data.images.encoding import encode_jpeg, encode_png, shrink
from aesthetic_pretraining.data.images.limits import DEFAULT, OUTER, Limits
from aesthetic_pretraining.data.images.reading import Picture, decode, pixels, read_picture
from aesthetic_pretraining.data.images.unreadable import Unreadable

__all__ = [
    "DEFAULT",
    "OUTER",
    "Limits",
    "Picture",
    "Unreadable",
    "decode",
    "encode_jpeg",
    "encode_png",
    "pixels",
    "read_picture",
    "shrink",
]
