"""The models as a JSON schema of params.yaml, for editors: descriptions on hover, completion, and mistakes while typing.

It is looser than the models, because a value may stand either above or in the scales: no key of a section is required, and what
validators check beyond types and ranges is left to them.
"""

from typing import Any

from aesthetic_pretraining.config.params import Params


def schema() -> dict:
    """What workflow/schemas/params.schema.json has to hold."""
    whole = Params.model_json_schema()
    definitions = {name: _loose(kept) for name, kept in whole["$defs"].items()}
    for name in ("ComparisonParams", "SetParams"):  # an entry of a section by name stands as a whole
        definitions[name] |= {"required": whole["$defs"][name]["required"]}
    common = _loose(whole)["properties"]
    own = {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {k: v for k, v in common.items() if k != "scale"},
    }
    scales = {
        "type": "object",
        "description": "What differs by scale. A value stands either here, in every scale, or above; never in both.",
        "additionalProperties": False,
        "minProperties": 1,
        "patternProperties": {common["scale"]["pattern"]: {"$ref": "#/$defs/Scale"}},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "GENERATED from src/aesthetic_pretraining/config by tools/schema.py (make schema); do not edit.",
        "title": "params.yaml",
        "description": whole["description"],
        "type": "object",
        "additionalProperties": False,
        "required": ["scale", "scales"],
        "properties": common | {"scales": scales},
        "$defs": definitions | {"Scale": {"description": "The values of one scale."} | own},
    }


def _loose(node: dict[str, Any]) -> dict[str, Any]:
    """A section's schema without titles, defaults and required keys, and with unit and source in words."""
    kept = {key: part for key, part in node.items() if key not in ("title", "default", "required", "unit", "source", "$defs")}
    if "properties" in kept:
        kept["properties"] = {name: _loose(part) for name, part in kept["properties"].items()}
    for word in ("unit", "source"):
        if word in node:
            kept["description"] += f" {word.capitalize()}: {node[word]}."
    return kept
