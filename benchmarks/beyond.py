"""Beyond one machine: Slurm, several nodes, a thousand jobs, remote data, images (make bench-beyond).

usage: beyond.py [TOPIC ...]       all by default: the modules in benchmarks/beyond/

Works in temporary folders with servers and daemons of its own. Prints a table, then one line per figure: name = value, or, where it
cannot be had here, not measured: name (why). Ends with 1 if a topic failed.
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
    figures: dict[str, float | str] = {}
    failed = []
    for topic in chosen or topics:
        start = time.monotonic()
        module = importlib.import_module(f"beyond.{topic}")
        try:
            found = module.run()
        except SystemExit as error:
            print(error, file=sys.stderr)
            failed.append(topic)
            found = dict.fromkeys(module.FIGURES, f"{topic} failed: {str(error).splitlines()[0]}")
        figures |= {name: found[name] for name in module.FIGURES}
        print(f"{topic}: {time.monotonic() - start:.0f} s", file=sys.stderr)
    show(figures)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def show(figures: dict[str, float | str]) -> None:
    """Print what was measured, and of the rest why it was not."""
    measured = {name: value for name, value in figures.items() if not isinstance(value, str) and math.isfinite(value)}
    for name, value in measured.items():
        print(f"{name:36} {value:12.6g}")
    print()
    for name, value in figures.items():
        if name in measured:
            print(f"{name} = {value:.6g}")
        else:
            print(f"not measured: {name} ({value})")


if __name__ == "__main__":
    main(sys.argv[1:])
