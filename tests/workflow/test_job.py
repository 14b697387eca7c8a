"""What every script does around its one call, where no run of Snakemake is needed to see it."""

import os
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
