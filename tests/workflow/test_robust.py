"""Killed at any moment, started twice, given nonsense: one clear sentence, and the next run works to the same bytes."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from limits import limit

from projects import ENV, TASKS, ran

pytestmark = pytest.mark.slow
FORCED = ["--forcerun", "models/smoke/pretrained/rotnet/seed1.safetensors", "--until", "pretrain"]


def start(project, *command):
    """Not one of the warm programs: a killed run is to leave behind what it really does."""
    return subprocess.Popen(
        command, cwd=project.path, env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def wait_until(happened):
    end = time.monotonic() + limit(120)
    while not happened():
        assert time.monotonic() < end, "hung"
        time.sleep(0.05)


def wait_for_jobs(project, process):
    """Until a job of the run has started to work."""
    logs = project.path / "logs/smoke/pretrain"
    before = {p: p.stat().st_mtime for p in logs.glob("*.log")}
    wait_until(lambda: process.poll() is not None or any(p.stat().st_mtime != before.get(p) for p in logs.glob("*.log")))
    assert process.poll() is None


@pytest.mark.parametrize("tool", ["snakemake", "dvc"])
def test_sigkill_then_the_same_bytes(project, tool):
    """Of Snakemake when its jobs begin, of DVC when one network is finished and the run is not."""
    before = project.digests("models", "results")
    networks = [project.path / f"models/smoke/pretrained/{task}/seed1.safetensors" for task in TASKS]
    for network in networks:
        network.unlink()
    command = ["snakemake", "--cores", "2", "stage_pretrain"] if tool == "snakemake" else ["dvc", "repro", "pretrain"]
    process = start(project, *command)
    wait_for_jobs(project, process)
    if tool == "dvc":
        wait_until(lambda: any(network.exists() for network in networks))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    out = project.snakemake("stage_pretrain")
    assert "a run was killed here" in out
    assert ran(out)["pretrain"] >= 1
    assert project.digests("models", "results") == before
    project.clean()


def test_jobs_end_with_a_killed_run_and_the_second_run_names_the_first(project):
    process = start(project, "snakemake", "--cores", "2", *FORCED)
    wait_for_jobs(project, process)
    for pid in jobs_in(project):
        os.kill(pid, signal.SIGSTOP)  # or the run might be over before the second one has asked
    second = project.snakemake("all", ok=False)
    assert f"another run is at work in this folder: process {process.pid} on" in second
    assert "Traceback" not in second
    assert "another run" not in project.snakemake("-n", "--until", "split")  # looking on is allowed
    os.kill(process.pid, signal.SIGKILL)  # the run alone, not its jobs
    process.wait()
    for pid in jobs_in(project):
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: not jobs_in(project))
    project.snakemake("stage_pretrain")
    project.clean()


def jobs_in(project) -> list[int]:
    """Processes of rules' scripts that work in the project's folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if (
                os.readlink(f"/proc/{pid}/cwd") == str(project.path)
                and b"pretrain.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
            ):
                found.append(int(pid))
        except OSError:
            continue
    return found


def test_a_wrong_value_is_one_sentence_in_both_tools_and_put_right_nothing_is_to_do(project):
    project.set("image.size", "big")  # other mistakes: tests/test_config_mistakes.py
    for out in (project.snakemake(ok=False), project.dvc("repro", ok=False)):
        assert "image.size is 'big', but must be of type integer" in out
        assert "Traceback" not in out
    project.git("checkout", "-q", "params.yaml")
    project.clean()


def test_an_unknown_scale_and_a_target_of_another_scale(project):
    out = project.snakemake("--config", "scale=huge", ok=False)
    assert "scale is 'huge', but must be one of smoke, demo, paper" in out
    out = project.snakemake("results/demo/tables/table2.csv", ok=False)
    assert "is of the scale demo, but this run is of the scale smoke: add --config scale=demo" in out


def test_from_another_folder(project, tmp_path):
    done = subprocess.run(
        ["snakemake", "--cores", "1", "-n", "-s", str(project.path / "Snakefile")],
        cwd=tmp_path,
        env=ENV,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "this is not the project's folder: run 'cd" in done.stdout + done.stderr


def test_an_unreadable_photo_is_named_and_replacing_it_helps(project, tmp_path):
    from PIL import Image
    from skimage.data import chelsea

    photos = tmp_path / "my photos"
    photos.mkdir()
    for k in range(12):
        Image.fromarray(chelsea()).resize((90 + k, 60 + k)).rotate(k).save(photos / f"photo {k}.jpg")
    (photos / "broken.jpg").write_bytes((photos / "photo 1.jpg").read_bytes()[:300])
    project.set("photos.folder", str(photos))
    project.set("photos.sources", ["folder"])
    project.set("photos.limit", 0)
    project.set("photos.shards", 1)
    target = "data/smoke/photos/split.csv"
    out = project.snakemake(target, ok=False)
    assert "photos: 1 of 13 images cannot be used: broken.jpg: unreadable" in out
    (photos / "broken.jpg").unlink()
    project.snakemake(target, "--forcerun", "listing", "--allowed-rules", "listing", "store", "ledger", "split")
    assert len((project.path / target).read_text().splitlines()) == 13
