"""One training over two nodes: two agents of torchrun on loopback that meet by c10d, each with one process, on gloo."""

import os
import pickle
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from limits import limit
from test_distributed import TOLERANCE

import aesthetic_pretraining
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.training import distributed
from aesthetic_pretraining.training.pretrain import pretrain

# what the process of each node does. In the first step after which rank 1 saves, it kills as many of (its agent, itself) as it is told
PROCESS = """
import os, pickle, signal, sys
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.training import checkpoint
from aesthetic_pretraining.training.pretrain import pretrain
checkpoint.CHECKPOINT_SECONDS = 0
killed = [os.getppid(), os.getpid()][: int(sys.argv[1]) * int(os.environ["RANK"])]
save = checkpoint.Checkpoint.save
def saving(*arguments, **more):
    save(*arguments, **more)
    while killed:
        os.kill(killed.pop(0), signal.SIGKILL)
checkpoint.Checkpoint.save = saving
with open("arguments.pickle", "rb") as file:
    arguments = pickle.load(file)
try:
    pretrain(**arguments)
except UserError as error:
    sys.exit(f"sentence: {error}")
"""


def run(folder, arguments, killed=0):
    """Train on two nodes, of whose second `killed` processes are killed in the first step. Returns the agents' exit statuses, and what they said."""
    folder.mkdir(exist_ok=True)
    (folder / "process.py").write_text(PROCESS)
    (folder / "arguments.pickle").write_bytes(pickle.dumps(arguments))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--nnodes=2",
            "--nproc_per_node=1",
            "--rdzv-backend=c10d",
            "--rdzv-id=1",
        ),
        *(f"--rdzv-endpoint=127.0.0.1:{port}", "process.py", str(killed)),
    ]
    env = os.environ | {"PYTHONPATH": str(Path(aesthetic_pretraining.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    agents = []
    with open(folder / "said.txt", "w") as out:
        try:
            for _ in range(2):
                agents.append(subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=out))
            statuses = sorted(agent.wait(limit(180)) for agent in agents)
        finally:
            for agent in agents:
                agent.kill()
                agent.wait()
    return statuses, (folder / "said.txt").read_text()


def test_two_nodes_train_as_one_process_does_also_where_one_was_lost(arguments, tmp_path):
    def training(name, micro_batch, **changes):
        common = dict(frozen_steps=0, epochs=3, learning_rate=1e-5, batch_photos=2, **changes)
        return arguments(tmp_path / name, task="ranking_regression", micro_batch=micro_batch, **common) | {
            "val": ["square", "wide"]
        }

    nodes = training("nodes", 0, processes=2)
    statuses, said = run(tmp_path / "nodes", nodes, killed=1)
    assert statuses[0] == -signal.SIGKILL and statuses[1] > 0, said
    assert "SIGTERM" not in said or "stopped, to be gone on with" in said
    assert not (tmp_path / "nodes/history.csv").exists()
    assert list((tmp_path / "nodes/work").glob("*.pt")), said
    statuses, said = run(tmp_path / "nodes", nodes, killed=2)
    assert statuses[0] == -signal.SIGKILL and statuses[1] > 0, said
    assert "sentence: another process of this training was lost, or its node; start it again" in said
    statuses, said = run(tmp_path / "nodes", nodes)
    assert statuses == [0, 0], said
    pretrain(**training("one", 174))
    one, two = (pd.read_csv(tmp_path / name / "history.csv") for name in ("one", "nodes"))
    assert len(one) == 3
    print(f"\ntwo_node_loss_difference = {(two - one).abs().div(one).to_numpy().max():.3g}")  # for benchmarks/beyond/nodes.py
    np.testing.assert_allclose(two, one, rtol=TOLERANCE)


def test_only_the_loss_of_others_is_called_so():
    with pytest.raises(UserError, match="another process of this training was lost"), distributed._others_there():
        raise RuntimeError("[../gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:4242")
    with pytest.raises(RuntimeError, match="must match the size"), distributed._others_there():
        torch.zeros(2) + torch.zeros(3)
