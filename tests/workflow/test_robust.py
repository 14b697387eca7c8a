"""Killed at any moment, started twice, given nonsense: one clear sentence, and the next run works to the same bytes."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from limits import limit

import interpreter
from projects import AS_USER, ENV, TASKS, Project, checkout, needs_setpriv, ran

pytestmark = pytest.mark.slow
NETWORK = "models/smoke/pretrained/rotnet/seed1.safetensors"
FORCED = ["-Rpretrain", "-Upretrain"]  # glued to their values, and yet no dry run


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


def test_a_training_killed_after_it_wrote_its_outputs_has_only_to_write_them_again(project):
    network = project.path / NETWORK
    whole = network.read_bytes()
    network.unlink()
    process = start(project, "snakemake", "--cores", "1", NETWORK)
    wait_until(network.exists)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert ran(project.snakemake(NETWORK)) == {"pretrain": 1}
    assert network.read_bytes() == whole
    said = (project.path / "logs/smoke/pretrain/rotnet_seed1.log").read_text()
    assert "going on from checkpoint" in said and "epoch 1 of" not in said
    assert not [left for left in (project.path / "work/smoke").iterdir() if left.suffix in (".pt", ".done")]
    project.clean()


def test_a_dvc_that_is_killed_alone_takes_its_snakemake_and_jobs_along(project):
    (project.path / NETWORK).unlink()
    process = start(project, "dvc", "repro", "pretrain")
    wait_for_jobs(project, process)
    process.kill()
    process.wait()
    wait_until(lambda: not jobs_in(project, b""))
    project.dvc("repro", "pretrain")
    project.clean()


def test_code_that_is_edited_under_its_job_fails_the_job_with_a_sentence(project):
    (project.path / NETWORK).unlink()
    module = project.path / "src/aesthetic_pretraining/training/losses.py"
    source = module.read_text()
    with open(project.path / "out.txt", "w") as out:
        process = subprocess.Popen(
            ["snakemake", "--cores", "1", NETWORK], cwd=project.path, env=ENV, stdout=out, stderr=out, start_new_session=True
        )
        wait_for_jobs(project, process)
        module.write_text(source + "\n# edited\n")
        assert process.wait(limit(300)) != 0
    said = (project.path / "out.txt").read_text()
    assert "losses.py was changed while this job ran, so what it made is not kept; run again" in said
    assert not (project.path / NETWORK).exists()
    module.write_text(source)
    project.snakemake("all")
    project.clean()


@pytest.mark.parametrize("scale_by", ["params.yaml", "--config"])
def test_a_store_that_is_changed_is_made_again_whichever_way_the_scale_was_said(scale_by, project):
    chosen = [] if scale_by == "params.yaml" else ["--config", "scale=smoke"]
    if chosen:
        params = project.path / "params.yaml"
        params.write_text(params.read_text().replace("scale: smoke", "scale: demo", 1))
        shutil.rmtree(project.path / "results/smoke/provenance")
        (project.path / "results/smoke/tables/table2.csv").unlink()
        assert "dvc: not recorded, because this run was of the scale smoke" in project.snakemake("all", *chosen)
        assert (project.path / "results/smoke/provenance/data.json").exists()
    store = project.path / "data/smoke/photos/store/0.tar"
    whole = store.read_bytes()
    store.write_bytes(whole[:5000] + b"x" + whole[5001:])
    assert ran(project.snakemake("data/smoke/photos/store/0.tar", *chosen)) == {"store": 1}
    assert store.read_bytes() == whole


@pytest.mark.parametrize("name", ["pr(oj)", "it's & ; $HOME", 'a"b\\c*[d]'])
def test_a_checkout_in_a_folder_with_an_odd_name(name, warm, tmp_path):
    """With its environment inside, whose interpreter Snakemake starts."""
    project = checkout(tmp_path / name, ENV, TASKS)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(project.path / ".venv")], check=True)
    packages = [path for path in sys.path if path.endswith("site-packages")]
    (found,) = (project.path / ".venv/lib").glob("python*/site-packages")
    (found / "others.pth").write_text(f"import site; site.addsitedir({packages[0]!r})\n")
    target = "data/smoke/photos/listing.csv"
    project.run(str(project.path / ".venv/bin/python"), "-m", "snakemake", "--cores", "1", target)
    assert (project.path / target).exists()


@pytest.mark.parametrize("name", ["a{b}", "a:b", "a\nb"])
def test_a_folder_that_snakemake_cannot_work_in_is_one_sentence(name):
    assert "cannot pass on; move the project" in interpreter.unusable(Path("/srv") / name)
    assert interpreter.unusable(Path("/srv/x y/it's (1)")) == ""


@pytest.mark.parametrize("shut", [".", ".snakemake"])
def test_a_folder_that_cannot_be_written_to_is_one_sentence(shut, tmp_path, monkeypatch):
    (tmp_path / ".snakemake").mkdir()
    assert interpreter.unusable(tmp_path) == ""
    # root may write everywhere
    monkeypatch.setattr(interpreter.os, "access", lambda path, how: Path(path) != tmp_path / shut)
    assert f"{tmp_path / shut}: this user cannot write here" in interpreter.unusable(tmp_path)


def test_the_innermost_folder_that_is_there_decides_whether_a_file_can_be_made(tmp_path, monkeypatch):
    (tmp_path / "shut").mkdir()
    monkeypatch.setattr(interpreter.os, "access", lambda path, how: Path(path).name != "shut")
    assert interpreter.shut([tmp_path / "open.csv", tmp_path / "not/yet/there.csv"]) == ""
    for file in ("shut/a.csv", "shut/not/yet/there.csv"):
        assert f"{tmp_path / 'shut'}: this user cannot write here" in interpreter.shut([tmp_path / "open.csv", tmp_path / file])


@needs_setpriv
@pytest.mark.parametrize("shut", ["models/smoke/pretrained/rotnet", "work/smoke", ".snakemake/metadata"])
def test_a_folder_of_outputs_or_notes_that_cannot_be_written_to_is_one_sentence(shut, project):
    (project.path / NETWORK).unlink()
    (project.path / shut).chmod(0o555)
    # not one of the warm programs, which are forks of a process with all rights
    out = Project(project.path, ENV).run(*AS_USER, "snakemake", "--cores", "1", NETWORK, ok=False)
    (project.path / shut).chmod(0o755)
    assert f"error: {shut}: this user cannot write here, and this run has to; give write access, and run again" in out
    assert "Traceback" not in out
    assert (project.path / NETWORK).with_suffix(".csv").exists()  # what was there already is not deleted


def test_ctrl_c_twice_ends_the_run_at_once_with_a_sentence_and_nothing_is_lost(project):
    whole = (project.path / NETWORK).read_bytes()
    (project.path / NETWORK).unlink()
    said = project.path / "out.txt"
    with open(said, "w") as out:
        process = subprocess.Popen(
            ["snakemake", "--cores", "1", NETWORK],
            cwd=project.path,
            env=ENV,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=heeds_ctrl_c,
        )
    wait_for_jobs(project, process)
    for pid in jobs_in(project):
        os.kill(pid, signal.SIGSTOP)  # or it might end before the second Ctrl-C
    os.killpg(process.pid, signal.SIGINT)
    wait_until(lambda: "Terminating processes" in said.read_text())
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(limit(60)) == 128 + signal.SIGINT
    for pid in jobs_in(project):
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: not jobs_in(project))
    assert "stopped at once; nothing is lost: the same command goes on from here" in said.read_text()
    assert "Traceback" not in said.read_text()
    project.snakemake(NETWORK)
    assert (project.path / NETWORK).read_bytes() == whole


def test_without_git_the_chain_runs_and_its_advice_fits(project):
    shutil.rmtree(project.path / ".git")
    (project.path / "results/smoke/tables/table2.csv").unlink()
    out = project.snakemake("all")
    assert "this folder is no git repository; all results are there" in out and "Traceback" not in out


def heeds_ctrl_c() -> None:
    """Of a program about to start: tests in the background of a shell ignore SIGINT, and so would their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def jobs_in(project, script=b"pretrain.py") -> list[int]:
    """Processes with a script's name in their commands that work in the project's folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/cwd") == str(project.path) and script in Path(f"/proc/{pid}/cmdline").read_bytes():
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
    assert "scale is 'huge', but must be one of smoke, demo, oasis, paper" in out
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
