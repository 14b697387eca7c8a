"""params.yaml as the rest sees it: one scale laid over the common values, checked against the closed schema."""

import math
from collections.abc import Iterator
from copy import deepcopy

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError

from aesthetic_pretraining.data.download.pexels import require_terms
from aesthetic_pretraining.distortions import DISTORTIONS
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.initialisations import BASELINE, BETWEEN_PHOTOS, RESPONDING

FILE = "params.yaml"
MIN_EDITED_WIDTH = 300  # pixels; the published blur of 100 pixels leaves no surroundings in a narrower photo

# JSON schema takes 1.0 for an integer, but a seed of 1.0 is another text than 1
Validator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, v: isinstance(v, int) and not isinstance(v, bool)
    ),
)


def resolve(params: dict, schema: dict) -> dict:
    """The values of the chosen scale, without the `scales` section.

    Args:
        params: what params.yaml holds (plus what the command line overrides).
        schema: JSON schema of the result.
    Raises UserError with one sentence for an unknown scale, a key that stands twice or is missing in one scale,
    and anything that the schema forbids, in whichever scale.
    """
    scales = params.get("scales")
    if not isinstance(scales, dict) or not scales:
        raise UserError(f"{FILE}: the section 'scales' is missing; take it back from version control")
    scale = params.get("scale")
    if not isinstance(scale, str) or scale not in scales:
        raise UserError(f"{FILE}: scale is {scale!r}, but must be one of {', '.join(scales)}")
    merged = {}
    for name, overlay in scales.items():
        if not isinstance(overlay, dict):
            raise UserError(f"{FILE}: scales.{name} is {overlay!r}, but must hold sections")
        merged[name] = _merge({k: v for k, v in params.items() if k != "scales"}, overlay, f"scales.{name}")
        merged[name]["scale"] = name
        check(merged[name], schema, name)
        _check_rest(merged[name])
    return merged[scale]


def source_key(params: dict, key: str) -> str:
    """Where the dotted `key` of the resolved values stands in params.yaml, with ${scale} for the scale (as DVC writes it)."""
    node = params["scales"][params["scale"]]
    for part in key.split("."):
        if not isinstance(node, dict) or part not in node:
            return key
        node = node[part]
    return "scales.${scale}." + key


def check(values: dict, schema: dict, scale: str) -> None:
    """Raise UserError with one sentence if `values` break `schema`; the deepest, most telling violation is named."""
    for key in _leaf_keys(values):
        value = leaf(values, key)
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"{FILE} ({scale}): {key} is {value!r}, but must be a finite number")
    errors = sorted(Validator(schema).iter_errors(values), key=lambda e: (-len(e.absolute_path), str(e.absolute_path)))
    if errors:
        raise UserError(f"{FILE} ({scale}): {_sentence(errors[0])}")


def _merge(common: dict, overlay: dict, where: str) -> dict:
    """`overlay` laid into `common`; a value may stand in only one of them."""
    merged = deepcopy(common)
    for key, value in overlay.items():
        if isinstance(value, dict) and isinstance(merged.get(key, {}), dict):
            merged[key] = _merge(merged.get(key, {}), value, f"{where}.{key}")
        elif key in merged:
            raise UserError(f"{FILE}: {where}.{key} also stands outside of the scales; keep one of the two")
        else:
            merged[key] = deepcopy(value)
    return merged


def _sentence(error: ValidationError) -> str:
    """One validation error in words, without the schema."""
    where = ".".join(map(str, error.absolute_path))
    prefix = f"{where} " if where else ""
    match error.validator:
        case "additionalProperties":
            known = error.schema["properties"]
            extra = sorted(set(error.instance) - set(known), key=str)[0]
            return f"unknown key {(where + '.' if where else '') + str(extra)!r}; known here: {', '.join(known)}"
        case "required":
            missing = next(k for k in error.validator_value if k not in error.instance)
            return f"the key '{where + '.' if where else ''}{missing}' is missing"
        case "type":
            return f"{prefix}is {error.instance!r}, but must be of type {error.validator_value}"
        case "enum":
            return f"{prefix}is {error.instance!r}, but must be one of {', '.join(map(str, error.validator_value))}"
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum" | "multipleOf":
            bound = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most",
                     "exclusiveMaximum": "below", "multipleOf": "a multiple of"}[error.validator]  # fmt: skip
            return f"{prefix}is {error.instance!r}, but must be {bound} {error.validator_value}"
        case "contains":
            return f"{prefix}is {error.instance!r}, but must contain {error.validator_value.get('const')}"
        case "minItems":
            return f"{prefix}is empty, but needs at least {error.validator_value} entry"
        case "uniqueItems":
            return f"{prefix}is {error.instance!r}, but no entry may stand twice"
        case _:
            return f"{prefix}is not valid: {error.message}"


def _check_rest(values: dict) -> None:
    """What a schema cannot say: shares that add up to one, names that refer to others."""
    scale = values["scale"]
    for section, key in (("photos", "shares"), ("labels", "random_shares"), ("simulate", "shares")):
        total = sum(values[section][key].values())
        if not abs(total - 1) <= 1e-6:
            raise UserError(f"{FILE} ({scale}): {section}.{key} add up to {total:g}, but must add up to 1")
    if 0 < (edited := values["distortions"]["edited_width"]) < MIN_EDITED_WIDTH:
        raise UserError(
            f"{FILE} ({scale}): distortions.edited_width is {edited}, but must be 0 or at least {MIN_EDITED_WIDTH} pixels, "
            "because narrower photos were hardly edited"
        )
    if RESPONDING not in values["pretrain"]["tasks"]:
        raise UserError(f"{FILE} ({scale}): pretrain.tasks lacks {RESPONDING!r}, which Figure 4 is drawn with; put it back")
    for name in BETWEEN_PHOTOS:
        if name in values["pretrain"]["ablations"] and values["pretrain"]["batch_photos"] < 2:
            raise UserError(
                f"{FILE} ({scale}): pretrain.ablations names {name!r}, which compares photos of a batch, but "
                "pretrain.batch_photos is 1; set it to 2 or more"
            )
    known = [BASELINE, *values["pretrain"]["tasks"], *values["pretrain"]["ablations"]]
    for name in values["finetune"]["compared"]:
        if name not in known:
            raise UserError(
                f"{FILE} ({scale}): finetune.compared names {name!r}, but pretrain.tasks and pretrain.ablations have only {', '.join(known)}"
            )
    report = values["report"]
    for key in ("examples", "response_distortion", "response_outputs"):
        for name in [report[key]] if isinstance(report[key], str) else report[key]:
            if name not in DISTORTIONS:
                raise UserError(
                    f"{FILE} ({scale}): report.{key} names {name!r}, which is no distortion; known are {', '.join(DISTORTIONS)}"
                )
    for section, needed in (("photos", ["folder"]), ("labels", ["ava_folder", "tid2013_folder"])):
        for key in needed:
            if values[section]["source"] == "folder" and not values[section][key]:
                raise UserError(
                    f"{FILE} ({scale}): {section}.{key} is empty, but {section}.source is 'folder'; name the folder"
                )
    if values["probe"]["lowest"] >= values["probe"]["highest"]:
        raise UserError(
            f"{FILE} ({scale}): probe.lowest is {values['probe']['lowest']:g}, but must be below probe.highest, "
            f"which is {values['probe']['highest']:g}"
        )
    _check_extra(values["labels"]["extra"], scale)
    if values["photos"]["source"] == "pexels":
        require_terms(values["pexels"]["accept_terms"])
        if values["labels"]["source"] == "simulated":
            raise UserError(
                f"{FILE} ({scale}): photos.source is 'pexels', whose published split leaves no photos for simulated labels; "
                "set labels.source to 'folder'"
            )
    if values["labels"]["source"] == "simulated" and values["photos"]["shares"]["labels"] == 0:
        raise UserError(f"{FILE} ({scale}): photos.shares.labels is 0, but labels.source is 'simulated', which needs photos")


def _check_extra(sets: list[dict], scale: str) -> None:
    """labels.extra: names that nobody else has, and a range where, and only where, the format does not give one."""
    taken = {"photos", "ava", "tid2013", "simulated"}
    for k, extra in enumerate(sets):
        where = f"{FILE} ({scale}): labels.extra[{k}]"
        if extra["name"] in taken:
            raise UserError(f"{where}.name {extra['name']!r} is taken; choose another name")
        taken.add(extra["name"])
        if (extra["format"] == "folder") != ("range" in extra):
            raise UserError(
                f"{where}.range is {'missing' if extra['format'] == 'folder' else 'given by the format; take it out'}"
            )
        if "range" in extra and not extra["range"][0] < extra["range"][1]:
            raise UserError(f"{where}.range is {extra['range']}, but must be [lowest, highest]")


def leaf(values: dict, key: str) -> object:
    """The value under a dotted key of resolved values. Raises KeyError for an unknown key and for a whole section."""
    node: object = values
    for part in key.split("."):
        if not isinstance(node, dict):
            raise KeyError(f"{key}: {part} stands below a value")
        node = node[part]
    if isinstance(node, dict):
        raise KeyError(f"{key} is a section; name its leaves")
    return node


def _leaf_keys(values: dict, path: str = "") -> Iterator[str]:
    """The dotted keys of all leaves."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaf_keys(value, f"{path}{key}.")
        else:
            yield f"{path}{key}"
