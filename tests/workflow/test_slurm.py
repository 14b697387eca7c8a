"""The chain on a real Slurm, whose daemons the tests start: the same bytes as on one machine, also of what was killed or preempted there."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import cluster_failures
from projects import ENV, TASKS, Project, checkout, ran
from slurm_cluster import Cluster, obstacle
from test_robust import jobs_in, wait_until

pytestmark = pytest.mark.slow
NETWORK = "models/smoke/pretrained/rotnet/seed1.safetensors"
PREDICTED = "results/smoke/predictions/rotnet/share100_pretraining1_seed1/ava.parquet"
LOG = "logs/smoke/pretrain/rotnet_seed1.log"
PROFILE = ["--workflow-profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "3"]
ASKS = ["--slurm-status-command", "squeue"]
SMALL = ["--resources", "gpu=0", "--default-resources", "mem_mb=2000", "runtime=30"]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    if reason := obstacle():
        pytest.skip(reason)
    try:
        cluster = Cluster(tmp_path_factory.mktemp("slurm") / "cluster")
    except RuntimeError as error:
        pytest.skip(f"Slurm does not start here: {str(error)[-2000:]}")
    yield cluster
    cluster.close()


def on(slurm, env):
    """The environment of a program that sends jobs to the cluster."""
    return env | slurm.env | {"PATH": os.pathsep.join([str(slurm.folder / "bin"), env["PATH"]])}


def test_from_photos_to_predictions_through_sbatch_to_the_same_bytes(slurm, finished, warm, tmp_path):
    project = checkout(tmp_path / "project", on(slurm, warm), TASKS)
    out = project.run("snakemake", *PROFILE, *ASKS, *SMALL, "--", PREDICTED)
    jobs = ran(out)
    assert jobs["pretrain"] == jobs["finetune"] == jobs["predict"] == 1
    assert out.count("has been submitted with SLURM jobid") == jobs.total() - jobs["imagenet"]
    made = {name: content for name, content in project.digests("data", "models", "results").items() if "provenance" not in name}
    whole = finished.digests("data", "models", "results")
    assert PREDICTED in made
    assert [name for name, content in made.items() if whole[name] != content] == []
    assert "Nothing to be done" in project.snakemake("-n", PREDICTED)


def test_a_training_whose_run_is_killed_and_one_that_is_preempted_go_on_to_the_same_bytes(slurm, project, tmp_path):
    project.set("pretrain.epochs", 30)
    project.snakemake(NETWORK)
    whole = (project.path / NETWORK).read_bytes()
    (project.path / NETWORK).unlink()
    (project.path / LOG).unlink()

    def start():
        command = ["snakemake", *PROFILE, *ASKS, *SMALL, "--", NETWORK]
        with open(tmp_path / "out", "w") as out:
            return subprocess.Popen(
                command, cwd=project.path, env=on(slurm, ENV), stdout=out, stderr=out, start_new_session=True
            )

    def stop_at(words, run):
        """Let the training stand still once its log has these words."""
        log = project.path / LOG
        wait_until(lambda: run.poll() is not None or (log.exists() and words in log.read_text()))
        assert run.poll() is None, (tmp_path / "out").read_text()
        return signal_jobs(signal.SIGSTOP)

    def signal_jobs(number):
        found = jobs_in(project)
        for pid in found:
            os.kill(pid, number)
        return found

    killed = start()
    assert stop_at("epoch 2 of", killed)
    killed.kill()
    killed.wait()
    (orphan,) = slurm.jobs()
    assert jobs_in(project)  # it does not look for a process that is on another machine
    run = start()
    assert stop_at("going on from checkpoint", run)
    assert f"jobs of a killed run were ended: {orphan}" in (tmp_path / "out").read_text()
    (job,) = slurm.jobs()
    slurm.ask("scancel", "--signal=TERM", job)
    signal_jobs(signal.SIGCONT)
    wait_until(lambda: "Restarts=1" in slurm.ask("scontrol", "show", "job", job))
    wait_until(lambda: run.poll() is not None)
    assert run.returncode == 0, (tmp_path / "out").read_text()
    assert (project.path / NETWORK).read_bytes() == whole
    assert "going on from checkpoint" in (project.path / LOG).read_text()


def test_a_job_without_checkpoints_whose_time_is_over_fails_with_a_sentence(slurm, tmp_path):
    project = checkout(tmp_path / "project", on(slurm, ENV), TASKS)
    script = project.path / "workflow/scripts/data/listing.py"
    script.write_text(
        script.read_text().replace("with job(snakemake):", "with job(snakemake):\n    import time; time.sleep(900)")
    )
    target, log = "data/smoke/photos/listing.csv", project.path / "logs/smoke/listing/photos.log"
    with open(tmp_path / "out", "w") as out:
        command = ["snakemake", *PROFILE, *ASKS, *SMALL, "--", target]
        run = subprocess.Popen(command, cwd=project.path, env=project.env, stdout=out, stderr=out)
    wait_until(lambda: run.poll() is not None or log.exists())
    (job,) = slurm.jobs()
    slurm.ask("scontrol", "update", f"jobid={job}", "TimeLimit=2")  # the run refuses less than ten minutes
    wait_until(lambda: not slurm.jobs("pending,running,completing"))
    run.kill()  # it asks for the job's state less and less often
    run.wait()
    (said,) = cluster_failures.sentences(0, project.path / cluster_failures.LOGS)
    assert said.startswith("listing: its time of 2 minutes is over, and nothing is saved that it could go on from")
    assert "Restarts=0" in slurm.ask("scontrol", "show", "job", job)


def test_a_training_on_two_nodes_one_of_whose_agents_is_killed_goes_on_to_the_bytes_of_one_machine(slurm, project, tmp_path):
    project.set("pretrain.epochs", 8)
    project.set("compute.processes", 2)
    Project(project.path, ENV).snakemake(NETWORK)
    whole = (project.path / NETWORK).read_bytes()
    (project.path / NETWORK).unlink()
    (project.path / LOG).unlink()
    project.set("compute.nodes", 2)
    command = ["snakemake", *PROFILE, *ASKS, *SMALL, "--", NETWORK]
    with open(tmp_path / "out", "w") as out:
        run = subprocess.Popen(command, cwd=project.path, env=on(slurm, ENV), stdout=out, stderr=out)
    log = project.path / LOG
    wait_until(lambda: run.poll() is not None or (log.exists() and "epoch 2 of" in log.read_text()))
    assert slurm.ask("squeue", "-h", "-t", "running", "-o", "%D").strip() == "2", (tmp_path / "out").read_text()
    agents = {
        name: pid
        for pid in jobs_in(project, b"torch.distributed.run")
        for name in slurm.names
        if f"SLURMD_NODENAME={name}\0".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    }
    os.kill(agents["node2"], signal.SIGKILL)
    wait_until(lambda: not slurm.jobs("running,completing"))
    run.kill()
    run.wait()
    Project(project.path, on(slurm, ENV)).run(*command)
    assert "going on from checkpoint" in log.read_text()
    assert (project.path / NETWORK).read_bytes() == whole


def test_with_another_folder_for_results_its_own_jobs_are_ended_and_not_those_of_the_project(slurm, tmp_path):
    project = checkout(tmp_path / "project", on(slurm, ENV), TASKS)
    results = tmp_path / "results"
    sent = {}
    for folder in (project.path, results):
        (folder / ".snakemake").mkdir(parents=True)
        killed = {"pid": 1, "host": "login", "since": 1.0, "command": "snakemake", "sends": True}
        (folder / ".snakemake/run.json").write_text(json.dumps(killed))
        sbatch = ["sbatch", "--parsable", "-D", str(folder), "--mem=100", "--comment=rule_pretrain", "--wrap=sleep 900"]
        sent[folder] = slurm.ask(*sbatch).strip()
    command = ["snakemake", *PROFILE, *ASKS, *SMALL, "--directory", str(results), "--", "data/smoke/photos/listing.csv"]
    with open(tmp_path / "out", "w") as out:
        run = subprocess.Popen(command, cwd=project.path, env=project.env, stdout=out, stderr=out)
    said = f"jobs of a killed run were ended: {sent[results]}\n"
    wait_until(lambda: run.poll() is not None or said in (tmp_path / "out").read_text())
    run.kill()
    run.wait()
    assert said in (tmp_path / "out").read_text()
    assert sent[project.path] in slurm.jobs()
    slurm.ask("scancel", "--user=root")
    wait_until(lambda: not slurm.jobs("pending,running,completing"))


def test_what_the_cluster_cannot_take_is_one_sentence_and_nothing_is_sent(slurm, project):
    project = Project(project.path, on(slurm, project.env))
    (project.path / NETWORK).unlink()
    known = set(slurm.jobs("all"))
    for options, said in {
        (
            *ASKS,
            *SMALL,
            "slurm_partition=nope",
        ): "the partition 'nope' of rule pretrain does not exist; name one of closed, cpu, short",
        (*ASKS, *SMALL, "slurm_partition=closed"): "partition closed of rule pretrain is not up",
        (
            *ASKS,
            "--default-resources",
            "slurm_partition=short,cpu",
            "runtime=15",
        ): "none of the partitions short, cpu can run it, the first because rule pretrain asks for",
        tuple(ASKS): "rule pretrain asks for 1 GPUs a node, and partition cpu has at most 0; lower compute.processes",
        (
            "--slurm-status-command",
            "sacct",
        ): "keeps no accounts of jobs, so sacct cannot tell of their end; add --slurm-status-command squeue",
    }.items():
        out = project.run("snakemake", *PROFILE, *options, "--", NETWORK, ok=False)
        assert f"error: {said}" in out or f"error: this cluster {said}" in out
        assert "Traceback" not in out
    assert set(slurm.jobs("all")) <= known  # Slurm forgets old ones meanwhile


def test_a_node_without_the_packages_is_named_by_the_log_that_slurm_keeps(slurm, tmp_path):
    (tmp_path / "bare").symlink_to(Path(sys.base_prefix, "bin/python3"))
    logs = tmp_path / "logs"
    for rule, python in {"pretrain": tmp_path / "bare", "finetune": "/nowhere/bin/python"}.items():
        (logs / f"rule_{rule}").mkdir(parents=True)
        slurm.ask("sbatch", "-o", str(logs / f"rule_{rule}/%j.log"), "--wrap", f"{python} -I -m snakemake --version")
    wait_until(lambda: not slurm.jobs("pending,running,completing"))
    missing, nowhere = sorted(cluster_failures.sentences(0, logs), reverse=True)
    assert missing.startswith(
        "pretrain: its node has no snakemake; the folder with the project's packages (.venv) has to be there"
    )
    assert nowhere.startswith("finetune: its node has no /nowhere/bin/python; ")
