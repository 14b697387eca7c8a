"""Whole keys of params.yaml to and from a configuration's fields."""

from collections.abc import Mapping
from typing import Any, TypeVar, get_type_hints

T = TypeVar("T")


def keys_by_field(cls: type) -> dict[str, str]:
    """{field: dotted key} of the fields that come from params.yaml; a key is a leaf's, or a section's for a field that is a dict."""
    hints = get_type_hints(cls, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items() if hasattr(hint, "__metadata__")}


def keys_of(cls: type, *own: str) -> list[str]:
    """The keys that `build` looks up if the script gives the fields `own` itself. Raises TypeError for an unknown field."""
    keys = keys_by_field(cls)
    if strange := [name for name in own if name not in keys]:
        raise TypeError(f"{cls.__name__} takes no {', '.join(strange)} from params.yaml")
    return [key for name, key in keys.items() if name not in own]


def build(cls: type[T], cfg: Mapping[str, Any], **own: object) -> T:
    """A configuration from a rule's parameters.

    Args:
        cfg: {whole dotted key of a leaf: value}.
        own: fields that the script gives; they go before the rule's parameters.
    Raises KeyError for a key that the rule does not list: no default takes its place, because neither Snakemake nor DVC would see it.
    """
    keys = {name: key for name, key in keys_by_field(cls).items() if name not in own}
    return cls(**{name: cfg[key] if key in cfg else below(cfg, key) for name, key in keys.items()} | own)


def below(cfg: Mapping[str, Any], section: str) -> dict[str, Any]:
    """{name: value} of the leaves below a section; `cfg` as for `build`. Raises KeyError if there are none."""
    found = {key.removeprefix(f"{section}."): value for key, value in cfg.items() if key.startswith(f"{section}.")}
    if not found:
        raise KeyError(f"{section} is not among the parameters of this rule")
    return found
