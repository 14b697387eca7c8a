"""params.yaml as the rest sees it: one scale laid over the common values, checked."""

from collections.abc import Iterator
from copy import deepcopy

from pydantic import ValidationError

from aesthetic_pretraining.config.params import Params
from aesthetic_pretraining.config.sentences import FILE, sentence
from aesthetic_pretraining.errors import UserError


def resolve(params: dict) -> dict:
    """The values of the chosen scale, without the `scales` section, as they are written (50 stays 50 where 50.0 is meant).

    Args:
        params: what params.yaml holds (plus what the command line overrides).
    Raises UserError with one sentence for an unknown scale, a key that stands twice or is missing in one scale,
    and anything that the models forbid, in whichever scale.
    """
    scales = params.get("scales")
    if not isinstance(scales, dict) or not scales:
        raise UserError(f"{FILE}: the section 'scales' is missing; take it back from version control")
    scale = params.get("scale")
    if not isinstance(scale, str) or scale not in scales:
        raise UserError(f"{FILE}: scale is {scale!r}, but must be one of {', '.join(map(str, scales))}")
    merged = {}
    for name, own in scales.items():
        if not isinstance(own, dict):
            raise UserError(f"{FILE}: scales.{name} is {own!r}, but must hold sections")
        merged[name] = _merge({k: v for k, v in params.items() if k != "scales"}, own, f"scales.{name}")
        merged[name]["scale"] = name
        try:
            Params.model_validate(merged[name])
        except ValidationError as error:
            raise UserError(sentence(error, name)) from None
    return merged[scale]


def source_key(params: dict, key: str) -> str:
    """Where the dotted `key` of the resolved values stands in params.yaml, with ${scale} for the scale (as DVC writes it)."""
    node = params["scales"][params["scale"]]
    for part in key.split("."):
        if not isinstance(node, dict) or part not in node:
            return key
        node = node[part]
    return "scales.${scale}." + key


def leaf(values: dict, key: str) -> object:
    """The value under a dotted key of resolved values. Raises KeyError for an unknown key and for a whole section."""
    node = _node(values, key)
    if isinstance(node, dict):
        raise KeyError(f"{key} is a section; name its leaves")
    return node


def leaf_keys(values: dict, key: str) -> list[str]:
    """The dotted keys of all leaves of a section, or of a leaf itself. Raises KeyError for an unknown key."""
    return list(_below(_node(values, key), key))


def _node(values: dict, key: str) -> object:
    node: object = values
    for part in key.split("."):
        if not isinstance(node, dict):
            raise KeyError(f"{key}: {part} stands below a value")
        node = node[part]
    return node


def _below(node: object, path: str) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _below(value, f"{path}.{key}")
    else:
        yield path


def _merge(common: dict, own: dict, where: str) -> dict:
    """`own` laid into `common`; a value may stand in only one of them."""
    merged = deepcopy(common)
    for key, value in own.items():
        if isinstance(value, dict) and isinstance(merged.get(key, {}), dict):
            merged[key] = _merge(merged.get(key, {}), value, f"{where}.{key}")
        elif key in merged:
            raise UserError(f"{FILE}: {where}.{key} also stands outside of the scales; keep one of the two")
        else:
            merged[key] = deepcopy(value)
    return merged
