"""What is wrong with a value of params.yaml, in one sentence that names file, scale and key."""

from reprlib import Repr
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from aesthetic_pretraining.config.params import Params

FILE = "params.yaml"
TYPES = {
    "int_type": "integer",
    "float_type": "number",
    "string_type": "string",
    "bool_type": "boolean",
    "list_type": "array",
    "model_type": "object",
}
BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("above", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("below", "lt"),
    "multiple_of": ("a multiple of", "multiple_of"),
}

_short = Repr()
_short.maxlist = _short.maxdict = _short.maxset = _short.maxtuple = 20
_short.maxstring = _short.maxlong = _short.maxother = 200


def shown(value: Any) -> str:
    """The value as Python writes it, long ones cut."""
    return _short.repr(value)


def sentence(error: ValidationError, scale: str) -> str:
    """Of several mistakes the deepest, which tells most."""
    found = min(error.errors(include_url=False), key=lambda e: (-len(e["loc"]), dotted(e["loc"])))
    return f"{FILE} ({scale}): {_said(found)}"


def dotted(location: tuple[int | str, ...]) -> str:
    """("labels", "test_on", 0) -> labels.test_on[0]"""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def _said(error: ErrorDetails) -> str:
    kind, where, given, limits = error["type"], dotted(error["loc"]), error["input"], error.get("ctx", {})
    is_given = f"{where} is {shown(given)}, but must be"
    if kind == "wrong":
        return ".".join(filter(None, [where, limits["key"]])) + f" {limits['said']}"
    if kind in ("extra_forbidden", "invalid_key"):
        return f"unknown key {where!r}; known here: {', '.join(_known(error['loc'][:-1]))}"
    if kind == "missing":
        return f"the key {where!r} is missing"
    if kind in TYPES:
        return f"{is_given} of type {TYPES[kind]}"
    if kind in BOUNDS:
        word, limit = BOUNDS[kind]
        return f"{is_given} {word} {limits[limit]}"
    if kind == "literal_error":
        return f"{is_given} one of {limits['expected'].replace(' or ', ', ').replace(chr(39), '')}"
    if kind == "finite_number":
        return f"{is_given} a finite number"
    if kind == "string_pattern_mismatch":
        return f"{is_given} like {limits['pattern']}"
    if kind in ("too_short", "string_too_short") and not given:
        return f"{where} is empty, but needs at least {limits['min_length']} {'entry' if kind == 'too_short' else 'character'}"
    if kind in ("too_short", "too_long"):
        return f"{where} has {limits['actual_length']} entries, but needs {limits.get('min_length', limits.get('max_length'))}"
    return f"{where} is not valid: {error['msg']}"


def _known(location: tuple[int | str, ...]) -> list[str]:
    """The keys of the section at a place."""
    kind: Any = Params
    for part in location:
        if get_origin(kind) is dict:
            kind = get_args(kind)[1]
        else:
            kind = get_args(kind)[0] if isinstance(part, int) else kind.model_fields[part].annotation
    return list(kind.model_fields)
