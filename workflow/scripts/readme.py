"""Renew the generated parts of README.md: the demo's Table 2 and the rule graph.

usage: readme.py [--check]
"""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
TABLES = "results/demo/tables"


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


def main(check: bool) -> None:
    """Write README.md, or only check that it is current."""
    before = README.read_text()
    after = fill(before, "rule graph", rule_graph())
    if (ROOT / TABLES / "table2.md").exists() and (not check or certified()):
        after = fill(after, "demo table", (ROOT / TABLES / "table2.md").read_text().strip())
    if check:
        if before != after:
            sys.exit("README.md is stale: run 'make readme'")
        print("README.md is current")
    else:
        README.write_text(after)


if __name__ == "__main__":
    main("--check" in sys.argv)
