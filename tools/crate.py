"""Archive a finished run as an RO-Crate of the Workflow Run Crate profile: logs/<scale>/run.crate.zip (make crate SCALE=demo).

usage: crate.py SCALE [--out FILE]

Inside: the code, the parameters with their values, the lists of the images with their digests, tables, figures, metrics, the report, and
who may use it. Images and networks stay out: they are large, and belong to others. Files that are not what the run made are refused.
"""

import argparse
import contextlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "workflow/lib")]

from rocrate.model.computationalworkflow import ComputationalWorkflow  # noqa: E402
from rocrate.model.contextentity import ContextEntity  # noqa: E402
from rocrate.rocrate import ROCrate  # noqa: E402

import machine  # noqa: E402
from aesthetic_pretraining.config import leaf, leaf_keys, load, resolve  # noqa: E402
from aesthetic_pretraining.data.recorded import damages, saved  # noqa: E402
from aesthetic_pretraining.errors import UserError  # noqa: E402
from aesthetic_pretraining.files import atomic_path  # noqa: E402
from commit import commit  # noqa: E402

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
MAIN = "Snakefile"
CODE = ("src", "workflow", "resources", "profiles")
FILES = ("params.yaml", "dvc.yaml", "dvc.lock", "requirements.lock", "pyproject.toml", "README.md", "LICENSE", "CITATION.cff")
RESULTS = ("tables", "figures", "metrics", "provenance", "distortions")  # folders of a scale's results, beside its report
TYPES = {bool: "Boolean", int: "Integer", float: "Float"}
FORMS = {".csv": "text/csv", ".md": "text/markdown", ".html": "text/html", ".pdf": "application/pdf", ".png": "image/png"}
FORMS |= {".json": "application/json", ".tex": "text/x-tex", ".yaml": "application/yaml", ".py": "text/x-python"}


class Run:
    """One scale's last run, and the crate that describes it."""

    def __init__(self, root: Path, scale: str) -> None:
        self.root, self.scale = root, scale
        self.config = resolve(load(root / "params.yaml") | {"scale": scale})
        self.crate = ROCrate(version="1.1")

    def file(self, path: str, **properties: object):
        """A file of the project's folder, under the same name."""
        form = {"encodingFormat": form} if (form := FORMS.get(Path(path).suffix)) else {}
        size = {"contentSize": str((self.root / path).stat().st_size)}
        return self.crate.add_file(
            str(self.root / path), dest_path=path, properties={"name": path, **form, **size, **properties}
        )

    def below(self, *folders: str) -> list[str]:
        """All files there, without what Python and editors leave."""
        found = [
            path.relative_to(self.root)
            for folder in folders
            for path in sorted((self.root / folder).rglob("*"))
            if path.is_file()
        ]
        return [
            path.as_posix()
            for path in found
            if not any(part.startswith((".", "__pycache__")) or part.endswith(".egg-info") for part in path.parts)
        ]

    def entity(self, identifier: str, **properties: object):
        return self.crate.add(ContextEntity(self.crate, identifier, properties=properties))

    def parameter(self, name: str, kind: str, example, **properties: object):
        """What the workflow takes or makes, and the value or file that it was in this run."""
        made = self.entity(
            f"#parameter-{name}", **{"@type": "FormalParameter", "name": name, "additionalType": kind, **properties}
        )
        made["conformsTo"] = {"@id": "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"}
        made["workExample"], example["exampleOfWork"] = example, made
        return made


def archive(root: Path, scale: str, out: Path) -> None:
    """Write the crate. Raises: UserError if the run is not whole, or a file is not what it made."""
    run = Run(root, scale)
    whole(run)
    crate, config = run.crate, run.config
    about = load(root / "CITATION.cff")
    authors = [
        run.entity(f"#author-{k}", **{"@type": "Organization", "name": a["name"]}) for k, a in enumerate(about["authors"])
    ]
    licence = run.file("LICENSE", **{"@type": ["File", "CreativeWork"], "name": f"{about['license']} License"})
    began, ended = times(run)
    crate.name, crate.description = f"{about['title']}: a run of the scale {scale}", description(config)
    crate.license, crate.datePublished = licence, ended
    crate.root_dataset["author"] = authors
    crate.root_dataset["conformsTo"] = [
        run.entity(place, **{"@type": "CreativeWork", "name": name, "version": place.rsplit("/", 1)[1]})
        for place, name in PROFILES.items()
    ]
    workflow = crate.add_workflow(
        str(root / MAIN), MAIN, main=True, lang="snakemake", cls=ComputationalWorkflow, properties={"name": about["title"]}
    )
    workflow["version"], workflow["license"], workflow["author"] = commit(root), licence, authors
    workflow["hasPart"] = [run.file(name) for name in run.below(*CODE)]
    for name in FILES:
        if name != "LICENSE" and (root / name).is_file():
            run.file(name)
    taken, wanted = parameters(run)
    lists, listed = inputs(run)
    results, made = outputs(run)
    workflow["input"], workflow["output"] = wanted + listed, made
    action = crate.add_action(
        workflow,
        f"#run-{scale}",
        object=taken + lists,
        result=results,
        properties={
            "name": f"run of the scale {scale}",
            "startTime": began,
            "endTime": ended,
            "description": machine.versions(),
        },
    )
    action["agent"] = authors[0]
    crate.root_dataset["mentions"] = [action]
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(out) as part:
        crate.write_zip(part)


def whole(run: Run) -> None:
    """Raise UserError if the report is missing or a recorded file is damaged."""
    if not (run.root / f"results/{run.scale}/report.html").is_file():
        raise UserError(f"scale {run.scale}: there is no results/{run.scale}/report.html; run the scale first, which makes it")
    with contextlib.chdir(run.root):
        known, damaged = saved(run.scale)
        found = damaged or damages(known, run.scale)
    if found:
        raise UserError(f"{found[0].file} {found[0].reason}; {found[0].do}")


def times(run: Run) -> tuple[str, str]:
    """When the first job began and the last one ended, as far as this folder made the outputs; else of the report alone."""
    made = [
        how
        for path in sorted((run.root / f"logs/{run.scale}/made").glob("*.json"))
        for how in json.loads(path.read_text()).values()
    ]
    ends = [how["ended"] for how in made] or [(run.root / f"results/{run.scale}/report.html").stat().st_mtime]
    begins = [how["ended"] - how["seconds"] for how in made] or ends
    return moment(min(begins)), moment(max(ends))


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def description(config: dict) -> str:
    votes = "simulated votes" if config["labels"]["source"] == "simulated" else "ratings by people"
    return (
        f"Networks pretrained to rank distorted photos, fine-tuned on {votes}, judged on {', '.join(config['labels']['test_on'])}: "
        "code, parameters, lists of images, results. Figures and report show images under the terms of their sets."
    )


def parameters(run: Run) -> tuple[list, list]:
    """(values, formal parameters) of every leaf of params.yaml at this scale."""
    values, formal = [], []
    for key in (key for section in run.config if section not in ("scales", "scale") for key in leaf_keys(run.config, section)):
        value = leaf(run.config, key)
        text = value if isinstance(value, int | float | str) else json.dumps(value)
        values.append(run.entity(f"#value-{key}", **{"@type": "PropertyValue", "name": key, "value": text}))
        formal.append(run.parameter(key, TYPES.get(type(value), "Text"), values[-1]))
    return values, formal


def inputs(run: Run) -> tuple[list, list]:
    """(files, formal parameters): the list of images with their digests of each set, which stands for the images."""
    files, formal = [], []
    for name in run.below(f"data/{run.scale}"):
        folder, file = name.split("/")[-2:]
        if file == "ledger.csv":
            terms = run.config["sets"].get(folder, {}).get("licence", "the terms of its sources: docs/data.md")
            files.append(
                run.file(name, description=f"images of {folder} and their digests; not in this archive", usageInfo=terms)
            )
            formal.append(run.parameter(f"images of {folder}", "File", files[-1]))
    return files, formal


def outputs(run: Run) -> tuple[list, list]:
    """(files and metrics, formal parameters): one parameter for each file, one for each metric of each initialisation."""
    place = f"results/{run.scale}"
    results, formal = [], []
    for name in [f"{place}/report.html", *run.below(*(f"{place}/{folder}" for folder in RESULTS))]:
        results.append(run.file(name))
        formal.append(run.parameter(name.removeprefix(f"{place}/"), "File", results[-1]))
    for path in sorted((run.root / place / "metrics/starts").glob("*.json")):
        for metric, value in json.loads(path.read_text()).items():
            name = f"{path.stem} {metric}"
            results.append(
                run.entity(f"#metric-{path.stem}-{metric}", **{"@type": "PropertyValue", "name": name, "value": value})
            )
            formal.append(run.parameter(name, "Float", results[-1]))
    return results, formal


def main(root: Path, arguments: list[str]) -> None:
    """Archive, and say where."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scale")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args(arguments)
    out = args.out or root / f"logs/{args.scale}/run.crate.zip"
    archive(root, args.scale, out)
    print(f"{out.relative_to(root) if out.is_relative_to(root) else out}: {out.stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    try:
        main(ROOT, sys.argv[1:])
    except UserError as error:
        sys.exit(f"error: {error}")
