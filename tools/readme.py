"""Renew the generated parts of README.md (the recorded run on real ratings), docs/results.md (that run in full), docs/demo.md (the
demo's Table 2 and claims), docs/workflow.md (the rule graph) and docs/distortions.md (Table 1).

usage: readme.py [--check]
"""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))  # it describes the checkout that it lies in, which need not be the one that is installed
README = ROOT / "README.md"
DISTORTIONS = ROOT / "docs/distortions.md"
RESULTS = ROOT / "docs/results.md"
DEMO = ROOT / "docs/demo.md"
WORKFLOW = ROOT / "docs/workflow.md"
TABLES = "results/demo/tables"
RECORD = "results/record"


def rule_graph() -> str:
    """The rules as a Mermaid graph, edges sorted by name; `all`, which every rule leads to, is left out."""
    command = ["snakemake", "--rulegraph", "mermaid-js", "--forceall", "--config", "scale=demo"]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = dict(re.findall(r"^\s*(id\d+)\[(\w+)\]$", out, re.M))
    edges = sorted({(names[a], names[b]) for a, b in re.findall(r"^\s*(id\d+) --> (id\d+)$", out, re.M) if names[b] != "all"})
    return "\n".join(["```mermaid", "flowchart LR", *(f"    {a} --> {b}" for a, b in edges), "```"])


def certified() -> bool:
    """Whether the demo's tables in this folder are those of the committed dvc.lock; another machine's may differ."""
    lock = subprocess.run(["git", "show", "HEAD:dvc.lock"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    recorded = {o["path"]: o["md5"] for stage in (yaml.safe_load(lock) or {}).get("stages", {}).values() for o in stage["outs"]}
    files = sorted((ROOT / TABLES).glob("*"))
    listing = [{"md5": hashlib.md5(f.read_bytes()).hexdigest(), "relpath": f.name} for f in files]
    return recorded.get(TABLES) == hashlib.md5(json.dumps(listing, sort_keys=True).encode()).hexdigest() + ".dir"


def fill(text: str, name: str, content: str) -> str:
    """`text` with the part between the marks of `name` replaced."""
    pattern = rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)"
    return re.sub(pattern, lambda m: f"{m[1]}\n{content}\n\n{m[2]}", text, flags=re.S)


def table1() -> str:
    """Table 1 of the paper with the values behind its levels, from the registry."""
    from aesthetic_pretraining.distortions import DISTORTIONS as distortions

    lines = ["| distortion | aspect | levels | level 0 | `published` | corrected tables |", "|---|---|---|---|---|---|"]
    for name, d in distortions.items():
        values = [", ".join(f"{value:g}" for value in ladder.values()) for ladder in (d.values, d.corrected)]
        corrected = values[1] if d.corrected != d.values else "the same"
        zero = "the photo" if d.anchor == "original" else f"the {d.anchor} anchor"
        lines.append(f"| `{name}` | {d.aspect} | {', '.join(map(str, d.levels))} | {zero} | {values[0]} | {corrected} |")
    return "\n".join(lines)


def recorded_in_readme(text: str) -> str:
    """README with the recorded run on real ratings."""
    import record_page

    return fill(text, "oasis", record_page.lead(ROOT / RECORD / "oasis"))


def recorded_in_results(text: str) -> str:
    """docs/results.md with all recorded runs."""
    import record_page

    return fill(text, "record", record_page.page(ROOT / RECORD))


def demo_claims() -> str:
    """The claims of the paper beside what the demo says to them; of the numbers of Table 2 only counts."""
    import pandas as pd

    from aesthetic_pretraining.reporting.claims import to_markdown

    frame = pd.read_csv(ROOT / TABLES / "claims.csv", keep_default_na=False)
    return to_markdown(frame, note=frame["note"][0], cells=False).strip()


def main(check: bool) -> None:
    """Write the files, or only check that they are current."""
    before = {path: path.read_text() for path in (README, RESULTS, DEMO, WORKFLOW, DISTORTIONS)}
    after = {
        README: recorded_in_readme(before[README]),
        RESULTS: recorded_in_results(before[RESULTS]),
        DEMO: before[DEMO],
        WORKFLOW: fill(before[WORKFLOW], "rule graph", rule_graph()),
        DISTORTIONS: fill(before[DISTORTIONS], "Table 1", table1()),
    }
    if (ROOT / TABLES / "table2.md").exists() and (not check or certified()):
        after[DEMO] = fill(after[DEMO], "demo table", (ROOT / TABLES / "table2.md").read_text().strip())
        after[DEMO] = fill(after[DEMO], "demo claims", demo_claims())
    for path, text in after.items():
        if not check:
            path.write_text(text)
        elif before[path] != text:
            sys.exit(f"{path.relative_to(ROOT)} is stale: run 'make readme'")
    if check:
        print(f"{', '.join(str(path.relative_to(ROOT)) for path in after)} are current")


if __name__ == "__main__":
    main("--check" in sys.argv)
