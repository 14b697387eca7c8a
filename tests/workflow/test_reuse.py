"""The workflow in other places: as a module of another workflow, and with its data and results in another folder."""

import textwrap
from pathlib import Path

import pytest

from projects import AS_USER, ENV, TASKS, Project, checkout, needs_setpriv, ran

pytestmark = pytest.mark.slow
LEDGER = "data/smoke/photos/ledger.csv"
MADE = {"listing": 1, "store": 2, "ledger": 1}


@pytest.fixture
def ours(warm, tmp_path) -> Project:
    return checkout(tmp_path / "the project", warm, TASKS)


def theirs(ours: Project, folder: Path, module: str) -> Project:
    """Another workflow, which has folders of the same names, and a rule that reads what one of ours makes."""
    text = f"""
        module ap:
            snakefile: {str(ours.path / "workflow/Snakefile")!r}
            {module}

        use rule * from ap as ap_*

        rule listing:
            input: config["wanted"], "resources/own.csv"
            output: "lines.txt"
            default_target: True
            shell: "wc -l < {{input[0]}} > {{output}}"
    """
    for name, content in {"workflow/Snakefile": textwrap.dedent(text), "resources/own.csv": "", "src/own.py": ""}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return Project(folder, ours.env)


def changed(project):
    """What git sees, ignored files among it, without the code that Python compiles beside its sources."""
    lines = project.git("status", "--porcelain", "--ignored").splitlines()
    return [line for line in lines if not line.endswith("__pycache__/")]


@pytest.mark.parametrize("prefix", ["", "aesthetics/"])
def test_another_workflow_uses_the_rules_as_a_module(prefix, ours, finished, tmp_path):
    before = changed(ours)
    module = "config: {'scale': 'smoke'}" + (f"\n            prefix: {prefix.rstrip('/')!r}" if prefix else "")
    workflow = theirs(ours, tmp_path / "theirs", module)
    table = ["--config", f"wanted={prefix}results/smoke/tables/table2.csv"]
    plan = workflow.snakemake("-n", *table)
    assert {"ap_pretrain", "ap_finetune", "ap_table2", "listing"} <= set(plan.split()) and "ap_report" not in plan.split()
    ledger = ["--config", f"wanted={prefix}{LEDGER}"]
    assert ran(workflow.snakemake(*ledger)) == {"listing": 1} | {f"ap_{rule}": count for rule, count in MADE.items()}
    expected = (finished.path / LEDGER).read_bytes()
    assert (workflow.path / prefix / LEDGER).read_bytes() == expected
    assert int((workflow.path / "lines.txt").read_text()) == expected.count(b"\n")
    assert "Nothing to be done" in workflow.snakemake("-n", *ledger)
    assert changed(ours) == before


def test_a_conda_environment_gets_the_projects_lock_wherever_the_run_works(ours, tmp_path):
    """Snakemake runs a copy of the script, in the working folder; no conda client is needed to do the same."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").write_text('#!/bin/sh\necho installs from "${7%/*}" && test -f "$7"\n')
    (tmp_path / "bin/python").chmod(0o755)
    (tmp_path / "copy.sh").write_text((ours.path / "workflow/envs/environment.post-deploy.sh").read_text())
    workflow = theirs(ours, tmp_path / "theirs", "config: {'scale': 'smoke'}")
    with open(workflow.path / "workflow/Snakefile", "a") as file:
        file.write(f"\n\nshell('PATH={tmp_path}/bin:$PATH bash {tmp_path}/copy.sh >&2')\n")
    assert f"installs from {ours.path}\n" in workflow.snakemake("-n", "--config", f"wanted={LEDGER}")


def test_a_mistake_in_a_modules_parameters_is_said(ours, tmp_path):
    workflow = theirs(ours, tmp_path / "theirs", "config: {'scale': 'smoke', 'pretrian': {}}")
    assert "pretrian" in workflow.snakemake("-n", "--config", f"wanted={LEDGER}", ok=False)


def test_data_and_results_lie_in_another_folder(ours, finished, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    elsewhere = Project(tmp_path / "elsewhere", ours.env)
    call = ["--snakefile", str(ours.path / "Snakefile"), "--directory", str(elsewhere.path), "--config", "scale=smoke", "--"]
    target = "data/smoke/ava/split.csv"
    said = ours.snakemake(*call, target)
    assert {"simulate", "split"} <= set(ran(said)) and "dvc: not recorded" in said
    assert (elsewhere.path / target).read_bytes() == (finished.path / target).read_bytes()
    assert (elsewhere.path / "results/smoke/provenance/data.json").is_file()
    assert not [name for name in ("data", "models", "results/smoke", "logs", "work") if (ours.path / name).exists()]
    assert "Nothing to be done" in ours.snakemake("-n", *call, target)
    script = ours.path / "workflow/scripts/data/split.py"
    script.write_text(script.read_text() + "# edited\n")
    assert "split" in ours.snakemake("-n", *call, target).split()  # the project's code is an input there, too


@needs_setpriv
def test_a_checkout_that_can_only_be_read_is_enough(ours, finished, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    everything = [ours.path, *(path for path in ours.path.rglob("*") if not path.is_symlink())]
    rights = {path: path.stat().st_mode for path in everything}
    target, call = "data/smoke/ava/split.csv", ["snakemake", "--cores", "1", "--config", "scale=smoke"]
    for path in everything:
        path.chmod(rights[path] & 0o555)
    try:
        # not one of the warm programs, which are forks of a process with all rights
        here = Project(ours.path, ENV).run(*AS_USER, *call, "--dry-run", ok=False)
        there = [*call, "--snakefile", str(ours.path / "Snakefile"), "--directory", str(tmp_path / "elsewhere"), "--", target]
        Project(tmp_path / "elsewhere", ENV).run(*AS_USER, *there)
    finally:
        for path, mode in rights.items():
            path.chmod(mode)
    assert f"{ours.path}: this user cannot write here" in here and "--directory FOLDER" in here and "Traceback" not in here
    assert (tmp_path / "elsewhere" / target).read_bytes() == (finished.path / target).read_bytes()
    assert not [path for path in ours.path.rglob("*") if path not in rights and not path.is_symlink()]
