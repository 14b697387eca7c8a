"""Carry Snakemake's records of how each output was made together with the outputs that DVC tracks.

usage: provenance.py save [STAGE ...]

save      .snakemake/metadata -> results/<scale>/provenance/<stage>.json, and drop files that no job makes any more; every run of
          every scale ends with it (record_run.py)
restore   the other way, for every output whose local record does not describe the file that is there now
          (a fresh clone, `dvc checkout`, `dvc exp run --temp`); called when the workflow is read

A record describes a file if it holds the file's time of modification. A saved record is taken only for an output with
the recorded content; an output that nobody can vouch for gets a record that fits nothing, so that it is made again.

What is saved for DVC is content alone: the same inputs, parameters, code and versions give the same bytes. When, where, by
whom and with which command an output was made goes to logs/<scale>/made/<stage>.json, which nothing tracks.
"""

import contextlib
import getpass
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path

if __name__ == "__main__":  # DVC calls it without PYTHONPATH
    ROOT = Path(__file__).resolve().parents[2]
    sys.path[:0] = [str(ROOT / "src"), str(ROOT / "workflow/lib")]

import machine
from records import describes, read_json, read_record, recorded, write_record

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


@cache
def digest(path: str) -> str:
    """Content of a file, in the form of Snakemake's input checksums."""
    from aesthetic_pretraining.files import sha256

    return "sha256:" + sha256(path)


def changed_inputs(record: dict) -> set[str]:
    """Inputs that are there with other content than the record says."""
    return {i for i, known in record["input_checksums"].items() if os.path.exists(i) and digest(i) != known}


def restore(scale: str) -> dict[str, int]:
    """Make the local records describe the files that are there; returns how many were kept, restored, unknown."""
    _date_back(scale)
    saved = {path.stem: path for path in sorted(folder(scale).glob("*.json"))}
    made = {name: how for stage in saved for name, how in read_json(made_path(scale, stage)).items()}
    swapped = {stage for stage, path in saved.items() if _seen(scale, stage) != digest(str(path))}  # DVC put another one here
    entries = [
        (stage, name, entry)
        for stage, path in saved.items()
        for name, entry in _read_saved(path).items()
        if os.path.exists(name)
        and "inputs" in entry  # an older form of the records says nothing; saving them anew fails closed
    ]
    _age_scripts(entries)
    unknown = _disown_changed(scale, {name for _, name, _ in entries})
    count = {"kept": len(entries), "restored": 0, "unknown": unknown}
    if not unknown and not swapped and all(describes(read_record(name), name) for _, name, _ in entries):
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


def _read_saved(path: Path) -> dict:
    """The saved records of a stage; none, and a word about it, where the file is cut off."""
    saved = read_json(path)
    if not saved:
        print(f"provenance: {path} is damaged and is not used; the next run that ends well writes it anew", file=sys.stderr)
    return saved


def _date_back(scale: str) -> None:
    """Date outputs of the future, which a clock that jumped has made, to now: Snakemake refuses what is made of them before that."""
    now = time.time()
    for name in [name for name in recorded() if name.startswith(_folders(scale)) and os.path.exists(name)]:
        record = read_record(name)
        if os.stat(name).st_mtime > now and describes(record, name):
            os.utime(name, (now, now))
            seconds, ended = record["endtime"] - record["starttime"], os.stat(name).st_mtime
            write_record(name, record | {"starttime": ended - seconds, "endtime": ended, RESTORED: True})


def _folders(scale: str) -> tuple[str, ...]:
    return tuple(f"{top}/{scale}/" for top in ("data", "models", "results"))


def _disown_changed(scale: str, saved: set[str]) -> int:
    """Let those outputs be made again that are not in `saved` and changed since Snakemake's record of them; returns how many.

    So it is with a run that was killed before it saved anything.
    """
    mine = _folders(scale)
    changed = [
        name
        for name in recorded()
        if name.startswith(mine) and name not in saved and os.path.exists(name) and not describes(read_record(name), name)
    ]
    for name in changed:
        disown(name)
    return len(changed)


def disown(name: str) -> None:
    """Give an output a record that fits nothing, so that it is made again."""
    now = os.stat(name).st_mtime
    nothing = {"record_format_version": 6, "input": [], "input_checksums": {}, "log": []}
    write_record(name, (read_record(name) or nothing) | {"params": UNKNOWN, "starttime": now, "endtime": now})


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


def save(stages: Iterable[str], dag=None, partly: bool = False) -> None:
    """Write the stages' provenance files, and drop their stale files.

    Args:
        partly: of a run that made a part of the outputs: save what is known, and drop nothing.
    Exits with a sentence if a file was damaged after it was made, or, unless `partly`, if an output has no record, or is out of
    date already: what it depends on was changed during the run.
    """
    import dvc_stages
    from aesthetic_pretraining.data.recorded import locked
    from aesthetic_pretraining.files import write_text

    dag = dag or dvc_stages.load_dag()
    for stage in stages or dvc_stages.STAGES:
        path = folder(dag.scale) / f"{stage}.json"
        before, known = read_json(path), read_json(made_path(dag.scale, stage))
        outputs = [o for job in dag.jobs if job.stage == stage for o in job.output]
        foreign = [o for o in outputs if not describes(read_record(o), o)]
        if partly:
            outputs = [o for o in outputs if o not in foreign]
        elif foreign:
            if os.path.exists(foreign[0]):
                disown(foreign[0])
            sys.exit(
                f"provenance: nobody knows how {foreign[0]} was made; run 'snakemake stage_{stage}' (dvc.lock is unchanged)"
            )
        elif stale := [rule for rule in dag.pending if dag.stage_of[rule] == stage]:
            sys.exit(
                f"provenance: what the rule {stale[0]} depends on was changed while stage {stage} was at work; run again "
                "(dvc.lock is unchanged)"
            )
        entries = {o: _entry(o, before.get(o)) for o in outputs}
        for name, entry in entries.items():
            if _rotten(read_record(name), entry, before.get(name), known.get(name, {})):
                sys.exit(f"provenance: {name} is not what it was when it was made: damaged; delete it and run again")
        if partly:
            entries = before | entries
        content = json.dumps(entries, sort_keys=True, indent=0) + "\n"
        if not partly:
            _drop_stale(stage, dag, set(outputs))
        if entries and (not path.exists() or path.read_text() != content):
            write_text(path, content)
        if not partly and hashlib.md5(content.encode()).hexdigest() != locked().get(str(path)):
            write_text(MACHINE, machine.kind())
        _note_making(made_path(dag.scale, stage), outputs)
        digest.cache_clear()
        if path.exists():
            _see(dag.scale, stage, digest(str(path)))


def _rotten(record: dict, entry: dict, before: dict | None, known: dict) -> bool:
    """Whether an output has other content than after its making, which is the one that is noted already."""
    if known and known["ended"] == record["endtime"]:
        return known["sha256"] != entry["sha256"]
    same = before is not None and all(before.get(key) == entry[key] for key in ("record", "inputs"))
    return bool(record.get(RESTORED)) and same and before["sha256"] != entry["sha256"]


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
    return path.read_text(errors="replace") if path.exists() else ""


def _see(scale: str, stage: str, value: str) -> None:
    (SEEN / scale).mkdir(parents=True, exist_ok=True)
    (SEEN / scale / stage).write_text(value)


if __name__ == "__main__":
    if sys.argv[1:2] != ["save"]:
        sys.exit(__doc__)
    from aesthetic_pretraining.errors import UserError

    try:
        save(sys.argv[2:])
    except UserError as error:
        sys.exit(f"provenance: not saved: {error}")
