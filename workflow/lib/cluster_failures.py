"""Why jobs on a cluster failed, in one sentence each, out of the logs that Slurm kept of them.

What a job says on its terminal is in a file on a cluster: .snakemake/slurm_logs/rule_<rule>/<wildcards>/<number>.log. The executor
removes those of jobs that ended well.
"""

import re
from pathlib import Path

LOGS = Path(".snakemake/slurm_logs")
NO_PACKAGES = (
    "{rule}: its node has no {what}; the folder with the project's packages (.venv) has to be there at the same path as here"
)
# what a line of a log says, and the sentence; the first that fits counts
SENTENCES = (
    (re.compile(r"^error in (?P<text>.+)"), "{text}"),
    (re.compile(r"No module named '?(?P<what>[\w.]+)"), NO_PACKAGES),
    (re.compile(r"(?P<what>\S*python[\d.]*): (?:(?:command )?not found|No such file)"), NO_PACKAGES),
    (
        re.compile(r"DUE TO TIME LIMIT"),
        "{rule}: its time was over before it could end in order; start again, or add --set-resources {rule}:runtime=...",
    ),
    (re.compile(r"oom.?kill|Out Of Memory|MemoryError", re.I), "{rule}: out of memory; add --set-resources {rule}:mem_mb=..."),
    (re.compile(r"DUE TO NODE FAILURE"), "{rule}: its node was lost; start again, and a training goes on from its checkpoint"),
    (re.compile(r"No space left on device"), "{rule}: no space left on a device; make room and start again"),
)
OF_SLURM = re.compile(r"(?:srun|slurmstepd|sbatch): (?:error|fatal)")


def sentences(since: float, logs: Path = LOGS) -> list[str]:
    """One for each job that failed since then (seconds since 1970), in the order of their logs; equal ones once."""
    files = [path for path in sorted(logs.rglob("*.log")) if path.stat().st_mtime >= since]
    return list(dict.fromkeys(sentence(_rule(path, logs), path.read_text(errors="replace"), path) for path in files))


def sentence(rule: str, text: str, path: Path) -> str:
    """Why a job failed whose log says `text`."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for pattern, words in SENTENCES:
        for line in lines:
            if match := pattern.search(line):
                return words.format(rule=rule, **match.groupdict())
    said = [line for line in lines if OF_SLURM.match(line)]
    return f"{rule}: {said[-1]}" if said else f"{rule}: failed without a word; see {path}"


def _rule(path: Path, logs: Path) -> str:
    return path.relative_to(logs).parts[0].removeprefix("rule_").removeprefix("group_")
