"""A Slurm cluster seen from where Snakemake runs: whether it can take the jobs at all, and jobs that a killed run left in its queue.

Slurm refuses some jobs with a line of its own each, lets others wait for ever, and Snakemake's executor waits for ever where it cannot
learn of a job's end. So a run asks before it sends the first job.
"""

import getpass
import os
import re
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import yaml

from aesthetic_pretraining.errors import UserError
from slurm_time import minutes_of

LEAST_MINUTES = (
    10  # a job is asked to end up to three minutes before its time is over (on_node.BEFORE_THE_END, and Slurm's own minute)
)
PATIENCE = 300.0  # seconds that jobs get to save their checkpoints and end
NO_ACCOUNTING = "accounting_storage/none"
COUNT = re.compile(r"\d+")


class Need(NamedTuple):
    """What a job asks for: on each of `nodes` nodes so many cores, MB and GPUs; minutes."""

    rule: str
    partitions: tuple[str, ...]  # any of them; none: the cluster's default
    nodes: int
    cores: int
    mem_mb: int
    gpus: int
    gpu_model: str  # empty: any
    minutes: int


class Nodes(NamedTuple):
    """Equal nodes of one partition."""

    partition: str
    default: bool
    up: bool
    count: int
    cores: int
    mem_mb: int
    gres: str  # generic resources of each, GPUs among them
    minutes: float  # the partition's limit


def need(job) -> Need:
    """Of one of Snakemake's jobs."""

    def asked(key: str, default: int = 0) -> int:
        value = job.resources.get(key)
        return value if isinstance(value, int) else default  # by a text Snakemake says that it is not known yet

    partitions = tuple(filter(None, str(job.resources.get("slurm_partition") or "").split(",")))
    nodes, gres, model = asked("nodes", 1), str(job.resources.get("gres") or ""), str(job.resources.get("gpu_model") or "")
    # gpu is for all nodes together, gres for each; a model without gpu is one card
    gpus = max(-(-asked("gpu", 1 if model else 0) // nodes), gpus_of(gres))
    cores = asked("cpus_per_task", job.threads)
    return Need(job.rule.name, partitions, nodes, cores, asked("mem_mb"), gpus, model or model_of(gres), asked("runtime"))


def check(needs: Iterable[Need], nodes: Iterable[Nodes], choice: Iterable[str] = ()) -> None:
    """Raise UserError that names the first job's rule which no node can run, and what to change.

    Args:
        choice: partitions that the executor chooses from for jobs that name none; if none of them fits, it takes the default.
    """
    nodes = list(nodes)
    known = sorted({each.partition for each in nodes})
    default = [each.partition for each in nodes if each.default]
    chosen = [name for name in choice if name in known]
    for job in dict.fromkeys(needs):
        names = list(dict.fromkeys(job.partitions or [*chosen, *default]))
        missing = [name for name in names if name not in known]
        if missing or not names:
            sentence = (
                f"the partition {missing[0]!r} of rule {job.rule} does not exist"
                if missing
                else f"rule {job.rule} names no partition, and this cluster has no default"
            )
            raise UserError(f"{sentence}; name one of {', '.join(known)} as slurm_partition in profiles/slurm/config.yaml")
        if 0 < job.minutes < LEAST_MINUTES:
            raise UserError(
                f"rule {job.rule} asks for {job.minutes} minutes, and the last three are for saving a checkpoint; --set-resources "
                f"{job.rule}:runtime={LEAST_MINUTES} or more"
            )
        reasons = [_reason(job, f"partition {name}", [each for each in nodes if each.partition == name]) for name in names]
        if all(reasons):
            others = f"none of the partitions {', '.join(names)} can run it, the first because " if len(names) > 1 else ""
            raise UserError(others + reasons[0])


def _reason(job: Need, where: str, nodes: list[Nodes]) -> str:
    """Why no node of a partition can run the job, and what to change; empty if one can."""
    nodes_up = [each for each in nodes if each.up]
    if not nodes_up:
        return f"{where} of rule {job.rule} is not up; wait, or name another as slurm_partition"
    gpus = [gpus_of(each.gres, job.gpu_model) for each in nodes_up]
    for what, asked, most, advice in (
        ("nodes", job.nodes, sum(each.count for each in nodes_up), "lower compute.nodes in params.yaml"),
        (
            *(f"{job.gpu_model} GPUs a node".lstrip(), job.gpus, max(gpus)),
            "lower compute.processes in params.yaml, name a partition with more, or train on CPUs: --resources gpu=0",
        ),
        ("cores", job.cores, max(each.cores for each in nodes_up), f"--set-resources {job.rule}:cpus_per_task=..."),
        (
            *("MB of memory", job.mem_mb, max(each.mem_mb for each in nodes_up)),
            f"lower the batches or micro-batches in params.yaml, or --set-resources {job.rule}:mem_mb=...",
        ),
        (
            *("minutes", job.minutes, max(each.minutes for each in nodes_up)),
            f"--set-resources {job.rule}:runtime=... (a training that runs out of time goes on from its checkpoint)",
        ),
    ):
        if asked > most:
            return f"rule {job.rule} asks for {asked} {what}, and {where} has at most {most:.0f}; {advice}"
    if any(
        cards >= job.gpus and each.cores >= job.cores and each.mem_mb >= job.mem_mb and each.minutes >= job.minutes
        for each, cards in zip(nodes_up, gpus, strict=True)
    ):
        return ""
    return (
        f"no node of {where} has all that rule {job.rule} asks for: {job.gpus} GPUs, {job.cores} cores, {job.mem_mb} MB; "
        "ask for less with --set-resources, or name another slurm_partition"
    )


def partitions_in(path: str | Path) -> list[str]:
    """Partitions of this cluster in a file from which the executor chooses for jobs that name none (--slurm-partition-config)."""
    described = yaml.safe_load(Path(path).read_text())["partitions"]
    return [name for name, limits in described.items() if not {"slurm_cluster", "cluster", "clusters"} & limits.keys()]


def nodes() -> list[Nodes]:
    """Of the cluster, by sinfo. Raises: UserError if Slurm does not answer."""
    said = _ask("sinfo", "--noheader", "--exact", "--format=%P|%a|%D|%c|%m|%G|%l")
    return [_nodes(*line.split("|")) for line in said.splitlines() if line.count("|") == 6]


def _nodes(partition: str, state: str, count: str, cores: str, mem_mb: str, gres: str, limit: str) -> Nodes:
    return Nodes(
        *(partition.rstrip("*"), partition.endswith("*"), state == "up"),
        *(int(COUNT.search(text).group()) for text in (count, cores, mem_mb)),  # a + behind one says: or more
        gres,
        minutes_of(limit),
    )


def gpus_of(gres: str, model: str = "") -> int:
    """GPUs in a list of generic resources, of a model alone if it is given: "gpu:a100:4(S:0-1),lscratch:1" has 4."""
    found = [parts for parts in _gpus(gres) if not model or model in parts[1:]]
    return sum(int(parts[-1]) if parts[-1].isdigit() else 1 for parts in found)


def model_of(gres: str) -> str:
    """The model of the first GPU in such a list; empty if none is named."""
    return next((parts[1] for parts in _gpus(gres) if len(parts) > 1 and not parts[1].isdigit()), "")


def _gpus(gres: str) -> list[list[str]]:
    """For each kind of GPU "gpu", its model and number, of which both may be left out."""
    each = [name.split(":") for name in re.sub(r"\(.*?\)", "", gres).split(",")]
    return [parts for parts in each if parts[0] == "gpu"]


def check_status_command(command: str, interval: int) -> None:
    """Raise UserError where the executor would never learn that a job has ended.

    Args:
        command: sacct or squeue.
        interval: seconds before the executor asks first; it wants ended jobs to be listed three times as long, or takes sacct.
    """
    said = dict(re.findall(r"^(\w+) *= (\S+)", _ask("scontrol", "show", "config"), re.M))
    if said.get("AccountingStorageType", NO_ACCOUNTING) != NO_ACCOUNTING and command == "sacct":
        return
    if command == "sacct":
        raise UserError(
            "this cluster keeps no accounts of jobs, so sacct cannot tell of their end; add --slurm-status-command squeue"
        )
    kept = int(said.get("MinJobAge", "300"))
    if kept < 3 * interval:
        raise UserError(
            f"this cluster forgets ended jobs after {kept} s, too soon to be asked; add --slurm-init-seconds-before-status-checks "
            f"{max(1, kept // 3)}"
        )


def end_leftovers(folder: str | Path) -> list[str]:
    """End the jobs of a killed run in this working folder, which would write the same files as those of the next; returns their numbers.

    Trainings save their checkpoints first. Raises: UserError if some do not end.
    """
    left = _sent_from(folder)
    if left:
        _ask("scancel", *left)
        end = time.monotonic() + PATIENCE
        while still := set(left) & set(_sent_from(folder)):
            if time.monotonic() > end:
                raise UserError(
                    f"jobs of a killed run do not end: {', '.join(sorted(still))}; see squeue, and start again then"
                )
            time.sleep(1)
    return left


def _sent_from(folder: str | Path) -> list[str]:
    """Jobs of this user that Snakemake sent from this folder and that are not over; their comments name the rule."""
    said = _ask("squeue", "--noheader", f"--user={getpass.getuser()}", "--format=%i|%Z|%k")
    rows = [line.split("|", 2) for line in said.splitlines() if line.count("|") >= 2]
    return [number for number, place, comment in rows if place == str(folder) and comment.startswith(("rule_", "group_"))]


def _ask(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=_clean())
    except FileNotFoundError:
        raise UserError(f"{command[0]} is not installed here; run this on a node from which jobs are sent") from None
    except subprocess.TimeoutExpired:
        raise UserError(f"Slurm does not answer to {command[0]} within a minute; try again later") from None
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UserError(f"Slurm does not answer to {command[0]}: {said}; try again later, or ask who runs the cluster")
    return done.stdout


def _clean() -> dict[str, str]:
    """Without what changes the programs' output."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("SINFO_", "SQUEUE_"))}
