"""Self-supervised multi-task pretraining for image aesthetic assessment (Pfister, Kobs and Hotho, CVPR Workshops 2021)."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
# name: the module that has it. Not by import statements: every rule depends on what this file imports, and torch takes seconds.
LAZY = {"load": "use.scorer"}


def __getattr__(name: str) -> Any:
    """`aesthetic_pretraining.load`, imported at its first use."""
    if name in LAZY:
        return getattr(import_module(f"{__name__}.{LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *LAZY]
