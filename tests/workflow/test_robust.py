"""Killed at any moment, started twice, given nonsense: one clear sentence, and the next run works to the same bytes."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from projects import ENV, ran

pytestmark = pytest.mark.slow
FORCED = ["--forcerun", "models/smoke/pretrained/rotnet/seed1.safetensors", "--until", "pretrain"]


def start(project, *command):
    return subprocess.Popen(
        command, cwd=project.path, env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def wait_for_jobs(project, process, seconds=60):
    """Until a job of the run has started to work."""
    end = time.monotonic() + seconds
    logs = project.path / "logs/smoke/pretrain"
    before = {p: p.stat().st_mtime for p in logs.glob("*.log")}
    while time.monotonic() < end and process.poll() is None:
        if any(p.stat().st_mtime != before.get(p) for p in logs.glob("*.log")):
            return
        time.sleep(0.05)
    raise AssertionError("no job started")


@pytest.mark.parametrize("tool", ["snakemake", "dvc"])
def test_sigkill_then_the_same_bytes(project, tool):
    before = project.digests("models", "results")
    victim = project.path / "models/smoke/pretrained/ranking_regression/seed1.safetensors"
    victim.unlink()
    (project.path / "models/smoke/pretrained/rotnet/seed1.safetensors").unlink()
    command = ["snakemake", "--cores", "2", "stage_pretrain"] if tool == "snakemake" else ["dvc", "repro", "pretrain"]
    process = start(project, *command)
    wait_for_jobs(project, process)
    time.sleep(random.Random(tool).uniform(1, 6))
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
    assert process.poll() is None
    second = project.snakemake("all", ok=False)
    assert f"another run is at work in this folder: process {process.pid} on" in second
    assert "Traceback" not in second
    assert "another run" not in project.snakemake("-n", "--until", "split")  # looking on is allowed
    os.kill(process.pid, signal.SIGKILL)  # the run alone, not its jobs
    process.wait()
    deadline = time.monotonic() + 15
    while jobs_in(project) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not jobs_in(project)
    project.snakemake("stage_pretrain")
    project.clean()


def jobs_in(project) -> list[str]:
    """Processes of rules' scripts that work in the project's folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if (
                os.readlink(f"/proc/{pid}/cwd") == str(project.path)
                and b"pretrain.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
            ):
                found.append(pid)
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
    project.set("photos.source", "folder")
    project.set("photos.limit", 0)
    project.set("photos.shards", 1)
    target = "data/smoke/photos/split.csv"
    out = project.snakemake(target, ok=False)
    assert "photos: 1 of 13 images cannot be used: broken.jpg: unreadable" in out
    (photos / "broken.jpg").unlink()
    project.snakemake(target, "--forcerun", "listing", "--allowed-rules", "listing", "store", "ledger", "split")
    assert len((project.path / target).read_text().splitlines()) == 13
