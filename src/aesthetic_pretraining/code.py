"""Which files a result depends on: a program and every module of the project that it imports, directly or not.

The imports are read, not carried out, so this is fast and has no side effects. Checkpoints ask for a trainer's files; the
workflow asks for those of every rule's script (workflow/lib/dependencies.py); rendering, for its own.
"""

import ast
from functools import cache
from pathlib import Path, PurePosixPath

from aesthetic_pretraining.files import sha256

SOURCES = Path(__file__).resolve().parents[1]  # the folder that holds the package


def closure(root: Path, program: str, folders: tuple[str, ...] = (".",)) -> list[str]:
    """Paths relative to `root`, sorted: the program, and what it imports from `folders`.

    Args:
        program: a Python file, relative to `root`.
        folders: where the project's modules are, relative to `root`.
    Raises: ValueError if a file has a relative import, whose whole name would not be known.
    """
    todo, found = [program], set()
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += imports(root, path, folders)
    return sorted(found)


def digests(program: str | Path) -> dict[str, str]:
    """{file: SHA-256} of a module of this package and all of the project that it imports; files relative to the package's folder."""
    name = Path(program).resolve().relative_to(SOURCES).as_posix()
    return {file: first_seen(SOURCES / file) for file in closure(SOURCES, name)}


@cache
def first_seen(path: Path) -> str:
    """SHA-256 of a file of code as this process first saw it. A rule's job sees all of its code before it imports any."""
    return sha256(path)


@cache
def imports(root: Path, path: str, folders: tuple[str, ...]) -> tuple[str, ...]:
    """The project files that one file imports, at any depth of its code."""
    names: list[str] = []
    for node in ast.walk(ast.parse((root / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module is None:
                raise ValueError(f"{path}: relative import; write the whole name, so that dependencies can be read")
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(dict.fromkeys(file for name in names for file in _files(root, name, folders)))


@cache
def _files(root: Path, name: str, folders: tuple[str, ...]) -> tuple[str, ...]:
    """The files of a dotted name, packages' __init__.py included; empty if it is not the project's."""
    parts = name.split(".")
    found = []
    for folder in folders:
        for depth in range(1, len(parts) + 1):
            stem = PurePosixPath(folder, *parts[:depth])
            found += [f for f in (f"{stem}.py", f"{stem}/__init__.py") if (root / f).is_file()]
    return tuple(found)
