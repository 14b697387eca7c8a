"""Stand-ins for packages that are not installed, so that what does not need them runs all the same.

The library imports OpenCV, pandas and others at the head of its modules, while losses, steps and rates need none of them. A
machine with a GPU may hold torch and torchvision alone.
"""

import importlib
import sys
from types import ModuleType
from typing import NoReturn

# the library's imports beside torch, numpy and Pillow, and which of their parts it asks for by name
OPTIONAL = {
    "cv2": (),
    "pandas": (),
    "scipy": ("special",),
    "safetensors": ("torch",),
}


class _Missing(ModuleType):
    """A package that is not there. Any name can be taken from it and none can be used."""

    def __init__(self, name: str, package: str):
        super().__init__(name)
        self.__dict__["_package"] = package

    def __getattr__(self, name: str) -> "_Missing":
        if name.startswith("__"):
            raise AttributeError(name)
        return _Missing(f"{self.__name__}.{name}", self._package)

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:
        raise ModuleNotFoundError(f"the package {self._package} is not installed", name=self._package)

    def __or__(self, other: object) -> "_Missing":  # in annotations, and in sums of flags on their way into a call
        return self

    __ror__ = __or__


def stand_in() -> list[str]:
    """Put a stand-in for each package of OPTIONAL that cannot be imported. Returns their names."""
    absent = []
    for package, parts in OPTIONAL.items():
        try:
            for module in (package, *(f"{package}.{part}" for part in parts)):
                importlib.import_module(module)
        except ImportError:  # also where a library of the system is missing, as OpenCV's libGL
            absent.append(package)
            sys.modules[package] = _Missing(package, package)
            for part in parts:
                sys.modules[f"{package}.{part}"] = _Missing(f"{package}.{part}", package)
    return absent
