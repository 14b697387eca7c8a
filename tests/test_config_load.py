"""Reading params.yaml: YAML 1.2, no key twice, and what the command line lays over it."""

import math
import re

import pytest
from ruamel.yaml import YAML

from aesthetic_pretraining.config import load, overlay, resolve
from aesthetic_pretraining.errors import UserError

# nine to the power of twelve letters
BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 13))


@pytest.fixture
def read(tmp_path):
    """Factory: text of a params.yaml -> what `load` makes of it."""

    def make(text):
        (tmp_path / "params.yaml").write_text(text)
        return load(tmp_path / "params.yaml")

    return make


@pytest.mark.parametrize(
    ("text", "value"),
    [("4e-5", 4e-5), ("1e-05", 1e-5), ("1E5", 1e5), ("+1.e3", 1000.0), (".5", 0.5), ("-2", -2), ("0x1f", 31), ("4.0e-5", 4e-5),
     ("yes", "yes"), ("on", "on"), ("1:30", "1:30"), ("true", True), ('"1"', "1"), ("~", None), (".inf", math.inf), ("017", 17), ("0o17", 15), ("1_0", 10)],
)  # fmt: skip
def test_values_are_those_of_yaml_1_2(read, text, value):
    found = read(f"a: {{b: {text}}}")["a"]["b"]
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "seed: 1\npretrain:\n  margin: 0.2\n  epochs: 3\n  margin: 0.3\n",
            "params.yaml, line 5: the key 'margin' stands twice",
        ),
        ("seed: 1\nimage: {size: 32, size: 64}\n", "params.yaml, line 2: the key 'size' stands twice"),
        ("seed: 1\nseed: 1\n", "params.yaml, line 2: the key 'seed' stands twice"),
        ("a: [1\nb: 2", "params.yaml, line 2: is no YAML"),
        ("\ta: 1", "params.yaml, line 1: is no YAML"),
        ("", "params.yaml: holds no sections"),
        ("- 1", "params.yaml: holds no sections"),
        ("seed: " + "9" * 5000, "params.yaml: holds a value that cannot be read: Exceeds the limit"),
        ("seed: 2001-99-99", "params.yaml: holds a value that cannot be read: month must be"),
        ("seed: !!int x", "params.yaml: holds a value that cannot be read: invalid literal"),
        ("seed: !!python/object/apply:os.system [echo]", "params.yaml, line 1: is no YAML"),
        ("a: " + "[" * 5000 + "]" * 5000, "params.yaml: its brackets are nested too deeply"),
        ("a: &a [1, *a]", "params.yaml: its aliases (*name) stand for more than"),
        ("a: &a {b: 1, c: *a}", "params.yaml: its aliases (*name) stand for more than"),
        (BOMB, "params.yaml: its aliases (*name) stand for more than"),
    ],
)
def test_what_cannot_be_read_gives_one_sentence(read, text, said):
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        read(text)
    assert "\n" not in str(caught.value)


def test_no_file_and_no_text(tmp_path):
    with pytest.raises(UserError, match=r"params\.yaml is missing"):
        load(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_bytes(b"a: \xff\n")
    with pytest.raises(UserError, match="UTF-8"):
        load(tmp_path / "params.yaml")


def test_what_dvc_writes_with_minus_s_is_read(project, tmp_path):
    """DVC's own way: read with its comments, changed, dumped; 0.00001 becomes 1e-05, which YAML 1.1 takes for text."""
    rewritten = YAML()
    values = rewritten.load(project / "params.yaml")
    values["pretrain"]["weight_decay"] = 0.00001
    rewritten.dump(values, tmp_path / "params.yaml")
    assert "weight_decay: 1e-05" in (tmp_path / "params.yaml").read_text()
    assert resolve(load(tmp_path / "params.yaml"))["pretrain"]["weight_decay"] == 1e-5


# the command line: Snakemake gives numbers and truth values themselves, and all that stands inside of braces as text
def test_an_overlay_changes_what_it_names_and_nothing_else():
    values = {"seed": 1, "pretrain": {"margin": 0.2, "tasks": ["a"]}, "scales": {"demo": {"image": {"size": 64}}}}
    said = {"seed": 7, "pretrain": {"margin": "4e-5"}, "scales": {"demo": {"image": {"size": "96"}}}, "more": {"flip": "true"}}
    assert overlay(values, said) == {
        "seed": 7,
        "pretrain": {"margin": 4e-5, "tasks": ["a"]},
        "scales": {"demo": {"image": {"size": 96}}},
        "more": {"flip": True},
    }
    assert values["pretrain"]["margin"] == 0.2


@pytest.mark.parametrize(
    ("given", "value"),
    [("", ""), ("null", "null"), ("2020-01-01", "2020-01-01"), ("data/raw", "data/raw"), ("a: b: c", "a: b: c"), ("[1]", "[1]"),
     (["1", "2"], [1, 2]), (["ranking"], ["ranking"]), ([{"range": ["1", "7"]}], [{"range": [1, 7]}]), (None, None)],
)  # fmt: skip
def test_text_stays_text_unless_it_is_a_number_or_a_truth_value(given, value):
    assert overlay({}, {"key": given}) == {"key": value}


def test_an_overlay_is_checked_as_the_file_is(params):
    assert resolve(overlay(params, {"scale": "smoke", "pretrain": {"margin": "0.3"}}))["pretrain"]["margin"] == 0.3
    with pytest.raises(UserError, match=r"pretrain\.margin is 'wide', but must be of type number"):
        resolve(overlay(params, {"pretrain": {"margin": "wide"}}))


def test_aliases_of_a_usual_size_are_read(read):
    assert read("a: &a [1, 2]\nb: [*a, *a]\n") == {"a": [1, 2], "b": [[1, 2], [1, 2]]}


@pytest.mark.parametrize(
    "given", ["x" * 100_000, ["x"] * 10_000, {str(k): k for k in range(10_000)}], ids=["text", "list", "section"]
)
def test_a_long_value_does_not_fill_the_terminal(params, given):
    with pytest.raises(UserError, match=r"\(smoke\): seed is .*must be") as caught:
        resolve(params | {"scale": "smoke", "seed": given})
    assert len(str(caught.value)) < 400
