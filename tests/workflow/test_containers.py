"""Recipes of images and the set-up without CUDA: what can be checked without a registry, PyTorch's index or Apptainer."""

import json
import os
import platform
import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from projects import ENV, ROOT, TASKS, Project, checkout, ran

TORCH = {"torch", "torchvision"}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def program(folder: Path, name: str, text: str) -> dict[str, str]:
    """An environment in which a shell script of ours is the first program of that name."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/bash\n{text}")
    (folder / name).chmod(0o755)
    return ENV | {"PATH": os.pathsep.join([str(folder), ENV["PATH"]])}


def test_without_cuda_the_lock_loses_what_only_torch_asks_for_and_keeps_every_digest(tmp_path):
    planned = subprocess.run(
        ["make", "-n", "setup", "TORCH=cpu"], cwd=ROOT, env=ENV, capture_output=True, text=True, check=True
    )
    (made,) = [line for line in planned.stdout.splitlines() if "cpu.txt" in line and line.startswith("awk")]
    (tmp_path / ".venv").mkdir()
    (tmp_path / "requirements.lock").write_text((ROOT / "requirements.lock").read_text())
    subprocess.run(["bash", "-c", made], cwd=tmp_path, check=True)
    lock, kept = (
        dict(re.findall(r"^([a-z0-9-]+)(==.*(?:\n .*)*)", path.read_text(), re.M))
        for path in (tmp_path / "requirements.lock", tmp_path / ".venv/cpu.txt")
    )
    assert kept.items() <= lock.items()  # whole entries, with their digests
    dropped = lock.keys() - kept.keys()
    assert {*TORCH, "triton", "nvidia-cublas", "nvidia-cudnn-cu13"} <= dropped
    # by what the installed packages say of themselves: nothing that stays needs anything that goes, but for torch
    for each in distributions():
        if canonical(each.name) in kept:
            needed = {
                canonical(r.name)
                for r in map(Requirement, each.requires or [])
                if r.marker is None or r.marker.evaluate({"extra": ""})
            }
            assert not needed & (dropped - TORCH), each.name
    assert "--torch-backend cpu $(awk '/^(torch|torchvision)==/ {print $1}' requirements.lock)" in planned.stdout
    asked = subprocess.run(["make", "-n", "setup", "TORCH=cup"], cwd=ROOT, env=ENV, capture_output=True, text=True, check=False)
    assert "TORCH=cup: there are cpu and cuda" in asked.stderr and asked.returncode != 0


def test_both_recipes_have_the_same_pinned_base_and_name_files_that_are_there():
    docker, apptainer = (ROOT / "Dockerfile").read_text(), (ROOT / "apptainer.def").read_text()
    bases = {*re.findall(r"^ARG BASE=(\S+)", docker, re.M), *re.findall(r"^From: (\S+)", apptainer, re.M)}
    assert len(bases) == 1 and re.fullmatch(r"python:3\.11-slim-bookworm@sha256:[0-9a-f]{64}", bases.pop())
    context = set(re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.M))
    files = re.search(r"^%files\n(.*?)\n\n", apptainer, re.M | re.S)[1]
    assert set(re.findall(r"(?<![\w/.-])[\w.]+(?=\s)", files)) == context
    copied = {name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", docker, re.M) for name in line.split() if name != "."}
    assert all((ROOT / name).exists() for name in context | copied)
    assert re.search(r"^USER (?!0|root)", docker, re.M)
    last = docker.rpartition("\nFROM ")[2]
    home = re.search(r"^ENV HOME=(\S+) ", last, re.M)[1]
    made = re.search(rf"^RUN install --directory --mode=(\d+) {home}$", last[: last.index("\nUSER ")], re.M)
    assert made[1] == "1777"  # any user number can write there, as with --user
    assert "apt-get" not in last and "pip install" not in last  # no build tools left in


@pytest.mark.parametrize("engine", ["podman", "docker", "buildah"])
def test_an_image_of_another_architecture_is_named(engine, tmp_path):
    here = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    for architecture in ("s390x", here):
        about = (
            {"OCIv1": {"architecture": architecture}}
            if engine == "buildah"
            else [{"Architecture": architecture, "Size": 3 * 2**20}]
        )
        text = f"case $1 in images) echo '{json.dumps([{'size': '3.146 MB'}])}';; *) echo '{json.dumps(about)}';; esac\n"
        done = subprocess.run(
            [sys.executable, "tools/image.py", "check", "x:cpu", "--engine", engine],
            cwd=ROOT, env=program(tmp_path / architecture, engine, text), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if architecture == here:
            assert done.stdout == "x:cpu: 3 MiB\n"
        else:
            assert done.stderr.startswith(f"error: the image x:cpu is for s390x, and this machine is {here}; build it here")
    done = subprocess.run(
        [sys.executable, "tools/image.py", "check", "x:cpu", "--engine", engine],
        cwd=ROOT, env=program(tmp_path / "none", engine, "exit 1\n"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == f"error: {engine} has no image x:cpu; build it: make image\n"


@pytest.mark.slow
def test_jobs_run_in_the_image_that_is_asked_for_and_in_none_otherwise(tmp_path, warm):
    """A program stands for Apptainer: it notes how it is called, and runs the job's command outside of any image."""
    calls = tmp_path / "calls"
    text = f"""[ "$1" = --version ] && echo "apptainer version 1.3.0" && exit
echo "$@" >> {calls}
while [ "$1" != -c ]; do shift; done
exec bash -c "$2"
"""
    image = tmp_path / "image.sif"
    image.touch()
    project = checkout(tmp_path / "project", warm, TASKS)
    path = os.pathsep.join([str(tmp_path / "bin"), warm["PATH"]])
    project = Project(project.path, project.env | program(tmp_path / "bin", "apptainer", text) | {"PATH": path})
    target = "data/smoke/photos/listing.csv"
    call = ["--sdm", "apptainer", "--config", f"container={image}", "--", target]
    assert ran(project.snakemake(*call)) == {"listing": 1}
    assert f" {image} " in calls.read_text() and "listing.py" in calls.read_text()
    assert "Nothing to be done" in project.snakemake("-n", *call)
    refused = project.snakemake("--sdm", "apptainer", "--", target, ok=False)
    assert "--sdm apptainer runs jobs in an image, and none is named; build one and add --config container=IMAGE.sif" in refused
    assert "Traceback" not in refused
    before = calls.read_text()
    assert ran(project.snakemake(target)) == {"listing": 1}  # made in another software environment, by Snakemake's count
    assert calls.read_text() == before
