"""Project the Snakemake DAG onto dvc.yaml: one DVC stage for each workflow/rules/<stage>.smk, the same for every scale.

usage: dvc_stages.py [--check]

Snakemake owns the only DAG. A stage's command runs Snakemake for this stage alone; its dependencies, parameters and
outputs are read off the DAG. `persist: true` keeps DVC from deleting what is still valid; provenance.py makes that safe.
"""

import contextlib
import io
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import yaml

ROOT = Path(__file__).resolve().parents[2]
STAGES = ["data", "render", "pretrain", "finetune", "evaluate", "report"]
OUTSIDE = {
    "audit",
    "crosscheck",
    "download",
    "export",
    "search",
}  # files of rules that are run by hand and not recorded; no job of a stage may read what they make
CODE = ("src/aesthetic_pretraining", "workflow/scripts")  # whose folders may stand for their files
# sections of entries by name, of which each scale uses some: a stage depends on the whole, so that dvc.yaml is the same for every scale
WHOLE = ("comparisons", "sets")
SOME = ("premise",)  # figures that only some scales have
FILES = {"results/{scale}/report.html"}  # outputs that are tracked as single files; all others by their folder
HEADER = """\
# GENERATED from Snakemake's DAG by workflow/lib/dvc_stages.py (make dvc.yaml); do not edit.
# Each stage calls Snakemake for the rules of one file in workflow/rules/, which runs those jobs that are out of date, then saves
# how its outputs were made in results/<scale>/provenance/. So `dvc repro` and `snakemake all` do the same work, and either may
# come first. `persist: true` keeps DVC from deleting outputs before a stage: Snakemake decides what of them is still valid.
# ${scale} is one of the scales of params.yaml, as it says. More: docs/workflow.md.
"""
METRICS = ["results/${scale}/metrics/starts"]  # a file for each initialisation, which is a row of what DVC shows


@dataclass
class Job:
    """One job of the DAG: what it reads, makes and depends on."""

    rule: str
    stage: str
    input: list[str]
    output: list[str]
    params: list[str] = field(default_factory=list)


@dataclass
class Dag:
    """The DAG at the values of params.yaml."""

    scale: str
    config: dict
    stage_of: dict[str, str]  # rule with outputs -> stage
    patterns: dict[str, list[str]]  # rule -> its outputs' patterns
    jobs: list[Job]
    pending: list[str]  # jobs that Snakemake would run


def load_dag(changes: Mapping | None = None, folder: Path = ROOT) -> Dag:
    """Ask Snakemake for the DAG of all stages, with `changes` to params.yaml as of --config, in a working folder.

    Uses its internals; docs/workflow.md says which, the version is pinned.
    """
    from snakemake.api import ConfigSettings, DAGSettings, OutputSettings, ResourceSettings, SnakemakeApi
    from snakemake.settings.types import Quietness

    targets = {f"stage_{stage}" for stage in STAGES}
    with contextlib.redirect_stdout(io.StringIO()), SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(config=dict(changes or {})),
            snakefile=ROOT / "Snakefile",
            workdir=folder,
        )
        workflow.dag(DAGSettings(targets=targets, max_checksum_file_size=10**15)).printd3dag()
        inner = workflow._workflow
        stage_of = {rule.name: Path(str(rule.snakefile)).stem for rule in inner.rules}
        # Snakemake writes a wildcard's constraint into the pattern: {scale,demo}
        patterns = {rule.name: [re.sub(r"\{(\w+),[^}]*\}", r"{\1}", str(o)) for o in rule.output] for rule in inner.rules}
        jobs = [
            Job(
                job.rule.name,
                stage_of[job.rule.name],
                sorted(map(str, job.input)),
                sorted(map(str, job.output)),
                sorted(key for p in job.params for key in (p if hasattr(p, "keys") else ())),
            )
            for job in inner.dag.jobs
        ]
        pending = sorted(str(job) for job in inner.dag.needrun_jobs() if job.output)
        config = dict(inner.config)
    stray = {rule for rule, outputs in patterns.items() if outputs and stage_of[rule] not in {*STAGES, *OUTSIDE}}
    if stray:
        raise SystemExit(
            f"dvc_stages: rules outside of the stages: {', '.join(sorted(stray))}; add their file's name to STAGES"
        )
    return Dag(config["scale"], config, stage_of, patterns, jobs, pending)


def tracked(pattern: str) -> str:
    """The path that DVC tracks for an output's pattern: the folder before the first wildcard, or one of FILES.

    DVC rewrites single files when it commits and leaves the files of a folder alone, hence folders.
    """
    if pattern in FILES:
        return pattern.replace("{scale}", "${scale}")
    parts = PurePosixPath(pattern.replace("{scale}", "${scale}")).parts
    folders = parts[:-1]
    fixed = next((k for k, part in enumerate(folders) if "{" in part.replace("${scale}", "")), len(folders))
    return "/".join(folders[:fixed])


def outs_of(dag: Dag) -> dict[str, str]:
    """{tracked path: stage}, without paths that lie inside of others. Exits where two stages would share a folder."""
    owner = {
        tracked(p): dag.stage_of[rule]
        for rule, patterns in dag.patterns.items()
        for p in patterns
        if dag.stage_of[rule] not in OUTSIDE
    }
    for path, stage in owner.items():
        if shared := [o for o in owner if path.startswith(o + "/") and owner[o] != stage]:
            raise SystemExit(
                f"dvc_stages: {path} of stage {stage} lies inside {shared[0]} of stage {owner[shared[0]]}; move one"
            )
    return {path: stage for path, stage in owner.items() if not any(path.startswith(other + "/") for other in owner)}


def stage_entry(stage: str, dag: Dag, outs: dict[str, str]) -> dict:
    """One stage of dvc.yaml."""
    from aesthetic_pretraining.config import source_key

    deps, params = {f"workflow/rules/{stage}.smk", "workflow/rules/common.smk"}, set()
    for job in (job for job in dag.jobs if job.stage == stage):
        params |= {source_key(dag.config, whole(key)) for key in job.params}
        for path in job.input:
            path = path.replace(f"/{dag.scale}/", "/${scale}/")
            inside = next((out for out in outs if path == out or path.startswith(out + "/")), None)
            if inside is None or outs[inside] != stage:
                deps.add(inside or path)
    rules = " ".join(rule for rule, outputs in dag.patterns.items() if outputs and dag.stage_of[rule] == stage)
    mine = [out for out, owner in outs.items() if owner == stage] + [f"results/${{scale}}/provenance/{stage}.json"]
    return {
        "cmd": [
            f"snakemake stage_{stage} --allowed-rules stage_{stage} {rules}",
            f"python workflow/lib/provenance.py save {stage}",
        ],
        "deps": folded(deps),
        "params": sorted(params),
        "outs": [{out: {"persist": True}} for out in sorted(mine)],
    }


def whole(key: str) -> str:
    """The key, or its section if that is one of WHOLE."""
    section = key.split(".")[0]
    return section if section in WHOLE else key


def folded(deps: set[str], root: Path = ROOT) -> list[str]:
    """The dependencies, sorted; folders of code stand for their files where every file of the folder is one of them."""
    inside: dict[str, set[str]] = {}
    for path in (p.relative_to(root) for top in CODE for p in (root / top).rglob("*") if p.is_file()):
        if "__pycache__" not in path.parts:  # .dvcignore hides these from DVC
            for folder in path.parents:
                inside.setdefault(folder.as_posix(), set()).add(path.as_posix())
    whole = {folder for folder, files in inside.items() if len(files) > 1 and files <= deps}
    found = set()
    for path in deps:
        folders = [folder.as_posix() for folder in PurePosixPath(path).parents if folder.as_posix() in whole]
        found.add(folders[-1] if folders else path)  # the outermost
    return sorted(found)


def plots(dag: Dag) -> list[dict | str]:
    """What `dvc plots show` draws and shows: the curves of each task's pretraining, and all figures.

    Each task has axes of its own, because losses of different tasks are not comparable. Rows that only some scales have, ablations and
    comparisons, have no curves here.
    """
    from aesthetic_pretraining.evaluation.runs import pretraining_of
    from aesthetic_pretraining.initialisations import PAPER

    histories = [o for job in dag.jobs if job.rule == "pretrain" for o in job.output if o.endswith(".csv")]
    # of the lowest seed alone: one more seed must not make this file stale
    shown = {pretraining_of(path)[0]: path for path in sorted(histories, key=pretraining_of, reverse=True)}
    curves = [
        {
            f"losses in pretraining: {task}": {
                "x": "epoch",
                "y": {path.replace(f"/{dag.scale}/", "/${scale}/"): ["train_loss", "val_loss"]},
                "y_label": "loss",
            }
        }
        for task, path in sorted(shown.items())
        if task in PAPER
    ]
    drawn = {o for rule, outs in dag.patterns.items() if dag.stage_of[rule] in STAGES for o in outs}
    figures = sorted(
        o.replace("{scale}", "${scale}") for o in drawn if "/figures/" in o and o.endswith(".png") and Path(o).stem not in SOME
    )
    return [*curves, *figures]


def text() -> str:
    """What dvc.yaml has to be."""
    dag = load_dag()
    outs = outs_of(dag)
    content = {
        "stages": {stage: stage_entry(stage, dag, outs) for stage in STAGES},
        "metrics": METRICS,
        "plots": plots(dag),
    }
    return HEADER + yaml.safe_dump(content, sort_keys=False, width=200)


def main(check: bool) -> None:
    """Write dvc.yaml, or only check that it is current."""
    path, wanted = ROOT / "dvc.yaml", text()
    if check:
        if not path.exists() or path.read_text() != wanted:
            sys.exit("dvc.yaml is stale: run 'make dvc.yaml'")
        print("dvc.yaml is current")
    else:
        path.write_text(wanted)


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "src"), str(ROOT / "workflow/lib")]
    main("--check" in sys.argv)
