"""Bundles that must be refused, each in one sentence, before anything in them is used."""

import json
import pickle

import numpy as np
import pytest
from safetensors.numpy import save_file
from small_bundles import VALUES, make_bundle

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.use.bundle import read_bundle, write_sums
from aesthetic_pretraining.use.scorer import load


def refused(folder, *words):
    with pytest.raises(UserError) as error:
        load(folder)
    said = str(error.value)
    assert "\n" not in said and all(word in said for word in words), said


def test_a_sound_bundle_is_read(bundle):
    found = read_bundle(bundle)
    assert (found.size, found.values, found.name, found.simulated) == (32, tuple(VALUES), "by-hand", False)
    assert found.reading is not None and found.reading.told == {"brightness": 0.1}


def test_checksums_are_those_of_sha256sum(bundle):
    import subprocess

    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=bundle, capture_output=True, text=True, check=True)
    assert done.stdout.count(": OK") == 7


def test_a_folder_that_is_no_bundle(tmp_path):
    refused(tmp_path / "nothing", "no bundle", "stage_export")
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file", "no bundle")
    refused(tmp_path, "no bundle", str(tmp_path))


@pytest.mark.parametrize("name", ["model.onnx", "model.safetensors", "explain.onnx", "reading.json", "README.md"])
def test_a_cut_file(bundle, name):
    data = (bundle / name).read_bytes()
    (bundle / name).write_bytes(data[: len(data) // 2])
    refused(bundle, name, "cut or changed")


@pytest.mark.parametrize("name", ["model.onnx", "explain.safetensors"])
def test_a_missing_file(bundle, name):
    (bundle / name).unlink()
    refused(bundle, name, "missing")


def test_a_file_without_a_checksum(bundle):
    sums = (bundle / "SHA256SUMS").read_text().splitlines(keepends=True)
    (bundle / "SHA256SUMS").write_text("".join(line for line in sums if "model.onnx" not in line))
    refused(bundle, "no line for model.onnx")


@pytest.mark.parametrize("line", ["nonsense", f"{'0' * 64}  ../../etc/passwd", f"{'0' * 64}  "])
def test_a_list_of_checksums_that_is_none(bundle, line):
    with open(bundle / "SHA256SUMS", "a") as file:
        file.write(line + "\n")
    refused(bundle, "SHA256SUMS", "is not 'SHA-256  file'")


def test_another_version_of_the_format(tmp_path):
    refused(make_bundle(tmp_path / "later", version=2), "version 2", "reads version 1")


def test_another_projects_config(tmp_path):
    folder = make_bundle(tmp_path / "other", format="something else")
    refused(folder, "not of a bundle of this project")
    (folder / "config.json").write_text("{")
    refused(folder, "config.json", "cannot be read")
    (folder / "config.json").write_text("[]")
    refused(folder, "not of a bundle")


@pytest.mark.parametrize(
    "changed", [{"size": 4}, {"values": [1]}, {"values": [2, 1]}, {"values": "many"}, {"size": None}, {"labels": {}}]
)
def test_impossible_entries(tmp_path, changed):
    refused(make_bundle(tmp_path / "odd", **changed), "config.json")


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "notes.txt"])
def test_a_pickle_whatever_it_is_called_and_nothing_of_it_runs(bundle, tmp_path, name):
    class Bomb:
        def __reduce__(self):
            return open, (str(tmp_path / "ran"), "w")

    (bundle / name).write_bytes(pickle.dumps(Bomb()))
    write_sums(bundle)
    refused(bundle, name, "is a pickle")
    assert not (tmp_path / "ran").exists()


def test_a_pickle_of_torch(bundle):
    import torch

    torch.save({"weights": torch.zeros(2)}, bundle / "model.pt")
    refused(bundle, "model.pt", "is a pickle")


def test_weights_that_are_not_finite(bundle):
    save_file({"weights": np.array([1.0, np.nan], np.float32)}, bundle / "model.safetensors")
    write_sums(bundle)
    refused(bundle, "model.safetensors", "not finite")


def test_a_safetensors_file_that_is_none(bundle):
    (bundle / "explain.safetensors").write_bytes(b"hello" * 10)
    write_sums(bundle)
    refused(bundle, "explain.safetensors", "no safetensors file")


def test_a_model_that_onnxruntime_refuses(bundle):
    (bundle / "model.onnx").write_bytes(b"hello" * 10)
    write_sums(bundle)
    refused(bundle, "model.onnx", "onnxruntime cannot read it")


def test_a_model_for_other_images_or_votes(bundle):
    config = json.loads((bundle / "config.json").read_text())
    (bundle / "config.json").write_text(json.dumps(config | {"size": 64}))
    write_sums(bundle)
    refused(bundle, "does not take images of 64 pixels")
    (bundle / "config.json").write_text(json.dumps(config | {"values": [1, 2, 3]}))
    write_sums(bundle)
    refused(bundle, "no probabilities of 3 votes")


def test_a_model_with_weights_that_are_not_finite(tmp_path, monkeypatch):
    """The safetensors file is sound here: what counts is what the network says."""
    import small_bundles

    monkeypatch.setattr(small_bundles, "BIAS", np.full(5, np.nan, np.float32))
    refused(make_bundle(tmp_path / "nan"), "no probabilities")


def test_a_reading_that_is_none(bundle):
    (bundle / "reading.json").write_text(json.dumps({"classes": [["", 0]]}))
    write_sums(bundle)
    refused(bundle, "reading.json", "not how explanations are read")


def test_a_bundle_that_explains_nothing_needs_no_pretext_network(tmp_path):
    folder = make_bundle(tmp_path / "plain", explains=False)
    assert not (folder / "explain.onnx").exists()
    assert read_bundle(folder).reading is None
