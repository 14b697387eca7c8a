"""What the training tests share: fixtures of small_stores.py, runs that are broken off or killed, one small pretraining."""

import dataclasses
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pretraining
import pytest
from limits import limit
from small_finetuning import arguments_of, features_of
from small_stores import backbone_file, labelled_store, one_thread_and_no_traces, photo_store, photos, votes  # noqa: F401

import aesthetic_pretraining
from aesthetic_pretraining.distortions.variants import Variants
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.training import checkpoint
from aesthetic_pretraining.training.finetune import finetune

# Runs pickled jobs, each in children that kill themselves with SIGKILL at given moments, then once to the end; so that
# torch is imported once. A moment is ("save", n): right after the n-th save of that child; ("write", n): when half of
# the n-th is written; ("rename", n): when the n-th is written and not yet renamed; ("output", n): likewise for the n-th
# output; ("remove", 0): all outputs are there and the checkpoint is not yet removed; ("after", n): after n milliseconds;
# ("term", n): SIGTERM, inside of the n-th step, where no save is due.
DRIVER = """
import io, os, pickle, signal, sys, threading
import torch
from aesthetic_pretraining.models import backbones
from aesthetic_pretraining.training import checkpoint, runtime

with open(sys.argv[1], "rb") as file:
    function, jobs = pickle.load(file)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)  # imports once what each child would
backbones.build_backbone("efficientnet_lite0")
checkpoint.CHECKPOINT_SECONDS = 0
write = torch.save

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def child(arguments, kind, count):
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
        outputs += not str(target).endswith(".pt")
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

for arguments, moments in jobs:
    for moment in [*moments, ("end", 0)]:
        if not (pid := os.fork()):
            try:
                saves = child(arguments, *moment)
                if moment == ("end", 0):
                    print(saves, flush=True)
            except SystemExit as left:
                os._exit(left.code)
            os._exit(0)
        status = os.waitpid(pid, 0)[1]
        if moment != ("end", 0) or status:
            print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else f"exit{os.WEXITSTATUS(status)}", flush=True)
    print("end", flush=True)
"""


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
    """killed_runs(function, *(arguments, moments)) -> for each the signal that ended each child or exit<code>, and the saves of the last, whole run."""

    def run(function, *jobs):
        (tmp_path / "driver.py").write_text(DRIVER)
        (tmp_path / "job.pickle").write_bytes(pickle.dumps((function, jobs)))
        source = str(Path(aesthetic_pretraining.__file__).parents[1])
        done = subprocess.run(
            [sys.executable, "driver.py", "job.pickle"],
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": source}, capture_output=True, text=True, timeout=limit(600),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [ended.split() for ended in done.stdout.split("end\n")[:-1]]

    return run


@pytest.fixture(scope="session")
def tuning(labelled_store, votes, backbone_file, tmp_path_factory):  # noqa: F811
    """tuning(folder, **changes of small_finetuning.CONFIG) -> what finetune takes, with its outputs in that folder."""
    features = features_of(labelled_store, backbone_file, tmp_path_factory.mktemp("features"))
    return arguments_of(labelled_store, votes, backbone_file, features)


@pytest.fixture(scope="session")
def tuned(tuning, tmp_path_factory):
    """Folder of a fine-tuning in one go: two frozen epochs, two unfrozen ones."""
    folder = tmp_path_factory.mktemp("tuned")
    finetune(**tuning(folder))
    return folder


@pytest.fixture(scope="module")
def arguments(photo_store, backbone_file):  # noqa: F811
    """arguments(folder, **changes of pretraining.CONFIG) -> what pretrain takes, with its outputs in that folder."""

    def make(folder, task="rotnet", train=pretraining.TRAIN, **changes):
        config = dataclasses.replace(pretraining.CONFIG, **changes)
        return dict(
            task_name=task, task_config=pretraining.TASK, config=config, variants=Variants(photo_store, 32, config.table), train=train,
            val=pretraining.VAL, start=backbone_file, weights=folder / "weights.safetensors", history_csv=folder / "history.csv", work=folder / "work",
        )  # fmt: skip

    return make
