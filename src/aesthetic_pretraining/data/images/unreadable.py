"""The one error for files that are not complete images, whatever a decoder raises."""

import contextlib
import warnings
from collections.abc import Iterator

from aesthetic_pretraining.errors import printable


class Unreadable(Exception):
    """The bytes are not a complete image; the text says why, in one line."""


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Turn whatever a decoder raises into Unreadable.

    Decoders raise all sorts of errors for damaged headers, so the list of them is open. MemoryError passes: it may be the machine's.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata alone
            yield
    except (Unreadable, MemoryError):
        raise
    except Exception as error:
        raise Unreadable(said(error)) from error


def said(error: Exception) -> str:
    """What an error says, or its name, in one line without control characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return printable(text if len(text) <= 200 else f"{text[:200]}...")
