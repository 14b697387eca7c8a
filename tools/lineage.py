"""Where a number or a figure comes from: predictions, network, parameters, split, ledger, code, versions, machine.

usage: lineage.py FILE [ROW COLUMN]
       lineage.py results/demo/tables/table2.csv ranking_regression ava_srcc
       lineage.py results/demo/figures/figure3.png

Reads the records that Snakemake wrote of each output (in this folder, or saved beside the results by provenance.py) and
follows them from the file down to the photos. ROW and COLUMN leave out what does not enter that number of Table 2.
When and where a file was made is known on the machine that made it alone: from logs/<scale>/made/, which nothing tracks.
"""

import ast
import hashlib
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# it reads the records of the checkout that it lies in, which need not be the one that is installed
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "workflow/lib")]

import provenance  # noqa: E402

CODE = ("src/", "workflow/")
SHOWN = 3  # files of one rule that are named
ELSEWHERE = "not known on this machine"
# functions that only read, write or log what others compute
AROUND = re.compile(r"aesthetic_pretraining\.(files|data\.ledger)\.|\.(read|write|open)(_\w+)?$|\.log\.")


@dataclass
class Step:
    """One output on the way: the record of how it was made, its inputs that were made, and those that were not."""

    path: str
    record: dict
    versions: str
    how: dict  # when, where and by whom it was made; empty where this folder does not know
    made: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Choice:
    """What enters one number of Table 2: the row, the test set, all labels. Without a row, everything enters."""

    row: str = ""
    dataset: str = ""

    def takes(self, rule: str, path: str) -> bool:
        """Whether an input of a job of that rule enters."""
        if not self.row:
            return True
        if network := re.search(r"/(?:predictions|finetuned)/([^/]+)/share(\d+)_pretraining\d+_seed\d+(?:/(\w+))?", path):
            return network[1] == self.row and network[2] == "100" and network[3] in (None, self.dataset)
        # a network is trained on AVA, but it predicts on the number's own set
        labelled = re.match(r"data/\w+/(ava|tid2013)/", path)
        return not (rule == "predict" and labelled and labelled[1] != self.dataset)


def saved_entries(scale: str) -> dict[str, dict]:
    """{output: saved entry, with `how` it was made as far as that is known} of all stages."""
    entries = {}
    for path in provenance.folder(scale).glob("*.json"):
        made = provenance.read_json(provenance.made_path(scale, path.stem))
        for name, entry in json.loads(path.read_text()).items():
            if "inputs" not in entry:
                continue  # an older form of the records, with times in it
            how = made.get(name, {})
            entries[name] = entry | {"how": how if how.get("sha256") == entry["sha256"] else {}}
    return entries


def step(path: str, saved: dict[str, dict]) -> Step | None:
    """What is known of an output; None for a file that no rule made. Exits if a record does not fit the file."""
    if path.startswith(CODE):
        return None
    local, entry = provenance.read_record(path), saved.get(path)
    fits = entry is not None and os.path.exists(path) and provenance.digest(path) == entry["sha256"]
    versions, how = (entry["versions"], entry["how"]) if fits else ("", {})
    if os.path.exists(path) and provenance.describes(local, path):
        return Step(path, local, versions, how)
    if fits:
        return Step(path, provenance.record_of(entry), versions, how)
    if local or entry:
        sys.exit(f"lineage: {path} is not what its record describes, or is missing; run 'snakemake {path}' first")
    return None


def chain(target: str, choice: Choice) -> list[Step]:
    """The steps behind a file, each after all that were made from it."""
    saved = saved_entries(target.split("/")[1])
    first = step(target, saved)
    if first is None:
        sys.exit(f"lineage: nobody knows how {target} was made; run 'snakemake {target}' first")
    steps, order = {target: first}, []

    def visit(path: str) -> None:
        here = steps[path]
        for name in here.record["input"]:
            if not choice.takes(here.record["rule"], name):
                continue
            known = name in steps
            if not known and (found := step(name, saved)) is not None:
                steps[name] = found
                visit(name)
            (here.made if name in steps else here.given).append(name)
        order.append(here)

    visit(target)
    return order[::-1]


def value(path: str, row: str, column: str) -> list[str]:
    """One number of a table by row and column, with its interval, the published one and the verdict where they stand there."""
    import pandas as pd

    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    key = table.columns[0]
    if row not in set(table[key]) or column not in table.columns:
        known = [name for name in table.columns if f"{name}_published" in table.columns] or list(table.columns)
        sys.exit(f"lineage: {path} has no {row!r} {column!r}; rows: {', '.join(table[key])}; columns: {', '.join(known)}")
    found = table[table[key] == row].iloc[0]
    parts = [(name.removeprefix(f"{column}_"), found[name]) for name in table.columns if name.startswith(f"{column}_")]
    more = [f"{name} {text}" for name, text in [*parts, ("seeds", found.get("seeds", ""))] if text]
    return [f"{row} {column} = {found[column] or 'empty'} ({', '.join(more)})", *filter(None, [found.get("note", "")])]


def pictures(path: str) -> str:
    """How many pictures a file of predictions, a ledger or a split lists; else empty."""
    import pandas as pd

    if path.endswith(".parquet"):
        return f"{len(pd.read_parquet(path, columns=['id']))} pictures"
    if re.fullmatch(r"data/\w+/\w+/ledger\.csv", path):
        return f"{(pd.read_csv(path, usecols=['state'])['state'] == 'usable').sum()} usable pictures"
    if re.fullmatch(r"data/\w+/\w+/split\.csv", path):
        counts = pd.read_csv(path, usecols=["split"])["split"].value_counts()
        return ", ".join(f"{role} {n}" for role, n in sorted(counts.items())) + " pictures"
    return ""


def code(record: dict) -> tuple[str, str]:
    """The script that made an output with the functions of the library that it calls, and the joint digest of all its code then."""
    files = {name: known for name, known in sorted(record["input_checksums"].items()) if name.startswith(CODE)}
    joint = hashlib.sha256("\n".join(f"{known} {name}" for name, known in files.items()).encode()).hexdigest()
    script = next((name for name in files if name.startswith("workflow/scripts/")), None)
    if script is None:
        return "no script of this project", joint
    if not os.path.exists(script) or provenance.digest(script) != files[script]:
        return f"{script}, which has been edited since", joint
    return f"{script} -> {', '.join(called(Path(script)))}", joint


def called(script: Path) -> list[str]:
    """The functions of the library that a rule's script calls: those that bear the rule's name, else all but reading and writing."""
    names: dict[str, str] = {}  # as the script calls it -> in full
    tree = ast.parse(script.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aesthetic_pretraining"):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            first, *more = ast.unparse(node.func).split(".")
            if first in names and re.fullmatch(r"[a-z_]\w*", (more or [first])[-1]):  # no class
                found[".".join([names[first], *more])] = node.lineno
    functions = sorted(found, key=found.__getitem__)
    named = [f for f in functions if script.stem in (f.split(".")[-1], f.split(".")[-1].partition("_")[2])]
    return named or [f for f in functions if not AROUND.search(f)] or functions


def parameters(record: dict) -> str:
    """The parameters that entered, as key=value."""
    values = {}
    for text in record["params"]:
        known = ast.literal_eval(text)
        values |= known if isinstance(known, dict) else {}
    return ", ".join(f"{key}={values[key]}" for key in sorted(values))


def lines(steps: list[Step]) -> Iterator[str]:
    """The chain as text: jobs of one rule with the same code and parameters together."""
    groups: dict[tuple, list[Step]] = {}
    for each in steps:
        groups.setdefault((each.record["rule"], parameters(each.record), *code(each.record)), []).append(each)
    place = {each.path: k for k, each in enumerate(steps)}
    by_last = sorted(groups.items(), key=lambda group: max(place[each.path] for each in group[1]))
    for (rule, values, program, joint), members in by_last:
        yield f"\n{rule}"
        for each in members[:SHOWN]:
            count = pictures(each.path)
            yield f"  {each.path}  sha256 {provenance.digest(each.path).removeprefix('sha256:')[:16]}" + (
                f"  ({count})" if count else ""
            )
        if len(members) > SHOWN:
            yield f"  and {len(members) - SHOWN} more"
        yield f"  made        {making([each.how for each in members])}"
        if values:
            yield f"  parameters  {values}"
        yield f"  code        {program}"
        yield f"              sha256 {joint[:16]} with all that it imports"
        given = sorted({name for each in members for name in each.given if not name.startswith(CODE)})
        for name in given[:SHOWN]:
            yield f"  given       {name}  sha256 {provenance.digest(name).removeprefix('sha256:')[:16]}"
    yield ""
    unsaved = "not recorded: that happens when a run of the whole chain ends"
    for name, found in (
        ("versions", {each.versions or unsaved for each in steps}),
        ("machine", {each.how.get("machine", ELSEWHERE) for each in steps}),
    ):
        yield from (f"{name:<11} {text}" for text in sorted(found))


def making(known: list[dict]) -> str:
    """When the last of some outputs was made, how long they took together, by whom and with which command."""
    if not all(known):
        return ELSEWHERE
    last = max(known, key=lambda how: how["ended"])
    jobs = {round(how["ended"] - how["seconds"], 3): how["seconds"] for how in known}  # outputs of one job started together
    text = f"{datetime.fromtimestamp(last['ended']):%Y-%m-%d %H:%M:%S} by {last['user']}"
    return f"{text} in {sum(jobs.values()):.1f} s" + (f" ({last['command']})" if last["command"] else "")


def main(arguments: list[str]) -> None:
    """Print the chain."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
    if len(arguments) not in (1, 3):
        sys.exit(__doc__)
    target = Path(arguments[0]).as_posix().removeprefix("./")
    if not re.match(r"(results|models|data)/\w+/", target) or not os.path.isfile(target):
        sys.exit(
            f"lineage: {target} is no file that the workflow made; name one below results, models or data, or run the workflow"
        )
    choice = Choice()
    if len(arguments) == 3:
        _, row, column = arguments
        print(*value(target, row, column), sep="\n")
        choice = Choice(row, "tid2013" if column.startswith("tid2013_") else "ava")
    print(f"in {target}")
    print(*lines(chain(target, choice)), sep="\n")


if __name__ == "__main__":
    os.chdir(ROOT)
    main(sys.argv[1:])
