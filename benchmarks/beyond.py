"""Beyond one machine: Slurm, several nodes, a thousand jobs, remote data, images (make bench-beyond).

usage: beyond.py [TOPIC ...]       all by default: the modules in benchmarks/beyond/

Works in temporary folders with servers and daemons of its own. Prints a table, then one line per figure: name = value. What cannot
run here says why, and has no figure.
"""

import importlib
import math
import pkgutil
import sys
import time

import beyond


def main(chosen: list[str]) -> None:
    """Run the topics and print."""
    topics = sorted(module.name for module in pkgutil.iter_modules(beyond.__path__))
    if unknown := set(chosen) - set(topics):
        sys.exit(f"beyond.py: no topic {', '.join(sorted(unknown))}; there are {', '.join(topics)}")
    figures: dict[str, float] = {}
    for topic in chosen or topics:
        start = time.monotonic()
        found = {name: float(value) for name, value in importlib.import_module(f"beyond.{topic}").run().items()}
        figures |= {name: value for name, value in found.items() if math.isfinite(value)}
        print(f"{topic}: {time.monotonic() - start:.0f} s", file=sys.stderr)
    for name, value in figures.items():
        print(f"{name:36} {value:12.6g}")
    print()
    for name, value in figures.items():
        print(f"{name} = {value:.6g}")


if __name__ == "__main__":
    main(sys.argv[1:])
