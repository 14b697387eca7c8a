"""A Slurm cluster of this machine alone: real daemons with a key, ports and folders of their own, for tests and benchmarks.

Its nodes are names for this machine; nothing of a Slurm that is installed here for real is read or written.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from limits import limit

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue", "sinfo", "scancel")
CORES, MEMORY = 4, 16_000  # that each node says it has, whatever this machine has
CONFIG = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
SlurmctldPort={port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdLogFile={folder}/slurmd-%n.log
SlurmdSpoolDir={folder}/spool-%n
StateSaveLocation={folder}/state
SlurmdParameters=config_overrides
SlurmdTimeout=15
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
ReturnToService=2
KillWait=20
MinJobAge=300
{nodes}
PartitionName=cpu Nodes=ALL Default=YES MaxTime=1-00:00:00 State=UP
PartitionName=short Nodes=ALL MaxTime=20 State=UP
PartitionName=closed Nodes=ALL State=DOWN
"""


def obstacle() -> str:
    """Why no cluster can be started here; empty if it may be tried."""
    if os.geteuid() != 0:
        return "only root may start Slurm's daemons"
    missing = [name for name in PROGRAMS if not shutil.which(name, path=_path())]
    return f"not installed: {', '.join(missing)} (slurmctld, slurmd, slurm-client, munge)" if missing else ""


class Cluster:
    """Daemons that run until `close`. Raises RuntimeError with their last words if they do not come up."""

    def __init__(self, folder: Path, nodes: int = 2):
        self.folder, self.names = folder, [f"node{k}" for k in range(1, nodes + 1)]
        self.config = folder / "slurm.conf"
        self.env = {"SLURM_CONF": str(self.config), "PATH": os.pathsep.join([str(folder / "bin"), _path()])}
        self.daemons: dict[str, subprocess.Popen] = {}
        host = socket.gethostname().split(".")[0]
        port, *ports = _free_ports(nodes + 1)
        described = [
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={each} CPUs={CORES} RealMemory={MEMORY}"
            for name, each in zip(self.names, ports, strict=True)
        ]
        for name in ("bin", "state", *(f"spool-{name}" for name in self.names)):
            (folder / name).mkdir(parents=True)
        self.config.write_text(CONFIG.format(host=host, folder=folder, port=port, nodes="\n".join(described)))
        # the executor's steps lose SLURM_CONF with the other variables of Slurm, which a cluster has in /etc
        (folder / "bin/srun").write_text(
            f'#!/bin/sh\nSLURM_CONF={self.config} exec {shutil.which("srun", path=_path())} "$@"\n'
        )
        (folder / "bin/srun").chmod(0o755)
        (folder / "munge.key").write_bytes(os.urandom(1024))
        (folder / "munge.key").chmod(0o400)
        try:
            self._munge()
            self._start("slurmctld", "slurmctld", "-D", "-f", str(self.config))
            for name in self.names:
                self.start_node(name)
            self.wait(
                lambda: self.ask("sinfo", "-h", "-t", "idle", "-o", "%D", "-p", "cpu").strip() == str(nodes),
                "all nodes are idle",
            )
        except BaseException:
            self.close()
            raise

    def ask(self, *command: str) -> str:
        """What one of Slurm's programs prints; empty if it fails."""
        done = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | self.env, check=False, timeout=limit(60)
        )
        return done.stdout if done.returncode == 0 else ""

    def jobs(self, state: str = "running") -> list[str]:
        """Numbers of the jobs in a state, the oldest first."""
        return sorted(self.ask("squeue", "-h", "-o", "%i", "-t", state).split(), key=int)

    def start_node(self, name: str) -> None:
        """Start a node's daemon."""
        self._start(name, "slurmd", "-D", "-f", str(self.config), "-N", name)

    def lose_node(self, name: str) -> None:
        """What a power cut does: the node's daemon and all that it started are gone."""
        daemon = self.daemons.pop(name)
        for pid in [daemon.pid, *descendants(daemon.pid), *self._stepds(name)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        daemon.wait()

    def wait(self, happened: Callable[[], bool], what: str, seconds: float = 60) -> None:
        """Wait until something has happened. Raises: RuntimeError after a long time on this machine."""
        end = time.monotonic() + limit(seconds)
        while not happened():
            gone = [name for name, daemon in self.daemons.items() if daemon.poll() is not None]
            if gone or time.monotonic() > end:
                said = [path.read_text(errors="replace")[-1500:] for path in sorted(self.folder.glob("*.log"))]
                raise RuntimeError(f"Slurm: not so: {what}; ended: {gone}\n" + "\n".join(said))
            time.sleep(0.1)

    def close(self) -> None:
        """End all jobs and daemons."""
        if "slurmctld" in self.daemons:
            self.ask("scancel", "--signal=KILL", "--full", *(self.jobs() or ["0"]))
            self.ask("scancel", "--user=root")
            with contextlib.suppress(RuntimeError):
                self.wait(lambda: not self.jobs("running,completing,pending"), "no job is left", 30)
        for daemon in reversed(self.daemons.values()):
            daemon.terminate()
        for daemon in self.daemons.values():
            try:
                daemon.wait(limit(20))
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self.daemons.clear()

    def _munge(self) -> None:
        place = {name: f"--{name}-file={self.folder}/munge.{name}" for name in ("key", "pid", "log", "seed")}
        self._start("munged", "munged", "--foreground", "--force", f"--socket={self.folder}/munge.socket", *place.values())
        self.wait(lambda: (self.folder / "munge.socket").exists(), "munged listens")

    def _start(self, name: str, program: str, *arguments: str) -> None:
        with open(self.folder / f"{name}.out", "w") as out:
            path = shutil.which(program, path=_path())
            self.daemons[name] = subprocess.Popen(
                [path, *arguments], stdout=out, stderr=out, stdin=subprocess.DEVNULL, preexec_fn=_end_with_parent
            )

    def _stepds(self, name: str) -> list[int]:
        """Processes that keep a node's jobs, with the jobs' own; they are no children of its daemon."""
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if f"SLURMD_NODENAME={name}".encode() in path.read_bytes() and str(self.folder).encode() in path.read_bytes():
                    found.append(int(path.parent.name))
        keepers = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                pid, rest = path.read_text().split(" (", 1)
                if rest.startswith("slurmstepd") and set(descendants(int(pid))) & set(found):
                    keepers.append(int(pid))
        return [*keepers, *found]


def _end_with_parent() -> None:
    """Get SIGTERM when who started this is killed, and cannot end it any more: prctl's PR_SET_PDEATHSIG."""
    ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))


def descendants(pid: int) -> list[int]:
    """Processes that a process has started, and theirs."""
    found = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *descendants(child)]
    return found


def _path() -> str:
    """Debian keeps the daemons where a user's PATH does not lead."""
    return os.pathsep.join([os.environ["PATH"], "/usr/local/sbin", "/usr/sbin", "/sbin"])


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
