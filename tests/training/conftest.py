"""What the training tests share: three small photos, a backbone with random weights, runs that are killed."""

import dataclasses
import io
import os
import pickle
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pretraining
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import aesthetic_pretraining
from aesthetic_pretraining import checkpoint
from aesthetic_pretraining.backbones import build_backbone
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.store import Store
from aesthetic_pretraining.variants import Variants

SIZE = 32
SHAPES = {"wide": (48, 64), "folder/tall": (60, 48), "square": (48, 48)}

# Runs a pickled job in children that kill themselves with SIGKILL at given moments, then once to the end; so that
# torch is imported once. A moment is ("save", n): right after the n-th save of that child; ("write", n): when half of
# the n-th is written; ("rename", n): when the n-th is written and not yet renamed; ("output", n): likewise for the n-th
# output; ("remove", 0): all outputs are there and the checkpoint is not yet removed; ("after", n): after n milliseconds;
# ("term", n): SIGTERM, inside of the n-th step, where no save is due.
DRIVER = """
import io, os, pickle, signal, sys, threading
import torch
from aesthetic_pretraining import backbones, checkpoint, runtime

with open(sys.argv[1], "rb") as file:
    function, arguments, moments = pickle.load(file)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)  # imports once what each child would
backbones.build_backbone("efficientnet_lite0")
checkpoint.CHECKPOINT_SECONDS = 0
write = torch.save

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def child(kind, count):
    saves = steps = outputs = 0
    if kind == "after":
        threading.Timer(count / 1000, die).start()
    if kind == "term":
        checkpoint.CHECKPOINT_SECONDS = 1e9
    seed_step = runtime.seed_step
    def step(*parts):
        nonlocal steps
        steps += 1
        if (kind, count) == ("term", steps):
            os.kill(os.getpid(), signal.SIGTERM)
        seed_step(*parts)
    runtime.seed_step = step
    def save(state, path):
        nonlocal saves
        saves += 1
        if (kind, count) == ("write", saves):
            whole = io.BytesIO()
            write(state, whole)
            path.write_bytes(whole.getvalue()[: whole.tell() // 2])
            die()
        write(state, path)
    torch.save = save
    replace = os.replace
    def renamed(source, target):
        nonlocal outputs
        outputs += not str(target).endswith((".pt", ".features"))
        if (kind, count) in {("rename", saves), ("output", outputs)}:
            die()
        replace(source, target)
        if (kind, count) == ("save", saves) and str(target).endswith(".pt"):
            die()
    os.replace = renamed
    if kind == "remove":
        checkpoint.Checkpoint.remove = lambda self: (print(saves, flush=True), die())
    function(**arguments)
    return saves

for moment in moments:
    if not (pid := os.fork()):
        try:
            child(*moment)
        except SystemExit as left:
            os._exit(left.code)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else f"exit{os.WEXITSTATUS(status)}", flush=True)
print(child("end", 0))
"""


@pytest.fixture(autouse=True)
def _one_thread_and_no_traces():
    """One thread; the trainers' process-wide switch is set back."""
    torch.set_num_threads(1)
    before = torch.are_deterministic_algorithms_enabled()
    yield
    if torch.are_deterministic_algorithms_enabled() != before:
        torch.use_deterministic_algorithms(before)


def picture(seed: int, height: int, width: int) -> np.ndarray:
    """Smooth random blobs with a little noise: structure that survives JPEG and that distortions change."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    return np.clip(np.asarray(coarse) + rng.normal(0, 8, (height, width, 3)), 0, 255).astype(np.uint8)


def write_store(path: Path, pictures: dict[str, np.ndarray]) -> Store:
    with tarfile.open(path, "w") as tar:
        for name, array in pictures.items():
            buffer = io.BytesIO()
            Image.fromarray(array).save(buffer, "JPEG", quality=95, subsampling=0)
            info = tarfile.TarInfo(f"{name}.jpg")
            info.size = buffer.tell()
            buffer.seek(0)
            tar.addfile(info, buffer)
    return Store([path])


@pytest.fixture(scope="session")
def photos() -> dict[str, np.ndarray]:
    """Three photos as `render` wants them at size 32: short side 48."""
    return {name: picture(k, *shape) for k, (name, shape) in enumerate(SHAPES.items())}


@pytest.fixture(scope="session")
def photo_store(photos, tmp_path_factory) -> Store:
    """The three photos in a store."""
    return write_store(tmp_path_factory.mktemp("photos") / "photos.tar", photos)


@pytest.fixture(scope="session")
def labelled_store(tmp_path_factory) -> Store:
    """Eight pictures "p0" .. "p7" of 32 x 32 pixels, as the fine-tuning store holds them."""
    return write_store(
        tmp_path_factory.mktemp("labelled") / "labelled.tar", {f"p{k}": picture(100 + k, SIZE, SIZE) for k in range(8)}
    )


@pytest.fixture(scope="session")
def votes() -> dict[str, np.ndarray]:
    """Counts of the votes 1..10 of the eight pictures, with very different means."""
    rng = np.random.default_rng(7)
    return {f"p{k}": np.bincount(rng.binomial(9, (k + 1) / 9, 100), minlength=10) for k in range(8)}


@pytest.fixture(scope="session")
def backbone_file(tmp_path_factory) -> Path:
    """EfficientNet-Lite0 with random weights as safetensors, written without the project's own function.

    Its statistics are those of some pictures, because with the initial ones all features would be nearly 0.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(5)
        backbone = build_backbone("efficientnet_lite0").train()
        for layer in backbone.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.momentum = None
        backbone(torch.stack([torch.from_numpy(picture(200 + k, SIZE, SIZE)).permute(2, 0, 1) for k in range(32)]))
    state = backbone.state_dict()
    path = tmp_path_factory.mktemp("backbone") / "start.safetensors"
    save_file({k: v.clone().contiguous() for k, v in state.items()}, path)
    return path


@pytest.fixture
def interrupt(monkeypatch):
    """interrupt(n, function, **arguments): run it with a checkpoint at every step and break off right after the n-th."""

    def run(count, function, **arguments):
        saves, save = 0, checkpoint.Checkpoint.save

        def counting(self, state, always=False):
            nonlocal saves
            save(self, state, always)
            saves += 1
            if saves == count:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(checkpoint, "CHECKPOINT_SECONDS", 0)
            patch.setattr(checkpoint.Checkpoint, "save", counting)
            with pytest.raises(KeyboardInterrupt):
                function(**arguments)

    return run


@pytest.fixture
def resumed(monkeypatch, caplog):
    """resumed(function, **arguments) -> "goes on", or why not, in what the checkpoint says; nothing is trained."""

    def verdict(function, **arguments):
        load, caught = checkpoint.Checkpoint.load, []

        def spy(self):
            caught.append(load(self))
            raise KeyboardInterrupt

        caplog.clear()
        with monkeypatch.context() as patch, caplog.at_level("WARNING", "aesthetic_pretraining"):
            patch.setattr(checkpoint.Checkpoint, "load", spy)
            try:
                function(**arguments)
            except KeyboardInterrupt:
                return "goes on" if caught[0] is not None else caplog.text
            except UserError as error:
                return str(error)

    return verdict


@pytest.fixture
def killed_runs(tmp_path):
    """killed_runs(function, arguments, moments) -> the signal that ended each child or exit<code>, and the saves of the last, whole run."""

    def run(function, arguments, moments):
        (tmp_path / "driver.py").write_text(DRIVER)
        (tmp_path / "job.pickle").write_bytes(pickle.dumps((function, arguments, moments)))
        source = str(Path(aesthetic_pretraining.__file__).parents[1])
        done = subprocess.run(
            [sys.executable, "driver.py", "job.pickle"],
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": source}, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


@pytest.fixture(scope="module")
def arguments(photo_store, backbone_file):
    """arguments(folder, **changes of pretraining.CONFIG) -> what pretrain takes, with its outputs in that folder."""

    def make(folder, task="rotnet", train=pretraining.TRAIN, **changes):
        config = dataclasses.replace(pretraining.CONFIG, **changes)
        return dict(
            task_name=task, task_config=pretraining.TASK, config=config, variants=Variants(photo_store, 32, config.table), train=train,
            val=pretraining.VAL, start=backbone_file, weights=folder / "weights.safetensors", history_csv=folder / "history.csv", work=folder / "work",
        )  # fmt: skip

    return make
