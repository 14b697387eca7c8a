"""Two processes under torchrun against one process that takes the same parts as micro-batches."""

import dataclasses
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from limits import limit
from safetensors.torch import load_file
from small_finetuning import features_of

import aesthetic_pretraining
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.training import distributed
from aesthetic_pretraining.training.finetune import FinetuneConfig, finetune
from aesthetic_pretraining.training.pretrain import pretrain

TOLERANCE = 2e-4  # relative, of losses: sums over pictures are taken in another order, and BatchNorm enlarges the last bits
FINETUNE = FinetuneConfig(
    backbone="efficientnet_lite0", seed=1, low=1, high=10, bins=10, batch=4, learning_rate_features=1e-4, learning_rate_head=1e-3, weight_decay=4e-5, halving=0.5,
    halve_after=1, stop_after=9, max_epochs=4, min_improvement=0.5, dropout=0.75, flip=True, emd="per_batch", emd_r=2, trainable="all", threads=1,
)  # fmt: skip
# what each process of torchrun does: exchanges rows of its own, then the jobs out of a file
PROCESS = """
import json, os, pickle, sys
import torch
from aesthetic_pretraining.training.distributed import open_team
rank = int(os.environ["RANK"])
two = open_team(torch.device("cpu"), 2, "float32")
rows, mine = two.gather(torch.arange(2 + rank)[:, None].float() + 10 * rank)
parts = [torch.full((2, 2), 1.0 + rank), torch.full((3,), 10.0 * (1 + rank))]
two.add_up(parts)
with open(f"rank{rank}.json", "w") as file:
    json.dump([rows.tolist(), mine.start, mine.stop, [p.tolist() for p in parts], two.total(5 + rank), two.first], file)
with open(sys.argv[1], "rb") as file:
    jobs = pickle.load(file)
for function, arguments in jobs:
    function(**arguments)
"""


def torchrun(folder, jobs, **more):
    """Start two processes in `folder` that do the jobs, pairs of a function and its arguments."""
    (folder / "process.py").write_text(PROCESS)
    (folder / "jobs.pickle").write_bytes(pickle.dumps(jobs))
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "process.py", "jobs.pickle"],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(Path(aesthetic_pretraining.__file__).parents[1]), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def jobs(arguments, labelled_store, votes, backbone_file, tmp_path_factory):
    """jobs(folder, **changes of both configs) -> what torchrun does: a ranking task, SimCLR, a fine-tuning."""
    features = features_of(labelled_store, backbone_file, tmp_path_factory.mktemp("features"), list(votes))

    def make(folder, micro_batch, **changes):
        ids, two = list(votes), {"val": ["square", "wide"]}
        common = dict(frozen_steps=0, epochs=2, learning_rate=1e-5, batch_photos=2, contrast_batch=2, **changes)
        return [
            (pretrain, arguments(folder / "ranking", task="ranking_regression", micro_batch=174 * micro_batch, **common | {"epochs": 1}) | two),
            (pretrain, arguments(folder / "simclr", task="simclr", contrast_micro_batch=2 * micro_batch, **common) | two),
            (
                finetune,
                dict(
                    config=dataclasses.replace(FINETUNE, micro_batch=2 * micro_batch, **changes), store=labelled_store, votes=votes,
                    train=ids, val=ids[4:], start=backbone_file, features=features, weights=folder / "tuned.safetensors", history_csv=folder / "tuned.csv",
                    summary_json=folder / "tuned.json", work=folder / "work", describe={"init": "imagenet"},
                ),
            ),
        ]  # fmt: skip

    return make


def results(folder):
    """(history, weights) of each training."""
    stems = [folder / "ranking" / "weights", folder / "simclr" / "weights", folder / "tuned"]
    tables = [folder / "ranking" / "history.csv", folder / "simclr" / "history.csv", folder / "tuned.csv"]
    return [(pd.read_csv(t), load_file(s.with_suffix(".safetensors"))) for s, t in zip(stems, tables, strict=True)]


def test_two_processes_train_as_one_does(jobs, tmp_path):
    with torchrun(tmp_path, jobs(tmp_path / "two", 0, processes=2)) as run:
        for function, given in jobs(tmp_path / "one", 1):
            function(**given)
        said = run.communicate(timeout=limit(600))[0]
    assert run.returncode == 0, said
    for (table, weights), (other_table, others) in zip(results(tmp_path / "one"), results(tmp_path / "two"), strict=True):
        np.testing.assert_allclose(other_table, table, rtol=TOLERANCE)
        for name, value in weights.items():
            gap = (others[name].double() - value.double()).norm() / value.double().norm().clamp_min(1e-6)
            assert gap < 0.02, name
    assert (tmp_path / "one" / "tuned.json").read_text() == (tmp_path / "two" / "tuned.json").read_text()
    assert not any(
        (tmp_path / "two" / name / "work").is_dir() and list((tmp_path / "two" / name / "work").iterdir())
        for name in ("ranking", "simclr", ".")
    )
    # what the processes exchanged: rows of unequal number by rank, sums
    rows, sums = [[0.0], [1.0], [10.0], [11.0], [12.0]], [[[3.0, 3.0], [3.0, 3.0]], [30.0, 30.0, 30.0]]
    assert json.loads((tmp_path / "rank0.json").read_text()) == [rows, 0, 2, sums, 11, True]
    assert json.loads((tmp_path / "rank1.json").read_text()) == [rows, 2, 5, sums, 11, False]


@pytest.mark.parametrize(("count", "size"), [(8, 2), (7, 3), (2, 2), (450, 8), (1, 3)])
def test_shares_cover_everything_once_and_are_equal(count, size):
    one = distributed.Alone(torch.device("cpu"))
    one.size, got = size, []
    for one.rank in range(size):
        got.append(list(range(count))[one.share(count)])
    assert [k for part in got for k in part] == list(range(count))
    assert max(map(len, got)) - min(map(len, got)) <= 1


def test_another_number_of_processes_than_asked_for_is_a_sentence(monkeypatch):
    with pytest.raises(UserError, match=r"compute\.processes is 2, but 1 are at work; .*--nproc_per_node 2"):
        distributed.open_team(torch.device("cpu"), 2, "float32")
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(UserError, match="compute\\.processes is 1, but 4 are at work"):
        distributed.open_team(torch.device("cpu"), 1, "float32")


def test_one_process_in_a_job_of_slurm_is_alone(monkeypatch):
    """Fabric would take the job's four tasks for the team, and say so where there are none."""
    slurm = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "batch", "SLURM_NTASKS": "4", "SLURM_PROCID": "2", "SLURM_LOCALID": "2"}
    for name, value in slurm.items():
        monkeypatch.setenv(name, value)
    team = distributed.open_team(torch.device("cpu"), 1, "bfloat16")
    assert (team.rank, team.size) == (0, 1)


def test_bfloat16_trains_the_backbone_less_exactly_and_keeps_float32_weights(arguments, tmp_path):
    for precision in ("float32", "bfloat16"):
        pretrain(**arguments(tmp_path / precision, precision=precision, learning_rate=1e-5))
    one, other = (pd.read_csv(tmp_path / p / "history.csv") for p in ("float32", "bfloat16"))
    assert not np.allclose(one["train_loss"], other["train_loss"], rtol=1e-6)
    np.testing.assert_allclose(one["train_loss"], other["train_loss"], rtol=0.1)
    assert {v.dtype for v in load_file(tmp_path / "bfloat16" / "weights.safetensors").values()} <= {torch.float32, torch.int64}


def test_bfloat16_on_a_gpu_that_lacks_it_is_a_sentence(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation)  # as before Ampere
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla V100")
    with pytest.raises(UserError, match=r"compute\.precision is bfloat16, which Tesla V100 does not have; set it to float32"):
        distributed.open_team(torch.device("cuda"), 1, "bfloat16")
    assert distributed.open_team(torch.device("cuda"), 1, "float32").device.type == "cuda"
