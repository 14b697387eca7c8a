"""How the processes of one training are started: by torchrun on this machine, or by Slurm's srun one torchrun on each node.

The agents of several nodes meet at the first node. Where one of them is lost, srun ends the others.
"""

import os
import socket
import subprocess
import sys

PORTS = range(20_000, 30_000)  # ASSUME: free on the first node; each job of Slurm takes its own of them


def command(processes: int, nodes: int, cores: int | None = None) -> list[str]:
    """What to call before the script.

    Args:
        processes: of the training, on all nodes together.
        nodes: that they are spread over.
        cores: on each node; None: as srun chooses.
    """
    torchrun = [sys.executable, "-m", "torch.distributed.run", f"--nproc_per_node={processes // nodes}"]
    if nodes == 1:
        return [*torchrun[:3], "--standalone", torchrun[3]]
    number = os.environ["SLURM_JOB_ID"]
    meeting = [
        f"--nnodes={nodes}",
        "--rdzv-backend=c10d",
        f"--rdzv-endpoint={first_node()}:{PORTS[int(number) % len(PORTS)]}",
        f"--rdzv-id={number}",
    ]
    srun = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--kill-on-bad-exit=1", "--cpu-bind=none"]
    return [*srun, *([f"--cpus-per-task={cores}"] if cores else []), *torchrun, *meeting]


def obstacle(nodes: int) -> str:
    """Why trainings on several nodes cannot be started from here; empty if they can."""
    if nodes == 1 or "SLURM_JOB_ID" in os.environ:
        return ""
    return (
        f"compute.nodes is {nodes}, which takes a cluster: add --workflow-profile profiles/slurm, or start this run inside of "
        f"'salloc --nodes {nodes}', or set it to 1 in params.yaml"
    )


def first_node() -> str:
    """A job of Slurm begins on its first node; who called salloc may be elsewhere."""
    if "SLURMD_NODENAME" in os.environ or "SLURM_JOB_NODELIST" not in os.environ:
        return socket.gethostname()
    names = ["scontrol", "show", "hostnames", os.environ["SLURM_JOB_NODELIST"]]
    return subprocess.run(names, capture_output=True, text=True, check=True).stdout.split()[0]
