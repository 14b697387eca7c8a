"""Configurations by whole keys: each key exists, nothing is guessed, and no start of Snakemake pays for torch."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated

import pytest
from parameters import leaves

from aesthetic_pretraining.config import leaf_keys, resolve
from aesthetic_pretraining.settings.keys import build, keys_by_field, keys_of


@dataclass(frozen=True)
class Two:
    """Two keys with equal last parts, a section, and a field of the script's own."""

    seed: int
    pretraining: Annotated[float, "pretrain.learning_rate"]
    searching: Annotated[float, "search.learning_rate"]
    weights: Annotated[Mapping[str, float], "simulate.weights"]
    flip: Annotated[bool, "finetune.flip"] = True


CFG = {"pretrain.learning_rate": 1, "search.learning_rate": 2, "simulate.weights.a": 3, "simulate.weights.b": 4, "finetune.flip": False, "seed": 9}  # fmt: skip


def test_fields_are_found_by_whole_keys():
    assert build(Two, CFG, seed=5) == Two(5, 1, 2, {"a": 3, "b": 4}, False)
    assert build(Two, CFG, seed=5, flip=True).flip
    assert keys_of(Two) == ["pretrain.learning_rate", "search.learning_rate", "simulate.weights", "finetune.flip"]
    assert keys_of(Two, "flip", "weights") == ["pretrain.learning_rate", "search.learning_rate"]


def test_a_key_that_the_rule_does_not_list_is_an_error_and_no_default():
    for key in ("finetune.flip", "search.learning_rate"):
        with pytest.raises(KeyError, match=key):
            build(Two, {k: v for k, v in CFG.items() if k != key}, seed=5)
    with pytest.raises(TypeError, match="seed"):
        build(Two, CFG)  # "seed" of params.yaml is another one than the field of that name
    with pytest.raises(TypeError, match="takes no tempo"):
        keys_of(Two, "tempo")


def configurations(project):
    for path in sorted((project / "src/aesthetic_pretraining/settings").glob("*.py")):
        module = importlib.import_module(f"aesthetic_pretraining.settings.{path.stem}".removesuffix(".__init__"))
        for value in vars(module).values():
            if is_dataclass(value) and value.__module__ == module.__name__ and keys_by_field(value):
                yield value


def test_every_configuration_is_made_of_keys_of_params_yaml(project, params):
    values = resolve({**params, "scale": "smoke"})
    cfg = leaves(values)
    found = list(configurations(project))
    assert len(found) > 10
    for cls in found:
        assert all(leaf_keys(values, key) for key in keys_of(cls))
        own = [field.name for field in fields(cls) if field.name not in keys_by_field(cls)]
        # a training's seed stands in its path, the scores are those of the set that labels.train_on names
        assert set(own) <= {"seed", "low", "high", "bins", "values", "above"}, cls
        built = build(cls, cfg, **dict.fromkeys(own, 1))
        assert all(getattr(built, name) == cfg[key] for name, key in keys_by_field(cls).items() if key in cfg)


def test_they_take_neither_torch_nor_pydantic(project):
    names = [path.stem for path in (project / "src/aesthetic_pretraining/settings").glob("[a-z]*.py")]
    code = "import sys; " + "; ".join(f"import aesthetic_pretraining.settings.{name}" for name in names)
    code += "; print(*({m.partition('.')[0] for m in sys.modules} & {'torch', 'pydantic', 'pandas', 'scipy', 'cv2'}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=project / "src", capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_functions_hold_no_configuration_of_their_own_beside_these(project):
    """A frozen `...Config` outside of settings would be one that no rule can read its keys from."""
    for path in (project / "src/aesthetic_pretraining").rglob("*.py"):
        if "settings" not in path.parts:
            assert not [
                n.name
                for n in ast.walk(ast.parse(path.read_text()))
                if isinstance(n, ast.ClassDef) and n.name.endswith("Config")
            ], path
