"""Bundles as rule `export` writes them, of a small network with random weights."""

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
import yaml
from safetensors import safe_open

from aesthetic_pretraining.data.letterbox import letterbox
from aesthetic_pretraining.data.sources import Packages
from aesthetic_pretraining.distortions import DISTORTIONS, VARIANTS
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.initialisations import RESPONDING
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import Network, distribution, save_weights, score_network
from aesthetic_pretraining.training.pretext import TASKS
from aesthetic_pretraining.use import facts, onnx_files
from aesthetic_pretraining.use.bundle import read_bundle
from aesthetic_pretraining.use.export import Chosen, Explaining, export
from aesthetic_pretraining.use.networks import ByTorch
from aesthetic_pretraining.use.reading import Responses, assess, responses_of
from aesthetic_pretraining.use.scorer import load

BACKBONE, SIZE, VALUES = "timm:test_convnext", 32, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
METRICS = [
    {"metric": "srcc", "name": "rank correlation (SRCC)", "images": 40, "seeds": 1, "value": 0.5, "low": 0.25, "high": 0.75},
    {"metric": "lcc", "name": "linear correlation (LCC)", "images": 40, "seeds": 1, "value": None, "low": None, "high": None},
]


def about(simulated):
    labels = {"set": "oasis", "title": "OASIS", "simulated": simulated, "licence": "photos: free for research", "images": 500}
    return {
        **{"scale": "smoke", "commit": "abc", "labels": labels, "metrics": METRICS, "confidence": "95"},
        "metrics_of": facts.metrics_sentence(1, 0, "OASIS", simulated),
        "data": facts.data_lines(BACKBONE, RESPONDING, ["bsds500"], labels),
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two bundles of one network, one of which says that its votes are simulated; and the network."""
    folder = tmp_path_factory.mktemp("export")
    torch.manual_seed(1)
    network = score_network(build_backbone(BACKBONE), dropout=0.5, bins=len(VALUES))
    pretext = Network(build_backbone(BACKBONE), TASKS[RESPONDING].heads)
    save_weights(network.state_dict(), folder / "network.safetensors")
    save_weights(pretext.state_dict(), folder / "pretext.safetensors")
    packages = Packages()
    photos = np.stack([_seen(packages.read(name)) for name in packages.names()[-6:]])
    rng = np.random.default_rng(0)
    rows = [(photo, name, level) for photo in range(25) for name in DISTORTIONS for level in (0, *DISTORTIONS[name].levels)]
    outputs = rng.normal(0, 1, (len(rows), len(DISTORTIONS))).astype(np.float32)
    outputs[np.arange(len(rows)), [list(DISTORTIONS).index(name) for _, name, _ in rows]] += [
        3.0 * level for _, _, level in rows
    ]
    seen = Responses(outputs.astype(float), *(np.array(column) for column in zip(*rows)))
    chosen = [
        Chosen(folder / "network.safetensors", f"smoke-{simulated}", RESPONDING, about(simulated))
        for simulated in (True, False)
    ]
    folders = [folder / "simulated", folder / "real"]
    export(folders, chosen, BACKBONE, VALUES, photos, Explaining(folder / "pretext.safetensors", seen))
    return folder, network.eval(), pretext.eval(), photos, (folders, chosen, seen)


def _seen(data):
    from aesthetic_pretraining.data.images import pixels

    return letterbox(pixels(data), SIZE).transpose(2, 0, 1)


def test_the_bundle_scores_as_the_network_does(made):
    folder, network, pretext, photos, _ = made
    scorer = load(folder / "real")
    with torch.no_grad():
        votes = distribution(network(torch.from_numpy(photos))).numpy()
        intensity = pretext(torch.from_numpy(photos))["intensity"].numpy()
    found = scorer.scores(list(photos.transpose(0, 2, 3, 1)))
    assert np.allclose([each.votes for each in found], votes, atol=1e-4)
    assert np.allclose([each.score for each in found], votes @ VALUES, atol=1e-3)
    assert np.ptp([each.score for each in found]) > 1e-3  # or any network would do
    assert np.allclose(scorer.networks(photos)[1], intensity, atol=1e-4)


def test_torch_gives_the_same_from_the_safetensors_files(made):
    folder, _, _, photos, _ = made
    bundle = read_bundle(folder / "real")
    by_torch, by_onnx = ByTorch(bundle, "cpu", explain=True), load(bundle).networks
    for one, other in zip(by_torch(photos), by_onnx(photos)):
        assert np.allclose(one, other, atol=1e-4)


def test_the_model_runs_with_onnxruntime_alone_for_any_number_of_images(made):
    folder, network, _, photos, _ = made
    np.save(folder / "photos.npy", photos)
    code = (
        "import sys, numpy, onnxruntime; s = onnxruntime.InferenceSession('real/model.onnx');"
        "x = numpy.load('photos.npy'); numpy.save('votes.npy', numpy.concatenate([s.run(None, {'images': x[:1]})[0], s.run(None, {'images': x[1:]})[0]]));"
        "print('torch' in sys.modules, 'aesthetic_pretraining' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
    with torch.no_grad():
        assert np.allclose(np.load(folder / "votes.npy"), distribution(network(torch.from_numpy(photos))).numpy(), atol=1e-4)


def test_the_same_network_gives_the_same_bytes(made, tmp_path):
    folder, _, _, photos, (folders, chosen, seen) = made
    again = [tmp_path / "simulated", tmp_path / "real"]
    export(again, chosen, BACKBONE, VALUES, photos, Explaining(folder / "pretext.safetensors", seen))
    for one, other in zip(folders, again):
        names = sorted(path.name for path in one.iterdir())
        assert names == sorted(path.name for path in other.iterdir()) and len(names) == 8
        assert all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


def test_files_are_readable_by_all_and_name_no_folder_of_this_machine(made, project):
    for path in (made[0] / "real").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o644, path
        data = path.read_bytes()
        for place in (str(project), str(made[0]), "site-packages"):
            assert place.encode() not in data, path
    assert onnx.load(made[0] / "real/model.onnx").graph.input[0].type.tensor_type.shape.dim[0].dim_param


def test_the_weights_say_what_they_are(made):
    with safe_open(made[0] / "simulated/model.safetensors", framework="numpy") as file:
        facts_in = json.loads(file.metadata()["bundle"])
    config = json.loads((made[0] / "simulated/config.json").read_text())
    assert {key: facts_in[key] for key in config} == config
    for key in ("backbone", "size", "mean", "std", "task", "values", "labels", "data", "commit", "metrics"):
        assert key in facts_in
    assert (
        config["mean"] == [0.5] * 3 and config["onnx_difference"] <= 1e-4 and config["explanation"]["onnx_difference"] <= 1e-4
    )


def test_the_card_has_the_hubs_format_and_says_what_matters(made):
    text = (made[0] / "simulated/README.md").read_text()
    head, body = re.fullmatch(r"---\n(.*?)---\n(.*)", text, re.S).groups()
    card = yaml.safe_load(head)
    assert card["library_name"] == "aesthetic-pretraining" and "simulated-labels" in card["tags"]
    (result,) = card["model-index"][0]["results"]
    assert {metric["type"]: metric["value"] for metric in result["metrics"]} == {"srcc": 0.5}
    assert result["dataset"] == {"name": "OASIS (simulated votes)", "type": "oasis", "split": "test"}
    assert "**Its votes are simulated.**" in body
    assert "| rank correlation (SRCC) | 0.500 | 0.250 to 0.750 | 40 |" in body
    assert "| linear correlation (LCC) | - | - to - | 40 |" in body
    measured = json.loads((made[0] / "real/config.json").read_text())["explanation"]
    assert f"in {100 * measured['top3_accuracy']:.1f} % of cases; three guesses would reach 14.3 %" in body
    real = (made[0] / "real/README.md").read_text()
    assert "simulated" not in real and "- OASIS: photos: free for research" in real


def test_explanations_are_measured_on_the_responses(made):
    seen = made[4][2]
    config = json.loads((made[0] / "real/config.json").read_text())
    assert config["explanation"]["top3_accuracy"] == assess(seen).top3 > 0.9
    assert config["explanation"]["reliable"] == assess(seen).precision != {}
    assert read_bundle(made[0] / "real").reading.told == assess(seen).told


def test_responses_are_taken_of_one_pretraining_and_in_the_registrys_order():
    names = list(DISTORTIONS)
    table = pd.DataFrame(np.arange(2 * len(names)).reshape(2, -1), columns=names)
    table[["pretraining", "photo", "distortion", "level"]] = [[1, "a", "tint", 0], [2, "a", "tint", 0]]
    found = responses_of(table)
    assert found.outputs.tolist() == [list(range(len(names)))] and list(found.photo) == ["a"] and len(VARIANTS) == 174


def test_a_network_that_onnxruntime_computes_otherwise_is_not_written(made, tmp_path, monkeypatch):
    _, network, _, photos, _ = made
    monkeypatch.setattr(onnx_files, "_run", lambda path, images: np.zeros((len(images), len(VALUES)), np.float32))
    with pytest.raises(UserError, match=r"model\.onnx: onnxruntime differs from torch by"):
        onnx_files.write_onnx(onnx_files.Votes(network), photos, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_of_folds_the_one_with_the_lowest_validation_loss_is_taken():
    histories = [pd.DataFrame({"val_loss": losses}) for losses in ([0.3, 0.2], [0.1, 0.4], [0.5])]
    assert facts.best_fold(histories) == 1


def test_metrics_come_from_the_intervals_of_all_labels():
    columns = ["init", "share", "dataset", "metric", "seeds", "pictures", "value", "low", "high"]
    rows = [
        ("imagenet", 100, "oasis", "srcc", 5, 90, 0.6123456789, 0.5, 0.7),
        ("imagenet", 20, "oasis", "srcc", 5, 90, 0.1, 0.1, 0.1),
        ("imagenet", 100, "tid2013", "mae", 5, 90, 1, 1, 1),
        ("imagenet", 100, "oasis", "mae", 5, 90, 0.4, float("nan"), float("inf")),
    ]
    found = facts.metrics_of(pd.DataFrame(rows, columns=columns), "imagenet", "oasis")
    assert [(each["metric"], each["value"], each["low"], each["high"], each["images"]) for each in found] == [
        ("srcc", 0.612346, 0.5, 0.7, 90),
        ("mae", 0.4, None, None, 90),
    ]
    assert facts.metrics_sentence(5, 3, "OASIS", False).startswith("Measured on the test images of OASIS, over 15 networks")


def test_data_lines_name_photos_only_where_they_were_learnt_from():
    real = {"title": "OASIS", "licence": "free", "simulated": False}
    assert [line.split(",")[0].split(":")[0] for line in facts.data_lines("x", "imagenet", ["bsds500"], real)] == [
        "ImageNet",
        "OASIS",
    ]
    assert "photos of BSDS500" in facts.data_lines("x", "ranking", ["bsds500"], real)[1]
    assert "simulated" in facts.data_lines("x", "ranking", ["packaged"], real | {"simulated": True})[-1]


def test_a_commit_is_named_with_what_was_changed_since(tmp_path):
    from commit import commit

    assert commit(tmp_path) == "unknown"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "src").mkdir()
    Path(tmp_path, "src/a.py").write_text("1")
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    assert commit(tmp_path) == head
    Path(tmp_path, "src/a.py").write_text("2")
    assert commit(tmp_path) == f"{head} with changes"
