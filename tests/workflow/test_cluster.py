"""What is said before anything is sent to a cluster, and of what failed there, without a cluster: out of the texts that Slurm prints."""

import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from snakemake_executor_plugin_slurm.partitions import read_partition_file

import cluster
import cluster_failures
import guard
import launch
import on_node
import slurm_time
from aesthetic_pretraining.errors import UserError
from cluster import Need
from projects import ROOT

SINFO = """\
cpu*|up|10|64|256000|(null)|2-00:00:00
gpu|up|3|64|512000|gpu:a100:4(S:0-1),lscratch:1|1-00:00:00
gpu|up|1|32|1000000|gpu:2|1-00:00:00
old|down|2|16|64000|gpu|infinite
"""
JOB = Need("pretrain", ("gpu",), 1, 8, 9000, 1, "", 600)


@pytest.fixture
def answers(monkeypatch):
    """answers(text or {first words of a command: text}): what Slurm's programs print."""

    def say(texts):
        monkeypatch.setattr(cluster, "_ask", lambda *command: texts if isinstance(texts, str) else texts[command[0]])

    return say


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"partitions": ()}, "asks for 1 GPUs a node, and partition cpu has at most 0"),
        ({"partitions": (), "gpus": 0}, ""),
        ({"partitions": ("cpu", "gpu")}, ""),
        ({"partitions": ("old", "gpu")}, ""),
        ({"partitions": ("cpu", "old")}, "none of the partitions cpu, old can run it, the first because rule pretrain asks for 1 GPUs"),
        ({"partitions": ("gpu", "nope")}, "the partition 'nope' of rule pretrain does not exist"),
        ({"partitions": ("nope",)}, "the partition 'nope' of rule pretrain does not exist; name one of cpu, gpu, old as slurm_partition"),
        ({"partitions": ("old",)}, "partition old of rule pretrain is not up"),
        ({"gpus": 4}, ""),
        ({"gpus": 5}, "asks for 5 GPUs a node, and partition gpu has at most 4; lower compute.processes"),
        ({"gpus": 4, "gpu_model": "a100"}, ""),
        ({"gpus": 1, "gpu_model": "h100"}, "asks for 1 h100 GPUs a node, and partition gpu has at most 0"),
        ({"gpus": 4, "nodes": 2}, ""),
        ({"gpus": 4, "nodes": 5}, "asks for 5 nodes, and partition gpu has at most 4; lower compute.nodes"),
        ({"cores": 65}, "asks for 65 cores, and partition gpu has at most 64; --set-resources pretrain:cpus_per_task="),
        ({"mem_mb": 1_000_001}, "asks for 1000001 MB of memory, and partition gpu has at most 1000000; lower the batches"),
        ({"mem_mb": 600_000, "gpus": 4}, "no node of partition gpu has all that rule pretrain asks for: 4 GPUs, 8 cores, 600000 MB"),
        ({"minutes": 1441}, "asks for 1441 minutes, and partition gpu has at most 1440; --set-resources pretrain:runtime="),
        ({"minutes": 5}, "asks for 5 minutes, and the last three are for saving a checkpoint"),
    ],
)  # fmt: skip
def test_what_no_node_can_run_is_one_sentence(changes, said, answers):
    answers(SINFO)
    job = JOB._replace(**changes)
    if said:
        with pytest.raises(UserError) as error:
            cluster.check([job], cluster.nodes())
        assert said in str(error.value) and "\n" not in str(error.value)
    else:
        cluster.check([job], cluster.nodes())


def test_jobs_without_a_partition_go_to_one_of_the_executors_file_or_to_the_default(answers, tmp_path):
    answers(SINFO)
    path = tmp_path / "partitions.yaml"
    path.write_text("partitions:\n  gpu: {max_gpu: 4}\n  far: {cluster: other}\n  gone: {max_runtime: 10}\n")
    assert cluster.partitions_in(path) == [each.name for each in read_partition_file(path) if not each.partition_cluster]
    job = JOB._replace(partitions=())
    cluster.check([job, job._replace(mem_mb=256_000, gpus=0, minutes=2000)], cluster.nodes(), cluster.partitions_in(path))
    with pytest.raises(
        UserError, match="none of the partitions gpu, cpu can run it, the first because rule pretrain asks for 5 GPUs"
    ):
        cluster.check([job._replace(gpus=5)], cluster.nodes(), cluster.partitions_in(path))


@pytest.mark.parametrize(
    ("resources", "gpus", "model"),
    [
        ({"gpu": 2}, 2, ""),
        ({"gpu": 8, "nodes": 2}, 4, ""),
        ({"gpu": "<TBD>"}, 0, ""),
        ({"gpu_model": "a100"}, 1, "a100"),
        ({"gpu": 2, "gpu_model": "a100"}, 2, "a100"),
        ({"gres": "gpu:3", "nodes": 2}, 3, ""),
        ({"gres": "gpu:a100:3"}, 3, "a100"),
        ({"gres": "lscratch:3"}, 0, ""),
    ],
)
def test_gpus_that_a_job_asks_for_by_any_of_the_executors_resources(resources, gpus, model):
    job = SimpleNamespace(
        rule=SimpleNamespace(name="pretrain"), threads=2, resources={"slurm_partition": "cpu,gpu"} | resources
    )
    need = cluster.need(job)
    assert (need.gpus, need.gpu_model, need.partitions, need.cores) == (gpus, model, ("cpu", "gpu"), 2)


@pytest.mark.parametrize(
    ("text", "count"), [("(null)", 0), ("gpu", 1), ("gpu:2", 2), ("gpu:a100:4(S:0-1),gpu:h100:2(S:2)", 6), ("lscratch:9", 0)]
)
def test_gpus_in_a_list_of_generic_resources(text, count):
    assert cluster.gpus_of(text) == count
    assert cluster.gpus_of(text, "h100") == 2 * ("h100" in text)


@pytest.mark.parametrize(
    ("text", "minutes"), [("infinite", float("inf")), ("1-02:00:00", 1560), ("20:00", 20), ("01:30:30", 90.5)]
)
def test_time_limits(text, minutes):
    assert slurm_time.minutes_of(text) == minutes


@pytest.mark.parametrize(
    ("accounting", "age", "command", "said"),
    [
        ("accounting_storage/none", 300, "squeue", ""),
        ("accounting_storage/slurmdbd", 2, "sacct", ""),
        ("accounting_storage/none", 300, "sacct", "so sacct cannot tell of their end; add --slurm-status-command squeue"),
        ("accounting_storage/slurmdbd", 30, "squeue", "add --slurm-init-seconds-before-status-checks 10"),
    ],
)
def test_a_way_to_ask_that_would_never_learn_of_a_jobs_end(accounting, age, command, said, answers):
    answers(f"AccountingStorageType   = {accounting}\nMinJobAge               = {age} sec\n")
    if said:
        with pytest.raises(UserError, match=said):
            cluster.check_status_command(command, 20)
    else:
        cluster.check_status_command(command, 20)


def test_jobs_of_this_folder_alone_are_ended_and_waited_for(monkeypatch, tmp_path):
    mine, other = f"7|{tmp_path}|rule_pretrain_wildcards_a|b", f"8|{tmp_path}/x|rule_pretrain\n9|{tmp_path}|my own job"
    queue, asked = [f"{mine}\n{other}\n", f"{mine}\n{other}\n", f"{other}\n"], []
    monkeypatch.setattr(
        cluster, "_ask", lambda *command: asked.append(command) or (queue.pop(0) if command[0] == "squeue" else "")
    )
    monkeypatch.setattr(cluster.time, "sleep", lambda seconds: None)
    assert cluster.end_leftovers(tmp_path) == ["7"]
    assert ("scancel", "7") in asked and not queue
    monkeypatch.setattr(cluster, "_ask", lambda *command: mine)
    monkeypatch.setattr(cluster, "PATIENCE", 0)
    with pytest.raises(UserError, match="jobs of a killed run do not end: 7; see squeue"):
        cluster.end_leftovers(tmp_path)


def test_a_slurm_that_is_not_there_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="sinfo is not installed here"):
        cluster.nodes()
    (tmp_path / "sinfo").write_text("#!/bin/sh\necho 'slurm_load_partitions: Unable to contact slurm controller' >&2; exit 1\n")
    (tmp_path / "sinfo").chmod(0o755)
    with pytest.raises(UserError, match="Slurm does not answer to sinfo: slurm_load_partitions: Unable to contact"):
        cluster.nodes()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Building DAG\nerror in pretrain: the loss is nan\nWorkflowError", "pretrain: the loss is nan"),
        (
            "slurmstepd: error: *** JOB 7 ON node1 CANCELLED AT 2026-11-27T04:00:00 DUE TO TIME LIMIT ***",
            "rule: its time was over",
        ),
        (
            "slurmstepd: error: Detected 1 oom_kill event in StepId=7.0.",
            "rule: out of memory; add --set-resources rule:mem_mb=",
        ),
        (
            "slurmstepd: error: *** JOB 7 ON node1 CANCELLED AT 2026-11-27T04:00:00 DUE TO NODE FAILURE, SEE LOG ***",
            "its node was lost",
        ),
        ("OSError: [Errno 28] No space left on device: 'x'", "rule: no space left on a device; make room"),
        ("Date\nsrun: error: Unable to create step", "rule: srun: error: Unable to create step"),
        ("", "rule: failed without a word; see "),
    ],
)
def test_what_a_log_of_slurm_says_in_one_sentence(text, said, tmp_path):
    path = tmp_path / "rule_rule/a/7.log"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    (found,) = cluster_failures.sentences(0, tmp_path)
    assert said in found and "\n" not in found
    assert cluster_failures.sentences(path.stat().st_mtime + 1, tmp_path) == []


def test_a_node_with_other_packages_is_named_with_the_first_that_differs(monkeypatch):
    on_node.check_packages()  # nothing was sent
    monkeypatch.setattr(on_node.machine, "versions", lambda: "python 3.11, torch 2.15.0, numpy 2.1")
    monkeypatch.setenv("SBATCH_SIGNAL", "TERM@9")
    monkeypatch.setenv(on_node.VERSIONS, "")
    on_node.announce()
    on_node.check_packages()
    monkeypatch.setattr(on_node.machine, "versions", lambda: "python 3.11, torch 2.14.0, numpy 2.1")
    with pytest.raises(UserError, match=r"the node \S+ has torch 2\.14\.0, this run torch 2\.15\.0; make the project's folder"):
        on_node.check_packages()

    def missing():
        raise on_node.PackageNotFoundError("torch")

    monkeypatch.setattr(on_node.machine, "versions", missing)
    with pytest.raises(UserError, match=r"the node \S+ has no package torch"):
        on_node.check_packages()


@pytest.mark.parametrize(
    ("moved_on", "queue", "ends"),
    [
        (True, "RUNNING 0 1:57:30 2:00:00", "again"),
        (True, "RUNNING 9 0:10 2:00:00", "again"),
        (True, "COMPLETING 0 0:10 2:00:00", ""),  # its user cancelled it
        (True, "", ""),
        (False, "RUNNING 0 0:10 2:00:00", "again"),  # preempted
        (False, "RUNNING 1 0:10 UNLIMITED", "again"),
        (False, "RUNNING 2 0:10 2:00:00", "it was preempted 3 times, and nothing is saved that it could go on from; send it where"),
        (False, "RUNNING 0 1:57:30 2:00:00", "its time of 120 minutes is over, and nothing is saved that it could go on from; raise its "
         "resource runtime: --set-resources predict:runtime="),
    ],
)  # fmt: skip
def test_a_job_that_its_cluster_asks_to_end_queues_again_where_that_helps(moved_on, queue, ends, monkeypatch, tmp_path):
    (tmp_path / "squeue").write_text(f"#!/bin/sh\necho '{queue}'\n")
    (tmp_path / "scontrol").write_text(f"#!/bin/sh\necho $@ > {tmp_path}/said\n")
    for name in ("squeue", "scontrol"):
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setattr(on_node, "moved_on", SimpleNamespace(is_set=lambda: moved_on))

    def end(status=143, first=True):
        with on_node.queued_again("predict", first):
            sys.exit(status)

    with pytest.raises(SystemExit):
        end()  # this is no job that a run has sent
    monkeypatch.setenv(on_node.VERSIONS, "python 3.11")
    for other in ({"status": 1}, {"first": False}):
        with pytest.raises(SystemExit):
            end(**other)
    assert not (tmp_path / "said").exists()
    with pytest.raises((SystemExit, UserError)) as left:
        end()
    queued = ends == "again"
    assert (tmp_path / "said").exists() == queued
    assert not queued or (tmp_path / "said").read_text() == "requeue 7\n"
    assert str(left.value).startswith(ends if ends and not queued else "143") and "\n" not in str(left.value)


def test_sigterm_ends_a_job_that_was_sent_in_order_wherever_it_is():
    code = f"import sys; sys.path[:0] = [{str(ROOT / 'src')!r}, {str(ROOT / 'workflow/lib')!r}]\n"
    code += "import os, signal, on_node\non_node.end_when_asked()\nos.kill(os.getpid(), signal.SIGTERM)"
    sent = subprocess.run([sys.executable, "-c", code], env={on_node.VERSIONS: "x"}, check=False)
    here = subprocess.run([sys.executable, "-c", code], env={}, check=False)
    assert (sent.returncode, here.returncode) == (143, -signal.SIGTERM)


def test_a_job_on_a_cluster_does_not_look_for_its_run(monkeypatch):
    watched = []
    monkeypatch.setattr(guard, "_die_with", watched.append)
    run = f"{guard.socket.gethostname()} 4242 17"
    for of_run, of_job, looks in (("", "", True), ("", "7", False), ("7", "7", True), ("7", "8", False)):
        watched.clear()
        monkeypatch.setenv(guard.RUN, f"{run} {of_run}".strip())
        monkeypatch.setenv(guard.BATCH, of_job) if of_job else monkeypatch.delenv(guard.BATCH, raising=False)
        guard.die_with_run()
        assert watched == ([{4242: "17"}] if looks else [])


def test_several_nodes_meet_at_the_first_one_by_srun(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "10007")
    monkeypatch.setenv("SLURMD_NODENAME", "node1")
    monkeypatch.setattr(launch.socket, "gethostname", lambda: "first.example")
    assert launch.obstacle(2) == ""
    command = launch.command(processes=8, nodes=2, cores=32)
    assert command[:2] == ["srun", "--nodes=2"] and "--cpus-per-task=32" in command
    torchrun = command[command.index(sys.executable) :]
    assert torchrun[1:4] == ["-m", "torch.distributed.run", "--nproc_per_node=4"]
    assert torchrun[4:] == ["--nnodes=2", "--rdzv-backend=c10d", "--rdzv-endpoint=first.example:20007", "--rdzv-id=10007"]
    monkeypatch.delenv("SLURM_JOB_ID")
    assert "compute.nodes is 2, which takes a cluster: add --workflow-profile profiles/slurm" in launch.obstacle(2)
    assert launch.obstacle(1) == ""
