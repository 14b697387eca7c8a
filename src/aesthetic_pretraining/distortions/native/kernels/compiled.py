"""How the fused loops are compiled: once for a machine, and to the same results on all.

Compiled code is kept in numba's cache: the folder NUMBA_CACHE_DIR, else __pycache__ beside the source, else the user's cache folder.
No fast-math flags: LLVM then neither reorders sums nor contracts a * b + c, so that processors with wider vectors, or with fused
multiply-add, give the same bits. Nor is the mathematical library called, whose exp and log differ between systems.

Traps for whoever adds a loop (each cost a factor of ten): a helper that returns a tuple keeps LLVM from vectorising the loop; so does
a branch around a square root, while min and max do not; a Python number is a float64, and makes all around it float64.
"""

import logging
from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable) -> Any:
    """The function, compiled at its first call for the types of its arguments; numbers must be np.float32 where arrays are."""
    try:
        return njit(error_model="numpy", cache=True)(function)
    except RuntimeError:  # no folder that can be written
        logging.getLogger(__name__).warning(
            "compiled distortions cannot be kept and are compiled anew in every process; set NUMBA_CACHE_DIR to a folder"
        )
        return njit(error_model="numpy")(function)
