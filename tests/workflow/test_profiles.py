"""Profiles as Snakemake's own parser reads them, with what it merges into them."""

import json
import subprocess
import sys

import pytest

from projects import ENV, ROOT

# what the executor for Kubernetes, which is not among the packages, says to Snakemake's parser: its options that we set
PLUGIN = """
from dataclasses import dataclass, field
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.settings import CommonSettings, ExecutorSettingsBase

@dataclass
class ExecutorSettings(ExecutorSettingsBase):
    namespace: str = field(default="default", metadata={"help": "namespace"})

common_settings = CommonSettings(non_local_exec=True, implies_no_shared_fs=True, job_deploy_sources=True)

class Executor(RemoteExecutor):
    pass
"""
PARSE = """
import json, sys
from snakemake.cli import parse_args
args = parse_args(sys.argv[1:])[1]
limits = {name: limit.value for name, limit in args.resources.items()}
sets = {rule: dict(values) for rule, values in args.set_resources.items()}
print(json.dumps([args.executor, args.cores, limits, sets, args.nolock, args.keep_going, args.rerun_incomplete]))
"""


@pytest.mark.parametrize(("profile", "gpus"), [("default", 1), ("slurm", 8), ("kubernetes", 8)])
def test_a_profile_is_read_whole_and_nothing_of_another_is_merged_into_it(profile, gpus, tmp_path):
    (tmp_path / "snakemake_executor_plugin_kubernetes").mkdir()
    (tmp_path / "snakemake_executor_plugin_kubernetes/__init__.py").write_text(PLUGIN)
    options = [] if profile == "default" else ["--workflow-profile", f"profiles/{profile}"]
    done = subprocess.run(
        [sys.executable, "-c", PARSE, *options, "all"],
        cwd=ROOT, env=ENV | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    executor, cores, limits, sets, *common = json.loads(done.stdout)
    assert (executor or "default", cores is None) == (profile, profile != "default")  # cores of this machine bind no pod
    assert limits == {"gpu": gpus}  # of more than one, trainings run beside each other
    assert sets == {}  # would count in place of compute.processes
    assert common == [True, True, True]
