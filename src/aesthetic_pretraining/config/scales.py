"""params.yaml as the rest sees it: one scale laid over the common values, checked."""

from collections.abc import Iterator
from copy import deepcopy
from typing import get_args

from pydantic import ValidationError

from aesthetic_pretraining.config.comparisons import COMMON, OWN
from aesthetic_pretraining.config.params import Params
from aesthetic_pretraining.config.sentences import FILE, sentence
from aesthetic_pretraining.config.training import Ablation
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.initialisations import BASELINE


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
        _check(merged[name], name)
        for row in merged[name]["comparisons"]:
            _check_comparison(merged[name], row)
    return merged[scale]


def own_values(values: dict, row: str) -> dict[str, object]:
    """{dotted key: value} of the resolved values that a comparison row lays over the others for its pretraining."""
    return {f"{section}.{key}": own for section in OWN for key, own in values["comparisons"][row].get(section, {}).items()}


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


def _check(values: dict, where: str) -> None:
    try:
        Params.model_validate(values)
    except ValidationError as error:
        raise UserError(sentence(error, where)) from None


def _check_comparison(values: dict, row: str) -> None:
    """Its own values are checked as if they were the scale's, because each row has to be able to stand for all."""
    own, chosen = own_values(values, row), row in values["pretrain"]["comparisons"]
    where = f"{values['scale']}, comparisons.{row}"
    if not own:
        raise UserError(f"{FILE} ({where}): has no value of its own; give it one of {' or '.join(OWN)}, or take it out")
    if common := [key for key in own if key in COMMON]:
        raise UserError(f"{FILE} ({where}): {common[0]} is the same for all rows; take it out")
    laid = deepcopy(values)
    for key, given in own.items():
        section, name = key.split(".", 1)
        laid[section][name] = given
    task = laid["comparisons"][row]["task"]
    # only chosen ones are trained: what they need of the scale is asked for then
    laid["pretrain"]["ablations"] = [task] if chosen and task in get_args(Ablation) else []
    laid["finetune"]["compared"] = [BASELINE]
    _check(laid, where)
    if not chosen:
        return
    if equal := [key for key, given in own.items() if given == leaf(values, key)]:
        raise UserError(
            f"{FILE} ({where}): {equal[0]} is {own[equal[0]]!r}, as for all rows of this scale; give it another value"
        )
    if values["distortions"]["engine"] == "reference" and (other := [key for key in own if key.startswith("distortions.")]):
        raise UserError(
            f"{FILE} ({where}): {other[0]} cannot differ by row where distortions.engine is 'reference', whose variants are rendered "
            "once for all rows; set the engine to 'native'"
        )


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
