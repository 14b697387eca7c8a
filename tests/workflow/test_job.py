"""What every script does around its one call, where no run of Snakemake is needed to see it."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

import job


class Resources(dict):
    """Snakemake's, of which some are asked for by name and some by attribute."""

    def __init__(self, live):
        super().__init__(live=live, nodes=1)
        self.live = live


def script(processes, live=0):
    return SimpleNamespace(
        params=SimpleNamespace(cfg={"compute.processes": processes}),
        resources=Resources(live),
        log=["logs/demo/finetune/rotnet_share100_seed1.log"],
    )


@pytest.mark.parametrize(("processes", "inside", "starts"), [(1, False, False), (4, False, True), (4, True, False)])
def test_several_processes_are_started_once(processes, inside, starts, monkeypatch):
    called = []
    monkeypatch.setattr(os, "execvp", lambda program, argv: called.append((program, argv)))
    monkeypatch.setattr(sys, "argv", [".snakemake/scripts/x.pretrain.py"])
    if inside:
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    else:
        monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    job.several(script(processes))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=4"]
    assert called == ([(sys.executable, [*torchrun, ".snakemake/scripts/x.pretrain.py"])] if starts else [])


def test_those_who_watch_say_so_and_each_training_has_a_folder():
    assert job.live(script(1)) is None
    assert str(job.live(script(1, live=1))) == "logs/live/demo/finetune/rotnet_share100_seed1"


def test_a_full_log_disk_costs_lines_and_no_job(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(job.guard.RUN, raising=False)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/full.log").symlink_to("/dev/full")
    given = SimpleNamespace(input=[], log=["logs/full.log"], rule="pretrain")
    with job.job(given):
        print("a line", flush=True)
        job.logging.getLogger("aesthetic_pretraining").info("another")
        subprocess.run(["true"], stdout=sys.stdout, check=True)  # programs write to it themselves
        (tmp_path / "made").write_text("whole")
    assert (tmp_path / "made").read_text() == "whole"
    assert capsys.readouterr().err.count("logs/full.log: no space left for this log; the job goes on without it") == 1


def test_a_log_has_its_lines_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(job.guard.RUN, raising=False)
    with job.job(SimpleNamespace(input=[], log=["logs/some.log"], rule="pretrain")):
        print("größer", flush=False)
        assert (tmp_path / "logs/some.log").read_text(encoding="utf-8") == "größer\n"
