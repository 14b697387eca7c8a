"""The project files that a script depends on: itself and every project module that it imports, directly or not.

Snakemake runs a rule again when its script is edited, but not when something that the script imports is. Named as
inputs, these files are seen by Snakemake and, through dvc.yaml, by DVC.
"""

import ast
from functools import cache
from pathlib import Path


def closure(root: Path, script: str) -> list[str]:
    """Paths relative to `root`, sorted: the script, and what it imports from src/ and workflow/lib/."""
    todo, found = [script], set()
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += imports(root, path)
    return sorted(found)


@cache
def imports(root: Path, path: str) -> tuple[str, ...]:
    """The project files that one file imports, at any depth of its code."""
    names: list[str] = []
    for node in ast.walk(ast.parse((root / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{path}: relative import; write the whole name, so that dependencies can be read")
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(dict.fromkeys(file for name in names for file in _files(root, name)))


@cache
def _files(root: Path, name: str) -> tuple[str, ...]:
    """The files of a dotted name, packages' __init__.py included; empty if it is not the project's."""
    parts = name.split(".")
    found = []
    for folder in ("src", "workflow/lib"):
        for depth in range(1, len(parts) + 1):
            stem = "/".join([folder, *parts[:depth]])
            found += [f for f in (f"{stem}.py", f"{stem}/__init__.py") if (root / f).is_file()]
    return tuple(found)
