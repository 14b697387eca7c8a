"""Reading params.yaml: YAML 1.2, as DVC reads it, so that 4e-5 and 1e-05 are numbers and a key that stands twice is a mistake."""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from aesthetic_pretraining.errors import UserError

MOST = 10_000  # sections and lists


def load(path: str | Path) -> dict:
    """What the file holds. Raises UserError with file and line for a key that stands twice and for what is no YAML."""
    path = Path(path)
    try:
        # pure: libyaml, written in C, knows YAML 1.1 alone, where 4e-5 is text
        values = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path.name} is missing; take it back from version control") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name} is not written in UTF-8; save it so") from error
    except DuplicateKeyError as error:
        key = re.search(r'duplicate key "(.*?)" with', str(error.problem))
        named = f"the key {key[1]!r}" if key else "a key"
        raise UserError(f"{_place(path, error)}: {named} stands twice in its section; keep one of the two") from error
    except MarkedYAMLError as error:
        raise UserError(f"{_place(path, error)}: is no YAML: {' '.join(str(error.problem).split())}") from error
    except YAMLError as error:
        raise UserError(f"{path.name}: is no YAML: {' '.join(str(error).split())}") from error
    except ValueError as error:  # a date or a number that Python cannot hold
        raise UserError(f"{path.name}: holds a value that cannot be read: {error}") from error
    except RecursionError as error:
        raise UserError(f"{path.name}: its brackets are nested too deeply; take it back from version control") from error
    if not isinstance(values, dict):
        raise UserError(f"{path.name}: holds no sections; take it back from version control")
    _refuse_floods(path, values)
    return values


def _refuse_floods(path: Path, values: dict) -> None:
    """Raise UserError for aliases that stand for far more than is written, or for themselves: copies of them would fill memory."""
    todo: list[Iterator[Any]] = [iter([values])]  # iterators, so that no list grows with what the aliases stand for
    count = 0
    while todo:
        for node in todo[-1]:
            if isinstance(node, Mapping | list):
                count += 1
                todo.append(iter(node.values() if isinstance(node, Mapping) else node))
                break
        else:
            todo.pop()
        if count > MOST:
            raise UserError(f"{path.name}: its aliases (*name) stand for more than {MOST} sections and lists; write them out")


def overlay(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict:
    """A copy of `values` with what the command line says (snakemake --config) laid over it, section by section.

    Snakemake hands every value inside of braces over as text; those that YAML 1.2 takes for a number or a truth value become one.
    """
    merged = deepcopy(dict(values))
    for key, change in changes.items():
        if isinstance(change, Mapping):
            below = merged.get(key)
            merged[key] = overlay(below if isinstance(below, Mapping) else {}, change)
        else:
            merged[key] = _typed(change)
    return merged


def _typed(value: Any) -> Any:
    if isinstance(value, list):
        return [overlay({}, entry) if isinstance(entry, Mapping) else _typed(entry) for entry in value]
    if isinstance(value, str):
        try:
            read = YAML(typ="safe", pure=True).load(value)
        except (YAMLError, ValueError, RecursionError):  # text of another kind
            return value
        return read if isinstance(read, int | float) else value
    return value


def _place(path: Path, error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f"{path.name}, line {mark.line + 1}" if mark else path.name
