"""Weights that come from a file or from the network: whether they can be used at all, and whether they are those of the first time."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import write_text

REMEMBERED = "models/downloaded"  # folder of the first digests of weights whose source publishes none


def check_sound(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], where: str | Path) -> None:
    """Check weights that torch would load without a word.

    Args:
        state: the weights. wanted: those of the network that they are for; what it has not is not looked at.
        where: the file, for the message.
    Raises: UserError for another number format, NaN or infinity, or a negative variance.
    """
    for name in sorted(state.keys() & wanted.keys()):
        value, kind = state[name], wanted[name].dtype
        if value.dtype != kind:
            wrong = f"is {_kind(value)}, not {str(kind).removeprefix('torch.')}"
        elif value.is_floating_point() and not bool(value.isfinite().all()):
            wrong = "holds values that are not finite"
        elif name.endswith("running_var") and bool((value < 0).any()):
            wrong = "holds negative variances"
        else:
            continue
        raise UserError(f"{where}: the weights cannot be used, because {name} {wrong}; delete it and run again")


def check_as_before(state: Mapping[str, Tensor], name: str, folder: str | Path) -> None:
    """Compare downloaded weights with those of their first use, whose SHA-256 is kept in `folder` from then on.

    Args:
        name: of the weights, as in params.yaml.
    Raises: UserError if they are others.
    """
    kept = Path(folder) / f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)}.sha256"
    found = digest(state)
    if not kept.exists():
        write_text(kept, found + "\n")
    elif (first := kept.read_text(encoding="utf-8").strip()) != found:
        raise UserError(
            f"{name}: the downloaded weights have the SHA-256 {found[:12]}..., those of the first use had {first[:12]}...; "
            f"fetch the first ones again, or delete {kept} if the others are meant"
        )


def digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, shapes, number formats and values, whatever file they came from."""
    total = hashlib.sha256()
    for name, value in sorted(state.items()):
        total.update(f"{name} {tuple(value.shape)} {value.dtype}\n".encode())
        total.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return total.hexdigest()


def _kind(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")
