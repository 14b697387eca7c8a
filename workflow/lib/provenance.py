"""Carry Snakemake's records of how each output was made together with the outputs that DVC tracks.

usage: provenance.py save [STAGE ...]

save      .snakemake/metadata -> results/<scale>/provenance/<stage>.json, and drop files that no job makes any more
restore   the other way, for every output whose local record does not describe the file that is there now
          (a fresh clone, `dvc checkout`, `dvc exp run --temp`); called when the workflow is read

A record describes a file if it holds the file's time of modification. A saved record is taken only for an output with
the recorded content; an output that nobody can vouch for gets a record that fits nothing, so that it is made again.

What is saved for DVC is content alone: the same inputs, parameters, code and versions give the same bytes. When, where, by
whom and with which command an output was made goes to logs/<scale>/made/<stage>.json, which nothing tracks.
"""

import base64
import contextlib
import getpass
import hashlib
import json
import os
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import yaml

import machine

META = Path(".snakemake/metadata")
SEEN = Path(".snakemake/provenance-seen")  # digest of each provenance file that this folder last wrote or read
UNKNOWN = ["<nobody knows how this file was made>"]
MACHINE = Path("results/machine.txt")  # the kind of machine that dvc.lock was recorded on
# fields of Snakemake's records (format 6) that differ between equal makings; RESTORED is ours
RESTORED = "restored"  # the record was written by `restore`, so its times are not those of the making
RUN_OF = ("starttime", "endtime", "job_hash", "external_jobid", "incomplete", RESTORED)
SOFTWARE = ("conda_env", "container_img_url")  # recorded whether used or not; software_stack_hash is of what was used
INPUTS = ("input", "input_checksums")  # saved together, as `inputs`


def folder(scale: str) -> Path:
    """Where the saved records of a scale are."""
    return Path(f"results/{scale}/provenance")


def made_path(scale: str, stage: str) -> Path:
    """Where it says when, where and by whom the outputs of a stage were made, as far as this folder knows."""
    return Path(f"logs/{scale}/made/{stage}.json")


def read_json(path: Path) -> dict:
    """The content of a file; empty if it is not there or damaged."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}


def record_path(name: str, limit: int = 255) -> Path:
    """Where Snakemake (record format 6) keeps the record of an output."""
    code = base64.urlsafe_b64encode(name.encode()).decode()
    parts = [code[i : i + limit - 1] for i in range(0, len(code), limit - 1)]
    return META.joinpath(*["@" + part for part in parts[:-1]], parts[-1])


def read_record(name: str) -> dict | None:
    """The local record of an output, or None."""
    return read_json(record_path(name)) or None


def write_record(name: str, record: dict) -> None:
    """Replace the local record of an output."""
    path = record_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))


@cache
def digest(path: str) -> str:
    """Content of a file, in the form of Snakemake's input checksums."""
    from aesthetic_pretraining.files import sha256

    return "sha256:" + sha256(path)


def describes(record: dict | None, name: str) -> bool:
    """Whether the record was written for the very file that is there now."""
    return record is not None and record.get("endtime") == os.stat(name).st_mtime


def changed_inputs(record: dict) -> set[str]:
    """Inputs that are there with other content than the record says."""
    return {i for i, known in record["input_checksums"].items() if os.path.exists(i) and digest(i) != known}


def restore(scale: str) -> dict[str, int]:
    """Make the local records describe the files that are there; returns how many were kept, restored, unknown."""
    saved = {path.stem: path for path in sorted(folder(scale).glob("*.json"))}
    made = {name: how for stage in saved for name, how in read_json(made_path(scale, stage)).items()}
    swapped = {stage for stage, path in saved.items() if _seen(scale, stage) != digest(str(path))}  # DVC put another one here
    entries = [
        (stage, name, entry)
        for stage, path in saved.items()
        for name, entry in json.loads(path.read_text()).items()
        if os.path.exists(name)
        and "inputs" in entry  # an older form of the records says nothing; saving them anew fails closed
    ]
    _age_scripts(entries)
    count = {"kept": len(entries), "restored": 0, "unknown": 0}
    if not swapped and all(describes(read_record(name), name) for _, name, _ in entries):
        return count
    count["kept"] = 0
    chosen: dict[str, tuple[str, dict]] = {}
    for stage, name, entry in entries:
        local = read_record(name)
        found = [("kept", local)] if describes(local, name) else []
        if (stage in swapped or not found) and digest(name) == entry["sha256"]:
            # first: what DVC put here also tells of inputs that the local making did not have, such as another seed's
            found.insert(0, ("restored", record_of(entry)))
        # of two makings of these bytes, the one from the inputs that are there now
        chosen[name] = next(
            (f for f in found if not changed_inputs(f[1])),
            found[0] if found else ("unknown", record_of(entry) | {"params": UNKNOWN}),
        )
    # Snakemake compares the checksums only of inputs that are newer than the output
    touched = set().union(*(changed_inputs(record) for kind, record in chosen.values() if kind != "unknown"), set())
    for path in touched:
        os.utime(path)
    for name, (kind, record) in chosen.items():
        count[kind] += 1
        if kind != "kept" or name in touched:
            now, how = os.stat(name).st_mtime, made.get(name, {})
            seconds = how["seconds"] if how and digest(name) == how["sha256"] else 0.0
            write_record(name, record | {"starttime": now - seconds, "endtime": now, RESTORED: True})
    for stage, path in saved.items():
        _see(scale, stage, digest(str(path)))
    if count["restored"] or count["unknown"]:
        print("provenance: " + ", ".join(f"{n} {kind}" for kind, n in count.items()), file=sys.stderr)
    return count


def _age_scripts(entries: list[tuple[str, str, dict]]) -> None:
    """Date back scripts that are what they were when their outputs were made.

    Snakemake holds a script that is newer than an output for edited; git gives every file that it writes a new time.
    """
    older_than: dict[str, float] = {}
    edited = set()
    for _, name, entry in entries:
        for path, known in entry["inputs"].items():
            if path.startswith(("workflow/scripts/", "workflow/lib/")) and os.path.exists(path):
                made = os.stat(name).st_mtime
                if os.stat(path).st_mtime >= made:
                    older_than[path] = min(made, older_than.get(path, made))
                    if digest(path) != known:
                        edited.add(path)
    for path in older_than.keys() - edited:
        os.utime(path, (older_than[path] - 1, older_than[path] - 1))


def save(stages: Iterable[str], dag=None) -> None:
    """Write the stages' provenance files, and drop their stale files. Exits with a sentence if a record is missing."""
    import dvc_stages
    from aesthetic_pretraining.files import write_text

    dag = dag or dvc_stages.load_dag()
    for stage in stages or dvc_stages.STAGES:
        path = folder(dag.scale) / f"{stage}.json"
        before = read_json(path)
        outputs = [o for job in dag.jobs if job.stage == stage for o in job.output]
        unknown = [o for o in outputs if not os.path.exists(o) or not describes(read_record(o), o)]
        if unknown:
            sys.exit(
                f"provenance: nobody knows how {unknown[0]} was made; run 'snakemake stage_{stage}' (dvc.lock is unchanged)"
            )
        content = json.dumps({o: _entry(o, before.get(o)) for o in outputs}, sort_keys=True, indent=0) + "\n"
        _drop_stale(stage, dag, set(outputs))
        if not path.exists() or path.read_text() != content:
            write_text(path, content)
        if hashlib.md5(content.encode()).hexdigest() != _locked(stage, str(path)):
            write_text(MACHINE, machine.kind())
        _note_making(made_path(dag.scale, stage), outputs)
        digest.cache_clear()
        _see(dag.scale, stage, digest(str(path)))


def _entry(name: str, before: dict | None) -> dict:
    """The saved form of an output's record: content, and the versions of what made it first with this content."""
    record = read_record(name)
    entry = {
        "sha256": digest(name),
        "inputs": {path: record["input_checksums"].get(path) for path in record["input"]},
        "record": {k: v for k, v in record.items() if k not in (*RUN_OF, *INPUTS, *SOFTWARE) and v is not None},
    }
    same = before is not None and {k: v for k, v in before.items() if k != "versions"} == entry
    return entry | {"versions": before["versions"] if same else machine.versions()}


def record_of(entry: dict) -> dict:
    """Snakemake's record of an output from its saved form; the times are still to be added."""
    job = hashlib.sha256(json.dumps([entry["record"].get(k) for k in ("rule", "log")]).encode()).digest()
    return entry["record"] | {
        "input": sorted(entry["inputs"]),
        "input_checksums": {path: known for path, known in entry["inputs"].items() if known is not None},
        "incomplete": False,
        "job_hash": int.from_bytes(job[:7], "big"),  # Snakemake's report takes outputs of one job together by it
    }


def _note_making(path: Path, outputs: list[str]) -> None:
    """Write down when, where and by whom the outputs were made, where that was here; what is known already stays."""
    import guard
    from aesthetic_pretraining.files import write_text

    known, made = read_json(path), {}
    for name in outputs:
        record, how = read_record(name), known.get(name, {})
        if not record.get(RESTORED) and record["endtime"] != how.get("ended"):
            made[name] = {
                "sha256": digest(name),
                "ended": record["endtime"],
                "seconds": record["endtime"] - record["starttime"],
                "machine": machine.description(),
                "user": _user(),
                "command": guard.run_at(record["endtime"]),
            }
        elif how.get("sha256") == digest(name):
            made[name] = how
    if made != known:
        write_text(path, json.dumps(made, sort_keys=True, indent=0) + "\n")


def _user() -> str:
    with contextlib.suppress(OSError, KeyError):  # a container may know no name
        return getpass.getuser()
    return str(os.getuid())


def _locked(stage: str, path: str) -> str:
    """The MD5 of an output in dvc.lock; empty if it does not stand there."""
    lock = Path("dvc.lock")
    stages = (yaml.safe_load(lock.read_text()) or {}).get("stages", {}) if lock.exists() else {}
    return next((out["md5"] for out in stages.get(stage, {}).get("outs", []) if out["path"] == path), "")


def _drop_stale(stage: str, dag, outputs: set[str]) -> None:
    """Delete files in the stage's folders that no job makes any more, such as those of a seed that was taken out."""
    import dvc_stages

    for out, owner in dvc_stages.outs_of(dag).items():
        place = Path(out.replace("${scale}", dag.scale))
        if owner == stage and place.is_dir():
            for path in sorted(place.rglob("*"), reverse=True):  # what is inside of a folder comes before the folder
                if path.is_file() and path.as_posix() not in outputs:
                    print(f"provenance: {path} is no output any more and is removed")
                    path.unlink()
                elif path.is_dir() and not any(path.iterdir()):
                    path.rmdir()


def _seen(scale: str, stage: str) -> str:
    path = SEEN / scale / stage
    return path.read_text() if path.exists() else ""


def _see(scale: str, stage: str, value: str) -> None:
    (SEEN / scale).mkdir(parents=True, exist_ok=True)
    (SEEN / scale / stage).write_text(value)


if __name__ == "__main__":
    root = Path(__file__).resolve().parents[2]
    sys.path[:0] = [str(root / "src"), str(root / "workflow/lib")]
    if sys.argv[1:2] != ["save"]:
        sys.exit(__doc__)
    save(sys.argv[2:])
